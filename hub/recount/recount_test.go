package recount_test

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"kiem/hub/recount"
	"kiem/id"
	"kiem/voting"
)

func name(kind string, n int) id.ID { return id.Derive(id.ID{}, kind, fmt.Sprint(n)) }

// TestTwoCounts is P20: two programs that share nothing but the rules count the same, for every figure, after every ballot.
func TestTwoCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups, small := rapid.IntRange(1, 5).Draw(t, "groups"), rapid.SampledFrom([]int{0, 1, 2, 3, 5}).Draw(t, "small")
		voters, ideas := rapid.IntRange(1, 40).Draw(t, "voters"), rapid.IntRange(1, 3).Draw(t, "ideas")
		theirs, ours := voting.NewSupport(groups, small), &recount.Count{}
		if err := ours.Rules(groups, small); err != nil {
			t.Fatal(err)
		}
		for i := range ideas {
			theirs.AddIdea()
			if err := ours.Idea(name("idea", i)); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 400).Draw(t, "steps") {
			if rapid.IntRange(0, 60).Draw(t, "raise") == 0 {
				small = rapid.IntRange(0, 8).Draw(t, "new small")
				theirs.SetSmall(small)
				if err := ours.Rules(groups, small); err != nil {
					t.Fatal(err)
				}
			} else {
				v, i := rapid.IntRange(0, voters-1).Draw(t, "voter"), rapid.IntRange(0, ideas-1).Draw(t, "idea")
				choice := int8(rapid.SampledFrom([]int{1, 1, 1, 0, -1}).Draw(t, "choice"))
				group := uint8(v % groups)
				if rapid.IntRange(0, 9).Draw(t, "moved") == 0 {
					group = uint8(rapid.IntRange(0, groups-1).Draw(t, "group"))
				}
				theirs.Set(theirs.Voters.Number(name("voter", v)), uint32(i), voting.Ballot{Choice: choice, Group: group})
				if err := ours.Support(name("voter", v), name("idea", i), choice, group); err != nil {
					t.Fatal(err)
				}
			}
			for i := range ideas {
				tally := theirs.Tally(uint32(i))
				want := recount.Figures{Total: tally.Total, Against: tally.Against, Other: tally.Other}
				for g, c := range tally.Groups {
					want.Groups = append(want.Groups, c.Shown)
					if live := ours.Live(name("idea", i))[g]; live != c.Live {
						t.Fatalf("idea %d, group %d: %d supporters, voting has %d", i, g, live, c.Live)
					}
				}
				if got := ours.Figures(name("idea", i)); !got.Equal(want) {
					t.Fatalf("idea %d: %v, voting has %v", i, got, want)
				}
			}
		}
		if ours.Ballots() != theirs.Len() {
			t.Fatalf("%d ballots, voting has %d", ours.Ballots(), theirs.Len())
		}
	})
}

// TestRefuses: what no accepted command can say.
func TestRefuses(t *testing.T) {
	c := &recount.Count{}
	for what, err := range map[string]error{
		"a ballot before the rules":  c.Support(name("v", 1), name("i", 1), 1, 0),
		"no group":                   c.Rules(0, 5),
		"too many groups":            c.Rules(256, 5),
		"less than nothing":          c.Rules(2, -1),
		"(the rules)":                nil,
		"a ballot on no idea":        after(c.Rules(2, 5), func() error { return c.Support(name("v", 1), name("i", 1), 1, 1) }),
		"an idea twice":              after(c.Idea(name("i", 1)), func() error { return c.Idea(name("i", 1)) }),
		"a group that there is not":  c.Support(name("v", 1), name("i", 1), 1, 2),
		"a choice of 2":              c.Support(name("v", 1), name("i", 1), 2, 0),
		"other groups after ballots": after(c.Support(name("v", 1), name("i", 1), 1, 0), func() error { return c.Rules(3, 5) }),
	} {
		if (err == nil) != (what == "(the rules)") || err != nil && !errors.Is(err, recount.ErrRule) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if f := c.Figures(name("i", 1)); f.Total != 1 || c.Ballots() != 1 {
		t.Errorf("%v after one ballot", f)
	}
}

func after(err error, then func() error) error {
	if err != nil {
		return nil // shows as a missing refusal
	}
	return then()
}

func BenchmarkSupport(b *testing.B) {
	c := &recount.Count{}
	if err := c.Rules(5, 5); err != nil {
		b.Fatal(err)
	}
	voters, ideas := make([]id.ID, 10_000), make([]id.ID, 1000)
	for n := range voters {
		voters[n] = name("voter", n)
	}
	for n := range ideas {
		ideas[n] = name("idea", n)
		if err := c.Idea(ideas[n]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	n := uint32(0)
	for b.Loop() {
		n = n*1664525 + 1013904223
		if err := c.Support(voters[n>>8%10_000], ideas[n>>4%1000], int8(n>>20&1), uint8(n>>8%5)); err != nil {
			b.Fatal(err)
		}
	}
}
