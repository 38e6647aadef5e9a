package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Hash is one link of a log's chain.
type Hash [32]byte

// String is the hexadecimal form that hello, exports and verify show.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Genesis is the hash before the first entry of a log. It names the log, so that one log cannot be put in another's place.
func Genesis(log string) Hash { return sha256.Sum256([]byte("kiem journal 1\x00" + log)) }

// Chain is a position in a log: the number of an entry and the hash of everything up to it.
type Chain struct {
	Seq  uint64
	Hash Hash
}

// Next is the position after the entry: Hash = SHA-256(previous hash, number, public form of the entry). The public form has the
// salted SHA-256 of each part in place of the part, so the chain is the same whether parts are present, left out of a
// published file, or erased.
func (c Chain) Next(e *Entry) Chain { return c.NextPublic(e.Public()) }

// NextPublic is Next for an entry whose public form is at hand.
func (c Chain) NextPublic(public []byte) Chain {
	h := sha256.New()
	h.Write(c.Hash[:])
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], c.Seq+1)
	h.Write(n[:])
	h.Write(public)
	next := Chain{Seq: c.Seq + 1}
	h.Sum(next.Hash[:0])
	return next
}

// NextStored decodes a stored entry, checks that it follows c, and gives it with the position after it.
func (c Chain) NextStored(s Stored) (*Entry, Chain, error) {
	if s.Seq != c.Seq+1 {
		return nil, c, fmt.Errorf("%w: entry %d where %d was expected", ErrCorrupt, s.Seq, c.Seq+1)
	}
	e, err := Decode(s.Body)
	if err != nil {
		return nil, c, fmt.Errorf("entry %d: %w", s.Seq, err)
	}
	return e, c.Next(e), nil
}
