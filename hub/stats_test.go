package hub

import (
	"testing"
	"time"

	"kiem/hub/wire"
)

// TestReplies: every outcome is counted by itself, and one that has no code yet is not lost.
func TestReplies(t *testing.T) {
	var r Replies
	for range 3 {
		r.Done()
	}
	for n, code := range wire.Codes {
		for range n + 1 {
			r.Refused(code)
		}
	}
	r.Refused("a code of tomorrow")
	for n, code := range wire.Codes {
		if got := r.Load(code); got != uint64(n+1) {
			t.Errorf("%s was counted %d times, want %d", code, got, n+1)
		}
	}
	all := len(wire.Codes) * (len(wire.Codes) + 1) / 2
	if r.Load("") != 3 || r.Failed() != uint64(all+1) || r.Load("a code of tomorrow") != 0 {
		t.Errorf("%d done, %d failed", r.Load(""), r.Failed())
	}
}

// TestWaits: only the oldest change counts, and once.
func TestWaits(t *testing.T) {
	var w waits
	if d, began := w.end(); began || d != 0 {
		t.Errorf("nothing waited %v", d)
	}
	w.begin()
	first := w.since
	w.begin()
	if w.since != first {
		t.Error("a later change took the place of an earlier one")
	}
	w.since = first.Add(-time.Minute)
	if d, began := w.end(); !began || d < time.Minute {
		t.Errorf("it waited %v", d)
	}
	if _, began := w.end(); began {
		t.Error("it is counted twice")
	}
}
