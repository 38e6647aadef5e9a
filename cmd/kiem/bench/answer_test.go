package bench

import (
	"errors"
	"strings"
	"testing"
)

var answers = map[string]struct {
	text string
	size int
	bad  bool
}{
	"length":      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhallo", 5, false},
	"empty":       {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, false},
	"chunks":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n2\r\nlo\r\n0\r\n\r\n", 5, false},
	"trailer":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", 0, false},
	"refused":     {"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", 0, true},
	"no length":   {"HTTP/1.1 200 OK\r\n\r\n", 0, true},
	"huge":        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 0, true},
	"huge chunk":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 0, true},
	"bad chunk":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 0, true},
	"minus chunk": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 0, true},
}

// readAnswer reads a text that arrives in pieces of that size, and gives what follows the answer.
func readAnswer(text string, piece int) (a answer, after string, err error) {
	var part []byte
	for len(text) > 0 {
		n := min(piece, len(text))
		part, text = append(part, text[:n]...), text[n:]
		rest, done, err := a.take(part)
		if err != nil || done {
			return a, string(rest) + text, err
		}
		part = append([]byte(nil), rest...)
	}
	return a, "", errors.New("not complete")
}

// TestAnswer: an answer is the same in whatever pieces it arrives.
func TestAnswer(t *testing.T) {
	for name, c := range answers {
		for _, piece := range []int{1, 2, 7, 1000} {
			a, after, err := readAnswer(c.text+"next", piece)
			if (err != nil) != c.bad || err == nil && (a.size != c.size || after != "next") {
				t.Errorf("%s in pieces of %d: %d bytes, then %q, %v", name, piece, a.size, after, err)
			}
		}
		if c.bad {
			continue
		}
		if _, _, err := readAnswer(strings.TrimSuffix(c.text, "\n"), 3); err == nil && c.size == 0 {
			t.Errorf("%s without its end is complete", name)
		}
	}
}

// FuzzAnswer: whatever comes, reading ends, and the pieces it comes in change nothing.
func FuzzAnswer(f *testing.F) {
	for _, c := range answers {
		f.Add(c.text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, piece int) {
		if piece < 1 || piece > 1000 || len(text) > 1<<16 {
			return
		}
		whole, _, err := readAnswer(text, len(text)+1)
		parts, _, errParts := readAnswer(text, piece)
		if (err == nil) != (errParts == nil) || err == nil && whole.size != parts.size {
			t.Fatalf("whole: %d, %v; in pieces of %d: %d, %v", whole.size, err, piece, parts.size, errParts)
		}
	})
}
