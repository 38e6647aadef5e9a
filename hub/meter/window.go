package meter

import (
	"sync"
	"time"
)

// Span is how far back a Window looks, and step how far its marks are apart.
const (
	Span = 5 * time.Minute
	step = 15 * time.Second
)

// Window tells what a meter counted in the last Span. Whoever owns it calls Mark now and then, at least once in a step; it may be read by many goroutines.
type Window struct {
	mu    sync.Mutex
	marks []mark // oldest first
}

type mark struct {
	at      time.Time
	reading Reading
}

// Mark remembers a reading, unless one was remembered less than a step ago.
func (w *Window) Mark(now time.Time, r Reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.marks); n > 0 {
		if age := now.Sub(w.marks[n-1].at); age >= 0 && age < step {
			return
		}
	}
	drop := 0
	for drop+1 < len(w.marks) && now.Sub(w.marks[drop+1].at) >= Span {
		drop++
	}
	w.marks = append(w.marks[:0], append(w.marks[drop:], mark{now, r})...)
	if len(w.marks) > int(2*Span/step) { // a clock that jumps back
		w.marks = w.marks[len(w.marks)-int(Span/step):]
	}
}

// Lately is what was counted since the oldest mark that is remembered, and how long ago that was. Without a mark it is all of r.
func (w *Window) Lately(now time.Time, r Reading) (Reading, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.marks) == 0 {
		return r, 0
	}
	return r.Since(w.marks[0].reading), now.Sub(w.marks[0].at)
}
