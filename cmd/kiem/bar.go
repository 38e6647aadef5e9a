package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
)

// bar shows on a terminal how far something is, in one line that is rewritten. Anywhere else it is silent: a log needs no bars.
type bar struct {
	w     io.Writer // nil: silent
	shown time.Time
	drawn bool
}

const (
	barWidth = 30                     // characters
	barEvery = 100 * time.Millisecond // between two drawings
)

func newBar(w io.Writer) *bar {
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return &bar{w: w}
	}
	return &bar{}
}

// show draws how much of all is done.
func (b *bar) show(done, of uint64) {
	if b.w == nil || of == 0 || done < of && time.Since(b.shown) < barEvery {
		return
	}
	full := int(barWidth * done / of)
	b.say(fmt.Sprintf("[%s%s] %3d %%", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), 100*done/of))
}

// bytes draws how much there is so far.
func (b *bar) bytes(n uint64) {
	if b.w == nil || time.Since(b.shown) < barEvery {
		return
	}
	b.say(fmt.Sprintf("%.1f MB", float64(n)/1e6))
}

// say draws a line.
func (b *bar) say(text string) {
	if b.w == nil {
		return
	}
	b.shown, b.drawn = time.Now(), true
	fmt.Fprintf(b.w, "\r\x1b[K%s", text)
}

// end takes the line away.
func (b *bar) end() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
