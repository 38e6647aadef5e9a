package voting

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kiem/id"
)

func pseudonym(n int) id.ID { return id.Derive(id.ID{}, "voter", fmt.Sprint(n)) }

// recount is the slow side of the properties: it keeps ballots and nothing else, and counts them anew each time.
type recount struct {
	groups int
	cast   map[[2]int]Ballot
	lanes  map[[2]int][]Lane // newest last
}

func (r *recount) late(k [2]int, b Ballot) bool {
	lanes := r.lanes[k]
	for i, l := range lanes {
		if b.N > 0 && l.Lane == b.Lane {
			return b.N < l.N || b.N == l.N && i < len(lanes)-1
		}
	}
	return false
}

func (r *recount) set(k [2]int, b Ballot) {
	if was, ok := r.cast[k]; ok {
		b.Group = was.Group
	}
	r.cast[k] = b
	if b.N == 0 {
		return
	}
	lanes := slices.DeleteFunc(r.lanes[k], func(l Lane) bool { return l.Lane == b.Lane })
	if len(lanes) > maxOlder {
		lanes = lanes[1:]
	}
	r.lanes[k] = append(lanes, Lane{b.Lane, b.N})
}

// tally counts the ballots on an idea.
func (r *recount) tally(idea int) (total, against int, live []int) {
	live = make([]int, r.groups)
	for k, b := range r.cast {
		switch {
		case k[1] != idea:
		case b.Choice == 1:
			total++
			live[b.Group]++
		case b.Choice == -1:
			against++
		}
	}
	return total, against, live
}

// TestSupport: random interleavings of casting, changing, taking back and arriving late give the counts that a recount gives, figures that
// obey the rules of the release, and a Support that continues alike after it was stored and read.
func TestSupport(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.IntRange(1, 5).Draw(t, "groups")
		small := rapid.SampledFrom([]int{0, 1, 2, 3, 5}).Draw(t, "small")
		nIdeas := rapid.IntRange(1, 2).Draw(t, "ideas")
		voters := rapid.IntRange(1, 40).Draw(t, "voters")
		s := NewSupport(groups, small)
		slow := &recount{groups: groups, cast: map[[2]int]Ballot{}, lanes: map[[2]int][]Lane{}}
		var watch []*watcher
		for range nIdeas {
			s.AddIdea()
			w := newWatcher(groups)
			watch = append(watch, w)
		}
		home := rapid.SliceOfN(rapid.IntRange(0, groups-1), voters, voters).Draw(t, "home")
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			voter, idea := rapid.IntRange(0, voters-1).Draw(t, "voter"), rapid.IntRange(0, nIdeas-1).Draw(t, "idea")
			b := Ballot{
				Choice: int8(rapid.SampledFrom([]int{1, 1, 1, 1, 0, -1}).Draw(t, "choice")),
				Group:  uint8(home[voter]),
				N:      uint64(rapid.IntRange(0, 6).Draw(t, "n")),
			}
			if b.N > 0 {
				b.Lane = uint64(rapid.IntRange(1, 10).Draw(t, "lane"))
			}
			if rapid.IntRange(0, 30).Draw(t, "changes group") == 0 {
				b.Group = uint8(rapid.IntRange(0, groups-1).Draw(t, "group"))
			}
			k := [2]int{voter, idea}
			number := s.Voters.Number(pseudonym(voter))
			before, had := s.Ballot(number, uint32(idea))
			c := s.Set(number, uint32(idea), b)
			if c.Had != had || c.Was != before {
				t.Fatalf("Set says there was %+v (%v), there was %+v (%v)", c.Was, c.Had, before, had)
			}
			if want := slow.late(k, b); c.Late != want {
				t.Fatalf("late: %v, want %v", c.Late, want)
			}
			if !c.Late {
				was := slow.cast[k]
				slow.set(k, b)
				watch[idea].cast(voter, was, slow.cast[k])
			}
			tally := s.Tally(uint32(idea))
			checkTally(t, tally, slow, idea, small)
			watch[idea].check(t, tally, small)
		}
		if s.Len() != len(slow.cast) {
			t.Fatalf("%d ballots, want %d", s.Len(), len(slow.cast))
		}
		copied := stored(t, s)
		if diff := cmp.Diff(s.tallies, copied.tallies); diff != "" {
			t.Fatalf("tallies after reading: %s", diff)
		}
		for range 30 { // both go on alike
			voter, idea := uint32(rapid.IntRange(0, len(s.Voters.list)-1).Draw(t, "voter")), uint32(rapid.IntRange(0, nIdeas-1).Draw(t, "idea"))
			b := Ballot{Choice: int8(rapid.IntRange(-1, 1).Draw(t, "choice")), Lane: uint64(rapid.IntRange(1, 10).Draw(t, "lane")), N: uint64(rapid.IntRange(0, 9).Draw(t, "n"))}
			a, c := s.Set(voter, idea, b), copied.Set(voter, idea, b)
			if diff := cmp.Diff(a, c); diff != "" {
				t.Fatalf("the copy differs: %s", diff)
			}
		}
		if diff := cmp.Diff(s.tallies, copied.tallies); diff != "" {
			t.Fatalf("tallies: %s", diff)
		}
	})
}

func checkTally(t *rapid.T, tally *Tally, slow *recount, idea, small int) {
	total, against, live := slow.tally(idea)
	if tally.Total != total || tally.Against != against {
		t.Fatalf("total %d against %d, want %d and %d", tally.Total, tally.Against, total, against)
	}
	for g, c := range tally.Groups {
		if c.Live != live[g] {
			t.Fatalf("group %d has %d, want %d", g, c.Live, live[g])
		}
		if small == 0 && max(c.Shown, 0) != c.Live {
			t.Fatalf("group %d shows %d of %d", g, c.Shown, c.Live)
		}
		if c.Shown != inOther && c.Shown < small {
			t.Fatalf("group %d shows %d", g, c.Shown)
		}
	}
	if tally.Other != 0 && tally.Other < small {
		t.Fatalf("other shows %d", tally.Other)
	}
}

// stored writes a Support and reads it, as a snapshot does.
func stored(t *rapid.T, s *Support) *Support {
	c := NewSupport(s.groups, s.small)
	for range s.tallies {
		c.AddIdea()
	}
	for _, v := range s.Voters.List() {
		c.Voters.Number(v)
	}
	c.Grow(s.Len())
	last := key(0)
	s.Each(func(voter, idea uint32, b Ballot, older []Lane) {
		if k := keyOf(voter, idea); k < last {
			t.Fatal("ballots are not visited in order")
		} else {
			last = k
		}
		if !c.Put(voter, idea, b, slices.Clone(older)) {
			t.Fatalf("a ballot is refused: %+v", b)
		}
		if c.Put(voter, idea, b, nil) {
			t.Fatal("a ballot twice")
		}
	})
	for i := range s.tallies {
		from, to := &s.tallies[i], c.Tally(uint32(i))
		to.Look, to.New, to.Other = from.Look, from.New, from.Other
		for g := range from.Groups {
			live := to.Groups[g].Live
			to.Groups[g] = from.Groups[g]
			to.Groups[g].Live = live
		}
	}
	return c
}

// TestPutRefuses: what cannot be is not put back.
func TestPutRefuses(t *testing.T) {
	s := NewSupport(2, 5)
	s.AddIdea()
	v := s.Voters.Number(pseudonym(1))
	for name, put := range map[string]func() bool{
		"an unknown voter":  func() bool { return s.Put(v+1, 0, Ballot{}, nil) },
		"an unknown idea":   func() bool { return s.Put(v, 1, Ballot{}, nil) },
		"an unknown group":  func() bool { return s.Put(v, 0, Ballot{Group: 2}, nil) },
		"two choices":       func() bool { return s.Put(v, 0, Ballot{Choice: 2}, nil) },
		"the choice -2":     func() bool { return s.Put(v, 0, Ballot{Choice: -2}, nil) },
		"more lanes than 8": func() bool { return s.Put(v, 0, Ballot{}, make([]Lane, 8)) },
	} {
		if put() {
			t.Errorf("%s is accepted", name)
		}
	}
	if s.Len() != 0 {
		t.Errorf("%d ballots", s.Len())
	}
	if !s.Put(v, 0, Ballot{Choice: 1}, nil) || s.Tally(0).Total != 1 {
		t.Error("a good ballot is refused")
	}
}

// TestBallotsOfOneVoter: 64 commands of one voter, in any order, leave one live ballot: the newest of its lane, and of the lanes the one
// that came last.
func TestBallotsOfOneVoter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewSupport(1, 0)
		s.AddIdea()
		v := s.Voters.Number(pseudonym(1))
		numbers := make([]int, 64)
		for i := range numbers {
			numbers[i] = i + 1
		}
		order := rapid.Permutation(numbers).Draw(t, "order")
		for _, n := range order {
			s.Set(v, 0, Ballot{Choice: int8(n % 2), Lane: 7, N: uint64(n)})
			if s.Len() != 1 || s.Tally(0).Total > 1 {
				t.Fatalf("%d ballots, %d supporters", s.Len(), s.Tally(0).Total)
			}
		}
		if b, _ := s.Ballot(v, 0); b.N != 64 || b.Choice != 0 {
			t.Fatalf("%+v", b)
		}
	})
}

func BenchmarkSet(b *testing.B) {
	s := NewSupport(5, 5)
	const ideas, voters = 1000, 10_000
	for range ideas {
		s.AddIdea()
	}
	for i := range voters {
		s.Voters.Number(pseudonym(i))
	}
	s.Grow(2_000_000)
	b.ReportAllocs()
	n := uint32(0)
	for b.Loop() {
		n = n*1664525 + 1013904223
		s.Set(n>>8%voters, n>>4%ideas, Ballot{Choice: int8(n >> 20 & 1), Group: uint8(n >> 8 % 5), Lane: 1, N: uint64(n)})
	}
}
