// Package voting counts.
//
// Voters are pseudonyms (see design: votes are stored under a keyed hash of the participant), each with the group it declared. The package
// is deterministic and knows neither people nor time; a Support is owned by one machine and is not safe for concurrent use.
//
// # Support
//
// Every participant may support each idea (+1), oppose it where the campaign allows (-1), or neither (0); the newest choice counts. The
// total moves at once. Figures per group are released in steps, so that nobody can subtract one moment from the next and learn how one
// person chose:
//
//   - A cell is what is shown under one name: a group of its own, or "other", in which small groups are counted together.
//   - A cell's figure moves only when at least `small` ballots in it were cast or changed since it moved last.
//   - A group has a cell of its own only with at least `small` supporters; "other" is empty or has at least `small` too: otherwise the
//     smallest shown group joins it. While everything together is below `small`, nothing is released.
//
// With small = 0 figures are live.
package voting

import (
	"maps"
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
	Choice  int8 // 1, 0 or -1
	Group   uint8
	Stratum uint8 // assurance: how surely the voter is one person
	Lane    uint64
	N       uint64
}

// key of a ballot: voter's number, idea's number.
type key uint64

func keyOf(voter, idea uint32) key { return key(voter)<<32 | key(idea) }

// Support is the support for the ideas of one campaign.
type Support struct {
	small   int // smallest cell
	groups  int
	Voters  *Voters
	ballots map[key]Ballot
	older   map[key][]laneN // lanes before the newest one of a ballot: few voters use two tabs
	tallies []Tally
}

type laneN struct{ lane, n uint64 }

// maxOlder lanes are remembered per ballot besides the newest.
const maxOlder = 7

// Tally is the count for one idea.
type Tally struct {
	Total   int   // supporters
	Against int   // opponents
	Live    []int // supporters by group
	Moved   []int // ballots cast or changed by group since its cell moved
	Shown   []int // released figure by group; -1: in "other"
	Other   int   // released figure of "other"
}

// NewSupport is empty. Groups are numbered 0 … groups-1.
func NewSupport(groups, small int) *Support {
	return &Support{groups: groups, small: small, Voters: NewVoters(), ballots: map[key]Ballot{}, older: map[key][]laneN{}}
}

// AddIdea gives the next idea its number: 0, 1, 2, …
func (s *Support) AddIdea() uint32 {
	t := Tally{Live: make([]int, s.groups), Moved: make([]int, s.groups), Shown: make([]int, s.groups)}
	for g := range t.Shown {
		t.Shown[g] = -1
	}
	s.tallies = append(s.tallies, t)
	return uint32(len(s.tallies) - 1)
}

// SetSmall changes the smallest cell. What was released stays until its cell moves by the new number; a larger number also folds at
// the next move.
func (s *Support) SetSmall(small int) { s.small = small }

// Ballot is what a voter chose on an idea, if anything.
func (s *Support) Ballot(voter, idea uint32) (Ballot, bool) {
	b, ok := s.ballots[keyOf(voter, idea)]
	return b, ok
}

// Len is the number of ballots ever cast that are kept: one per voter and idea.
func (s *Support) Len() int { return len(s.ballots) }

// Late says whether a ballot with that lane and number comes after a newer one of its lane. n = 0: it carries no lane.
func (s *Support) Late(voter, idea uint32, lane, n uint64) bool {
	if n == 0 {
		return false
	}
	k := keyOf(voter, idea)
	b, ok := s.ballots[k]
	if !ok {
		return false
	}
	if b.Lane == lane {
		return n < b.N
	}
	for _, o := range s.older[k] {
		if o.lane == lane {
			return n < o.n
		}
	}
	return false
}

// Set records a voter's choice and gives the ballot before it (the zero Ballot if there was none).
func (s *Support) Set(voter, idea uint32, b Ballot) (was Ballot, had bool) {
	k := keyOf(voter, idea)
	was, had = s.ballots[k]
	if b.N == 0 { // no lane: what lanes said before still stands
		b.Lane, b.N = was.Lane, was.N
	} else if had && was.N > 0 && was.Lane != b.Lane {
		s.older[k] = pushLane(s.older[k], was, b.Lane)
	}
	s.ballots[k] = b
	if had && was.Choice == b.Choice && was.Group == b.Group || !had && b.Choice == 0 {
		return was, had
	}
	t := &s.tallies[idea]
	if had {
		t.count(was, -1)
	}
	t.count(b, 1)
	t.Moved[b.Group]++
	if had && was.Group != b.Group {
		t.Moved[was.Group]++
	}
	t.release(s.small)
	return was, had
}

func pushLane(list []laneN, was Ballot, now uint64) []laneN {
	kept := list[:0]
	for _, o := range list {
		if o.lane != now && o.lane != was.Lane {
			kept = append(kept, o)
		}
	}
	if len(kept) >= maxOlder {
		kept = append(kept[:0], kept[1:]...)
	}
	return append(kept, laneN{was.Lane, was.N})
}

func (t *Tally) count(b Ballot, by int) {
	switch b.Choice {
	case 1:
		t.Total += by
		t.Live[b.Group] += by
	case -1:
		t.Against += by
	}
}

// release moves the cells that may move.
func (t *Tally) release(small int) {
	other := 0
	for g, shown := range t.Shown {
		if shown < 0 {
			other += t.Moved[g]
		}
	}
	fold := other > 0 && other >= small
	for g, shown := range t.Shown {
		if shown < 0 || t.Moved[g] == 0 || t.Moved[g] < small {
			continue
		}
		t.Moved[g] = 0
		if t.Live[g] >= max(small, 1) {
			t.Shown[g] = t.Live[g]
			continue
		}
		t.Shown[g] = -1 // too small to stand alone: it joins "other", which moves with it
		fold = true
	}
	if fold {
		t.releaseOther(max(small, 1))
	}
}

// releaseOther counts "other" anew: groups that are large enough leave it, as long as what stays is empty or large enough itself.
func (t *Tally) releaseOther(small int) {
	rest := 0
	for g, shown := range t.Shown {
		if shown < 0 {
			rest += t.Live[g]
		}
	}
	for {
		best := -1
		for g, shown := range t.Shown {
			left := rest - t.Live[g]
			if shown < 0 && t.Live[g] >= small && (left == 0 || left >= small) && (best < 0 || t.Live[g] > t.Live[best]) {
				best = g
			}
		}
		if best < 0 {
			break
		}
		t.Shown[best], t.Moved[best] = t.Live[best], 0
		rest -= t.Live[best]
	}
	for rest > 0 && rest < small { // the next smallest joins
		least := -1
		for g, shown := range t.Shown {
			if shown >= 0 && (least < 0 || shown < t.Shown[least]) {
				least = g
			}
		}
		if least < 0 {
			break
		}
		t.Shown[least] = -1
		rest += t.Live[least]
	}
	t.Other = 0
	if rest >= small {
		t.Other = rest
	}
	for g, shown := range t.Shown {
		if shown < 0 {
			t.Moved[g] = 0
		}
	}
}

// Tally gives the count for an idea. The caller must not change it.
func (s *Support) Tally(idea uint32) *Tally { return &s.tallies[idea] }

// Each visits every ballot in a fixed order.
func (s *Support) Each(visit func(voter, idea uint32, b Ballot)) {
	keys := slices.Sorted(maps.Keys(s.ballots))
	for _, k := range keys {
		visit(uint32(k>>32), uint32(k), s.ballots[k])
	}
}

// Older lists the lanes that set a ballot before its newest one, as pairs of lane and number.
func (s *Support) Older(voter, idea uint32) (pairs [][2]uint64) {
	for _, o := range s.older[keyOf(voter, idea)] {
		pairs = append(pairs, [2]uint64{o.lane, o.n})
	}
	return pairs
}

// Put puts a ballot back as Each and Older gave it. The live counts follow from the ballots; what was released has to be put back by Tally.
// It says whether voter, idea and group exist.
func (s *Support) Put(voter, idea uint32, b Ballot, older [][2]uint64) bool {
	if int(voter) >= len(s.Voters.list) || int(idea) >= len(s.tallies) || int(b.Group) >= s.groups || len(older) > maxOlder {
		return false
	}
	k := keyOf(voter, idea)
	if _, twice := s.ballots[k]; twice {
		return false
	}
	s.ballots[k] = b
	for _, o := range older {
		s.older[k] = append(s.older[k], laneN{o[0], o[1]})
	}
	s.tallies[idea].count(b, 1)
	return true
}

// Grow makes room for that many ballots.
func (s *Support) Grow(ballots int) {
	if len(s.ballots) == 0 {
		s.ballots = make(map[key]Ballot, ballots)
	}
}
