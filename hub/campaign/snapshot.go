package campaign

import (
	"slices"

	"kiem/hub/machine"
	"kiem/id"
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

// Restore reads a snapshot into a new machine.
func (m *Machine) Restore(b []byte) error {
	d := machine.NewDecoder(b)
	if v := d.Int(); v != snapshotVersion {
		d.Fail("version %d", v)
	}
	m.campaign = d.ID()
	m.title = d.String()
	m.template = d.String()
	m.languages = d.Strings()
	m.stage = d.String()
	m.createdAt = d.Signed()
	m.rights = d.Int()
	m.challenge = decodeChallenge(d)
	m.settings = decodeSettings(d)
	m.support = voting.NewSupport(len(m.settings.Groups), m.settings.SmallCell)
	if m.Exists() {
		m.sum.Add(m.hashHead())
	}

	for range d.Len(24) {
		p := &Person{ID: d.ID()}
		role := d.Int()
		if role >= uint64(len(Roles)) {
			d.Fail("role %d", role)
			break
		}
		p.Role = Roles[role]
		p.Group, p.Stratum, p.Channel = uint8(d.Int()), uint8(d.Int()), d.String()
		p.Entrepreneur, p.Muted, p.Removed, p.Erased = d.Bool(), d.Bool(), d.Bool(), d.Bool()
		p.JoinedAt = d.Signed()
		m.addPerson(p)
	}

	groups := len(m.settings.Groups)
	for range d.Len(40) {
		i := decodeIdea(d)
		if d.Err() != nil {
			break
		}
		if m.board.Idea(i.ID) != nil {
			d.Fail("an idea twice")
			break
		}
		m.board.Add(i)
		t := m.addTally(i.ID)
		t.Other, t.Look, t.New = int(d.Int()), uint32(d.Int()), int(d.Int())
		for g := range groups {
			c := &t.Groups[g]
			c.Shown, c.Moved, c.Since = int(d.Signed()), int(d.Int()), uint32(d.Int())
		}
		m.sum.Add(hashIdea(i))
		for _, c := range i.Comments {
			m.sum.Add(hashComment(c))
		}
	}

	for range d.Len(16) {
		m.addVoter(d.ID())
	}
	ballots := d.Len(8)
	m.support.Grow(ballots)
	for range ballots {
		voter, idea := uint32(d.Int()), uint32(d.Int())
		b := voting.Ballot{
			Choice: int8(d.Signed()), Group: uint8(d.Int()), Stratum: uint8(d.Int()), Mark: uint32(d.Int()), Lane: d.Int(), N: d.Int(),
		}
		var older []voting.Lane
		for range d.Len(2) {
			older = append(older, voting.Lane{Lane: d.Int(), N: d.Int()})
		}
		if d.Err() != nil || !m.support.Put(voter, idea, b, older) {
			d.Fail("a ballot that cannot be")
			break
		}
		m.sum.Add(hashBallot(voter, idea, &b, older))
	}
	m.answers.Restore(d)
	return d.End()
}

func encodeChallenge(e *machine.Encoder, c *Challenge) {
	e.ID(c.ID)
	e.String(c.Title)
	e.String(c.Text)
	e.Strings(c.Nodes)
	e.Strings(c.Themes)
}

func decodeChallenge(d *machine.Decoder) Challenge {
	return Challenge{ID: d.ID(), Title: d.String(), Text: d.String(), Nodes: d.Strings(), Themes: d.Strings()}
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

func decodeSettings(d *machine.Decoder) Settings {
	s := Settings{
		Attendance: int(d.Int()), Moderation: d.String(), TextMax: int(d.Int()), SmallCell: int(d.Int()),
		GroupCheck: d.String(), SupportAgainst: d.Bool(), Groups: d.Strings(),
	}
	for range d.Len(2) {
		s.Schedule = append(s.Schedule, Switch{Stage: d.String(), At: d.Signed()})
	}
	return s
}

func encodeText(e *machine.Encoder, t *ideas.Text) {
	e.ID(t.By)
	e.Int(uint64(t.Units))
	e.Int(uint64(len(t.Shape)))
	for _, at := range t.Shape {
		e.Int(uint64(at))
	}
	e.Bool(t.Sealed != nil)
	e.Blob(t.Sealed)
}

func decodeText(d *machine.Decoder) ideas.Text {
	t := ideas.Text{By: d.ID(), Units: int(d.Int())}
	for range d.Len(1) {
		t.Shape = append(t.Shape, int(d.Int()))
	}
	sealed := d.Bool()
	b := d.Blob()
	if sealed {
		t.Sealed = append([]byte{}, b...)
	}
	return t
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

func decodeRevision(d *machine.Decoder) (r ideas.Revision) {
	for _, t := range r.Texts() {
		*t = decodeText(d)
	}
	r.Themes, r.Nodes, r.Innovation = d.Strings(), d.Strings(), d.Strings()
	if d.Bool() {
		r.Definition = &ideas.Definition{Need: d.Bool(), Novelty: d.Bool()}
	}
	return r
}

func encodeLanes(e *machine.Encoder, lanes ideas.Lanes) {
	e.Int(uint64(len(lanes)))
	for _, l := range lanes {
		e.Int(l.Lane)
		e.Int(l.N)
	}
}

func decodeLanes(d *machine.Decoder) (lanes ideas.Lanes) {
	for range d.Len(2) {
		lanes = append(lanes, ideas.Lane{Lane: d.Int(), N: d.Int()})
	}
	return lanes
}

func encodeStatus(e *machine.Encoder, s ideas.Status) { e.Int(uint64(slices.Index(ideas.Statuses, s))) }

func decodeStatus(d *machine.Decoder) ideas.Status {
	s := d.Int()
	if s >= uint64(len(ideas.Statuses)) {
		d.Fail("status %d", s)
		return ideas.Hidden
	}
	return ideas.Statuses[s]
}

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

func decodeIdea(d *machine.Decoder) *ideas.Idea {
	i := &ideas.Idea{ID: d.ID(), Author: d.ID(), PostedAt: d.Signed(), EditedAt: d.Signed(), Version: int(d.Int()), Current: decodeRevision(d)}
	if d.Bool() {
		r := decodeRevision(d)
		i.Pending = &r
	}
	i.Status = decodeStatus(d)
	i.Reason = decodeText(d)
	i.Locked, i.Pinned = d.Bool(), d.Bool()
	i.Reports = d.IDs()
	if d.Bool() {
		i.Answer = &ideas.Answer{Status: d.String(), Reason: decodeText(d), At: d.Signed(), By: d.ID()}
	}
	i.From, i.Into = d.IDs(), d.IDs()
	i.SetLanes(decodeLanes(d))
	for range d.Len(60) {
		i.Comments = append(i.Comments, decodeComment(d, i.ID))
	}
	return i
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

func decodeComment(d *machine.Decoder, idea id.ID) *ideas.Comment {
	c := &ideas.Comment{
		ID: d.ID(), Idea: idea, ReplyTo: d.ID(), Author: d.ID(), Kind: d.String(), Status: decodeStatus(d), At: d.Signed(),
		Edited: d.Bool(), Text: decodeText(d), Reason: decodeText(d),
	}
	if d.Bool() {
		t := decodeText(d)
		c.Pending = &t
	}
	c.SetLanes(decodeLanes(d))
	return c
}
