package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// answer reads the answer to a GET without keeping it: its status, and how long its body is.
type answer struct {
	state uint8
	left  int // bytes of the body, or of the chunk with its line end, that have not arrived
	size  int // of the body so far
}

// States of an answer.
const (
	inHead = iota
	inBody
	inChunkSize
	inChunk
	inTrailer
)

// maxBody is the longest body, in bytes, that is read.
const maxBody = 64 << 20

var errAnswer = errors.New("bench: no HTTP answer that is understood")

// take reads on. rest is what it needs more of; done says that the answer was read to its end, and then rest is what follows it.
func (a *answer) take(b []byte) (rest []byte, done bool, err error) {
	for {
		switch a.state {
		case inHead:
			end := bytes.Index(b, []byte("\r\n\r\n"))
			if end < 0 {
				return b, false, nil
			}
			if err := a.head(b[:end+2]); err != nil {
				return nil, false, err
			}
			b = b[end+4:]
		case inBody, inChunk:
			n := min(a.left, len(b))
			a.left -= n
			b = b[n:]
			switch {
			case a.left > 0:
				return b, false, nil
			case a.state == inBody:
				return b, true, nil
			}
			a.state = inChunkSize
		case inChunkSize, inTrailer:
			end := bytes.Index(b, []byte("\r\n"))
			if end < 0 {
				return b, false, nil
			}
			line := b[:end]
			b = b[end+2:]
			if a.state == inTrailer {
				if len(line) == 0 {
					return b, true, nil
				}
				continue
			}
			n, err := strconv.ParseUint(string(line), 16, 32)
			if err != nil || n > maxBody || a.size+int(n) > maxBody {
				return nil, false, errAnswer
			}
			if a.size += int(n); n == 0 {
				a.state = inTrailer
				continue
			}
			a.state, a.left = inChunk, int(n)+2
		}
	}
}

func (a *answer) head(h []byte) error {
	if !bytes.HasPrefix(h, []byte("HTTP/1.1 200 ")) {
		line, _, _ := bytes.Cut(h, []byte("\r\n"))
		return fmt.Errorf("%w: %q", errAnswer, line)
	}
	lower := bytes.ToLower(h)
	if bytes.Contains(lower, []byte("\r\ntransfer-encoding: chunked\r\n")) {
		a.state = inChunkSize
		return nil
	}
	_, value, found := bytes.Cut(lower, []byte("\r\ncontent-length: "))
	value, _, _ = bytes.Cut(value, []byte("\r\n"))
	n, err := strconv.ParseUint(string(value), 10, 32)
	if !found || err != nil || n > maxBody {
		return errAnswer
	}
	a.state, a.left, a.size = inBody, int(n), int(n)
	return nil
}
