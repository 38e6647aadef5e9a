package redislog

import (
	"errors"
	"testing"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// TestKept is P14: each snapshot is listed, damaged ones too; one that was replaced meanwhile is no damage.
func TestKept(t *testing.T) {
	s := redistest.Start(t)
	b := backend(t, Options{}, s)
	l := journaltest.Open(t, b.Journal, "c:x")
	save := func(to uint64) {
		t.Helper()
		at := journaltest.Verify(t, l)
		for n := at.Seq + 1; n <= to; n++ {
			journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
		}
		at = journaltest.Verify(t, l)
		if err := l.SaveSnapshot(t.Context(), journal.Snapshot{Seq: at.Seq, Hash: at.Hash, State: []byte("the state")}); err != nil {
			t.Fatal(err)
		}
	}
	kept := func() []journal.Kept {
		t.Helper()
		list, err := l.(journal.Keeper).Kept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := kept(); len(list) > 0 {
		t.Errorf("before the first: %v", list)
	}
	save(3)
	save(6)
	list := kept()
	if len(list) != 2 || list[0].Seq != 3 || list[1].Seq != 6 {
		t.Fatalf("%+v", list)
	}
	b.DamageSnapshot(t, "c:x", 6, func(b []byte) []byte { b[2] ^= 1; return b })
	if got, err := list[0].Load(t.Context()); err != nil || string(got.State) != "the state" || got.Seq != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := list[1].Load(t.Context()); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("a damaged one: %v", err)
	}
	save(9)
	save(12)
	for _, k := range list {
		if _, err := k.Load(t.Context()); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("the one of entry %d, which was replaced: %v", k.Seq, err)
		}
	}
}
