package bench

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// A server that Kiem is compared with is a process of its own, so that its processor time is its own. It writes its address on a line, then it reads orders,
// one on a line, and writes a line when each is done. It ends with its input.
//
//	fan COUNT SIZE NANOSECONDS   send COUNT frames of SIZE bytes to every connection, one each so many nanoseconds
//	hang                         forget all connections

// order is one line of what the bench asks a floor or a textbook server to do.
type order struct {
	word  string
	count int
	size  int           // of the message in bytes, without the frame's header
	every time.Duration // from the beginning of one frame to the beginning of the next
}

func (o order) String() string {
	if o.word == "fan" {
		return fmt.Sprintf("fan %d %d %d", o.count, o.size, o.every.Nanoseconds())
	}
	return o.word
}

func readOrder(line string) (o order, err error) {
	if line == "hang" {
		return order{word: line}, nil
	}
	_, err = fmt.Sscanf(line, "fan %d %d %d", &o.count, &o.size, &o.every)
	o.word = "fan"
	return o, err
}

// obey reads orders until there are no more.
func obey(in io.Reader, out io.Writer, address string, do func(order) error) error {
	if _, err := fmt.Fprintln(out, address); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		o, err := readOrder(strings.TrimSpace(lines.Text()))
		if err == nil {
			err = do(o)
		}
		if err != nil {
			return fmt.Errorf("bench: %q: %w", lines.Text(), err)
		}
		if _, err := fmt.Fprintln(out, "done"); err != nil {
			return err
		}
	}
	return lines.Err()
}

// pace calls send count times, one each `every`; a call that takes longer delays the next.
func pace(o order, send func() error) error {
	next := time.Now()
	for range o.count {
		pause(time.Until(next))
		next = time.Now().Add(o.every)
		if err := send(); err != nil {
			return err
		}
	}
	return nil
}

// pause waits for that long. Here time is what is waited for: a pace, or the next look at something that does not tell.
func pause(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
}
