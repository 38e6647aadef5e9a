package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	// progressEvery is the least time between two changes of a progress line.
	progressEvery = 200 * time.Millisecond
	// progressWidth is the length of the bar in it, in characters.
	progressWidth = 24
)

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
	full := int(min(done, all) * progressWidth / all)
	p.say(fmt.Sprintf("%s [%s%s] %d of %d", what, strings.Repeat("#", full), strings.Repeat(".", progressWidth-full), done, all))
}

// size shows how much there is so far of something whose end is not known.
func (p *progress) size(what string, bytes uint64) {
	if time.Since(p.last) >= progressEvery {
		p.say(fmt.Sprintf("%s %.1f MB", what, float64(bytes)/1e6))
	}
}

// say shows a line.
func (p *progress) say(text string) {
	if p.w == nil {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.w, "\r\x1b[K%s", text)
}

// end removes the line.
func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
