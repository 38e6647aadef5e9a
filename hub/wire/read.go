package wire

import (
	"slices"
	"unicode/utf8"
)

// Limits of what is read.
const (
	MaxFrame  = 64 << 10 // bytes of one command, on any way in, and of every other object
	MaxBody   = 1 << 20  // bytes of an array of commands
	maxDepth  = 16       // objects and arrays inside each other
	maxValues = 10_000   // values in one document, so that two bytes of input do not become forty of memory for ever
	maxNumber = 1 << 53  // beyond it a client's numbers are no longer whole
	maxDigits = 16       // of maxNumber
)

// What a Reader keeps between documents.
const (
	keepNodes = 256
	keepText  = 4 << 10
)

// Fault says what is wrong with a document, as the key of a sentence. Field is the dotted path from the object that was asked for; of a command,
// from its data.
type Fault struct {
	Code   Code
	Field  string
	Reason string
	Max    int // the limit that was passed; 0 if it was none
}

// The reasons of faults.
const (
	notJSON      = "not_json"
	tooDeep      = "too_deep"
	tooLarge     = "too_large"
	tooMany      = "too_many"
	tooLong      = "too_long"
	duplicateKey = "duplicate_key" // also of keys that differ in case only
	unknownField = "unknown_field"
	wrongType    = "wrong_type"
	missing      = "missing"
	badUTF8      = "bad_utf8" // also half a surrogate pair
	badNumber    = "bad_number"
	badID        = "bad_id"
	control      = "control" // NUL, which nothing in the protocol may hold
)

// Error makes a Fault usable as an error in tests; people see the sentence.
func (f *Fault) Error() string { return string(f.Code) + " " + f.Field + " " + f.Reason }

// Reader reads documents one after the other and reuses its memory: what it gave is valid until it reads again, or until the document's
// bytes change. It belongs to one goroutine at a time. The zero Reader is ready.
type Reader struct {
	doc   []byte
	pos   int
	limit int    // of depth
	nodes []node // every value in the order of the document; what is inside a value follows it
	text  []byte // strings that had escapes, without them
	order []int32
	fault *Fault
	types [16]string // the types of commands that came lately, so that they need no memory each time
}

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	array
	object
)

// node is one value. Strings and keys lie in doc, or in text if they had escapes.
type node struct {
	kind      kind
	keyed     bool // a field of an object
	taken     bool // a field that somebody asked for
	keyInText bool
	valInText bool
	fold      uint32 // hash of the key without its case
	up        int32  // what it is in; -1: nothing
	end       int32  // the first node that is not inside
	key       span
	val       span  // of a string: its content; of an object or array: all of it
	num       int64 // of a number; of a truth value 1 or 0
}

type span struct{ from, to int32 }

// Read reads a document that is one object of at most MaxFrame bytes.
func (r *Reader) Read(doc []byte) (Object, *Fault) {
	if f := r.parse(doc, MaxFrame, maxDepth); f != nil {
		return Object{r: r, at: -1, base: -1}, f
	}
	if r.nodes[0].kind != object {
		return Object{r: r, at: -1, base: -1}, &Fault{Code: BadRequest, Reason: wrongType}
	}
	return Object{r: r}, nil
}

// Forget lets go of the document and of the memory that a large one took. Worth calling where a Reader is kept beside something that may be idle for long.
func (r *Reader) Forget() {
	r.doc, r.fault = nil, nil
	r.nodes, r.text, r.order = r.nodes[:0], r.text[:0], r.order[:0]
	if cap(r.nodes) > keepNodes {
		r.nodes = nil
	}
	if cap(r.text) > keepText {
		r.text = nil
	}
	if cap(r.order) > keepNodes {
		r.order = nil
	}
}

func (r *Reader) parse(doc []byte, most, depth int) *Fault {
	r.Forget()
	if len(doc) > most {
		return &Fault{Code: TooLarge, Reason: tooLarge, Max: most}
	}
	if !utf8.Valid(doc) {
		return &Fault{Code: BadRequest, Reason: badUTF8}
	}
	r.doc, r.pos, r.limit = doc, 0, depth
	r.nodes = append(r.nodes, node{up: -1})
	r.space()
	if !r.value(0, 0) {
		return r.faulty()
	}
	if r.space(); r.pos != len(doc) {
		r.fail(0, notJSON)
	}
	return r.faulty()
}

// faulty gives the fault and forgets it.
func (r *Reader) faulty() *Fault {
	f := r.fault
	r.fault = nil
	return f
}

func (r *Reader) fail(at int32, reason string) bool {
	if r.fault == nil {
		r.fault = &Fault{Code: BadRequest, Field: r.path(at, 0), Reason: reason}
	}
	return false
}

func (r *Reader) space() {
	for r.pos < len(r.doc) {
		switch r.doc[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// next skips white space and gives the byte after it, 0 at the end.
func (r *Reader) next() byte {
	if r.pos < len(r.doc) && r.doc[r.pos] > ' ' {
		return r.doc[r.pos]
	}
	r.space()
	if r.pos < len(r.doc) {
		return r.doc[r.pos]
	}
	return 0
}

// value reads the value of node at; white space before it is read.
func (r *Reader) value(at int32, depth int) bool {
	if r.pos >= len(r.doc) {
		return r.fail(at, notJSON)
	}
	ok := false
	switch c := r.doc[r.pos]; c {
	case '"':
		var s span
		var copied bool
		s, copied, ok = r.string(at)
		n := &r.nodes[at]
		n.kind, n.val, n.valInText = text, s, copied
	case '{', '[':
		if depth >= r.limit {
			return r.fail(at, tooDeep)
		}
		from := r.pos
		if c == '{' {
			r.nodes[at].kind = object
			ok = r.object(at, depth+1)
		} else {
			r.nodes[at].kind = array
			ok = r.array(at, depth+1)
		}
		r.nodes[at].val = span{int32(from), int32(r.pos)}
	case 't':
		ok = r.literal(at, "true", boolean, 1)
	case 'f':
		ok = r.literal(at, "false", boolean, 0)
	case 'n':
		ok = r.literal(at, "null", null, 0)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		ok = r.number(at)
	default:
		return r.fail(at, notJSON)
	}
	r.nodes[at].end = int32(len(r.nodes))
	return ok
}

func (r *Reader) literal(at int32, word string, k kind, v int64) bool {
	if len(r.doc)-r.pos < len(word) || string(r.doc[r.pos:r.pos+len(word)]) != word {
		return r.fail(at, notJSON)
	}
	r.pos += len(word)
	r.nodes[at].kind, r.nodes[at].num = k, v
	return true
}

func (r *Reader) number(at int32) bool {
	negative := r.doc[r.pos] == '-'
	if negative {
		r.pos++
	}
	from, v := r.pos, int64(0)
	for r.pos < len(r.doc) && r.doc[r.pos]-'0' <= 9 {
		if r.pos-from == maxDigits {
			return r.fail(at, badNumber)
		}
		v = v*10 + int64(r.doc[r.pos]-'0')
		r.pos++
	}
	switch digits := r.pos - from; {
	case digits == 0, digits > 1 && r.doc[from] == '0':
		return r.fail(at, notJSON)
	case v > maxNumber, r.pos < len(r.doc) && (r.doc[r.pos] == '.' || r.doc[r.pos]|0x20 == 'e'):
		return r.fail(at, badNumber)
	}
	if negative {
		v = -v
	}
	r.nodes[at].kind, r.nodes[at].num = number, v
	return true
}

// add makes a node inside up.
func (r *Reader) add(up int32) (int32, bool) {
	if len(r.nodes) >= maxValues {
		if r.fault == nil {
			r.fault = &Fault{Code: TooLarge, Field: r.path(up, 0), Reason: tooMany, Max: maxValues}
		}
		return 0, false
	}
	at := int32(len(r.nodes))
	if len(r.nodes) == cap(r.nodes) && len(r.nodes) >= keepNodes { // in few steps: what outgrew this will be let go of anyway
		r.nodes = slices.Grow(r.nodes, min(3*len(r.nodes), maxValues-len(r.nodes)))
	}
	r.nodes = append(r.nodes, node{up: up, end: at + 1})
	return at, true
}

func (r *Reader) array(up int32, depth int) bool {
	r.pos++
	if r.next() == ']' {
		r.pos++
		return true
	}
	for {
		at, ok := r.add(up)
		if !ok {
			return false
		}
		if r.next(); !r.value(at, depth) {
			return false
		}
		switch r.next() {
		case ',':
			r.pos++
		case ']':
			r.pos++
			return true
		default:
			return r.fail(up, notJSON)
		}
	}
}

func (r *Reader) object(up int32, depth int) bool {
	r.pos++
	if r.next() == '}' {
		r.pos++
		return true
	}
	for fields := 1; ; fields++ {
		if r.next() != '"' {
			return r.fail(up, notJSON)
		}
		key, copied, ok := r.string(up)
		if !ok {
			return false
		}
		at, ok := r.add(up)
		if !ok {
			return false
		}
		n := &r.nodes[at]
		n.keyed, n.key, n.keyInText = true, key, copied
		n.fold = foldHash(r.slice(key, copied))
		if r.next() != ':' {
			return r.fail(at, notJSON)
		}
		r.pos++
		if r.next(); !r.value(at, depth) {
			return false
		}
		switch r.next() {
		case ',':
			r.pos++
		case '}':
			r.pos++
			return r.distinct(up, fields)
		default:
			return r.fail(up, notJSON)
		}
	}
}
