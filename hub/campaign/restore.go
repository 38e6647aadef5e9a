package campaign

import (
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
	"kiem/voting"
)

// most is the largest count or setting in a snapshot: far above every limit, and safe to calculate with.
const most = 1<<31 - 1

// Restore reads a snapshot into a new machine. A snapshot is read to the end or not at all, and only one that Snapshot would write.
func (m *Machine) Restore(b []byte) error {
	d := machine.NewDecoder(b)
	fresh := New()
	fresh.restore(d)
	if err := d.End(); err != nil {
		return err
	}
	*m = *fresh
	return nil
}

func (m *Machine) restore(d *machine.Decoder) {
	if v := d.Int(); v != snapshotVersion {
		d.Fail("version %d", v)
		return
	}
	m.restoreHead(d)
	m.restorePeople(d)
	m.restoreIdeas(d)
	m.restoreBallots(d)
	m.answers.Restore(d)
}

func (m *Machine) restoreHead(d *machine.Decoder) {
	m.campaign = d.ID()
	m.title = d.String()
	m.template = d.String()
	m.languages = d.Strings()
	m.stage = d.String()
	m.createdAt = d.Signed()
	m.rights = d.Int()
	m.challenge = decodeChallenge(d)
	m.settings = decodeSettings(d)
	groups := len(m.settings.Groups)
	switch t, ok := Templates[m.template]; {
	case d.Err() != nil:
		return
	case m.Exists() && (!ok || !t.Has(m.stage) || groups == 0 || groups > 255):
		d.Fail("template %q, stage %q, %d groups", m.template, m.stage, groups)
		return
	}
	m.support = voting.NewSupport(groups, m.settings.SmallCell)
	if m.Exists() {
		m.sum.Add(m.hashHead())
	}
}

func (m *Machine) restorePeople(d *machine.Decoder) {
	for range d.Len(24) {
		p := &Person{ID: d.ID()}
		p.Role = Roles[d.AtMost(uint64(len(Roles)-1))]
		p.Group, p.Stratum, p.Channel = uint8(d.AtMost(255)), uint8(d.AtMost(255)), d.String()
		p.Entrepreneur, p.Muted, p.Removed, p.Erased = d.Bool(), d.Bool(), d.Bool(), d.Bool()
		p.JoinedAt = d.Signed()
		switch {
		case d.Err() != nil:
			return
		case m.people[p.ID] != nil || p.ID.IsZero() || int(p.Group) >= len(m.settings.Groups):
			d.Fail("a person twice, or of group %d", p.Group)
			return
		}
		m.addPerson(p)
	}
}

func (m *Machine) restoreIdeas(d *machine.Decoder) {
	comments := map[id.ID]struct{}{}
	for range d.Len(40) {
		i := decodeIdea(d)
		if d.Err() != nil {
			return
		}
		if m.board.Idea(i.ID) != nil {
			d.Fail("an idea twice")
			return
		}
		for _, c := range i.Comments {
			if _, twice := comments[c.ID]; twice {
				d.Fail("a comment twice")
				return
			}
			comments[c.ID] = struct{}{}
		}
		m.board.Add(i)
		t := m.addTally(i.ID)
		t.Other, t.Look, t.New = int(d.AtMost(most)), uint32(d.AtMost(most)), int(d.AtMost(most))
		for g := range t.Groups {
			c := &t.Groups[g]
			shown := d.Signed()
			c.Shown, c.Moved, c.Since = int(shown), int(d.AtMost(most)), uint32(d.AtMost(most))
			if shown < -1 || shown > most || c.Since > t.Look {
				d.Fail("a figure of %d, moved in look %d of %d", shown, c.Since, t.Look)
			}
		}
		m.sum.Add(hashIdea(i))
		for _, c := range i.Comments {
			m.sum.Add(hashComment(c))
		}
	}
}

func (m *Machine) restoreBallots(d *machine.Decoder) {
	for range d.Len(16) {
		v := d.ID()
		if _, twice := m.support.Voters.Find(v); twice || d.Err() != nil {
			d.Fail("a voter twice")
			return
		}
		m.addVoter(v)
	}
	ballots := d.Len(9)
	m.support.Grow(ballots)
	last := uint64(0)
	for n := range ballots {
		voter, idea := uint32(d.AtMost(most)), uint32(d.AtMost(most))
		choice := d.Signed()
		b := voting.Ballot{
			Choice: int8(choice), Group: uint8(d.AtMost(255)), Stratum: uint8(d.AtMost(255)), Mark: uint32(d.AtMost(most)), Lane: d.Int(), N: d.Int(),
		}
		var older []voting.Lane
		for range d.Len(2) {
			older = append(older, voting.Lane{Lane: d.Int(), N: d.Int()})
		}
		at := uint64(voter)<<32 | uint64(idea)
		if d.Err() != nil || choice != int64(b.Choice) || n > 0 && at <= last || !m.support.Put(voter, idea, b, older) {
			d.Fail("a ballot that cannot be")
			return
		}
		last = at
		m.sum.Add(hashBallot(voter, idea, &b, older))
	}
}

func decodeChallenge(d *machine.Decoder) Challenge {
	return Challenge{ID: d.ID(), Title: d.String(), Text: d.String(), Nodes: d.Strings(), Themes: d.Strings()}
}

func decodeSettings(d *machine.Decoder) Settings {
	s := Settings{
		Attendance: int(d.AtMost(most)), Moderation: d.String(), TextMax: int(d.AtMost(most)), SmallCell: int(d.AtMost(most)),
		GroupCheck: d.String(), SupportAgainst: d.Bool(), Groups: d.Strings(),
	}
	for range d.Len(2) {
		s.Schedule = append(s.Schedule, Switch{Stage: d.String(), At: d.Signed()})
	}
	return s
}

func decodeText(d *machine.Decoder) ideas.Text {
	t := ideas.Text{By: d.ID(), Units: int(d.AtMost(ideas.MaxTextEver))}
	free := 0 // the first unit at which the next pair can stand
	for range d.Len(1) {
		at := int(d.AtMost(ideas.MaxTextEver))
		if at < free || at+2 > t.Units {
			d.Fail("a pair at %d of %d", at, t.Units)
			return t
		}
		t.Shape, free = append(t.Shape, at), at+2
	}
	if d.Bool() {
		t.Sealed = append([]byte{}, d.Blob()...)
	}
	return t
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

func decodeLanes(d *machine.Decoder) (lanes ideas.Lanes) {
	n := d.Len(2)
	if n > ideas.MaxLanes {
		d.Fail("%d lanes", n)
		return nil
	}
	for range n {
		lanes = append(lanes, ideas.Lane{Lane: d.Int(), N: d.Int()})
	}
	return lanes
}

func decodeStatus(d *machine.Decoder) ideas.Status {
	return ideas.Statuses[d.AtMost(uint64(len(ideas.Statuses)-1))]
}

func decodeIdea(d *machine.Decoder) *ideas.Idea {
	i := &ideas.Idea{ID: d.ID(), Author: d.ID(), PostedAt: d.Signed(), EditedAt: d.Signed(), Version: int(d.AtMost(most)), Current: decodeRevision(d)}
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
		if d.Err() != nil {
			break
		}
		i.Comments = append(i.Comments, decodeComment(d, i.ID))
	}
	return i
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
