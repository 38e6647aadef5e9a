package campaign

import (
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
	"kiem/voting"
)

// What the digest covers: structure, lengths and ids; never words. Each object's hash begins with its kind.

func hashText(h *machine.Hasher, t *ideas.Text) {
	h.ID(t.By).Int(uint64(t.Units)).Int(uint64(len(t.Shape)))
	for _, at := range t.Shape {
		h.Int(uint64(at))
	}
}

func hashRevision(h *machine.Hasher, r *ideas.Revision) {
	for _, t := range r.Texts() {
		hashText(h, t)
	}
	h.Strings(r.Themes).Strings(r.Nodes).Strings(r.Innovation).Bool(r.Definition != nil)
	if r.Definition != nil {
		h.Bool(r.Definition.Need).Bool(r.Definition.Novelty)
	}
}

func hashLanes(h *machine.Hasher, lanes ideas.Lanes) {
	h.Int(uint64(len(lanes)))
	for _, l := range lanes {
		h.Int(l.Lane).Int(l.N)
	}
}

func hashIDs(h *machine.Hasher, list []id.ID) {
	h.Int(uint64(len(list)))
	for _, i := range list {
		h.ID(i)
	}
}

func hashIdea(i *ideas.Idea) machine.Sum {
	h := machine.NewHasher('I').ID(i.ID).ID(i.Author).Int(uint64(i.PostedAt)).Int(uint64(i.EditedAt)).Int(uint64(i.Version))
	hashRevision(h, &i.Current)
	h.Bool(i.Pending != nil)
	if i.Pending != nil {
		hashRevision(h, i.Pending)
	}
	h.String(string(i.Status)).Bool(i.Locked).Bool(i.Pinned)
	hashText(h, &i.Reason)
	hashIDs(h, i.Reports)
	h.Bool(i.Answer != nil)
	if i.Answer != nil {
		h.String(i.Answer.Status).Int(uint64(i.Answer.At)).ID(i.Answer.By)
		hashText(h, &i.Answer.Reason)
	}
	hashIDs(h, i.From)
	hashIDs(h, i.Into)
	hashLanes(h, i.Lanes())
	return h.Sum()
}

func hashComment(c *ideas.Comment) machine.Sum {
	h := machine.NewHasher('C').ID(c.ID).ID(c.Idea).ID(c.ReplyTo).ID(c.Author).String(c.Kind).String(string(c.Status)).
		Int(uint64(c.At)).Bool(c.Edited).Bool(c.Pending != nil)
	for _, t := range c.Texts() {
		hashText(h, t)
	}
	hashLanes(h, c.Lanes())
	return h.Sum()
}

func hashPerson(p *Person) machine.Sum {
	return machine.NewHasher('P').ID(p.ID).String(string(p.Role)).Int(uint64(p.Group)).Int(uint64(p.Stratum)).String(p.Channel).
		Bool(p.Entrepreneur).Bool(p.Muted).Bool(p.Removed).Bool(p.Erased).Int(uint64(p.JoinedAt)).Sum()
}

// hashBallot names voter and idea by number, and packs what is small, so that a ballot fits into one block of SHA-256. Which number is
// whose is hashed with the voter and the tally.
func hashBallot(voter, idea uint32, b *voting.Ballot, older []voting.Lane) machine.Sum {
	h := machine.NewHasher('B').Int(uint64(voter)<<32 | uint64(idea)).
		Int(uint64(b.Mark)<<32 | uint64(uint8(b.Choice))<<16 | uint64(b.Group)<<8 | uint64(b.Stratum)).
		Int(b.Lane).Int(b.N).Int(uint64(len(older)))
	for _, o := range older {
		h.Int(o.Lane).Int(o.N)
	}
	return h.Sum()
}

func (m *Machine) hashTally(number uint32) machine.Sum {
	t := m.support.Tally(number)
	h := machine.NewHasher('T').ID(m.board.All()[number].ID).Int(uint64(number)).Int(uint64(t.Total)).Int(uint64(t.Against)).Int(uint64(t.Other)).
		Int(uint64(t.Look)).Int(uint64(t.New))
	for _, c := range t.Groups {
		h.Int(uint64(c.Live)).Int(uint64(int64(c.Shown))).Int(uint64(c.Moved)).Int(uint64(c.Since))
	}
	return h.Sum()
}

func (m *Machine) hashHead() machine.Sum {
	s := &m.settings
	h := machine.NewHasher('H').ID(m.campaign).String(m.title).String(m.template).Strings(m.languages).String(m.stage).
		Int(uint64(m.createdAt)).Int(m.rights).
		ID(m.challenge.ID).String(m.challenge.Title).String(m.challenge.Text).Strings(m.challenge.Nodes).Strings(m.challenge.Themes).
		Int(uint64(s.Attendance)).String(s.Moderation).Int(uint64(s.TextMax)).Int(uint64(s.SmallCell)).String(s.GroupCheck).
		Bool(s.SupportAgainst).Strings(s.Groups).Int(uint64(len(s.Schedule)))
	for _, sw := range s.Schedule {
		h.String(sw.Stage).Int(uint64(sw.At))
	}
	return h.Sum()
}
