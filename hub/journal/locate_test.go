package journal_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"kiem/hub/journal"
)

// TestLocate is P14: any one byte of an entry that was changed is found, with what stood there.
func TestLocate(t *testing.T) {
	whole := mustEncode(t, full())
	for at := range whole {
		for _, by := range []byte{1, 0x80, 0xff} {
			b := bytes.Clone(whole)
			b[at] ^= by
			if got, was, ok := journal.Locate(b); !ok || got != at || was != whole[at] {
				t.Fatalf("byte %d changed from %02x to %02x: found byte %d, %02x, %v", at, whole[at], b[at], got, was, ok)
			}
		}
	}
	if _, _, ok := journal.Locate(whole); ok {
		t.Error("a byte of a whole entry is called changed")
	}
}

// TestLocateElse: for other damage nothing is claimed that would not give an entry that can be read.
func TestLocateElse(t *testing.T) {
	whole := mustEncode(t, full())
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(whole)
		for range rapid.IntRange(2, 20).Draw(t, "bytes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.Byte().Draw(t, "by")
		}
		b = b[:rapid.IntRange(0, len(b)).Draw(t, "cut")]
		at, was, ok := journal.Locate(b)
		if !ok {
			return
		}
		b[at] = was
		if _, err := journal.Decode(b); err != nil {
			t.Fatalf("byte %d put back, and it cannot be read: %v", at, err)
		}
	})
}
