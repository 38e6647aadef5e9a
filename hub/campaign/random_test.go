package campaign_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// generator makes random sequences of commands as a log may hold them: also such as no client could have sent, since Apply must stand every entry.
// Ids are right or wrong. The campaign is created first and then joined by nearly everybody, or little
// else would happen.
type generator struct {
	random *rand.Rand

	n        int
	seq      uint64
	at       int64
	sent     []applied
	ideas    []id.ID
	comments []id.ID
	author   map[id.ID]id.ID // of each of them
}

// newGenerator always makes the same sequence from one seed.
func newGenerator(seed uint64) *generator {
	return &generator{random: rand.New(rand.NewPCG(seed, 0)), author: map[id.ID]id.ID{}}
}

func (g *generator) choose(n int) int         { return g.random.IntN(n) }
func (g *generator) one(list []string) string { return list[g.choose(len(list))] }
func (g *generator) often(times, of int) bool { return g.choose(of) < times }
func (g *generator) who() string              { return g.one(names) }

// idea is one of the ideas, or now and then none of them.
func (g *generator) idea() id.ID {
	if len(g.ideas) == 0 || g.often(1, 12) {
		return id.Derive(space, "nowhere")
	}
	return g.ideas[g.choose(len(g.ideas))]
}

func (g *generator) comment() id.ID {
	if len(g.comments) == 0 || g.often(1, 12) {
		return id.Derive(space, "nowhere")
	}
	return g.comments[g.choose(len(g.comments))]
}

var words = []string{"", "buurt", "straat", "plein", "zorg 🌱", "samen\nsterk", "👩‍🚀 𝒦iem", strings.Repeat("lang ", 40)}

func (g *generator) text(who string) ideas.Text {
	t := by(who, g.one(words))
	if t.Units > 0 {
		t.Sealed = []byte("sealed: " + t.Words())
	}
	return t
}

func (g *generator) some(list []string) (some []string) {
	for _, x := range list {
		if g.often(1, 3) {
			some = append(some, x)
		}
	}
	return some
}

var kinds = []struct {
	kind   string
	weight int
}{
	{campaign.SupportSet, 34}, {campaign.IdeaPost, 9}, {campaign.CommentPost, 9}, {campaign.Join, 3}, {campaign.IdeaEdit, 7}, {campaign.CommentEdit, 6},
	{campaign.IdeaModerate, 9}, {campaign.CommentModerate, 8}, {campaign.IdeaRetract, 2}, {campaign.CommentRetract, 2}, {campaign.IdeaReport, 3},
	{campaign.IdeaAnswer, 1}, {campaign.StageSet, 4}, {campaign.ParticipantRemove, 1}, {campaign.ParticipantMute, 1}, {campaign.ParticipantRename, 1},
	{campaign.RoleGrant, 2}, {campaign.RoleRevoke, 1}, {campaign.CampaignEdit, 3}, {campaign.PersonErased, 1}, {campaign.Create, 1},
}

func (g *generator) kind() string {
	sum := 0
	for _, k := range kinds {
		sum += k.weight
	}
	at := g.choose(sum)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			return k.kind
		}
	}
	panic("unreachable")
}

// next is the next command of the log.
func (g *generator) next() applied {
	if g.seq == 0 || g.often(3, 4) {
		g.seq++
	}
	g.at += int64(g.choose(90_000)) - 10_000 // clocks may jump back
	s := machine.Stamp{Seq: g.seq, Epoch: 1, At: noon + g.at, Rules: campaign.Rules, Base: g.seq - 1}
	if g.often(1, 10) {
		s.Base = uint64(g.choose(int(g.seq)))
	}
	c := g.fresh()
	switch again := len(g.sent) > len(names) && g.often(1, 6); {
	case g.n == 1:
		c = &machine.Command{Type: campaign.Create, ID: commandID(0), Actor: person("olga"), Data: createData()}
	case g.n <= len(names) && g.often(9, 10):
		c = g.joining(names[g.n-1])
	case again:
		c = copyOf(g.sent[g.choose(len(g.sent))].c)
		switch g.choose(8) {
		case 0:
			c.Actor = person(g.who())
		case 1:
			c.Tag++
		}
	}
	a := applied{c, s}
	g.sent = append(g.sent, a)
	return applied{copyOf(c), s}
}

// heard tells what came of a command.
func (g *generator) heard(a applied, o machine.Outcome) {
	field, made := campaign.Made(a.c)
	if made.IsZero() || o.Refusal != nil || !g.author[made].IsZero() {
		return
	}
	g.author[made] = a.c.Actor
	if field == "idea" {
		g.ideas = append(g.ideas, made)
	} else {
		g.comments = append(g.comments, made)
	}
}

func (g *generator) fresh() *machine.Command {
	g.n++
	who := g.who()
	c := &machine.Command{Type: g.kind(), ID: commandID(g.n), Actor: person(who), Tag: uint64(g.n)}
	if g.often(2, 3) {
		c.Lane, c.N = uint64(1+g.choose(10)), uint64(g.n/20+g.choose(8))
	}
	switch c.Type {
	case campaign.SupportSet:
		c.Actor = voter(who)
		group := uint8(0)
		for i, name := range campaign.Groups {
			if name == groupOf(who) {
				group = uint8(i)
			}
		}
		if g.often(1, 30) {
			group = 9
		}
		c.Data = &campaign.SupportData{Idea: g.idea(), Value: int8(g.choose(7)%4) - 1, Group: group, Stratum: uint8(g.choose(3))}
	case campaign.IdeaPost, campaign.IdeaEdit:
		d := &campaign.IdeaData{
			Title: g.text(who), Text: g.text(who), Need: g.text(who), Reason: g.text(who), Themes: g.some(challenge().Themes),
			Nodes: g.some(ideas.Nodes[:3]), Innovation: g.some(ideas.InnovationTypes),
		}
		if g.often(1, 2) {
			d.Definition = &ideas.Definition{Need: g.often(1, 2), Novelty: g.often(1, 2)}
		}
		if c.Type == campaign.IdeaEdit {
			d.Idea = g.idea()
			c.Actor = g.mostly(g.author[d.Idea], c.Actor)
			d.Changes = g.some([]string{"title", "text", "need", "themes", "nodes", "innovation", "definition", "status"})
		}
		c.Data = d
	case campaign.CommentPost, campaign.CommentEdit:
		d := &campaign.CommentData{Idea: g.idea(), Comment: g.comment(), Kind: g.one(ideas.CommentKinds), Text: g.text(who)}
		if g.often(1, 2) {
			d.ReplyTo = g.comment()
		}
		if c.Type == campaign.CommentEdit {
			c.Actor = g.mostly(g.author[d.Comment], c.Actor)
		}
		c.Data = d
	case campaign.IdeaRetract, campaign.IdeaReport, campaign.IdeaModerate, campaign.IdeaAnswer, campaign.CommentModerate, campaign.CommentRetract:
		if strings.HasSuffix(c.Type, ".moderate") {
			c.Actor = g.moderator(c.Actor)
		}
		d := &campaign.ActData{
			Idea: g.idea(), Comment: g.comment(), Action: g.one(append([]string{"accepted", "nonsense"}, ideas.Actions...)), Reason: g.text(who),
		}
		switch c.Type {
		case campaign.IdeaRetract:
			c.Actor = g.mostly(g.author[d.Idea], c.Actor)
		case campaign.CommentRetract:
			c.Actor = g.mostly(g.author[d.Comment], c.Actor)
		case campaign.IdeaAnswer:
			c.Actor = person("olga")
		}
		c.Data = d
	case campaign.StageSet:
		d := &campaign.StageData{Stage: g.one([]string{"collect", "collect", "collect", "collect", "collect", "refine", "refine", "refine", "vote", "result", "draft", "nowhere"})}
		c.Actor = g.moderator(c.Actor)
		if g.often(1, 4) {
			c.Actor, d.Stage, d.At = id.ID{}, "vote", noon+int64(g.choose(3))
		}
		c.Data = d
	case campaign.ParticipantRemove, campaign.ParticipantMute, campaign.ParticipantRename, campaign.RoleGrant, campaign.RoleRevoke, campaign.PersonErased:
		d := &campaign.ParticipantData{
			Participant: person(g.who()), Role: g.one([]string{"participant", "observer", "facilitator", "organiser", "king"}),
			Muted: g.often(1, 2), Reason: g.text(who),
		}
		c.Actor = g.moderator(c.Actor)
		if g.often(1, 4) {
			c.Actor = d.Participant
		}
		c.Data = d
	case campaign.Join:
		return g.joining(who)
	case campaign.CampaignEdit:
		c.Actor = g.moderator(c.Actor)
		d := &campaign.EditData{}
		if g.often(1, 2) {
			title := fmt.Sprint("Zorg ", g.n)
			d.Title = &title
		}
		if g.often(1, 3) {
			of := challenge()
			of.Text = g.one([]string{"", " ", "Hoe dan?"})
			d.Challenge = &of
		}
		if g.often(1, 2) {
			s := campaign.Defaults()
			s.Moderation = g.one([]string{"post", "pre"})
			s.SupportAgainst = g.often(1, 2)
			s.SmallCell = 3 + g.choose(5)
			if g.often(1, 2) {
				s.Schedule = []campaign.Switch{{Stage: "vote", At: noon + int64(g.choose(3))}}
			}
			if g.often(1, 4) {
				s.Groups = []string{"north", "south"}
			}
			d.Settings = &s
		}
		c.Data = d
	case campaign.Create:
		c.Data = createData()
	}
	return c
}

// moderator is mostly one who moderates.
func (g *generator) moderator(other id.ID) id.ID {
	return g.mostly(person(g.one([]string{"olga", "olga", "otto", "fay"})), other)
}

// mostly is the one of two, or now and then the other.
func (g *generator) mostly(this, other id.ID) id.ID {
	if this.IsZero() || g.often(1, 4) {
		return other
	}
	return this
}

func (g *generator) joining(who string) *machine.Command {
	d := &campaign.JoinData{Group: groupOf(who), Role: roleOf(who), Channel: g.one([]string{"", "flyer", "school"}), Stratum: 1}
	if g.often(1, 20) {
		d.Role, d.Group = "king", "nobody"
	}
	return &machine.Command{Type: campaign.Join, ID: commandID(g.n), Actor: person(who), Tag: uint64(g.n), Data: d}
}
