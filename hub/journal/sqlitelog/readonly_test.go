package sqlitelog

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

func openReader(t *testing.T, dir string) *Reader {
	t.Helper()
	r, err := OpenReadOnly(t.Context(), dir, nil)
	if err != nil {
		t.Fatalf("OpenReadOnly: %v", err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReadOnly(t.Context(), dir, nil); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("an empty directory: %v, want ErrNotFound", err)
	}
	j := open(t, dir, small)
	l := journaltest.Open(t, j, "c:x")
	for n := uint64(1); n <= 30; n++ {
		journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
	}
	at := journaltest.Verify(t, l)
	snap := journal.Snapshot{Seq: 30, Epoch: 1, Hash: at.Hash, State: []byte("state")}
	if err := l.SaveSnapshot(t.Context(), snap); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, r *Reader) {
		t.Helper()
		rl := journaltest.Open(t, r, "c:x")
		if got := journaltest.Verify(t, rl); got != at {
			t.Errorf("the reader's chain is %v, want %v", got, at)
		}
		if s, err := rl.Snapshot(t.Context(), 99); err != nil || string(s.State) != "state" {
			t.Errorf("Snapshot: %v, %v", s, err)
		}
		if _, err := rl.Append(t.Context(), journaltest.Make(t, 1, journal.Chain{}, 0)); !errors.Is(err, journal.ErrUnavailable) {
			t.Errorf("Append: %v, want ErrUnavailable", err)
		}
		if names, err := r.Names(t.Context()); err != nil || len(names) != 1 {
			t.Errorf("Names: %q, %v", names, err)
		}
	}
	r := openReader(t, dir)
	check(t, r)
	for n := uint64(31); n <= 60; n++ { // the server goes on; the reader's instant does not move
		journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
	}
	check(t, r)

	path := filepath.Join(t.TempDir(), "backup.db")
	if err := r.BackUp(t.Context(), path); err != nil {
		t.Fatalf("BackUp: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	restored := t.TempDir()
	if err := os.Rename(path, filepath.Join(restored, fileName)); err != nil {
		t.Fatal(err)
	}
	rl := journaltest.Open(t, open(t, restored, small), "c:x")
	if got := journaltest.Verify(t, rl); got != at {
		t.Errorf("the backup's chain is %v, want %v", got, at)
	}
	journaltest.Append(t, rl, journaltest.Make(t, 31, journal.Chain{}, 0), 31)

	// Without a server, and after a kill with everything still in the WAL.
	killed := image(t, dir)
	kr := journaltest.Open(t, openReader(t, killed), "c:x")
	if got := journaltest.Verify(t, kr); got.Seq != 60 {
		t.Errorf("after a kill the reader finds %d entries, want 60", got.Seq)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	r = openReader(t, dir)
	if got := journaltest.Verify(t, journaltest.Open(t, r, "c:x")); got.Seq != 60 {
		t.Errorf("after a clean stop the reader finds %d entries, want 60", got.Seq)
	}
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, small)
	if _, err := Open(t.Context(), dir, small); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("a second Open: %v, want ErrLocked", err)
	}
	l := journaltest.Open(t, j, "c:x")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, small)
	journaltest.Append(t, journaltest.Open(t, j, "c:x"), journaltest.Make(t, 2, journal.Chain{}, 0), 2)
}
