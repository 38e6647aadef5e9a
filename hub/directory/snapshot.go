package directory

import (
	"slices"

	"kiem/hub/machine"
	"kiem/id"
)

// Each object's hash begins with its kind.

func (c *Campaign) hash() machine.Sum {
	return machine.NewHasher('C').ID(c.ID).String(c.Code).String(c.Title).ID(c.Owner).Int(uint64(c.CreatedAt)).Bool(c.Closed).ID(c.command).Sum()
}

func (a *Account) hash() machine.Sum {
	h := machine.NewHasher('P').ID(a.ID).Bool(a.Organiser).Bool(a.Erased).Int(uint64(a.CreatedAt)).ID(a.by).Int(uint64(len(a.members)))
	for _, one := range a.members {
		h.ID(one.campaign).ID(one.participant)
	}
	return h.Sum()
}

func (l *Link) hash() machine.Sum {
	h := machine.NewHasher('L').String(string(l.Hash[:])).String(l.Kind).ID(l.Account).ID(l.Campaign).String(l.Role).String(string(l.Browser[:])).
		Int(uint64(l.Expires)).Int(uint64(l.Uses)).ID(l.By).ID(l.command).Int(uint64(len(l.used)))
	for _, u := range l.used {
		h.ID(u)
	}
	return h.Sum()
}

// snapshotVersion is the first number of a snapshot. Another version is not read: the log is replayed instead.
const snapshotVersion = 1

// The least bytes that one object takes in a snapshot.
const (
	leastCampaign = 16 + 1 + CodeLength + 1 + 16 + 1 + 1 + 16
	leastAccount  = 16 + 1 + 1 + 1 + 16 + 1
	leastLink     = 32 + 1 + 16 + 16 + 1 + 32 + 1 + 1 + 16 + 16 + 1
)

// Snapshot encodes the state. Two machines with equal state give equal bytes.
func (m *Machine) Snapshot() []byte {
	e := &machine.Encoder{}
	e.Int(snapshotVersion)
	e.Int(uint64(len(m.order)))
	for _, c := range m.order {
		e.ID(c.ID)
		e.String(c.Code)
		e.String(c.Title)
		e.ID(c.Owner)
		e.Signed(c.CreatedAt)
		e.Bool(c.Closed)
		e.ID(c.command)
	}
	e.Int(uint64(len(m.created)))
	for _, a := range m.created {
		e.ID(a.ID)
		e.Bool(a.Organiser)
		e.Bool(a.Erased)
		e.Signed(a.CreatedAt)
		e.ID(a.by)
		e.Int(uint64(len(a.members)))
		for _, one := range a.members {
			e.ID(one.campaign)
			e.ID(one.participant)
		}
	}
	e.Int(uint64(len(m.ending)))
	for _, l := range m.ending {
		encodeHash(e, l.Hash)
		e.String(l.Kind)
		e.ID(l.Account)
		e.ID(l.Campaign)
		e.String(l.Role)
		encodeHash(e, l.Browser)
		e.Signed(l.Expires)
		e.Int(uint64(l.Uses))
		e.ID(l.By)
		e.ID(l.command)
		e.IDs(l.used)
	}
	m.answers.Snapshot(e)
	return e.Bytes()
}

// Restore reads a snapshot into a new machine. After an error the machine is as it was.
func (m *Machine) Restore(b []byte) error {
	d := machine.NewDecoder(b)
	next := New()
	if v := d.Int(); v != snapshotVersion {
		d.Fail("version %d", v)
	}
	for range d.Len(leastCampaign) {
		c := &Campaign{ID: d.ID(), Code: d.String(), Title: d.String(), Owner: d.ID(), CreatedAt: d.Signed(), Closed: d.Bool(), command: d.ID()}
		if !validCode(c.Code) || next.codes[c.Code] != nil || next.campaigns[c.ID] != nil {
			d.Fail("a campaign that cannot be")
			break
		}
		next.addCampaign(c)
	}
	for range d.Len(leastAccount) {
		a := &Account{ID: d.ID(), Organiser: d.Bool(), Erased: d.Bool(), CreatedAt: d.Signed(), by: d.ID()}
		for range d.Len(2 * len(id.ID{})) {
			a.members = append(a.members, member{d.ID(), d.ID()})
		}
		if next.accounts[a.ID] != nil || !slices.IsSortedFunc(a.members, byCampaign) {
			d.Fail("an account that cannot be")
			break
		}
		next.addAccount(a)
	}
	for range d.Len(leastLink) {
		l := &Link{
			Hash: decodeHash(d), Kind: d.String(), Account: d.ID(), Campaign: d.ID(), Role: d.String(), Browser: decodeHash(d),
			Expires: d.Signed(), Uses: int(d.Int()), By: d.ID(), command: d.ID(), used: d.IDs(),
		}
		if l.Uses < 1 || len(l.used) > l.Uses || next.links[l.Hash] != nil || len(next.ending) > 0 && byEnd(next.ending[len(next.ending)-1], l) >= 0 {
			d.Fail("a link that cannot be")
			break
		}
		next.addLink(l)
	}
	next.answers.Restore(d)
	if err := d.End(); err != nil {
		return err
	}
	*m = *next
	return nil
}

// byCampaign sorts members; of two equal ones the later is out of order, so that none is there twice.
func byCampaign(a, b member) int {
	if slices.Compare(a.campaign[:], b.campaign[:]) > 0 {
		return 1
	}
	return -1
}

func encodeHash(e *machine.Encoder, h Hash) { e.ID(id.ID(h[:16])); e.ID(id.ID(h[16:])) }

func decodeHash(d *machine.Decoder) (h Hash) {
	first, second := d.ID(), d.ID()
	copy(h[:], first[:])
	copy(h[16:], second[:])
	return h
}
