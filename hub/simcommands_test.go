package hub

import (
	"context"
	"fmt"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
	"kiem/ideas"
)

// simCommand is a command that a client sends as often as it likes.
type simCommand struct {
	s       *sim
	kind    string
	id      id.ID
	actor   id.ID
	lane, n uint64
	data    func() any // anew each time: the room owns what it is given
	of      int        // how many commands this actor had sent before
	variant bool       // the id stands for something else too

	sent    []*simAnswer
	done    uint64 // entry that did it, as answered
	void    string // how Apply refused it
	checked bool   // refused before it was appended, at least once
}

func (c *simCommand) fresh() *machine.Command {
	return &machine.Command{Type: c.kind, ID: c.id, Actor: c.actor, Lane: c.lane, N: c.n, Data: c.data()}
}

// remembered says whether the sender's window still holds the command's answer for certain: it sent fewer commands since.
func (c *simCommand) remembered() bool { return c.s.world.count[c.actor]-c.of < machine.Window/2 }

// answer takes an outcome other than "unavailable".
func (c *simCommand) answer(a *simAnswer, o machine.Outcome) {
	s := c.s
	switch {
	case o.Refusal == nil:
		s.done++
		if c.void != "" && !s.loses && c.remembered() {
			s.failf("%s %s was refused as %s, and now it was done in entry %d", c.kind, c.id, c.void, o.Seq)
		}
		if c.done != 0 && c.done != o.Seq && !s.loses && c.remembered() {
			s.failf("%s %s was done in entry %d, and now in %d", c.kind, c.id, c.done, o.Seq)
		}
		c.done = o.Seq
		s.inOrder(a, o.Seq)
	case o.Seq != 0:
		s.refused++
		if c.done != 0 && !s.loses && c.remembered() {
			s.failf("%s %s was done in entry %d, and now it is refused: %v", c.kind, c.id, c.done, o.Refusal)
		}
		if c.void != "" && c.void != o.Refusal.Error() && !s.loses && c.remembered() {
			s.failf("%s %s was refused as %s, and now as %v", c.kind, c.id, c.void, o.Refusal)
		}
		c.void = o.Refusal.Error()
	default:
		s.refused++
		c.checked = true
	}
}

// inOrder judges that what one sender gave to one node, once each, was done in that order.
func (s *sim) inOrder(a *simAnswer, seq uint64) {
	if len(a.c.sent) > 1 || s.loses {
		return
	}
	at := orderKey{a.node.name, a.c.actor, a.c.kind == campaign.SupportSet}
	last := s.order[at]
	if a.number < last.number && seq > last.seq {
		s.failf("%s %s was done in entry %d, after what its sender had sent after it", a.c.kind, a.c.id, seq)
	}
	if a.number > last.number {
		s.order[at] = ordered{a.number, seq}
	}
}

type orderKey struct {
	node  string
	actor id.ID
	votes bool
}

type ordered struct {
	number int
	seq    uint64
}

// send submits a command to a node.
func (s *sim) send(n *simNode, c *simCommand) {
	if !n.up() {
		s.retry = append(s.retry, c)
		return
	}
	s.sent++
	a := &simAnswer{s: s, c: c, node: n, number: s.sent}
	c.sent = append(c.sent, a)
	n.seq.submit(&Pending{Command: c.fresh(), From: c.actor, To: a})
}

// sendNew makes a command and sends it to one node or to several at once.
func (s *sim) sendNew() {
	c := s.world.random()
	if c == nil {
		return
	}
	s.sendAround(c)
}

func (s *sim) sendAround(c *simCommand) {
	times := 1
	if s.rng.IntN(4) == 0 {
		times += 1 + s.rng.IntN(3)
	}
	for range times {
		s.send(s.pick(), c)
	}
}

// old picks a command that may come again. Without a lane only what is still remembered may: of such a command nothing else tells that it came before.
func (s *sim) old() *simCommand {
	if len(s.commands) == 0 {
		return nil
	}
	c := s.commands[s.rng.IntN(len(s.commands))]
	if c.n == 0 && !c.remembered() {
		return nil
	}
	return c
}

// resend sends again what nobody knows the outcome of, oldest first.
func (s *sim) resend() {
	if len(s.retry) == 0 {
		return
	}
	c := s.retry[0]
	s.retry = s.retry[1:]
	s.send(s.pick(), c)
}

// simWorld is who sends what.
type simWorld struct {
	s         *sim
	organiser id.ID
	people    []id.ID
	lanes     map[id.ID]*[2]uint64 // the last number of each of two tabs
	ideas     []id.ID
	comments  []id.ID
	count     map[id.ID]int
	authors   map[id.ID]id.ID // of ideas and comments
	made      int
}

func newSimWorld(s *sim) *simWorld {
	w := &simWorld{s: s, organiser: id.Derive(s.campaign, "organiser"), lanes: map[id.ID]*[2]uint64{}, count: map[id.ID]int{}, authors: map[id.ID]id.ID{}}
	for i := range 3 + s.rng.IntN(20) {
		w.people = append(w.people, id.Derive(s.campaign, "person", fmt.Sprint(i)))
	}
	for _, p := range append([]id.ID{w.organiser}, w.people...) {
		_, _ = s.vault.Put(context.Background(), s.campaign, vault.Person{ID: p, Name: "somebody"})
	}
	return w
}

func (w *simWorld) command(kind string, actor id.ID, data func() any) *simCommand {
	w.made++
	c := &simCommand{s: w.s, kind: kind, actor: actor, id: id.Derive(w.s.campaign, "command", fmt.Sprint(w.made)), data: data, of: w.count[actor]}
	w.count[actor]++
	w.s.commands = append(w.s.commands, c)
	return c
}

func (w *simWorld) settings() campaign.Settings {
	set := campaign.Defaults()
	set.SmallCell = w.s.rng.IntN(6)
	set.SupportAgainst = w.s.rng.IntN(2) == 0
	if w.s.rng.IntN(4) == 0 {
		set.Moderation = "pre"
	}
	if w.s.rng.IntN(5) == 0 {
		set.Schedule = []campaign.Switch{{Stage: w.stage(), At: w.s.now + w.s.rng.Int64N(20_000)}}
	}
	return set
}

func (w *simWorld) create() *simCommand {
	set := w.settings()
	return w.command(campaign.Create, w.organiser, func() any {
		return &campaign.CreateData{
			Campaign: w.s.campaign, Title: "Simulatie", Template: "campaign", Stage: "collect", Languages: []string{"nl"}, Settings: set,
			Challenge: campaign.Challenge{ID: id.Derive(w.s.campaign, "challenge"), Title: "Vraag", Text: "Wat doen we samen?", Themes: []string{"Zorg", "Werk"}},
		}
	})
}

func (w *simWorld) join(p id.ID) *simCommand {
	group := campaign.Groups[w.s.rng.IntN(len(campaign.Groups))]
	return w.command(campaign.Join, p, func() any { return &campaign.JoinData{Group: group} })
}

func (w *simWorld) appoint() []*simCommand {
	return []*simCommand{w.role(campaign.RoleGrant, w.people[0], "facilitator")}
}

func (w *simWorld) role(kind string, p id.ID, role string) *simCommand {
	return w.command(kind, w.organiser, func() any { return &campaign.ParticipantData{Participant: p, Role: role} })
}

func (w *simWorld) person() id.ID { return w.people[w.s.rng.IntN(len(w.people))] }

// moderator is somebody who mostly may moderate.
func (w *simWorld) moderator() id.ID {
	if w.s.rng.IntN(2) == 0 {
		return w.organiser
	}
	return w.people[w.s.rng.IntN(min(2, len(w.people)))]
}

func (w *simWorld) idea() id.ID {
	if len(w.ideas) == 0 || w.s.rng.IntN(40) == 0 {
		return id.Derive(w.s.campaign, "nothing")
	}
	return w.ideas[w.s.rng.IntN(len(w.ideas))]
}

// owner is mostly who may change it.
func (w *simWorld) owner(of id.ID) id.ID {
	if author, ok := w.authors[of]; ok && w.s.rng.IntN(4) > 0 {
		return author
	}
	return w.person()
}

func (w *simWorld) comment() id.ID {
	if len(w.comments) == 0 {
		return id.Derive(w.s.campaign, "nothing")
	}
	return w.comments[w.s.rng.IntN(len(w.comments))]
}

func (w *simWorld) stage() string {
	// Mostly a stage in which something can be done.
	return []string{"collect", "collect", "collect", "refine", "vote", "result"}[w.s.rng.IntN(6)]
}

// lane gives a command its place among those of one of the actor's tabs.
func (w *simWorld) lane(c *simCommand) *simCommand {
	tabs := w.lanes[c.actor]
	if tabs == nil {
		tabs = &[2]uint64{}
		w.lanes[c.actor] = tabs
	}
	tab := w.s.rng.IntN(len(tabs))
	tabs[tab]++
	c.lane, c.n = uint64(tab)+1, tabs[tab]
	return c
}

func (w *simWorld) words() string {
	return []string{"Een buurttuin", "Zorg dichtbij 🌱", "Samen koken\nelke week", "x", "𝒜 en 🌱🌱"}[w.s.rng.IntN(5)]
}

func (w *simWorld) vote(p id.ID) *simCommand {
	idea, value := w.idea(), int8(w.s.rng.IntN(3)-1)
	if value < 0 && w.s.rng.IntN(2) == 0 {
		value = 1
	}
	c := w.command(campaign.SupportSet, p, func() any { return &campaign.SupportData{Idea: idea, Value: value} })
	if w.s.rng.IntN(5) > 0 {
		w.lane(c)
	}
	return c
}

// random makes a command.
func (w *simWorld) random() *simCommand {
	p := w.person()
	switch k := w.s.rng.IntN(100); {
	case k < 46:
		return w.vote(p)
	case k < 58:
		title, text := "Idee "+fmt.Sprint(w.made), w.words()
		c := w.command(campaign.IdeaPost, p, func() any {
			return &campaign.IdeaData{Title: ideas.NewText(p, title), Text: ideas.NewText(p, text), Need: ideas.NewText(p, ""), Themes: []string{"Zorg"}}
		})
		_, made := campaign.Made(c.fresh())
		w.ideas = append(w.ideas, made)
		w.authors[made] = p
		return c
	case k < 64:
		idea, title := w.idea(), w.words()
		p := w.owner(idea)
		return w.lane(w.command(campaign.IdeaEdit, p, func() any {
			return &campaign.IdeaData{Idea: idea, Changes: []string{"text", "need"}, Title: ideas.NewText(p, ""), Text: ideas.NewText(p, title), Need: ideas.NewText(p, "nood")}
		}))
	case k < 71:
		idea, text := w.idea(), w.words()
		c := w.command(campaign.CommentPost, p, func() any {
			return &campaign.CommentData{Idea: idea, Kind: "question", Text: ideas.NewText(p, text)}
		})
		_, made := campaign.Made(c.fresh())
		w.comments = append(w.comments, made)
		w.authors[made] = p
		return c
	case k < 74:
		comment, text := w.comment(), w.words()
		p := w.owner(comment)
		return w.lane(w.command(campaign.CommentEdit, p, func() any {
			return &campaign.CommentData{Comment: comment, Kind: "concern", Text: ideas.NewText(p, text)}
		}))
	case k < 76:
		idea := w.idea()
		return w.command(campaign.IdeaRetract, w.owner(idea), func() any { return &campaign.ActData{Idea: idea} })
	case k < 77:
		comment := w.comment()
		return w.command(campaign.CommentRetract, w.owner(comment), func() any { return &campaign.ActData{Comment: comment} })
	case k < 79:
		idea := w.idea()
		return w.command(campaign.IdeaReport, p, func() any { return &campaign.ActData{Idea: idea} })
	case k < 86:
		m, idea, action := w.moderator(), w.idea(), ideas.Actions[w.s.rng.IntN(len(ideas.Actions))]
		return w.command(campaign.IdeaModerate, m, func() any {
			return &campaign.ActData{Idea: idea, Action: action, Reason: ideas.NewText(m, "omdat 🌱")}
		})
	case k < 88:
		m, comment, action := w.moderator(), w.comment(), ideas.CommentActions[w.s.rng.IntN(4)]
		return w.command(campaign.CommentModerate, m, func() any {
			return &campaign.ActData{Comment: comment, Action: action, Reason: ideas.NewText(m, "omdat")}
		})
	case k < 89:
		idea := w.idea()
		return w.command(campaign.IdeaAnswer, w.organiser, func() any {
			return &campaign.ActData{Idea: idea, Action: ideas.AnswerStatuses[0], Reason: ideas.NewText(w.organiser, "goed")}
		})
	case k < 92:
		m, stage := w.moderator(), w.stage()
		return w.command(campaign.StageSet, m, func() any { return &campaign.StageData{Stage: stage} })
	case k < 94:
		set := w.settings()
		return w.command(campaign.CampaignEdit, w.organiser, func() any { d := set; return &campaign.EditData{Settings: &d} })
	case k < 95:
		return w.role(campaign.RoleGrant, p, []string{"facilitator", "observer", "participant", "organiser"}[w.s.rng.IntN(4)])
	case k < 96:
		return w.role(campaign.RoleRevoke, p, "")
	case k < 97:
		m, muted := w.moderator(), w.s.rng.IntN(2) == 0
		return w.command(campaign.ParticipantMute, m, func() any { return &campaign.ParticipantData{Participant: p, Muted: muted} })
	case k < 98:
		return w.stolen()
	case k < 99:
		return w.command(campaign.ParticipantRename, p, func() any { return &campaign.ParticipantData{Participant: p} })
	}
	return w.remove(p)
}

func (w *simWorld) remove(p id.ID) *simCommand {
	if w.s.rng.IntN(3) == 0 {
		return w.command(campaign.PersonErased, p, func() any { return &campaign.ParticipantData{Participant: p} })
	}
	m := w.moderator()
	return w.command(campaign.ParticipantRemove, m, func() any { return &campaign.ParticipantData{Participant: p, Reason: ideas.NewText(m, "weg")} })
}

// stolen gives another command the id of an old one: of the same sender with another content, or of somebody else.
func (w *simWorld) stolen() *simCommand {
	s := w.s
	c := s.commands[s.rng.IntN(len(s.commands))]
	if !c.remembered() || c.variant || c.kind == campaign.Create || c.kind == campaign.Join {
		return nil
	}
	var other *simCommand
	if s.rng.IntN(2) == 0 {
		other = w.vote(c.actor)
	} else {
		other = w.vote(w.person())
	}
	other.id, other.variant, c.variant = c.id, true, true
	return other
}

// burst changes rights while those concerned vote over every node.
func (w *simWorld) burst() {
	s := w.s
	for range 1 + s.rng.IntN(3) {
		p := w.person()
		var list []*simCommand
		for range 1 + s.rng.IntN(4) {
			list = append(list, w.vote(p))
		}
		switch s.rng.IntN(4) {
		case 0:
			list = append(list, w.remove(p))
		case 1:
			list = append(list, w.role(campaign.RoleGrant, p, "observer"), w.role(campaign.RoleRevoke, p, ""))
		default:
			list = append(list, w.role(campaign.RoleGrant, p, "facilitator"))
		}
		s.rng.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
		for _, c := range list {
			s.sendAround(c)
		}
		for _, n := range s.nodes {
			if s.rng.IntN(2) == 0 {
				n.pump()
			}
		}
	}
}
