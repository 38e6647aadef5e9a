package wire

import (
	"unicode/utf8"

	"kiem/id"
)

// string reads a string and gives where its content is, and whether that is in text. at is blamed.
func (r *Reader) string(at int32) (s span, copied, ok bool) {
	r.pos++
	from := r.pos
	for p := from; p < len(r.doc); p++ {
		switch c := r.doc[p]; {
		case c == '"':
			r.pos = p + 1
			return span{int32(from), int32(p)}, false, true
		case c == '\\':
			start := len(r.text)
			r.text = append(r.text, r.doc[from:p]...)
			r.pos = p
			ok = r.escaped(at)
			return span{int32(start), int32(len(r.text))}, true, ok
		case c < ' ':
			return s, false, r.fail(at, notJSON)
		}
	}
	return s, false, r.fail(at, notJSON)
}

// escaped reads the rest of a string from its first escape on.
func (r *Reader) escaped(at int32) bool {
	for r.pos < len(r.doc) {
		c := r.doc[r.pos]
		r.pos++
		switch {
		case c == '"':
			return true
		case c < ' ':
			return r.fail(at, notJSON)
		case c != '\\':
			r.text = append(r.text, c)
			continue
		case r.pos >= len(r.doc):
			return r.fail(at, notJSON)
		}
		c = r.doc[r.pos]
		r.pos++
		switch c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			if !r.unicode(at) {
				return false
			}
			continue
		default:
			return r.fail(at, notJSON)
		}
		r.text = append(r.text, c)
	}
	return r.fail(at, notJSON)
}

// unicode reads the four digits of an escape, and the second half if it is one of a pair.
func (r *Reader) unicode(at int32) bool {
	c := r.hex4()
	switch {
	case c < 0:
		return r.fail(at, notJSON)
	case c == 0:
		return r.fail(at, control)
	case c >= 0xd800 && c < 0xe000:
		if c >= 0xdc00 || len(r.doc)-r.pos < 2 || r.doc[r.pos] != '\\' || r.doc[r.pos+1] != 'u' {
			return r.fail(at, badUTF8)
		}
		r.pos += 2
		low := r.hex4()
		switch {
		case low < 0:
			return r.fail(at, notJSON)
		case low < 0xdc00 || low >= 0xe000:
			return r.fail(at, badUTF8)
		}
		c = 0x10000 + (c-0xd800)<<10 + low - 0xdc00
	}
	r.text = utf8.AppendRune(r.text, c)
	return true
}

// hex4 reads four hexadecimal digits, -1 if they are not there.
func (r *Reader) hex4() (v rune) {
	if len(r.doc)-r.pos < 4 {
		return -1
	}
	for _, c := range r.doc[r.pos : r.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	r.pos += 4
	return v
}

// readID reads the text form of an id, which package id defines, without making it a string.
func readID(b []byte) (i id.ID, ok bool) {
	if len(b) != 36 {
		return i, false
	}
	at, high := 0, true
	for n, c := range b {
		var v byte
		switch {
		case n == 8 || n == 13 || n == 18 || n == 23:
			if c != '-' {
				return id.ID{}, false
			}
			continue
		case c >= '0' && c <= '9':
			v = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = c | 0x20 - 'a' + 10
		default:
			return id.ID{}, false
		}
		if high {
			i[at] = v << 4
		} else {
			i[at] |= v
			at++
		}
		high = !high
	}
	return i, !i.IsZero()
}
