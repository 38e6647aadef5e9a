package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progressEvery is the least time between two changes of a progress line.
const progressEvery = 200 * time.Millisecond

// progress is a line on a terminal that says how far something is. Elsewhere it says nothing.
type progress struct {
	w     io.Writer // nil: not a terminal
	last  time.Time
	shown bool
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok {
		if fi, err := f.Stat(); err == nil && fi.Mode()&os.ModeCharDevice != 0 {
			return &progress{w: f}
		}
	}
	return &progress{}
}

func (p *progress) show(what string, done, all uint64) {
	if p.w == nil || time.Since(p.last) < progressEvery || all == 0 {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.w, "\r\x1b[K%s: %d of %d (%d %%)", what, done, all, done*100/all)
}

// end removes the line.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
