package voting

import (
	"cmp"
	"slices"

	"kiem/id"
)

// Voters gives pseudonyms the dense numbers under which ballots are kept.
type Voters struct {
	number map[id.ID]uint32
	list   []id.ID
}

// NewVoters is empty.
func NewVoters() *Voters { return &Voters{number: map[id.ID]uint32{}} }

// Number is the voter's number; a new voter gets the next one.
func (v *Voters) Number(voter id.ID) uint32 {
	n, ok := v.number[voter]
	if !ok {
		n = uint32(len(v.list))
		v.number[voter] = n
		v.list = append(v.list, voter)
	}
	return n
}

// Find is the voter's number, if it ever voted.
func (v *Voters) Find(voter id.ID) (uint32, bool) { n, ok := v.number[voter]; return n, ok }

// List gives the pseudonyms by number. The caller must not change it.
func (v *Voters) List() []id.ID { return v.list }

// Ballot is one voter's choice on one idea.
type Ballot struct {
	Choice  int8   // 1, 0 or -1
	Group   uint8  // of the first ballot on this idea
	Stratum uint8  // assurance: how surely the voter is one person
	Mark    uint32 // the look in which it was last counted as new; kept by Support
	Lane    uint64 // the newest lane that set it, and its number; N = 0: none did
	N       uint64
}

// Lane is the newest number of one lane (a browser tab, mostly).
type Lane struct{ Lane, N uint64 }

// maxOlder lanes are remembered per ballot besides the newest.
const maxOlder = 7

// late says whether a command with that lane and number comes after a newer one of its lane. The newest lane may repeat itself: that sets
// the same choice once more. n = 0: the command carries no lane, and order alone decides.
func late(was *Ballot, older []Lane, lane, n uint64) bool {
	if n == 0 {
		return false
	}
	if was.N > 0 && was.Lane == lane {
		return n < was.N
	}
	for _, o := range older {
		if o.Lane == lane {
			return n <= o.N
		}
	}
	return false
}

// pushLane adds the lane of was to the older ones, from which the lane now goes. It does not change the list it is given.
func pushLane(older []Lane, was *Ballot, now uint64) []Lane {
	kept := make([]Lane, 0, len(older)+1)
	for _, o := range older {
		if o.Lane != now {
			kept = append(kept, o)
		}
	}
	if len(kept) >= maxOlder {
		kept = kept[1:]
	}
	return append(kept, Lane{was.Lane, was.N})
}

// Support is the support for the ideas of one campaign.
type Support struct {
	small   int // smallest cell; 0: figures per group are live
	groups  int
	Voters  *Voters
	at      map[key]uint32 // place in cast
	cast    []record
	of      [][]uint32     // places in cast by voter's number
	older   map[key][]Lane // lanes before the newest one of a ballot: few voters use two tabs
	tallies []Tally
}

// key of a ballot: voter's number, idea's number.
type key uint64

type record struct {
	key    key
	ballot Ballot
}

func keyOf(voter, idea uint32) key { return key(voter)<<32 | key(idea) }

// NewSupport is empty. Groups are numbered 0 … groups-1.
func NewSupport(groups, small int) *Support {
	return &Support{groups: groups, small: small, Voters: NewVoters(), at: map[key]uint32{}, older: map[key][]Lane{}}
}

// AddIdea gives the next idea its number: 0, 1, 2, …
func (s *Support) AddIdea() uint32 {
	s.tallies = append(s.tallies, newTally(s.groups))
	return uint32(len(s.tallies) - 1)
}

// SetSmall changes the smallest cell. Figures that are too small now are counted together at once, from what is shown already; the others stay
// until they move. With small = 0 all become live.
func (s *Support) SetSmall(small int) {
	if s.small == small {
		return
	}
	s.small = small
	for i := range s.tallies {
		s.tallies[i].resize(small)
	}
}

// Ballot is what a voter chose on an idea, if anything.
func (s *Support) Ballot(voter, idea uint32) (Ballot, bool) {
	at, ok := s.at[keyOf(voter, idea)]
	if !ok {
		return Ballot{}, false
	}
	return s.cast[at].ballot, true
}

// Len is the number of ballots ever cast that are kept: one per voter and idea.
func (s *Support) Len() int { return len(s.cast) }

// Change is what Set did.
type Change struct {
	Was, Now           Ballot
	OlderWas, OlderNow []Lane
	Had                bool // there was a ballot before
	Late               bool // nothing was done: the command comes after a newer one of its lane
}

// Set records a voter's choice. The ballot stays in the group under which it was first cast: a later change of group counts for later
// ideas, and nobody walks a ballot from group to group to watch the figures.
func (s *Support) Set(voter, idea uint32, b Ballot) (c Change) {
	k := keyOf(voter, idea)
	at, had := s.at[k]
	if had {
		c.Was, c.Had, c.OlderWas = s.cast[at].ballot, true, s.older[k]
		if late(&c.Was, c.OlderWas, b.Lane, b.N) {
			c.Late = true
			return c
		}
		b.Group = c.Was.Group
		c.OlderNow = c.OlderWas
		switch {
		case b.N == 0: // what lanes said before still stands
			b.Lane, b.N = c.Was.Lane, c.Was.N
		case c.Was.N > 0 && c.Was.Lane != b.Lane:
			c.OlderNow = pushLane(c.OlderWas, &c.Was, b.Lane)
			s.older[k] = c.OlderNow
		}
	} else {
		at = uint32(len(s.cast))
		s.add(voter, record{key: k})
	}
	b.Mark = s.tallies[idea].change(&c.Was, &b, s.small)
	s.cast[at].ballot = b
	c.Now = b
	return c
}

func (s *Support) add(voter uint32, r record) {
	at := uint32(len(s.cast))
	s.at[r.key] = at
	s.cast = append(s.cast, r)
	for int(voter) >= len(s.of) {
		s.of = append(s.of, nil)
	}
	s.of[voter] = append(s.of[voter], at)
}

// Of visits the ballots of one voter, oldest first.
func (s *Support) Of(voter uint32, visit func(idea uint32, b Ballot)) {
	if int(voter) >= len(s.of) {
		return
	}
	for _, at := range s.of[voter] {
		visit(uint32(s.cast[at].key), s.cast[at].ballot)
	}
}

// Tally gives the count for an idea. The caller must not change it.
func (s *Support) Tally(idea uint32) *Tally { return &s.tallies[idea] }

// Each visits every ballot in the order of voter's and idea's number.
func (s *Support) Each(visit func(voter, idea uint32, b Ballot, older []Lane)) {
	order := make([]uint32, len(s.cast))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(s.cast[a].key, s.cast[b].key) })
	for _, i := range order {
		r := &s.cast[i]
		visit(uint32(r.key>>32), uint32(r.key), r.ballot, s.older[r.key])
	}
}

// Put puts a ballot back as Each gave it. The live counts follow from the ballots; what was released has to be put back through Tally. It
// says whether such a ballot can be: voter, idea and group exist, the choice is one, and there is none yet.
func (s *Support) Put(voter, idea uint32, b Ballot, older []Lane) bool {
	k := keyOf(voter, idea)
	if _, twice := s.at[k]; twice || int(voter) >= len(s.Voters.list) || int(idea) >= len(s.tallies) ||
		int(b.Group) >= s.groups || b.Choice < -1 || b.Choice > 1 || len(older) > maxOlder {
		return false
	}
	s.add(voter, record{k, b})
	if len(older) > 0 {
		s.older[k] = older
	}
	s.tallies[idea].count(&b, 1)
	return true
}

// Grow makes room for that many ballots in an empty Support.
func (s *Support) Grow(ballots int) {
	if len(s.cast) == 0 {
		s.at = make(map[key]uint32, ballots)
		s.cast = make([]record, 0, ballots)
	}
}
