package machine

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"kiem/id"
)

// Sum is the hash of one object, and the sum of the hashes of many: 256 bits, added as four separate words. Adding and removing commute, so a
// digest does not depend on the order in which objects were touched, only on what they are. It finds divergence between
// honest nodes; what resists forgery is the journal's chain.
type Sum [4]uint64

// Add adds the hash of an object that now exists.
func (s *Sum) Add(o Sum) {
	for i := range s {
		s[i] += o[i]
	}
}

// Remove takes away the hash of an object that no longer exists in that form.
func (s *Sum) Remove(o Sum) {
	for i := range s {
		s[i] -= o[i]
	}
}

// Digest is the sum as bytes.
func (s Sum) Digest() (d Digest) {
	for i, v := range s {
		binary.BigEndian.PutUint64(d[8*i:], v)
	}
	return d
}

// Hasher hashes one object: SHA-256 over its kind and its fields, in an order that is fixed by the kind. Fields are of fixed size or preceded by
// their length, so that no two lists of fields read the same. Up to 256 bytes nothing is allocated: every vote is hashed three times.
type Hasher struct {
	n   int
	buf [256]byte
	big []byte
}

// NewHasher starts an object of that kind.
func NewHasher(kind byte) *Hasher {
	h := &Hasher{n: 1}
	h.buf[0] = kind
	return h
}

// room gives the next n bytes to write to.
func (h *Hasher) room(n int) []byte {
	if h.big == nil && h.n+n <= len(h.buf) {
		h.n += n
		return h.buf[h.n-n : h.n]
	}
	if h.big == nil {
		h.big = append(make([]byte, 0, 1024), h.buf[:h.n]...)
	}
	h.big = slices.Grow(h.big, n)[:len(h.big)+n]
	return h.big[len(h.big)-n:]
}

// ID adds an id.
func (h *Hasher) ID(i id.ID) *Hasher { copy(h.room(16), i[:]); return h }

// Int adds a number.
func (h *Hasher) Int(v uint64) *Hasher { binary.BigEndian.PutUint64(h.room(8), v); return h }

// Bool adds a truth value.
func (h *Hasher) Bool(v bool) *Hasher {
	if v {
		return h.Int(1)
	}
	return h.Int(0)
}

// String adds a string with its length.
func (h *Hasher) String(s string) *Hasher {
	h.Int(uint64(len(s)))
	copy(h.room(len(s)), s)
	return h
}

// Strings adds a list with its length.
func (h *Hasher) Strings(list []string) *Hasher {
	h.Int(uint64(len(list)))
	for _, s := range list {
		h.String(s)
	}
	return h
}

// Sum is the hash of the object.
func (h *Hasher) Sum() (s Sum) {
	b := h.big
	if b == nil {
		b = h.buf[:h.n]
	}
	d := sha256.Sum256(b)
	for i := range s {
		s[i] = binary.BigEndian.Uint64(d[8*i:])
	}
	return s
}
