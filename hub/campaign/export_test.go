package campaign

import "kiem/hub/machine"

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
