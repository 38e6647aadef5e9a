// Package id holds the one kind of identifier that Kiem uses: 128 bits, written as a UUID.
//
// Everything a command creates is named after the command: the id of an idea derives from the id of the command
// that posted it. That is what makes a command idempotent for ever, so derivation lives here, next to the type,
// and is RFC 9562 version 5 (SHA-1 of a namespace and a name): any client can compute the same id.
package id

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"strconv"
)

// ID is a UUID. The zero ID names nothing.
type ID [16]byte

// ErrBad is returned by Parse for anything but the 36-character form of a UUID.
var ErrBad = errors.New("id: not a UUID")

// IsZero says whether i names nothing.
func (i ID) IsZero() bool { return i == ID{} }

// String is the 36-character lower-case form.
func (i ID) String() string { return string(i.Append(make([]byte, 0, 36))) }

// Append adds the 36-character form to b.
func (i ID) Append(b []byte) []byte {
	for n, part := range [...][]byte{i[0:4], i[4:6], i[6:8], i[8:10], i[10:16]} {
		if n > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// MarshalText makes an ID a JSON string and a JSON object key.
func (i ID) MarshalText() ([]byte, error) { return i.Append(nil), nil }

// UnmarshalText is the inverse of MarshalText.
func (i *ID) UnmarshalText(text []byte) error {
	v, err := Parse(string(text))
	if err != nil {
		return err
	}
	*i = v
	return nil
}

// Parse reads the 36-character form, in either case. No other spelling is accepted, so that one id has one text but for case.
func Parse(s string) (ID, error) {
	var i ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, ErrBad
	}
	for at, n := range pairs {
		hi, lo := nibble(s[n]), nibble(s[n+1])
		if hi > 15 || lo > 15 {
			return ID{}, ErrBad
		}
		i[at] = hi<<4 | lo
	}
	return i, nil
}

// pairs is where the digits of each byte are in the 36-character form.
var pairs = [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// Derive names a new object after the things it came from: UUID version 5 of space and the parts, each part preceded
// by its length so that no two lists of parts read the same.
func Derive(space ID, parts ...string) ID {
	h := sha1.New()
	h.Write(space[:])
	for _, p := range parts {
		h.Write(strconv.AppendInt(nil, int64(len(p)), 10))
		h.Write([]byte{':'})
		h.Write([]byte(p))
	}
	return stamp(ID(h.Sum(nil)[:16]), 5)
}

// NewV7 makes a version 7 UUID from a Unix time in milliseconds and ten random bytes. The caller brings both: this
// package reads no clock and no randomness.
func NewV7(ms int64, random [10]byte) ID {
	var i ID
	for n := range 6 {
		i[n] = byte(ms >> (40 - 8*n))
	}
	copy(i[6:], random[:])
	return stamp(i, 7)
}

func stamp(i ID, version byte) ID {
	i[6] = i[6]&0x0f | version<<4
	i[8] = i[8]&0x3f | 0x80
	return i
}
