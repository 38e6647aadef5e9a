package campaign

import (
	"slices"
	"time"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
	"kiem/voting"
)

// Who sees what, in one place.
//
// An idea or a comment is seen by the public when its status is posted, and by moderators always. Its author sees it always, but in the
// view of `me`, not in the shared one. A comment is seen only where its idea is. Reports and reasons of moderation are for moderators and
// the author. Names come from outside (the vault); one who was erased has none. Group figures are the released ones for everybody, moderators included.

// Names gives what the vault knows of a participant.
type Names func(participant id.ID) (name, organisation string)

// View renders the state for one audience.
type View struct {
	m        *Machine
	names    Names
	audience machine.Audience
	self     id.ID // whose own things are shown besides; zero: nobody's
}

// View is the state as an audience sees it.
func (m *Machine) View(audience machine.Audience, names Names) View {
	return View{m: m, names: names, audience: audience}
}

// As is the view with what the participant sees besides: their own things.
func (v View) As(self id.ID) View { v.self = self; return v }

func (v View) moderates() bool { return v.audience == machine.Moderators }

func (v View) sees(author id.ID, s ideas.Status) bool {
	return s.Public() || v.moderates() || !v.self.IsZero() && author == v.self
}

// Sees says whether an idea is in this view.
func (v View) Sees(i *ideas.Idea) bool { return v.sees(i.Author, i.Status) }

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// Campaign renders the campaign itself. Code and address are the directory's to add.
func (v View) Campaign() wire.Campaign {
	m := v.m
	return wire.Campaign{
		ID: m.campaign, Title: m.title, Template: m.template,
		Challenge: wire.Challenge{
			ID: m.challenge.ID, Title: m.challenge.Title, Text: m.challenge.Text,
			Nodes: list(m.challenge.Nodes), Themes: list(m.challenge.Themes),
		},
		Languages: list(m.languages), Groups: list(m.settings.Groups),
		Stages: Templates[m.template].Stages, Stage: m.stage, Open: wire.Open(m.Open()),
		Settings: wire.Settings{
			Attendance: m.settings.Attendance, Moderation: m.settings.Moderation, TextMax: m.settings.TextMax,
			SmallCell: m.settings.SmallCell, GroupCheck: m.settings.GroupCheck, SupportAgainst: m.settings.SupportAgainst,
		},
		CreatedAt: at(m.createdAt), Joined: m.Joined(),
	}
}

// list makes an absent list an empty one: clients meet no null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// Person renders what others see of a participant.
func (v View) Person(i id.ID) wire.Person {
	out := wire.Person{ID: i}
	p := v.m.people[i]
	if p == nil {
		return out
	}
	out.Group = v.m.settings.Groups[p.Group]
	if p.Role != Participant {
		out.Role = string(p.Role)
	}
	if !p.Erased {
		out.Name, out.Organisation = v.names(i)
	}
	return out
}

// Participant renders what moderators see of one, and what one sees of oneself.
func (v View) Participant(i id.ID) (out wire.Participant) {
	out.Person = v.Person(i)
	if p := v.m.people[i]; p != nil {
		out.Entrepreneur, out.Muted, out.Removed = p.Entrepreneur, p.Muted, p.Removed
		if !p.Erased {
			out.Channel = p.Channel
		}
		out.JoinedAt = at(p.JoinedAt)
	}
	return out
}

// Tally renders the support for an idea: the total as it is, the groups as they were released.
func (v View) Tally(idea id.ID) wire.Tally {
	number, ok := v.m.number[idea]
	if !ok {
		return wire.Tally{ByGroup: map[string]int{}}
	}
	t := v.m.support.Tally(number)
	out := wire.Tally{Support: t.Total, Against: t.Against, ByGroup: make(map[string]int, len(t.Groups)+1)}
	for g, c := range t.Groups {
		if c.Shown > 0 {
			out.ByGroup[v.m.settings.Groups[g]] = c.Shown
		}
	}
	if t.Other > 0 {
		out.ByGroup["other"] = t.Other
	}
	return out
}

func words(t ideas.Text) string {
	if t.Readable() || t.Units == 0 {
		return t.Words()
	}
	return t.Filler()
}

func (v View) privileged(i *ideas.Idea) bool {
	return v.moderates() || !v.self.IsZero() && i.Author == v.self
}

// revision is the content of an idea that this view shows.
func (v View) revision(i *ideas.Idea) *ideas.Revision {
	if i.Pending != nil && v.privileged(i) {
		return i.Pending
	}
	return &i.Current
}

// On says whether an idea, as this view shows it, carries an innovation node. "" is any.
func (v View) On(i *ideas.Idea, node string) bool {
	return v.Sees(i) && (node == "" || slices.Contains(v.revision(i).Nodes, node))
}

// Nodes counts the ideas in this view by innovation node, all six. An idea with two nodes counts for both.
func (v View) Nodes() map[string]int {
	counts := make(map[string]int, len(ideas.Nodes))
	for _, node := range ideas.Nodes {
		counts[node] = 0
		for _, i := range v.m.board.All() {
			if v.On(i, node) {
				counts[node]++
			}
		}
	}
	return counts
}

// Idea renders an idea, or what is left of it for those who may not see it: its id and the status "gone".
func (v View) Idea(i *ideas.Idea) wire.Idea {
	if !v.Sees(i) {
		return wire.Idea{
			ID: i.ID, Status: "gone", Themes: []string{}, Nodes: []string{}, Innovation: []string{}, Comments: []wire.Comment{},
			Authors: []wire.Person{}, Lineage: wire.Lineage{From: []id.ID{}, Into: []id.ID{}}, Support: wire.TallyOf{ByGroup: map[string]int{}},
		}
	}
	privileged, r := v.privileged(i), v.revision(i)
	t := v.Tally(i.ID)
	out := wire.Idea{
		ID: i.ID, Challenge: v.m.challenge.ID, Title: words(r.Title), Text: words(r.Text), Need: words(r.Need),
		Status: string(i.Status), Locked: i.Locked, Pinned: i.Pinned,
		Themes: list(r.Themes), Nodes: list(r.Nodes), Innovation: list(r.Innovation),
		Support:  wire.TallyOf{Total: t.Support, Against: t.Against, ByGroup: t.ByGroup},
		Comments: make([]wire.Comment, 0, len(i.Comments)), Authors: []wire.Person{v.Person(i.Author)},
		Lineage: wire.Lineage{From: list(i.From), Into: list(i.Into)},
		Version: i.Version, PostedAt: at(i.PostedAt),
	}
	if i.Pending != nil && privileged {
		out.Status = string(ideas.Waiting)
		out.Review = true
	}
	if d := r.Definition; d != nil {
		out.Definition = &wire.Definition{Need: d.Need, Novelty: d.Novelty}
	}
	out.Incomplete = r.Incomplete()
	if privileged {
		out.Reason = words(i.Reason)
	}
	if v.moderates() {
		out.Reports = len(i.Reports)
	}
	if i.EditedAt != 0 {
		edited := at(i.EditedAt)
		out.EditedAt = &edited
	}
	if i.Answer != nil {
		out.Answer = &wire.Answer{Status: i.Answer.Status, Reason: words(i.Answer.Reason), At: at(i.Answer.At)}
	}
	for _, c := range i.Comments {
		if v.sees(c.Author, c.Status) {
			out.Comments = append(out.Comments, v.comment(c))
		}
	}
	return out
}

func (v View) comment(c *ideas.Comment) wire.Comment {
	out := wire.Comment{ID: c.ID, Kind: c.Kind, Text: words(c.Text), Status: string(c.Status), Author: v.Person(c.Author), At: at(c.At), Edited: c.Edited}
	if !c.ReplyTo.IsZero() {
		to := c.ReplyTo
		out.ReplyTo = &to
	}
	if c.Pending != nil && (v.moderates() || c.Author == v.self) {
		out.Text, out.Status, out.Review = words(*c.Pending), string(ideas.Waiting), true
	}
	return out
}

// Ideas renders every idea in the view, oldest first.
func (v View) Ideas() []wire.Idea { return v.IdeasOn("") }

// IdeasOn renders those with an innovation node.
func (v View) IdeasOn(node string) []wire.Idea {
	out := []wire.Idea{}
	for _, i := range v.m.board.All() {
		if v.On(i, node) {
			out = append(out, v.Idea(i))
		}
	}
	return out
}

// Event renders an event for this view, from the state as it is now; false if it is not for it.
func (v View) Event(e *machine.Event) (data any, shown bool) {
	if e.Shown&v.audience == 0 && (v.self.IsZero() || e.To != v.self) {
		return nil, false
	}
	switch e.Type {
	case IdeaPost, IdeaEdit, IdeaRetract, IdeaReport, IdeaModerate, IdeaAnswer, CommentPost, CommentEdit, CommentRetract, CommentModerate:
		return wire.IdeaEvent{About: e.Subject, Comment: e.Part, Idea: v.Idea(v.m.board.Idea(e.Subject))}, true
	case StageSet:
		return wire.StageEvent{Stage: v.m.stage, Open: wire.Open(v.m.Open())}, true
	case CampaignEdit, Create:
		return v.Campaign(), true
	}
	if v.moderates() || e.Subject == v.self {
		return v.Participant(e.Subject), true
	}
	return v.Person(e.Subject), true
}

// Me renders what is one's own. The voter is the participant's pseudonym. It costs what the participant did, not what the campaign holds: a whole hall may
// come back at once.
func (v View) Me(self, voter id.ID) wire.Me {
	p := v.m.people[self]
	me := wire.Me{ID: self, Support: map[string]int{}, Ideas: []wire.Idea{}, Authors: []id.ID{}, Rights: []string{}}
	if p == nil {
		return me
	}
	if !p.Erased {
		me.Name, _ = v.names(self)
	}
	me.Group, me.Role, me.Muted, me.Rights = v.m.settings.Groups[p.Group], string(p.Role), p.Muted, p.Role.Rights()
	own := v.As(self)
	if number, voted := v.m.support.Voters.Find(voter); voted {
		all := v.m.board.All()
		v.m.support.Of(number, func(idea uint32, b voting.Ballot) {
			if b.Choice != 0 {
				me.Support[all[idea].ID.String()] = int(b.Choice)
			}
		})
	}
	for _, i := range v.m.board.Of(self) {
		if i.Author == self {
			me.Authors = append(me.Authors, i.ID)
		}
		if !v.moderates() && v.differs(i, self) {
			me.Ideas = append(me.Ideas, own.Idea(i))
		}
	}
	return me
}

// differs says whether the participant sees more of the idea than the public does.
func (v View) differs(i *ideas.Idea, self id.ID) bool {
	if i.Author == self && (!i.Status.Public() || i.Pending != nil || i.Reason.Units > 0) {
		return true
	}
	if !i.Status.Public() {
		return false
	}
	for _, c := range i.Comments {
		if c.Author == self && (!c.Status.Public() || c.Pending != nil) {
			return true
		}
	}
	return false
}

// Listed renders the campaign for a list of campaigns.
func (v View) Listed(role Role) wire.Listed {
	l := wire.Listed{
		ID: v.m.campaign, Title: v.m.title, Role: string(role), Stage: v.m.stage, Joined: v.m.Joined(), Created: at(v.m.createdAt),
	}
	for _, i := range v.m.board.All() {
		if i.Status.Public() {
			l.Ideas++
		}
		if i.Status == ideas.Waiting || i.Pending != nil || len(i.Reports) > 0 {
			l.Waiting++
		}
		for _, c := range i.Comments {
			if c.Status == ideas.Waiting || c.Pending != nil {
				l.Waiting++
			}
		}
	}
	return l
}
