package campaign

import (
	"encoding/binary"

	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// StateDigest is the digest without what is remembered of commands: what a refused command must leave as it was.
func (m *Machine) StateDigest() machine.Digest {
	m.Digest() // brings the tallies up to date
	return m.sum.Digest()
}

// SetSmallCell changes the setting without its guard, for tests that need to look at live figures.
func (m *Machine) SetSmallCell(small int) {
	s := m.settings
	s.SmallCell = small
	m.changeHead(func() {
		m.resize(&s)
		m.settings = s
	})
}

// Fill puts in so many people and ideas that there are that many. They are nobody's and nothing's.
func (m *Machine) Fill(people, posted int) {
	for len(m.joined) < people {
		m.joined = append(m.joined, &Person{})
	}
	for n := len(m.board.All()); n < posted; n++ {
		i := &ideas.Idea{ID: id.ID{0xff}}
		binary.BigEndian.PutUint64(i.ID[8:], uint64(n))
		m.board.Add(i)
		m.addTally(i.ID)
	}
}
