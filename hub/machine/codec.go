package machine

import (
	"encoding/binary"
	"errors"
	"fmt"

	"kiem/id"
)

// ErrSnapshot is returned by Restore for bytes that are no snapshot of this machine.
var ErrSnapshot = errors.New("machine: not a snapshot")

// Encoder writes snapshots: varints, ids, and byte strings with their length. What is equal is written equally.
type Encoder struct{ b []byte }

// Bytes is what was written.
func (e *Encoder) Bytes() []byte { return e.b }

// Int writes a number.
func (e *Encoder) Int(v uint64) { e.b = binary.AppendUvarint(e.b, v) }

// Signed writes a number that may be negative.
func (e *Encoder) Signed(v int64) { e.b = binary.AppendVarint(e.b, v) }

// Bool writes a truth value.
func (e *Encoder) Bool(v bool) {
	if v {
		e.b = append(e.b, 1)
		return
	}
	e.b = append(e.b, 0)
}

// ID writes an id.
func (e *Encoder) ID(i id.ID) { e.b = append(e.b, i[:]...) }

// String writes a string.
func (e *Encoder) String(s string) { e.Int(uint64(len(s))); e.b = append(e.b, s...) }

// Blob writes bytes.
func (e *Encoder) Blob(b []byte) { e.Int(uint64(len(b))); e.b = append(e.b, b...) }

// Strings writes a list of strings.
func (e *Encoder) Strings(list []string) {
	e.Int(uint64(len(list)))
	for _, s := range list {
		e.String(s)
	}
}

// IDs writes a list of ids.
func (e *Encoder) IDs(list []id.ID) {
	e.Int(uint64(len(list)))
	for _, i := range list {
		e.ID(i)
	}
}

// Decoder reads what Encoder wrote, and nothing that it would have written otherwise. After the first failure it gives zero values and Err says what was wrong, so that reading needs no check at each step.
type Decoder struct {
	b   []byte
	err error
}

// NewDecoder reads b.
func NewDecoder(b []byte) *Decoder { return &Decoder{b: b} }

// Fail records that what was read makes no sense.
func (d *Decoder) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrSnapshot, fmt.Sprintf(format, args...))
	}
	d.b = nil
}

// End is the error of the reading as a whole; bytes left over are one.
func (d *Decoder) End() error {
	if d.err == nil && len(d.b) != 0 {
		d.Fail("%d bytes too many", len(d.b))
	}
	return d.err
}

// Err is the first failure.
func (d *Decoder) Err() error { return d.err }

func (d *Decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.Fail("ends too early")
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// Int reads a number. A number has one spelling, the shortest.
func (d *Decoder) Int() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || n > 1 && d.b[n-1] == 0 {
		d.Fail("a number cannot be read")
		return 0
	}
	d.b = d.b[n:]
	return v
}

// AtMost reads a number that is not larger than most.
func (d *Decoder) AtMost(most uint64) uint64 {
	v := d.Int()
	if v > most {
		d.Fail("%d where %d is the most", v, most)
		return 0
	}
	return v
}

// Signed reads a number that may be negative.
func (d *Decoder) Signed() int64 {
	v := d.Int()
	return int64(v>>1) ^ -int64(v&1)
}

// Len reads the length of a list whose items take at least that many bytes each, and refuses one that cannot be there: nothing is
// allocated by a claimed length.
func (d *Decoder) Len(item int) int {
	n := d.Int()
	if n > uint64(len(d.b)/item) {
		d.Fail("a list of %d where %d bytes are left", n, len(d.b))
		return 0
	}
	return int(n)
}

// Bool reads a truth value.
func (d *Decoder) Bool() bool {
	b := d.take(1)
	if len(b) == 1 && b[0] > 1 {
		d.Fail("a truth value of %d", b[0])
		return false
	}
	return len(b) == 1 && b[0] == 1
}

// ID reads an id.
func (d *Decoder) ID() (i id.ID) { copy(i[:], d.take(16)); return i }

// String reads a string.
func (d *Decoder) String() string { return string(d.take(d.Int())) }

// Blob reads bytes, which it does not copy.
func (d *Decoder) Blob() []byte { return d.take(d.Int()) }

// Strings reads a list of strings.
func (d *Decoder) Strings() []string {
	n := d.Len(1)
	if n == 0 {
		return nil
	}
	var list []string // grows as it is read: a string takes more memory than the byte that claims it
	for range n {
		list = append(list, d.String())
	}
	return list
}

// IDs reads a list of ids.
func (d *Decoder) IDs() []id.ID {
	n := d.Len(16)
	if n == 0 {
		return nil
	}
	list := make([]id.ID, 0, n)
	for range n {
		list = append(list, d.ID())
	}
	return list
}
