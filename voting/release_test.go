package voting

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// watcher holds the release of one idea to its rules, from what is shown before and after each change.
type watcher struct {
	since [](map[int]bool) // by group: voters whose ballot in it is new since its figure, or that of "other" around it, moved
	look  map[int]bool     // voters whose ballot is new since the last look
	shown []int
	other int
}

func newWatcher(groups int) *watcher {
	w := &watcher{look: map[int]bool{}}
	for range groups {
		w.since = append(w.since, map[int]bool{})
		w.shown = append(w.shown, inOther)
	}
	return w
}

func figures(t *Tally) (shown []int) {
	for _, c := range t.Groups {
		shown = append(shown, c.Shown)
	}
	return shown
}

// cast is told of every change of somebody's support.
func (w *watcher) cast(voter int, was, now Ballot) {
	if (was.Choice == 1) == (now.Choice == 1) {
		return
	}
	w.look[voter] = true
	w.since[now.Group][voter] = true
}

// check compares what is shown now with what was shown before.
func (w *watcher) check(t *rapid.T, now *Tally, small int) {
	shown := figures(now)
	if slices.Equal(shown, w.shown) && now.Other == w.other {
		if small > 0 && len(w.look) >= small {
			w.look = map[int]bool{}
		}
		return
	}
	if small == 0 {
		w.follow(now)
		return
	}
	if len(w.look) < small {
		t.Fatalf("figures moved after %d new ballots: %v other %d -> %v other %d", len(w.look), w.shown, w.other, shown, now.Other)
	}
	folded, left := w.other, false
	moved := 0 // new ballots in "other", with those that groups brought along
	live := 0
	for g, is := range shown {
		was, fresh := w.shown[g], len(w.since[g])
		switch {
		case was == inOther && is == inOther:
			moved += fresh
		case was == inOther: // left "other"
			if is != now.Groups[g].Live/small*small {
				t.Fatalf("group %d appears with %d of %d", g, is, now.Groups[g].Live)
			}
			moved += fresh
			left = true
			w.since[g] = map[int]bool{}
		case is == inOther: // joined "other"
			moved += fresh
			folded += was
		case is != was:
			if fresh < small || is != now.Groups[g].Live/small*small {
				t.Fatalf("group %d moved from %d to %d of %d after %d new ballots", g, was, is, now.Groups[g].Live, fresh)
			}
			w.since[g] = map[int]bool{}
		}
		if is == inOther {
			live += now.Groups[g].Live
		}
	}
	switch {
	case now.Other == folded && !left: // nothing, or only joined what was shown
	case moved < small:
		t.Fatalf("other moved from %d (with those who joined: %d) to %d after %d new ballots", w.other, folded, now.Other, moved)
	case now.Other != live/small*small:
		t.Fatalf("other is %d of %d", now.Other, live)
	default:
		for g, is := range shown {
			if is == inOther {
				w.since[g] = map[int]bool{}
			}
		}
	}
	w.follow(now)
}

func (w *watcher) follow(now *Tally) {
	w.shown, w.other, w.look = figures(now), now.Other, map[int]bool{}
}

// figuresOf names what is shown: "a" is group 0.
func figuresOf(t *Tally) string {
	m := map[string]int{}
	for g, c := range t.Groups {
		if c.Shown > 0 {
			m[string(rune('a'+g))] = c.Shown
		}
	}
	if t.Other > 0 {
		m["other"] = t.Other
	}
	var out string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out += fmt.Sprintf(" %s:%d", k, m[k])
	}
	return fmt.Sprint(t.Total) + out
}

// TestRelease shows the rule on small rooms. A letter is somebody new of that group who supports; a capital, one of that group who takes it back.
func TestRelease(t *testing.T) {
	for _, c := range []struct{ name, ballots, want string }{
		{"four are too few", "aaaa", "4"},
		{"five of one group", "aaaaa", "5 a:5"},
		{"the sixth waits for nine others", "aaaaaa", "6 a:5"},
		{"five in all are together", "aaabb", "5 other:5"},
		{"a small rest keeps the large group back", "aaaaaaabbb", "10 other:10"},
		{"however large it gets", "aaaaaaabbbaaaaaaaaaaaaaaaaaaaa", "30 other:30"},
		{"until the rest is large enough", "aaaaaaabbbaaaaaaaaa" + "bbbbbb", "25 a:15 b:5"},
		{"two large groups and nobody else", "ababababab", "10 a:5 b:5"},
		{"a large group and small ones", "aaaaaaaabbccdde", "15 a:5 other:5"},
		{"a late small group takes the smallest with it", "aaaaaaaaaabbbbbbbbbbaaaaa" + "caaaa", "30 a:15 other:10"},
		{"figures do not follow every change", "aaaaaaaaaabbbbbbbbbb" + "BBBB", "16 a:10 b:10"},
		{"they follow five", "aaaaaaaaaabbbbbbbbbb" + "BBBBB", "15 a:10 b:5"},
		{"a group that shrinks joins the others", "aaaaaaaaaabbbbbbbbbbcc" + "BBBBBBBB", "14 other:10"},
		{"all go", "aaaaa" + "AAAAA", "0"},
	} {
		s := NewSupport(5, 5)
		s.AddIdea()
		live := map[rune][]uint32{}
		for i, r := range c.ballots {
			if r >= 'a' {
				v := s.Voters.Number(pseudonym(i))
				live[r] = append(live[r], v)
				s.Set(v, 0, Ballot{Choice: 1, Group: uint8(r - 'a')})
				continue
			}
			from := live[r-'A'+'a']
			s.Set(from[0], 0, Ballot{Choice: 0, Group: uint8(r - 'A')})
			live[r-'A'+'a'] = from[1:]
		}
		if got := figuresOf(s.Tally(0)); got != c.want {
			t.Errorf("%s (%s): %s, want %s", c.name, c.ballots, got, c.want)
		}
	}
}

// TestOneVoterIsOneBallot: nobody can make up the numbers behind which others hide, by voting to and fro or by opposing.
func TestOneVoterIsOneBallot(t *testing.T) {
	for name, choices := range map[string][]int8{
		"to and fro":           {1, 0, 1, 0, 1, 0, 1, 0, 1},
		"for, against, for":    {1, -1, 1, -1, 1, -1, 1},
		"against and not":      {-1, 0, -1, 0, -1, 0, -1, 0, -1},
		"once, then a hundred": append([]int8{1}, slices.Repeat([]int8{0, 1}, 50)...),
	} {
		s := NewSupport(2, 5)
		s.AddIdea()
		for i := range 3 {
			s.Set(s.Voters.Number(pseudonym(i)), 0, Ballot{Choice: 1})
		}
		mallory := s.Voters.Number(pseudonym(99))
		for _, c := range choices {
			s.Set(mallory, 0, Ballot{Choice: c})
		}
		if got := s.Tally(0); got.Other != 0 || got.Groups[0].Shown != inOther || got.New > 4 {
			t.Errorf("%s: %s, %d new", name, figuresOf(got), got.New)
		}
		for i := range 2 {
			s.Set(s.Voters.Number(pseudonym(10+i)), 0, Ballot{Choice: -1, Group: 1})
		}
		if got := s.Tally(0); got.Other != 0 || got.Groups[0].Shown != inOther {
			t.Errorf("%s, after two opposed: %s", name, figuresOf(got))
		}
	}
}

// TestSetSmall: a larger smallest cell folds what is shown already, without looking at what is not; 0 shows what is.
func TestSetSmall(t *testing.T) {
	s := NewSupport(4, 2)
	s.AddIdea()
	vote := func(n, from int, group uint8) {
		for i := range n {
			s.Set(s.Voters.Number(pseudonym(from+i)), 0, Ballot{Choice: 1, Group: group})
		}
	}
	vote(10, 0, 0)
	vote(4, 100, 1)
	vote(2, 200, 2)
	vote(1, 300, 0) // not looked at yet
	want := func(what string) {
		t.Helper()
		if got := figuresOf(s.Tally(0)); got != what {
			t.Errorf("%s, want %s", got, what)
		}
	}
	want("17 a:10 b:4 c:2")
	s.SetSmall(3)
	want("17 a:10 other:6")
	s.SetSmall(20)
	want("17")
	s.SetSmall(0)
	want("17 a:11 b:4 c:2")
	vote(1, 400, 3)
	want("18 a:11 b:4 c:2 d:1")
	s.SetSmall(2)
	want("18 a:11 b:4 other:3")
	vote(1, 500, 1)
	want("19 a:11 b:4 other:3")
}
