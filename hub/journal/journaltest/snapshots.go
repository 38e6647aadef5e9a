package journaltest

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiem/hub/journal"
)

// fill appends n entries and gives the chain after each (index 0: before the first).
func fill(t *testing.T, l journal.Log, n int) []journal.Chain {
	t.Helper()
	at := journal.Chain{Hash: journal.Genesis(l.Name())}
	chain := []journal.Chain{at}
	for i := range n {
		e := entry(uint64(i+1), at, 0)
		Append(t, l, Encode(t, e), uint64(i+1))
		at = at.Next(e)
		chain = append(chain, at)
	}
	return chain
}

func snapshotAt(c journal.Chain, size int) journal.Snapshot {
	return journal.Snapshot{
		Seq: c.Seq, Epoch: 3, Hash: c.Hash, Digest: [32]byte{9, byte(c.Seq)}, State: randomBytes(size, c.Seq),
	}
}

func save(t *testing.T, l journal.Log, s journal.Snapshot) {
	t.Helper()
	if err := l.SaveSnapshot(t.Context(), s); err != nil {
		t.Fatalf("SaveSnapshot at %d: %v", s.Seq, err)
	}
}

// wantSnapshot expects the snapshot want at or below n; a zero one means none.
func wantSnapshot(t *testing.T, l journal.Log, n uint64, want journal.Snapshot) {
	t.Helper()
	got, err := l.Snapshot(t.Context(), n)
	if want.Seq == 0 {
		if !errors.Is(err, journal.ErrNotFound) {
			t.Fatalf("snapshot at or below %d: at %d, error %v; want ErrNotFound", n, got.Seq, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("snapshot at or below %d: %v", n, err)
	}
	if got.Seq != want.Seq || got.Epoch != want.Epoch || got.Hash != want.Hash || got.Digest != want.Digest {
		got.State, want.State = nil, nil
		t.Fatalf("snapshot at or below %d: %s", n, cmp.Diff(want, got))
	}
	if !bytes.Equal(got.State, want.State) {
		t.Fatalf("snapshot at %d came back with another state (%d bytes, want %d)", got.Seq, len(got.State), len(want.State))
	}
}

func testSnapshots(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:snap")
	c := fill(t, l, 12)
	var kept []journal.Snapshot
	for _, at := range []int{2, 5, 8, 11} {
		snap := snapshotAt(c[at], 1000*at)
		save(t, l, snap)
		kept = append(kept, snap)
		if len(kept) > journal.KeepSnapshots {
			kept = kept[1:]
		}
		wantSnapshot(t, l, math.MaxUint64, snap)
		wantSnapshot(t, l, snap.Seq, snap)
		if len(kept) == journal.KeepSnapshots {
			wantSnapshot(t, l, snap.Seq-1, kept[0])
			wantSnapshot(t, l, kept[0].Seq, kept[0])
			wantSnapshot(t, l, kept[0].Seq-1, journal.Snapshot{})
		}
	}
	wantSnapshot(t, Open(t, s.Journal, "c:other"), math.MaxUint64, journal.Snapshot{})
	empty := snapshotAt(c[12], 0)
	save(t, l, empty)
	wantSnapshot(t, l, 12, empty)
}

func testSnapshotOld(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:snap")
	c := fill(t, l, 6)
	five := snapshotAt(c[5], 500)
	save(t, l, five)
	for _, at := range []int{3, 5} {
		save(t, l, snapshotAt(c[at], 100))
	}
	wantSnapshot(t, l, math.MaxUint64, five)
	wantSnapshot(t, l, 4, journal.Snapshot{})
}

func testSnapshotLarge(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:snap")
	c := fill(t, l, 2)
	for i, size := range []int{1<<20 - 1, 9<<20 + 12345} {
		snap := snapshotAt(c[i+1], size)
		save(t, l, snap)
		wantSnapshot(t, l, math.MaxUint64, snap)
	}
}

func testSnapshotLimit(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:snap")
	c := fill(t, l, 1)
	snap := snapshotAt(c[1], 0)
	snap.State = huge(t, journal.MaxSnapshot+1)
	if err := l.SaveSnapshot(s.ctx, snap); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("one byte over the limit: error %v, want ErrTooLarge", err)
	}
	wantSnapshot(t, l, math.MaxUint64, journal.Snapshot{})
}

func testSnapshotDamaged(t *testing.T, s *suite) {
	s.need(t, "way to damage a snapshot", s.DamageSnapshot != nil)
	changes := map[string]func([]byte) []byte{
		"one bit":        func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut":            func(b []byte) []byte { return b[:len(b)-1] },
		"zeroed":         func(b []byte) []byte { return make([]byte, len(b)) },
		"longer":         func(b []byte) []byte { return append(b, 0) },
		"nothing at all": func([]byte) []byte { return nil },
	}
	for name, change := range changes {
		l := Open(t, s.Journal, "c:snap-"+string([]byte(name)[:3]))
		c := fill(t, l, 9)
		older, newer := snapshotAt(c[4], 40000), snapshotAt(c[8], 40000)
		save(t, l, older)
		save(t, l, newer)
		s.DamageSnapshot(t, l.Name(), 8, change)
		wantSnapshot(t, l, math.MaxUint64, older)
		s.DamageSnapshot(t, l.Name(), 4, change)
		wantSnapshot(t, l, math.MaxUint64, journal.Snapshot{})
		next := snapshotAt(c[9], 10) // the damage does not stand in the way of the next one
		save(t, l, next)
		wantSnapshot(t, l, math.MaxUint64, next)
	}
}

func testSnapshotReopen(t *testing.T, s *suite) {
	s.need(t, "restart and kill", s.Reopen != nil && s.Kill != nil)
	l := Open(t, s.Journal, "c:snap")
	c := fill(t, l, 8)
	one, two := snapshotAt(c[3], 70000), snapshotAt(c[6], 70000)
	save(t, l, one)
	save(t, l, two)
	s.kill(t)
	l = Open(t, s.Journal, "c:snap")
	wantSnapshot(t, l, math.MaxUint64, two)
	wantSnapshot(t, l, 5, one)
	three := snapshotAt(c[7], 10)
	save(t, l, three)
	s.restart(t)
	l = Open(t, s.Journal, "c:snap")
	wantSnapshot(t, l, math.MaxUint64, three)
	wantSnapshot(t, l, 6, two)
	wantSnapshot(t, l, 5, journal.Snapshot{})
}
