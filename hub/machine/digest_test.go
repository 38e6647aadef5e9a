package machine

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kiem/id"
)

// TestSum: the order in which objects come and go does not matter, and what went leaves no trace.
func TestSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := rapid.SliceOfN(rapid.Uint64(), 1, 30).Draw(t, "objects")
		gone := rapid.SliceOfN(rapid.Uint64(), 0, 10).Draw(t, "gone")
		hash := func(n uint64) Sum { return NewHasher('x').Int(n).Sum() }
		var kept Sum
		for _, o := range objects {
			kept.Add(hash(o))
		}
		var other Sum
		for _, o := range gone {
			other.Add(hash(o))
		}
		for _, o := range rapid.Permutation(objects).Draw(t, "order") {
			other.Add(hash(o))
		}
		for _, o := range rapid.Permutation(gone).Draw(t, "going") {
			other.Remove(hash(o))
		}
		if kept != other || kept.Digest() != other.Digest() {
			t.Fatal("the sum depends on the order")
		}
		other.Add(hash(objects[0]))
		if kept == other {
			t.Fatal("one object more makes no difference")
		}
	})
}

// TestDigestBytes: the words are written in order, so that no two sums have one digest.
func TestDigestBytes(t *testing.T) {
	d := Sum{1, 2, 3, 1 << 63}.Digest()
	for i, want := range []uint64{1, 2, 3, 1 << 63} {
		if got := binary.BigEndian.Uint64(d[8*i:]); got != want {
			t.Errorf("word %d is %x, want %x", i, got, want)
		}
	}
}

// TestHasher: it is SHA-256 of the fields as documented, on either side of the size up to which nothing is allocated.
func TestHasher(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, plain := NewHasher('k'), []byte{'k'}
		integer := func(v uint64) { plain = binary.BigEndian.AppendUint64(plain, v) }
		text := func(s string) { integer(uint64(len(s))); plain = append(plain, s...) }
		for range rapid.IntRange(0, 40).Draw(t, "fields") {
			switch rapid.IntRange(0, 4).Draw(t, "field") {
			case 0:
				v := rapid.Uint64().Draw(t, "int")
				h.Int(v)
				integer(v)
			case 1:
				v := rapid.Bool().Draw(t, "bool")
				h.Bool(v)
				if v {
					integer(1)
				} else {
					integer(0)
				}
			case 2:
				s := strings.Repeat(rapid.String().Draw(t, "string"), rapid.IntRange(1, 9).Draw(t, "times"))
				h.String(s)
				text(s)
			case 3:
				list := rapid.SliceOfN(rapid.StringN(0, 3, 9), 0, 4).Draw(t, "strings")
				h.Strings(list)
				integer(uint64(len(list)))
				for _, s := range list {
					text(s)
				}
			case 4:
				i := name(rapid.Int().Draw(t, "id"))
				h.ID(i)
				plain = append(plain, i[:]...)
			}
		}
		d := sha256.Sum256(plain)
		if got := h.Sum().Digest(); Digest(d) != got {
			t.Fatalf("%x, want %x", got, d)
		}
	})
}

// TestHasherUnambiguous: different lists of strings, also such as run into each other, hash differently.
func TestHasherUnambiguous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lists := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[ab\x00\x01]{0,3}`), 0, 4), 2, 2)
		x, y := lists.Draw(t, "x"), lists.Draw(t, "y")
		hash := func(l [][]string) Sum { return NewHasher('x').Strings(l[0]).Strings(l[1]).Sum() }
		if same := slices.EqualFunc(x, y, slices.Equal[[]string]); same != (hash(x) == hash(y)) {
			t.Fatalf("%q and %q: same %v", x, y, same)
		}
	})
	if NewHasher('a').Sum() == NewHasher('b').Sum() {
		t.Error("the kind makes no difference")
	}
}

// ballotLike is as much as a vote hashes.
func ballotLike(n uint64) Sum {
	return NewHasher('B').ID(id.ID{1}).ID(id.ID{2}).Int(n).Int(n).Int(n).Int(n).Int(n).Int(n).Sum()
}

// TestHasherAllocatesNothing, for objects of the size that the hot path hashes.
func TestHasherAllocatesNothing(t *testing.T) {
	s := strings.Repeat("é", 50)
	for name, f := range map[string]func(){
		"a ballot":           func() { ballotLike(1) },
		"with a long string": func() { NewHasher('x').String(s).Sum() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkHasher(b *testing.B) {
	b.ReportAllocs()
	var sum Sum
	for b.Loop() {
		sum.Add(ballotLike(sum[0]))
	}
}
