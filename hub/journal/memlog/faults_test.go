package memlog_test

import (
	"errors"
	"testing"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/journal/memlog"
)

func TestOutcomes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		outcome memlog.Outcome
		want    []error
		stored  uint64
	}{
		{"store", memlog.Store, nil, 1},
		{"refuse", memlog.Refuse, []error{journal.ErrUnavailable}, 0},
		{"full", memlog.Full, []error{journal.ErrFull, journal.ErrUnavailable}, 0},
		{"lose", memlog.Lose, []error{journal.ErrUnknown}, 0},
		{"keep", memlog.Keep, []error{journal.ErrUnknown}, 1},
		{"late", memlog.Late, []error{journal.ErrUnknown}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := memlog.NewDisk()
			l := journaltest.Open(t, d.Open(memlog.Options{}), "c:x")
			d.OnAppend(func(memlog.Attempt) memlog.Outcome { return tt.outcome })
			_, err := l.Append(t.Context(), journaltest.Make(t, 1, journal.Chain{}, 0))
			for _, want := range tt.want {
				if !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
			}
			if len(tt.want) == 0 && err != nil {
				t.Errorf("error %v", err)
			}
			if h, _ := l.Head(t.Context()); h != tt.stored {
				t.Errorf("head %d, want %d", h, tt.stored)
			}
			d.OnAppend(nil)
			if tt.outcome == memlog.Late {
				journaltest.Append(t, l, journaltest.Make(t, 2, journal.Chain{}, 0), 1) // overtakes
				if n := d.Land(); n != 1 {
					t.Errorf("%d landed, want 1", n)
				}
				if h, _ := l.Head(t.Context()); h != 2 {
					t.Errorf("head %d after landing, want 2", h)
				}
			}
			journaltest.Verify(t, l)
		})
	}
}

func TestPoisonStays(t *testing.T) {
	d := memlog.NewDisk()
	j := d.Open(memlog.Options{})
	l := journaltest.Open(t, j, "c:x")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	d.OnAppend(func(memlog.Attempt) memlog.Outcome { return memlog.Poison })
	for range 3 {
		if _, err := l.Append(t.Context(), journaltest.Make(t, 2, journal.Chain{}, 0)); !errors.Is(err, journal.ErrPoisoned) {
			t.Errorf("error %v, want ErrPoisoned", err)
		}
		d.OnAppend(nil)
	}
	if err := j.Ready(t.Context()); !errors.Is(err, journal.ErrPoisoned) {
		t.Errorf("Ready: %v, want ErrPoisoned", err)
	}
	if got := journaltest.ReadAll(t, l, 0, 10); len(got) != 1 {
		t.Errorf("a poisoned journal reads %d entries, want 1", len(got))
	}
	restarted := journaltest.Open(t, d.Open(memlog.Options{}), "c:x")
	journaltest.Append(t, restarted, journaltest.Make(t, 2, journal.Chain{}, 0), 2)
}

func TestHoldAndDropTail(t *testing.T) {
	d := memlog.NewDisk()
	a, b := d.Open(memlog.Options{Shared: true, Node: "a"}), d.Open(memlog.Options{Shared: true, Node: "b"})
	la, lb := journaltest.Open(t, a, "c:x"), journaltest.Open(t, b, "c:x")
	journaltest.Append(t, la, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	b.Hold("c:x")
	journaltest.Append(t, la, journaltest.Make(t, 2, journal.Chain{}, 0), 2)
	journaltest.Append(t, lb, journaltest.Make(t, 3, journal.Chain{}, 0), 3) // it learns its number all the same
	if got := journaltest.ReadAll(t, lb, 0, 10); len(got) != 1 {
		t.Errorf("a held node sees %d entries, want 1", len(got))
	}
	b.Release("c:x")
	<-lb.Changed()
	if got := journaltest.ReadAll(t, lb, 0, 10); len(got) != 3 {
		t.Errorf("a released node sees %d entries, want 3", len(got))
	}
	d.DropTail("c:x", 1)
	journaltest.Append(t, la, journaltest.Make(t, 9, journal.Chain{}, 0), 2)
	if at := journaltest.Verify(t, lb); at.Seq != 2 {
		t.Errorf("head %d after a lost tail and an append, want 2", at.Seq)
	}
	a.Fail(journal.ErrUnavailable)
	if _, err := la.Head(t.Context()); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("Head of a node that is cut off: %v", err)
	}
	a.Fail(nil)
	if _, err := la.Head(t.Context()); err != nil {
		t.Errorf("Head: %v", err)
	}
}
