package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kiem/id"
)

// TestCodec: what is written is read, field by field, and to the end.
func TestCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &Encoder{}
		var read []func(*Decoder) bool
		for range rapid.IntRange(0, 30).Draw(t, "fields") {
			switch rapid.IntRange(0, 7).Draw(t, "field") {
			case 0:
				v := rapid.Uint64().Draw(t, "int")
				e.Int(v)
				read = append(read, func(d *Decoder) bool { return d.Int() == v })
			case 1:
				v := rapid.Int64().Draw(t, "signed")
				e.Signed(v)
				read = append(read, func(d *Decoder) bool { return d.Signed() == v })
			case 2:
				v := rapid.Bool().Draw(t, "bool")
				e.Bool(v)
				read = append(read, func(d *Decoder) bool { return d.Bool() == v })
			case 3:
				v := name(rapid.Int().Draw(t, "id"))
				e.ID(v)
				read = append(read, func(d *Decoder) bool { return d.ID() == v })
			case 4:
				v := rapid.String().Draw(t, "string")
				e.String(v)
				read = append(read, func(d *Decoder) bool { return d.String() == v })
			case 5:
				v := rapid.SliceOf(rapid.Byte()).Draw(t, "blob")
				e.Blob(v)
				read = append(read, func(d *Decoder) bool { return bytes.Equal(d.Blob(), v) })
			case 6:
				v := rapid.SliceOf(rapid.String()).Draw(t, "strings")
				e.Strings(v)
				read = append(read, func(d *Decoder) bool { return slices.Equal(d.Strings(), v) })
			case 7:
				v := []id.ID{}
				for range rapid.IntRange(0, 5).Draw(t, "ids") {
					v = append(v, name(rapid.Int().Draw(t, "id")))
				}
				e.IDs(v)
				read = append(read, func(d *Decoder) bool { return slices.Equal(d.IDs(), v) })
			}
		}
		d := NewDecoder(e.Bytes())
		for i, r := range read {
			if !r(d) {
				t.Fatalf("field %d is read otherwise (%v)", i, d.Err())
			}
		}
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
		if cut := len(e.Bytes()); cut > 0 {
			d := NewDecoder(e.Bytes()[:rapid.IntRange(0, cut-1).Draw(t, "cut")])
			for _, r := range read {
				r(d)
			}
			if err := d.End(); !errors.Is(err, ErrSnapshot) {
				t.Fatalf("a cut snapshot: %v", err)
			}
		}
	})
}

// TestCodecRefuses: one value has one spelling, and a length that cannot be there is not believed.
func TestCodecRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		b    []byte
		read func(*Decoder)
	}{
		"a number with a byte too many": {[]byte{0x81, 0x00}, func(d *Decoder) { d.Int() }},
		"a number of 11 bytes":          {bytes.Repeat([]byte{0xff}, 11), func(d *Decoder) { d.Int() }},
		"a number without its end":      {[]byte{0x80}, func(d *Decoder) { d.Int() }},
		"a truth value of 2":            {[]byte{2}, func(d *Decoder) { d.Bool() }},
		"more than the most":            {[]byte{6}, func(d *Decoder) { d.AtMost(5) }},
		"a long string":                 {[]byte{5, 'a'}, func(d *Decoder) { _ = d.String() }},
		"a string of 2^63":              {binary.AppendUvarint(nil, 1<<63), func(d *Decoder) { _ = d.String() }},
		"2^64-1 strings":                {binary.AppendUvarint(nil, math.MaxUint64), func(d *Decoder) { d.Strings() }},
		"2^60 ids":                      {binary.AppendUvarint(nil, 1<<60), func(d *Decoder) { d.IDs() }},
		"three items in two bytes":      {[]byte{3, 0, 0}, func(d *Decoder) { d.Len(1) }},
		"bytes left over":               {[]byte{1, 2}, func(d *Decoder) { d.Int() }},
		"half an id":                    {make([]byte, 15), func(d *Decoder) { d.ID() }},
	} {
		d := NewDecoder(c.b)
		c.read(d)
		if err := d.End(); !errors.Is(err, ErrSnapshot) {
			t.Errorf("%s: %v", what, err)
		}
		if d.Int() != 0 || d.String() != "" || d.Bool() || !d.ID().IsZero() || d.Blob() != nil || d.Len(1) != 0 || d.Strings() != nil {
			t.Errorf("%s: something is read after the failure", what)
		}
	}
	if d := NewDecoder([]byte{5}); d.AtMost(5) != 5 || d.End() != nil {
		t.Error("the most itself is refused")
	}
}

// FuzzDecoder reads anything in any way: no panic, no memory but in proportion to what is there, and what is read is written as it was.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{3, 1, 'a', 0, 2, 'b', 'c'}, []byte{6, 0, 5})
	f.Add(binary.AppendUvarint(nil, 1<<62), []byte{6})
	f.Add(make([]byte, 40), []byte{3, 2, 1, 0})
	f.Fuzz(func(t *testing.T, b, program []byte) {
		if len(program) > 100 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d, e := NewDecoder(b), &Encoder{}
		for _, op := range program {
			switch op % 8 {
			case 0:
				e.Int(d.Int())
			case 1:
				e.Signed(d.Signed())
			case 2:
				e.Bool(d.Bool())
			case 3:
				e.ID(d.ID())
			case 4:
				e.String(d.String())
			case 5:
				e.Blob(d.Blob())
			case 6:
				e.Strings(d.Strings())
			case 7:
				e.IDs(d.IDs())
			}
		}
		err := d.End()
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(100*len(b)+1<<16); got > most {
			t.Fatalf("%d bytes for a snapshot of %d", got, len(b))
		}
		if err == nil && !bytes.Equal(b, e.Bytes()) {
			t.Fatalf("%x is read and written as %x", b, e.Bytes())
		}
	})
}
