package campaign

import (
	"slices"

	"kiem/hub/machine"
	"kiem/ideas"
	"kiem/voting"
)

// snapshotVersion is the first number of a snapshot. Another version is not read: the log is replayed instead.
const snapshotVersion = 1

// Snapshot encodes the state, texts in sealed form. Two machines with equal state give equal bytes.
func (m *Machine) Snapshot() []byte {
	e := &machine.Encoder{}
	e.Int(snapshotVersion)
	e.ID(m.campaign)
	e.String(m.title)
	e.String(m.template)
	e.Strings(m.languages)
	e.String(m.stage)
	e.Signed(m.createdAt)
	e.Int(m.rights)
	encodeChallenge(e, &m.challenge)
	encodeSettings(e, &m.settings)

	e.Int(uint64(len(m.joined)))
	for _, p := range m.joined {
		e.ID(p.ID)
		e.Int(uint64(slices.Index(Roles, p.Role)))
		e.Int(uint64(p.Group))
		e.Int(uint64(p.Stratum))
		e.String(p.Channel)
		e.Bool(p.Entrepreneur)
		e.Bool(p.Muted)
		e.Bool(p.Removed)
		e.Bool(p.Erased)
		e.Signed(p.JoinedAt)
	}

	e.Int(uint64(len(m.board.All())))
	for _, i := range m.board.All() {
		encodeIdea(e, i)
		t := m.support.Tally(m.number[i.ID])
		e.Int(uint64(t.Other))
		e.Int(uint64(t.Look))
		e.Int(uint64(t.New))
		for _, c := range t.Groups {
			e.Signed(int64(c.Shown))
			e.Int(uint64(c.Moved))
			e.Int(uint64(c.Since))
		}
	}

	e.Int(uint64(len(m.support.Voters.List())))
	for _, v := range m.support.Voters.List() {
		e.ID(v)
	}
	e.Int(uint64(m.support.Len()))
	m.support.Each(func(voter, idea uint32, b voting.Ballot, older []voting.Lane) {
		e.Int(uint64(voter))
		e.Int(uint64(idea))
		e.Signed(int64(b.Choice))
		e.Int(uint64(b.Group))
		e.Int(uint64(b.Stratum))
		e.Int(uint64(b.Mark))
		e.Int(b.Lane)
		e.Int(b.N)
		e.Int(uint64(len(older)))
		for _, o := range older {
			e.Int(o.Lane)
			e.Int(o.N)
		}
	})
	m.answers.Snapshot(e)
	return e.Bytes()
}

func encodeChallenge(e *machine.Encoder, c *Challenge) {
	e.ID(c.ID)
	e.String(c.Title)
	e.String(c.Text)
	e.Strings(c.Nodes)
	e.Strings(c.Themes)
}

func encodeSettings(e *machine.Encoder, s *Settings) {
	e.Int(uint64(s.Attendance))
	e.String(s.Moderation)
	e.Int(uint64(s.TextMax))
	e.Int(uint64(s.SmallCell))
	e.String(s.GroupCheck)
	e.Bool(s.SupportAgainst)
	e.Strings(s.Groups)
	e.Int(uint64(len(s.Schedule)))
	for _, sw := range s.Schedule {
		e.String(sw.Stage)
		e.Signed(sw.At)
	}
}

func encodeText(e *machine.Encoder, t *ideas.Text) {
	e.ID(t.By)
	e.Int(uint64(t.Units))
	e.Int(uint64(len(t.Shape)))
	for _, at := range t.Shape {
		e.Int(uint64(at))
	}
	e.Bool(t.Sealed != nil)
	if t.Sealed != nil {
		e.Blob(t.Sealed)
	}
}

func encodeRevision(e *machine.Encoder, r *ideas.Revision) {
	for _, t := range r.Texts() {
		encodeText(e, t)
	}
	e.Strings(r.Themes)
	e.Strings(r.Nodes)
	e.Strings(r.Innovation)
	e.Bool(r.Definition != nil)
	if r.Definition != nil {
		e.Bool(r.Definition.Need)
		e.Bool(r.Definition.Novelty)
	}
}

func encodeLanes(e *machine.Encoder, lanes ideas.Lanes) {
	e.Int(uint64(len(lanes)))
	for _, l := range lanes {
		e.Int(l.Lane)
		e.Int(l.N)
	}
}

func encodeStatus(e *machine.Encoder, s ideas.Status) { e.Int(uint64(slices.Index(ideas.Statuses, s))) }

func encodeIdea(e *machine.Encoder, i *ideas.Idea) {
	e.ID(i.ID)
	e.ID(i.Author)
	e.Signed(i.PostedAt)
	e.Signed(i.EditedAt)
	e.Int(uint64(i.Version))
	encodeRevision(e, &i.Current)
	e.Bool(i.Pending != nil)
	if i.Pending != nil {
		encodeRevision(e, i.Pending)
	}
	encodeStatus(e, i.Status)
	encodeText(e, &i.Reason)
	e.Bool(i.Locked)
	e.Bool(i.Pinned)
	e.IDs(i.Reports)
	e.Bool(i.Answer != nil)
	if i.Answer != nil {
		e.String(i.Answer.Status)
		encodeText(e, &i.Answer.Reason)
		e.Signed(i.Answer.At)
		e.ID(i.Answer.By)
	}
	e.IDs(i.From)
	e.IDs(i.Into)
	encodeLanes(e, i.Lanes())
	e.Int(uint64(len(i.Comments)))
	for _, c := range i.Comments {
		encodeComment(e, c)
	}
}

func encodeComment(e *machine.Encoder, c *ideas.Comment) {
	e.ID(c.ID)
	e.ID(c.ReplyTo)
	e.ID(c.Author)
	e.String(c.Kind)
	encodeStatus(e, c.Status)
	e.Signed(c.At)
	e.Bool(c.Edited)
	encodeText(e, &c.Text)
	encodeText(e, &c.Reason)
	e.Bool(c.Pending != nil)
	if c.Pending != nil {
		encodeText(e, c.Pending)
	}
	encodeLanes(e, c.Lanes())
}
