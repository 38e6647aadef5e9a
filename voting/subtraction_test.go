package voting

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"testing"
)

// The attacker of these tests sees every ballot move the total, one by one, beside the figures by group, and knows which ballot is whose. What
// is left to find out is the group of its voter; where one person of a small group is known to be in the room, that is their vote.

// table is what is shown of an idea, for comparing and for reading: the total, the figure of each group (- in "other") and that of "other".
func table(b []byte, t *Tally) []byte {
	b = strconv.AppendInt(b, int64(t.Total), 10)
	for _, c := range t.Groups {
		if c.Shown == inOther {
			b = append(b, " -"...)
			continue
		}
		b = strconv.AppendInt(append(b, ' '), int64(c.Shown), 10)
	}
	return append(strconv.AppendInt(append(b, ' '), int64(t.Other), 10), '\n')
}

// observed is everything that is shown of an idea while these people support it one after the other, and the look that each ballot fell into.
func observed(labels []int, groups, small int) (tables string, looks []uint32) {
	s := NewSupport(groups, small)
	s.AddIdea()
	var b []byte
	for i, g := range labels {
		looks = append(looks, s.Tally(0).Look)
		s.Set(uint32(i), 0, Ballot{Choice: 1, Group: uint8(g)})
		b = table(b, s.Tally(0))
	}
	return string(b), looks
}

// TestNobodyIsPinned goes through every way in which people of two or three groups can follow one another, and compares all those that
// look alike from outside: wherever the group of a ballot is certain, it is certain for at least `small` ballots of that look together. Nothing
// that is shown singles anybody out.
func TestNobodyIsPinned(t *testing.T) {
	for _, c := range []struct{ groups, small, ballots int }{{2, 3, 13}, {2, 5, 15}, {3, 3, 9}, {3, 2, 9}} {
		if testing.Short() && c.ballots > 13 {
			continue
		}
		type class struct {
			looks []uint32
			seen  [][]bool // by position: the groups that are possible
			ways  int      // to look like this
		}
		classes := map[string]*class{}
		labels := make([]int, c.ballots)
		for n := range int(math.Pow(float64(c.groups), float64(c.ballots))) {
			for i := range labels {
				labels[i] = n % c.groups
				n /= c.groups
			}
			tables, looks := observed(labels, c.groups, c.small)
			k := classes[tables]
			if k == nil {
				k = &class{looks: looks}
				for range labels {
					k.seen = append(k.seen, make([]bool, c.groups))
				}
				classes[tables] = k
			}
			k.ways++
			for i, g := range labels {
				k.seen[i][g] = true
			}
		}
		pinned, all := 0, 0
		for tables, k := range classes {
			together := map[uint32]int{}
			for i := range k.seen {
				possible := 0
				for _, yes := range k.seen[i] {
					if yes {
						possible++
					}
				}
				all += k.ways
				if possible == 1 {
					together[k.looks[i]]++
					pinned += k.ways
				}
			}
			for look, n := range together {
				if n < c.small {
					t.Errorf("%+v: in look %d the group of %d ballots is certain:\n%s", c, look, n, tables)
				}
			}
		}
		t.Logf("%+v: %d different views; %.1f %% of the ballots are certain, always in company", c, len(classes), 100*float64(pinned)/float64(all))
	}
}

// TestNobodyIsCounted goes through every way in which the looks at an idea can be made up, in halls of two to four groups, and compares those
// that look alike: it is practically never certain that a look brought a group some ballots, but fewer than `small`. That is what subtracting
// exact figures from the total would tell whenever one cell moves and another does not: with exact figures 3 of 100 such counts in halls of two
// groups are certain after five looks, and 19 of 100 after eight.
func TestNobodyIsCounted(t *testing.T) {
	const small = 5
	for _, c := range []struct{ groups, looks int }{{2, 5}, {3, 3}, {4, 2}} {
		type class struct {
			least, most [][]int // ballots by look and group
			ways        float64 // orders of voters that look like this
		}
		classes := map[string]*class{}
		each(made(small, c.groups), c.looks, func(looks [][]int) {
			s := NewSupport(c.groups, small)
			s.AddIdea()
			var tables []byte
			voter, ways := uint32(0), 1.0
			for _, look := range looks { // within a look the order cannot be seen: figures move at its end
				left := small
				for g, n := range look {
					for i := range n {
						s.Set(voter, 0, Ballot{Choice: 1, Group: uint8(g)})
						voter++
						ways = ways * float64(left) / float64(i+1)
						left--
					}
				}
				tables = table(tables, s.Tally(0))
			}
			k := classes[string(tables)]
			if k == nil {
				k = &class{}
				for _, look := range looks {
					k.least, k.most = append(k.least, slices.Clone(look)), append(k.most, slices.Clone(look))
				}
				classes[string(tables)] = k
			}
			k.ways += ways
			for l, look := range looks {
				for g, n := range look {
					k.least[l][g], k.most[l][g] = min(k.least[l][g], n), max(k.most[l][g], n)
				}
			}
		})
		certain, all, example := 0.0, 0.0, ""
		for tables, k := range classes {
			for l := range k.least {
				for g, n := range k.least[l] {
					all += k.ways
					if n == k.most[l][g] && 0 < n && n < small {
						certain += k.ways
						example = fmt.Sprintf("group %d has %d ballots in look %d:\n%s", g, n, l+1, tables)
					}
				}
			}
		}
		t.Logf("%+v: %d different views, %.4f %% of the counts certain", c, len(classes), 100*certain/all)
		if certain > 1e-4*all {
			t.Errorf("%+v: such as: %s", c, example)
		}
	}
}

// made lists the ways in which n ballots can come from that many groups.
func made(n, groups int) (ways [][]int) {
	if groups == 1 {
		return [][]int{{n}}
	}
	for first := range n + 1 {
		for _, rest := range made(n-first, groups-1) {
			ways = append(ways, append([]int{first}, rest...))
		}
	}
	return ways
}

// each visits every sequence of that length.
func each(ways [][]int, length int, visit func([][]int)) {
	sequence := make([][]int, length)
	var from func(int)
	from = func(i int) {
		if i == length {
			visit(sequence)
			return
		}
		for _, w := range ways {
			sequence[i] = w
			from(i + 1)
		}
	}
	from(0)
}

// crowd draws the shares of the groups in a room.
type crowd func(r *rand.Rand) []float64

// typical: citizens are the largest group, 40 to 75 of 100; the others share the rest as chance has it.
func typical(r *rand.Rand) []float64 {
	share := []float64{0.4 + 0.35*r.Float64(), r.ExpFloat64(), r.ExpFloat64(), r.ExpFloat64(), r.ExpFloat64()}
	sum := share[1] + share[2] + share[3] + share[4]
	for g := 1; g < 5; g++ {
		share[g] *= (1 - share[0]) / sum
	}
	return share
}

// halves: two groups of the same size, the hardest room: every table is news.
func halves(*rand.Rand) []float64 { return []float64{0.5, 0.5, 0, 0, 0} }

// alike: five groups of the same size.
func alike(*rand.Rand) []float64 { return []float64{0.2, 0.2, 0.2, 0.2, 0.2} }

// ballotSeen is what the attacker knows of one ballot in the end: how the figures moved at the look it fell into, what the total says besides,
// and where in the look it stood. Groups are numbered by their supporters in the end, the largest being 0.
type ballotSeen struct {
	moved  [6]int8 // steps of the five groups and of "other"
	size   int8    // of the idea
	rest   int16   // what the total leaves after subtracting the figures, before and after
	before int16
	place  int8
}

// hall simulates one idea in one room and tells what the attacker sees of each ballot, and its group. One voter in ten takes the support back.
func hall(r *rand.Rand, share []float64, visit func(seen ballotSeen, group int)) {
	const small = 5
	s := NewSupport(5, small)
	s.AddIdea()
	t := s.Tally(0)
	n := 20 + r.IntN(130)
	type ballot struct {
		seen  ballotSeen
		group int
	}
	var ballots []ballot
	first, shown, other, rest := 0, figures(t), 0, 0
	for i := range n {
		g, x := 0, r.Float64()
		for g < 4 && x >= share[g] {
			x -= share[g]
			g++
		}
		look := t.Look
		v := s.Voters.Number(pseudonym(i))
		s.Set(v, 0, Ballot{Choice: 1, Group: uint8(g)})
		ballots = append(ballots, ballot{ballotSeen{place: int8(len(ballots) - first)}, g})
		if r.IntN(10) == 0 {
			s.Set(v, 0, Ballot{Choice: 0, Group: uint8(g)})
		}
		if t.Look == look {
			continue
		}
		now := figures(t)
		left := t.Total - t.Other
		var moved [6]int8
		for g := range now {
			left -= max(now[g], 0)
			moved[g] = int8((max(now[g], 0) - max(shown[g], 0)) / small)
		}
		moved[5] = int8((t.Other - other) / small)
		for i := first; i < len(ballots); i++ {
			ballots[i].seen.moved, ballots[i].seen.before, ballots[i].seen.rest = moved, int16(rest), int16(left)
		}
		first, shown, other, rest = len(ballots), now, t.Other, left
	}
	rank := []int{0, 1, 2, 3, 4}
	sort.SliceStable(rank, func(a, b int) bool { return t.Groups[rank[a]].Live > t.Groups[rank[b]].Live })
	name := make([]int, 5)
	for i, g := range rank {
		name[g] = i
	}
	for _, b := range ballots {
		moved := b.seen.moved
		for i, g := range rank {
			b.seen.moved[i] = moved[g]
		}
		b.seen.size = int8(n / 20)
		visit(b.seen, name[b.group])
	}
}

// guesser learns in many rooms which group goes with what is seen, and then guesses.
type guesser struct {
	know  func(ballotSeen) ballotSeen // what of it this attacker looks at
	times map[ballotSeen]*[5]int
	right int
}

func (g *guesser) learn(seen ballotSeen, group int) {
	k := g.know(seen)
	if g.times[k] == nil {
		g.times[k] = new([5]int)
	}
	g.times[k][group]++
}

func (g *guesser) guess(seen ballotSeen, group int) {
	best, times := 0, g.times[g.know(seen)]
	for i := range times {
		if times[i] > times[best] {
			best = i
		}
	}
	if best == group {
		g.right++
	}
}

// TestSubtraction: guessing the group of a voter is not worth the trouble. Over 1,000 typical rooms whoever watches the total and the figures
// is right at most 2 points more often than somebody who always says the largest group. And in any room, also where all groups are of one
// size, subtracting the figures from the total adds at most 2 points to what the figures by themselves say.
func TestSubtraction(t *testing.T) {
	rooms := 3_000
	if testing.Short() {
		rooms = 1_000
	}
	for _, c := range []struct {
		name    string
		crowd   crowd
		typical bool
	}{{"typical", typical, true}, {"halves", halves, false}, {"alike", alike, false}} {
		t.Run(c.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 11))
			tables := &guesser{times: map[ballotSeen]*[5]int{}, know: func(s ballotSeen) ballotSeen {
				return ballotSeen{moved: s.moved, size: s.size}
			}}
			all := &guesser{times: map[ballotSeen]*[5]int{}, know: func(s ballotSeen) ballotSeen {
				s.rest -= s.before
				s.size, s.before = 0, 0 // they would only thin out what can be learnt
				return s
			}}
			for range rooms {
				hall(r, c.crowd(r), func(seen ballotSeen, group int) { tables.learn(seen, group); all.learn(seen, group) })
			}
			ballots, largest := 0, 0
			guessed := 1000
			if !c.typical {
				guessed = 300
			}
			for range guessed {
				hall(r, c.crowd(r), func(seen ballotSeen, group int) {
					ballots++
					if group == 0 {
						largest++
					}
					if tables.times[tables.know(seen)] == nil || all.times[all.know(seen)] == nil { // nothing learnt: the best guess that needs nothing
						if group == 0 {
							tables.right++
							all.right++
						}
						return
					}
					tables.guess(seen, group)
					all.guess(seen, group)
				})
			}
			of := func(n int) float64 { return 100 * float64(n) / float64(ballots) }
			report := fmt.Sprintf("%d ballots: largest group %.1f %%, figures %.1f %%, figures and total %.1f %%", ballots, of(largest), of(tables.right), of(all.right))
			t.Log(report)
			if c.typical && of(max(all.right, tables.right)-largest) > 2 {
				t.Errorf("more than 2 points over the base rate: %s", report)
			}
			if of(all.right-tables.right) > 2 {
				t.Errorf("the total adds more than 2 points: %s", report)
			}
		})
	}
}
