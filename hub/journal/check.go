package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// CheckName says whether name may name a log: 1 to MaxName bytes of letters, digits and ":-_". Too long is ErrTooLarge, anything else
// ErrName.
func CheckName(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("%w: a log's name of %d bytes, at most %d", ErrTooLarge, len(name), MaxName)
	}
	if name == "" {
		return fmt.Errorf("%w: it is empty", ErrName)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == ':', c == '-', c == '_':
		default:
			return fmt.Errorf("%w: byte %d is %q", ErrName, i, c)
		}
	}
	return nil
}

// CheckSnapshot says whether s is within its limit.
func CheckSnapshot(s Snapshot) error {
	if len(s.State) > MaxSnapshot {
		return fmt.Errorf("%w: a snapshot of %d bytes, at most %d", ErrTooLarge, len(s.State), MaxSnapshot)
	}
	return nil
}

// Sum is what a backend stores beside a snapshot, so that damage is found: SHA-256 over every field and the log's name.
func (s Snapshot) Sum(log string) Hash {
	h := sha256.New()
	h.Write([]byte("kiem snapshot 1\x00" + log + "\x00"))
	var n [24]byte
	binary.BigEndian.PutUint64(n[0:], s.Seq)
	binary.BigEndian.PutUint64(n[8:], s.Epoch)
	binary.BigEndian.PutUint64(n[16:], uint64(len(s.State)))
	h.Write(n[:])
	h.Write(s.Hash[:])
	h.Write(s.Digest[:])
	h.Write(s.State)
	return Hash(h.Sum(nil))
}
