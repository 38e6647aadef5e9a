package directory_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"unicode"

	"kiem/hub/directory"
)

func TestNormaliseCode(t *testing.T) {
	for typed, want := range map[string]string{
		"KM37QP": "KM37QP", "km37qp": "KM37QP", " km3 7qp\t": "KM37QP", "KM-37-QP": "KM37QP", "km3.7qp": "KM37QP", "ＫＭ３７ＱＰ": "KM37QP",
		"km3\u00a07qp": "KM37QP", "KM3–7QP": "KM37QP",
		"": "", "KM37Q": "", "KM37QPP": "", "KM37Q0": "", "KM37QO": "", "KM37Q1": "", "KM37QI": "", "KM37QL": "", "KM37QU": "", "KM37Q!": "",
		"KM37Qé": "", "KM37Q\xff": "", "KM37Q\x00": "", "ΚM37QP": "",
	} {
		got, ok := directory.NormaliseCode(typed)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", typed, got, ok, want)
		}
	}
}

func TestNewCode(t *testing.T) {
	seen := map[string]bool{}
	count := map[rune]int{}
	const n = 20000
	for range n {
		var random [8]byte
		_, _ = rand.Read(random[:])
		code := directory.NewCode(random)
		if normal, ok := directory.NormaliseCode(code); !ok || normal != code {
			t.Fatalf("%q is not in its normal form", code)
		}
		seen[code] = true
		for _, r := range code {
			count[r]++
		}
	}
	if len(seen) < n-10 {
		t.Errorf("%d different codes of %d", len(seen), n)
	}
	if len(count) != len(directory.CodeAlphabet) || strings.ContainsAny(directory.CodeAlphabet, "01OILU") {
		t.Errorf("%d signs are used", len(count))
	}
	for r, c := range count {
		if c < 3500 || c > 4500 { // 4,000 on average
			t.Errorf("%c came %d times", r, c)
		}
	}
}

func FuzzNormaliseCode(f *testing.F) {
	f.Add("km3 7qp")
	f.Add("ＫＭ３７ＱＰ")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := directory.NormaliseCode(typed)
		if !ok {
			return
		}
		if again, ok := directory.NormaliseCode(code); !ok || again != code {
			t.Fatalf("%q gives %q, which gives %q", typed, code, again)
		}
		if spaced, ok := directory.NormaliseCode(" " + strings.ToLower(code[:3]) + "-" + code[3:]); !ok || spaced != code {
			t.Fatalf("%q is not read with a hyphen", code)
		}
		if strings.ContainsFunc(code, func(r rune) bool { return !strings.ContainsRune(directory.CodeAlphabet, r) || unicode.IsLower(r) }) {
			t.Fatalf("%q holds other signs", code)
		}
	})
}
