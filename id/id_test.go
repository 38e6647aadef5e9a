package id

import (
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestParse: the 36-character form in either case, and nothing else.
func TestParse(t *testing.T) {
	const good = "0192f0c1-2345-7abc-8def-0123456789ab"
	i, err := Parse(good)
	if err != nil || i.String() != good {
		t.Fatalf("%v, %v", i, err)
	}
	if upper, err := Parse(strings.ToUpper(good)); err != nil || upper != i {
		t.Errorf("in capitals: %v, %v", upper, err)
	}
	if zero, err := Parse("00000000-0000-0000-0000-000000000000"); err != nil || !zero.IsZero() {
		t.Errorf("zero: %v, %v", zero, err)
	}
	for _, s := range []string{
		"", good[:35], good + "0", " " + good[1:], "{" + good[1:35] + "}", "urn:uuid:" + good[9:], strings.ReplaceAll(good, "-", ""), strings.Replace(good, "-", "_", 1),
		strings.Replace(good, "a", "g", 1), strings.Replace(good, "0", "٠", 1)[:36], good[:8] + good[9:] + "-", "0192f0c1-2345-7abc-8def-0123456789-b", strings.Repeat("-", 36),
	} {
		if got, err := Parse(s); !errors.Is(err, ErrBad) || !got.IsZero() {
			t.Errorf("%q is read as %v, %v", s, got, err)
		}
	}
}

// FuzzParse: what is read is written as it was, but for case.
func FuzzParse(f *testing.F) {
	f.Add("0192f0c1-2345-7abc-8def-0123456789ab")
	f.Add("0192F0C1-2345-7abc-8def-0123456789aB")
	f.Add(strings.Repeat("-", 36))
	f.Fuzz(func(t *testing.T, s string) {
		if i, err := Parse(s); err == nil && i.String() != strings.ToLower(s) {
			t.Fatalf("%q is read as %v", s, i)
		}
	})
}

// TestText: an id is a string in JSON, and a key.
func TestText(t *testing.T) {
	i := Derive(ID{}, "x")
	b, err := json.Marshal(map[ID][]ID{i: {i, {}}})
	want := fmt.Sprintf(`{"%s":["%s","00000000-0000-0000-0000-000000000000"]}`, i, i)
	if err != nil || string(b) != want {
		t.Fatalf("%s, %v", b, err)
	}
	var back map[ID][]ID
	if err := json.Unmarshal(b, &back); err != nil || back[i][0] != i {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{`"x"`, `""`, `7`, `{}`} {
		if err := json.Unmarshal([]byte(bad), &i); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// TestDerive: version 5 of RFC 9562, so that any client computes the same id; no two lists of parts give one.
func TestDerive(t *testing.T) {
	space, _ := Parse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	h := sha1.Sum(append(slices.Clone(space[:]), "4:idea0:2:é"...))
	h[6], h[8] = h[6]&0x0f|0x50, h[8]&0x3f|0x80
	if got := Derive(space, "idea", "", "é"); [16]byte(h[:16]) != got {
		t.Errorf("%v, want %x", got, h[:16])
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.StringMatching(`[0-9:a]{0,3}`), 0, 4)
		x, y := parts.Draw(t, "x"), parts.Draw(t, "y")
		if same := slices.Equal(x, y); same != (Derive(space, x...) == Derive(space, y...)) {
			t.Fatalf("%q and %q: same %v", x, y, same)
		}
	})
}

// TestNewV7: the time is in front, so ids sort by it, and version and variant are where readers look for them.
func TestNewV7(t *testing.T) {
	random := [10]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255}
	if got := NewV7(0x0192f0c12345, random).String(); got != "0192f0c1-2345-7fff-bfff-ffffffffffff" {
		t.Error(got)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(0, 1<<48-1).Draw(t, "a"), rapid.Int64Range(0, 1<<48-1).Draw(t, "b")
		x, y := NewV7(a, random), NewV7(b, [10]byte{})
		if a < b && x.String() >= y.String() || a > b && x.String() <= y.String() {
			t.Fatalf("%d %v, %d %v", a, x, b, y)
		}
	})
}
