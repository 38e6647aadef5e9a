package directory

import (
	"encoding/binary"
	"strings"
)

// Codes are typed from a screen across the room and read out over the phone.
const (
	// CodeAlphabet has no 0 O, 1 I L, U: what looks or sounds like another sign is out.
	CodeAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	// CodeLength gives 729 million codes.
	CodeLength = 6
)

// NewCode makes a code from eight random bytes, which the caller brings.
func NewCode(random [8]byte) string {
	n := binary.BigEndian.Uint64(random[:]) // 2^64 over 30^6: no code is likelier than another by more than one in 10^10
	var code [CodeLength]byte
	for i := range code {
		code[i] = CodeAlphabet[n%uint64(len(CodeAlphabet))]
		n /= uint64(len(CodeAlphabet))
	}
	return string(code[:])
}

// NormaliseCode reads a code as people type it: in either case, full-width, with spaces, hyphens or dots. It says whether that is a code.
func NormaliseCode(typed string) (string, bool) {
	var code [CodeLength]byte
	n := 0
	for _, r := range typed {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		switch {
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		case r == ' ', r == '-', r == '.', r == '_', r == '\t', r == '\u00a0', r == '\u2009', r == '\u202f', r == '\u3000', r >= '\u2010' && r <= '\u2015':
			continue
		}
		if n == CodeLength || r >= 0x80 || strings.IndexByte(CodeAlphabet, byte(r)) < 0 {
			return "", false
		}
		code[n] = byte(r)
		n++
	}
	if n != CodeLength {
		return "", false
	}
	return string(code[:]), true
}

// validCode says whether code is in the normal form.
func validCode(code string) bool {
	normal, ok := NormaliseCode(code)
	return ok && normal == code
}
