package wire

import (
	"encoding/binary"
	"slices"

	"kiem/id"
)

// Object is an object that a Reader read. Its fields are taken by name: Has, Null and the methods named after a type. A field that is absent gives the
// zero value, one of another type the zero value and a fault. Done gives the first fault, and refuses every field that nobody
// took, however deep. An Object is valid as long as what its Reader read.
type Object struct {
	r    *Reader
	at   int32 // -1: absent, no fields
	base int32 // where paths of faults start
}

// find finds a field and marks it as taken; -1 if it is absent.
func (o Object) find(key string) int32 {
	if o.at < 0 {
		return -1
	}
	nodes := o.r.nodes
	for i, end := o.at+1, nodes[o.at].end; i < end; i = nodes[i].end {
		if string(o.r.keyOf(i)) == key {
			nodes[i].taken = true
			return i
		}
	}
	return -1
}

// get finds a field of that kind.
func (o Object) get(key string, k kind) (int32, bool) {
	at := o.find(key)
	if at < 0 {
		return at, false
	}
	if o.r.nodes[at].kind != k {
		o.fail(at, wrongType)
		return at, false
	}
	return at, true
}

func (o Object) fail(at int32, reason string) {
	if o.r.fault == nil {
		o.r.fault = &Fault{Code: BadRequest, Field: o.r.path(at, o.base), Reason: reason}
	}
}

// Present says whether there is an object at all.
func (o Object) Present() bool { return o.at >= 0 }

// Has says whether the field is there. It does not take it.
func (o Object) Has(key string) bool {
	if o.at < 0 {
		return false
	}
	nodes := o.r.nodes
	for i, end := o.at+1, nodes[o.at].end; i < end; i = nodes[i].end {
		if string(o.r.keyOf(i)) == key {
			return true
		}
	}
	return false
}

// Null takes the field if it is null and says whether it was. Every other method finds null to be of the wrong type.
func (o Object) Null(key string) bool {
	if o.at < 0 {
		return false
	}
	nodes := o.r.nodes
	for i, end := o.at+1, nodes[o.at].end; i < end; i = nodes[i].end {
		if nodes[i].kind == null && string(o.r.keyOf(i)) == key {
			nodes[i].taken = true
			return true
		}
	}
	return false
}

// Need refuses the object if one of the fields is absent.
func (o Object) Need(keys ...string) {
	for _, key := range keys {
		if o.r.fault == nil && !o.Has(key) {
			field := key
			if o.at >= 0 {
				if in := o.r.path(o.at, o.base); in != "" {
					field = in + "." + key
				}
			}
			o.r.fault = &Fault{Code: BadRequest, Field: field, Reason: missing}
		}
	}
}

// String takes a string.
func (o Object) String(key string) string { return string(o.bytes(key)) }

func (o Object) bytes(key string) []byte {
	at, ok := o.get(key, text)
	if !ok {
		return nil
	}
	return o.r.content(at)
}

// content is the content of a string.
func (r *Reader) content(at int32) []byte { return r.slice(r.nodes[at].val, r.nodes[at].valInText) }

// Int takes a whole number of at most 2^53 either way.
func (o Object) Int(key string) int64 {
	at, ok := o.get(key, number)
	if !ok {
		return 0
	}
	return o.r.nodes[at].num
}

// Bool takes a truth value.
func (o Object) Bool(key string) bool {
	at, ok := o.get(key, boolean)
	return ok && o.r.nodes[at].num == 1
}

// ID takes an id, which must not be zero.
func (o Object) ID(key string) id.ID {
	at, ok := o.get(key, text)
	if !ok {
		return id.ID{}
	}
	return o.id(at)
}

func (o Object) id(at int32) id.ID {
	i, ok := readID(o.r.content(at))
	if !ok {
		o.fail(at, badID)
	}
	return i
}

// Strings takes a list of strings: nil if it is absent, not nil if it is empty.
func (o Object) Strings(key string) []string {
	return list(o, key, text, func(at int32) string { return string(o.r.content(at)) })
}

// IDs takes a list of ids: nil if it is absent, not nil if it is empty.
func (o Object) IDs(key string) []id.ID { return list(o, key, text, o.id) }

// Objects takes a list of objects: nil if it is absent, not nil if it is empty.
func (o Object) Objects(key string) []Object {
	return list(o, key, object, func(at int32) Object { return Object{r: o.r, at: at, base: o.base} })
}

func list[T any](o Object, key string, k kind, item func(int32) T) []T {
	at, ok := o.get(key, array)
	if !ok {
		return nil
	}
	nodes := o.r.nodes
	items := make([]T, 0, o.r.length(at))
	for i, end := at+1, nodes[at].end; i < end; i = nodes[i].end {
		if nodes[i].kind != k {
			o.fail(i, wrongType)
			return nil
		}
		items = append(items, item(i))
	}
	return items
}

// length is the number of items or fields.
func (r *Reader) length(at int32) (n int) {
	for i := at + 1; i < r.nodes[at].end; i = r.nodes[i].end {
		n++
	}
	return n
}

// Object takes an object; Present says whether it was there. Its faults count as this one's.
func (o Object) Object(key string) Object {
	at, ok := o.get(key, object)
	if !ok {
		at = -1
	}
	return Object{r: o.r, at: at, base: o.base}
}

// Fault is the first fault so far.
func (o Object) Fault() *Fault { return o.r.fault }

// Done ends the taking: the first fault, or the first field that nobody took, or nil.
func (o Object) Done() *Fault { return o.done(-1) }

// done leaves out what is inside skip.
func (o Object) done(skip int32) *Fault {
	nodes := o.r.nodes
	for i := o.at + 1; o.at >= 0 && o.r.fault == nil && i < nodes[o.at].end; i++ {
		if nodes[i].keyed && !nodes[i].taken {
			o.fail(i, unknownField)
		}
		if i == skip {
			i = nodes[i].end - 1
		}
	}
	return o.r.faulty()
}

// AppendCanonical appends bytes that are the same for two objects if, and only if, they say the same: the order of fields, white space and escapes do not count.
func (o Object) AppendCanonical(b []byte) []byte {
	if o.at < 0 {
		return append(b, 'o', 0)
	}
	return o.r.canonical(b, o.at)
}

func (r *Reader) canonical(b []byte, at int32) []byte {
	switch n := r.nodes[at]; n.kind {
	case null:
		return append(b, 'n')
	case boolean:
		return append(b, 't', byte(n.num))
	case number:
		return binary.AppendVarint(append(b, 'i'), n.num)
	case text:
		return appendBlob(append(b, 's'), r.content(at))
	case array:
		b = binary.AppendUvarint(append(b, 'a'), uint64(r.length(at)))
		for i := at + 1; i < n.end; i = r.nodes[i].end {
			b = r.canonical(b, i)
		}
		return b
	default:
		var few [fewFields]int32
		fields := few[:0]
		for i := at + 1; i < n.end; i = r.nodes[i].end {
			fields = append(fields, i)
		}
		slices.SortFunc(fields, func(x, y int32) int { return slices.Compare(r.keyOf(x), r.keyOf(y)) })
		b = binary.AppendUvarint(append(b, 'o'), uint64(len(fields)))
		for _, i := range fields {
			b = r.canonical(appendBlob(b, r.keyOf(i)), i)
		}
		return b
	}
}

func appendBlob(b, blob []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(blob))), blob...)
}
