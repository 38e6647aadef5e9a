package campaign_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// counts is the slow side: it keeps the newest ballot of each voter and idea by the rule of lanes, and what was posted.
type counts struct {
	cast   map[[2]id.ID]campaign.SupportData
	lanes  map[[2]id.ID][][2]uint64 // lane and number, newest last
	joined map[id.ID]bool
}

func (k *counts) note(a applied, o machine.Outcome) {
	if o.Refusal != nil || o.Seq != a.s.Seq {
		return
	}
	switch d := a.c.Data.(type) {
	case *campaign.SupportData:
		at := [2]id.ID{a.c.Actor, d.Idea}
		v := *d
		if was, ok := k.cast[at]; ok {
			v.Group = was.Group
		}
		k.cast[at] = v
		if a.c.N == 0 {
			return
		}
		kept := k.lanes[at][:0:0]
		for _, l := range k.lanes[at] {
			if l[0] != a.c.Lane {
				kept = append(kept, l)
			}
		}
		if len(kept) > 7 {
			kept = kept[1:]
		}
		k.lanes[at] = append(kept, [2]uint64{a.c.Lane, a.c.N})
	case *campaign.JoinData:
		k.joined[a.c.Actor] = true
	}
}

// late says whether a vote comes after a newer one of its lane.
func (k *counts) late(a applied) bool {
	d, ok := a.c.Data.(*campaign.SupportData)
	if !ok || a.c.N == 0 {
		return false
	}
	lanes := k.lanes[[2]id.ID{a.c.Actor, d.Idea}]
	for i, l := range lanes {
		if l[0] == a.c.Lane {
			return a.c.N < l[1] || a.c.N == l[1] && i < len(lanes)-1
		}
	}
	return false
}

// check compares the machine's counters with those of the slow side and with each other.
func (k *counts) check(t tb, m *campaign.Machine) {
	t.Helper()
	view := m.View(machine.Moderators, nameOf)
	posted := map[id.ID]int{}
	for _, i := range m.Board().All() {
		if i.Status != ideas.Retracted {
			posted[i.Author]++
		}
		total, against := 0, 0
		for at, d := range k.cast {
			switch {
			case at[1] != i.ID:
			case d.Value == 1:
				total++
			case d.Value == -1:
				against++
			}
		}
		tally := view.Tally(i.ID)
		if tally.Support != total || tally.Against != against {
			t.Fatalf("idea %s: %d for and %d against, want %d and %d", i.ID, tally.Support, tally.Against, total, against)
		}
		for name, n := range tally.ByGroup {
			if n < m.Settings().SmallCell {
				t.Fatalf("%s shows %d", name, n)
			}
		}
		for _, c := range i.Comments {
			if m.Board().Comment(c.ID) != c || c.Idea != i.ID {
				t.Fatalf("comment %s is not found where it is", c.ID)
			}
		}
	}
	for _, p := range m.People() {
		if m.Board().PostedBy(p.ID) != posted[p.ID] {
			t.Fatalf("%d ideas by one who has %d", m.Board().PostedBy(p.ID), posted[p.ID])
		}
	}
	if want := len(k.joined); m.Exists() && len(m.People()) != want {
		t.Fatalf("%d people, want %d", len(m.People()), want)
	}
}

// outcome in words, for comparing what two machines say.
func outcome(o machine.Outcome) string { return fmt.Sprintf("%s %+v", said(o), o.Events) }

// TestMachine runs random logs: invariants hold after every command; a refused command leaves the state as it was; the digest kept up is that of the
// state, made from scratch; and three other machines say and become the same: one that replays, one that starts from a snapshot, and one that never
// could read a word.
func TestMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newGenerator(rapid.Uint64().Draw(t, "seed"))
		m := campaign.New()
		slow := &counts{cast: map[[2]id.ID]campaign.SupportData{}, lanes: map[[2]id.ID][][2]uint64{}, joined: map[id.ID]bool{person("olga"): true}}
		var log []applied
		var said []string
		snapshots := map[int][]byte{}
		for n := range rapid.SampledFrom([]int{10, 60, 150, 300, 300, 300}).Draw(t, "commands") {
			a := g.next()
			log = append(log, applied{copyOf(a.c), a.s})
			before, digest := m.StateDigest(), m.Digest()
			repeated, done := m.Look(a.c)
			late := slow.late(a)
			o := m.Apply(a.c, a.s)
			g.heard(a, o)
			said = append(said, outcome(o))
			if !reflect.DeepEqual(a.c, log[n].c) {
				t.Fatalf("Apply changed the command %+v", a.c)
			}
			switch {
			case done && (m.Digest() != digest || len(o.Events) > 0 || outcome(o) != outcome(repeated)):
				t.Fatalf("a repeated command did something: %v", o)
			case o.Stale && m.Digest() != digest:
				t.Fatal("a stale vote is remembered")
			case o.Refusal != nil && m.StateDigest() != before:
				t.Fatalf("a refused command changed something: %v", o.Refusal)
			case late && !done && o.Refusal == nil:
				t.Fatal("a late vote counts")
			}
			slow.note(a, o)
			slow.check(t, m)
			if n%5 > 0 {
				continue
			}
			if fresh := restored(t, m); fresh.Digest() != m.Digest() || fresh.StateDigest() != m.StateDigest() {
				t.Fatalf("after %s the digest is not that of the state", a.c.Type)
			}
			if n%40 == 0 {
				snapshots[n] = m.Snapshot()
			}
		}

		replay, unread := campaign.New(), campaign.New()
		for n, a := range log {
			if got := outcome(replay.Apply(copyOf(a.c), a.s)); got != said[n] {
				t.Fatalf("replay: %s says %s, it was %s", a.c.Type, got, said[n])
			}
			if got := outcome(unread.Apply(blind(a.c), a.s)); got != said[n] {
				t.Fatalf("unread: %s says %s, it was %s", a.c.Type, got, said[n])
			}
		}
		if replay.Digest() != m.Digest() || !bytes.Equal(replay.Snapshot(), m.Snapshot()) {
			t.Fatal("replay gives another state")
		}
		if unread.Digest() != m.Digest() {
			t.Fatal("the words make a difference")
		}
		for from, b := range snapshots {
			resumed := campaign.New()
			if err := resumed.Restore(b); err != nil {
				t.Fatal(err)
			}
			for n := from + 1; n < len(log); n++ {
				if got := outcome(resumed.Apply(copyOf(log[n].c), log[n].s)); got != said[n] {
					t.Fatalf("from snapshot %d: %s says %s, it was %s", from, log[n].c.Type, got, said[n])
				}
			}
			if resumed.Digest() != m.Digest() || !bytes.Equal(resumed.Snapshot(), m.Snapshot()) {
				t.Fatalf("from snapshot %d: another state", from)
			}
		}
	})
}
