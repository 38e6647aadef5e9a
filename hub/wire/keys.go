package wire

import (
	"cmp"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

const (
	fewFields    = 16  // up to which every two keys are compared; more are sorted
	maxPathPart  = 40  // bytes of a key that a fault repeats
	maxPathWhole = 120 // bytes of a fault's path
)

// distinct refuses two keys of an object that are the same but for case: which of them counts would depend on who reads.
func (r *Reader) distinct(up int32, fields int) bool {
	if fields < 2 {
		return true
	}
	if fields <= fewFields {
		var seen [fewFields]int32
		n := 0
		for i := up + 1; i < int32(len(r.nodes)); i = r.nodes[i].end {
			for _, other := range seen[:n] {
				if r.nodes[other].fold == r.nodes[i].fold && compareFold(r.keyOf(other), r.keyOf(i)) == 0 {
					return r.fail(i, duplicateKey)
				}
			}
			seen[n] = i
			n++
		}
		return true
	}
	r.order = r.order[:0]
	for i := up + 1; i < int32(len(r.nodes)); i = r.nodes[i].end {
		r.order = append(r.order, i)
	}
	// Sorting keeps the cost in bounds whatever the keys are: also where somebody made their hashes equal.
	slices.SortFunc(r.order, func(a, b int32) int {
		if c := cmp.Compare(r.nodes[a].fold, r.nodes[b].fold); c != 0 {
			return c
		}
		if c := compareFold(r.keyOf(a), r.keyOf(b)); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	for n, i := range r.order[1:] {
		if before := r.order[n]; r.nodes[before].fold == r.nodes[i].fold && compareFold(r.keyOf(before), r.keyOf(i)) == 0 {
			return r.fail(i, duplicateKey)
		}
	}
	return true
}

func (r *Reader) slice(s span, inText bool) []byte {
	if inText {
		return r.text[s.from:s.to]
	}
	return r.doc[s.from:s.to]
}

func (r *Reader) keyOf(at int32) []byte { return r.slice(r.nodes[at].key, r.nodes[at].keyInText) }

// foldHash is FNV-1a over a key without its case.
func foldHash(key []byte) uint32 {
	h := uint32(2166136261)
	for n := 0; n < len(key); {
		c := key[n]
		if c >= utf8.RuneSelf {
			v, size := utf8.DecodeRune(key[n:])
			h = (h ^ uint32(foldRune(v))) * 16777619
			n += size
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		h = (h ^ uint32(c)) * 16777619
		n++
	}
	return h
}

// foldRune is the same for all letters that are the same but for case, as strings.EqualFold sees them.
func foldRune(c rune) rune {
	if c >= utf8.RuneSelf {
		for next := unicode.SimpleFold(c); next > c; next = unicode.SimpleFold(next) {
			c = next
		}
		c = unicode.SimpleFold(c) // after the greatest comes the least
	}
	if c >= 'A' && c <= 'Z' {
		c |= 0x20
	}
	return c
}

func compareFold(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		x, n := utf8.DecodeRune(a)
		y, m := utf8.DecodeRune(b)
		if x != y {
			if c := cmp.Compare(foldRune(x), foldRune(y)); c != 0 {
				return c
			}
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

// path is where a node is, seen from base: the names of fields and the numbers in lists, with dots between. What a client calls a field is
// repeated only as far as it looks like a name.
func (r *Reader) path(at, base int32) string {
	var parts [maxDepth + 2][]byte
	n, size := 0, 0
	for ; at > base && n < len(parts); at = r.nodes[at].up {
		if r.nodes[at].keyed {
			parts[n] = r.keyOf(at)[:min(len(r.keyOf(at)), maxPathPart)]
		} else {
			index := 0
			for i := r.nodes[at].up + 1; i < at; i = r.nodes[i].end {
				index++
			}
			parts[n] = strconv.AppendInt(nil, int64(index), 10)
		}
		size += len(parts[n]) + 1
		n++
	}
	b := make([]byte, 0, size)
	for n--; n >= 0; n-- {
		if len(b) > 0 {
			b = append(b, '.')
		}
		for _, c := range parts[n] {
			if c != '_' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				c = '?'
			}
			b = append(b, c)
		}
	}
	return string(b[:min(len(b), maxPathWhole)])
}
