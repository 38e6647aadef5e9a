package vault

import (
	"bytes"
	"errors"
	"math/bits"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kiem/id"
)

func TestSealOpens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, aad := rapid.SliceOf(rapid.Byte()).Draw(t, "text"), rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
		s := NewSealer(newKey())
		sealed := s.Seal([]byte("before"), NewNonce(), text, aad)
		if !bytes.HasPrefix(sealed, []byte("before")) || len(sealed) != len("before")+len(text)+Overhead {
			t.Fatalf("%d bytes for a text of %d", len(sealed), len(text))
		}
		sealed = sealed[len("before"):]
		got, err := s.Open(nil, sealed, aad)
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%x, %v", got, err)
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		sealed[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := s.Open(nil, sealed, aad); !errors.Is(err, ErrSeal) {
			t.Fatalf("a flipped bit: %v, want ErrSeal", err)
		}
		sealed[at] ^= 0xff
		if _, err := s.Open(nil, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")], aad); !errors.Is(err, ErrSeal) {
			t.Fatalf("cut: %v, want ErrSeal", err)
		}
	})
}

func TestSealIsBound(t *testing.T) {
	key, nonce := newKey(), NewNonce()
	sealed := Seal(key, nonce, []byte("text"), []byte("idea 1"))
	if got, err := Open(key, sealed, []byte("idea 1")); err != nil || string(got) != "text" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := Open(key, sealed, []byte("idea 2")); !errors.Is(err, ErrSeal) {
		t.Errorf("opened as another idea's: %v", err)
	}
	if _, err := Open(newKey(), sealed, []byte("idea 1")); !errors.Is(err, ErrSeal) {
		t.Errorf("opened with another key: %v", err)
	}
}

// What version 1 of sealing, tags and pseudonyms gave.
const (
	fixedSealed        = "090000000000000000000000d9fda2793467459de4c80e7fbfa379c0b62c78e1"
	fixedTag    uint64 = 0xb0bb9a305124429b
	fixedVoter         = "a9e65706-90e2-877f-aa97-ac7fd6a801df"
	fixedLane   uint64 = 0x64178060d332afe7
)

// TestFixed holds what logs rely on for ever: seals that open, tags and pseudonyms that come out the same.
func TestFixed(t *testing.T) {
	key := [KeySize]byte{1, 2, 3}
	sealed := Seal(key, [NonceSize]byte{9}, []byte("text"), []byte("aad"))
	if got := hexOf(sealed); got != fixedSealed {
		t.Errorf("sealed %s, was %s", got, fixedSealed)
	}
	if got := Tag(key, []byte("a"), []byte("bc")); got != fixedTag {
		t.Errorf("tag %#x, was %#x", got, fixedTag)
	}
	if got := Voter(key, id.ID{5}).String(); got != fixedVoter {
		t.Errorf("voter %s, was %s", got, fixedVoter)
	}
	if got := BlindLane(key, id.ID{5}, 7); got != fixedLane {
		t.Errorf("lane %#x, was %#x", got, fixedLane)
	}
}

func hexOf(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteByte("0123456789abcdef"[c>>4])
		s.WriteByte("0123456789abcdef"[c&15])
	}
	return s.String()
}

func TestTagPartsDoNotRunTogether(t *testing.T) {
	key := newKey()
	seen := map[uint64]string{}
	for name, parts := range map[string][][]byte{
		"none": {}, "one empty": {{}}, "two empty": {{}, {}}, "ab": {[]byte("ab")}, "a b": {[]byte("a"), []byte("b")}, "ab and empty": {[]byte("ab"), {}}, "empty and ab": {{}, []byte("ab")},
	} {
		tag := Tag(key, parts...)
		if other, ok := seen[tag]; ok {
			t.Errorf("%q and %q have the same tag", name, other)
		}
		seen[tag] = name
	}
	if Tag(key, []byte("a")) == Tag(newKey(), []byte("a")) {
		t.Error("two keys give the same tag")
	}
}

func TestReusedHashesGiveTheSame(t *testing.T) {
	key := newKey()
	s, b := NewSealer(key), NewBlinder(key)
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SliceOf(rapid.Byte()).Draw(t, "part")
		if s.Tag(part, part) != Tag(key, part, part) {
			t.Fatal("tag")
		}
		var who id.ID
		copy(who[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "who"))
		lane := rapid.Uint64().Draw(t, "lane")
		if b.Voter(who) != Voter(key, who) || b.Lane(who, lane) != BlindLane(key, who, lane) {
			t.Fatal("pseudonym")
		}
		if b.Lane(who, lane) == b.Lane(who, lane+1) {
			t.Fatal("two lanes look alike")
		}
	})
}

// TestPseudonymsSpread: no two participants share one, all are UUIDs of version 8, and neighbours look unrelated.
func TestPseudonymsSpread(t *testing.T) {
	b := NewBlinder(newKey())
	seen := map[id.ID]bool{}
	var last id.ID
	differ := 0
	const n = 20000
	for i := range n {
		v := b.Voter(id.ID{14: byte(i >> 8), 15: byte(i)})
		if seen[v] || v[6]>>4 != 8 || v[8]>>6 != 2 {
			t.Fatalf("%v: seen before, or not version 8", v)
		}
		seen[v] = true
		for k := range v {
			differ += bits.OnesCount8(v[k] ^ last[k])
		}
		last = v
	}
	if mean := float64(differ) / n; mean < 60 || mean > 62 {
		t.Errorf("neighbours differ in %.1f of 122 bits, want 61", mean)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(encode(&Person{Name: "Ana", Organisation: "Huis", Mail: "a@b", Key: [KeySize]byte{1}}))
	f.Add(encode(&Person{}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Person
		if err := decode(b, &p); err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("%v, want ErrDamaged", err)
			}
			return
		}
		if !bytes.Equal(encode(&p), b) {
			t.Fatalf("%x reads as %v, which is written as %x", b, p, encode(&p))
		}
	})
}

func FuzzOpen(f *testing.F) {
	key := [KeySize]byte{1}
	f.Add(Seal(key, [NonceSize]byte{2}, []byte("text"), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := Open(key, b, nil)
		if err == nil && !bytes.Equal(Seal(key, [NonceSize]byte(b), text, nil), b) {
			t.Fatal("opened what was not sealed")
		}
	})
}

func BenchmarkTag(b *testing.B) {
	s, text := NewSealer(newKey()), make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		s.Tag(text[:16], text)
	}
}

func BenchmarkVoter(b *testing.B) {
	v := NewBlinder(newKey())
	b.ReportAllocs()
	for b.Loop() {
		v.Voter(id.ID{1})
	}
}

func BenchmarkSeal(b *testing.B) {
	s, text, dst := NewSealer(newKey()), make([]byte, 500), make([]byte, 0, 1000)
	b.ReportAllocs()
	for b.Loop() {
		s.Seal(dst, [NonceSize]byte{}, text, nil)
	}
}
