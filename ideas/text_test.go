package ideas

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	"kiem/id"
)

var ana = id.ID{1}

// TestText: length and shape are those of UTF-16, where positions in a text are counted.
func TestText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringOf(rapid.RuneFrom([]rune{'a', 'é', '\n', '漢', '🌱', '👩', '\u200d', 0xffff, 0x10000, 0x10ffff})).Draw(t, "words")
		text := NewText(ana, words)
		wide := utf16.Encode([]rune(words))
		if text.Units != len(wide) || Units(words) != len(wide) {
			t.Fatalf("%d and %d units, want %d", text.Units, Units(words), len(wide))
		}
		var shape []int
		for i, u := range wide {
			if utf16.IsSurrogate(rune(u)) && (len(shape) == 0 || shape[len(shape)-1] != i-1) {
				shape = append(shape, i)
			}
		}
		if len(shape) != len(text.Shape) {
			t.Fatalf("shape %v, want %v", text.Shape, shape)
		}
		for i := range shape {
			if shape[i] != text.Shape[i] {
				t.Fatalf("shape %v, want %v", text.Shape, shape)
			}
		}
		if !text.Readable() || text.Words() != words {
			t.Fatalf("%q is read as %q", words, text.Words())
		}

		filler := text.Filler()
		if f := NewText(ana, filler); !text.Open(filler) || f.Units != text.Units {
			t.Fatalf("the filler %q does not stand for %q", filler, words)
		}
		text.Sealed = []byte("sealed")
		text.Erase()
		if text.Readable() || text.Words() != "" || text.Sealed != nil || text.Filler() != filler || text.Units != len(wide) {
			t.Fatalf("after erasing: %+v", text)
		}
	})
}

// TestOpenRefuses: words that another text was made of are not put in.
func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct{ was, is string }{
		{"abc", "ab"}, {"ab", "abc"}, {"🌱a", "a🌱"}, {"🌱", "ab"}, {"ab", "🌱"}, {"", "a"}, {"🌱🌱", "a🌱b"},
	} {
		text := NewText(ana, c.was)
		text.Erase()
		if text.Open(c.is) || text.Readable() || text.Words() != "" {
			t.Errorf("%q was put in for %q", c.is, c.was)
		}
		if !text.Open(c.was) || text.Words() != c.was {
			t.Errorf("%q is refused", c.was)
		}
	}
}

// TestChecks: what may stand in a text, in a line and in a name. The empty fault means that it may.
func TestChecks(t *testing.T) {
	for _, c := range []struct {
		what, s          string
		text, line, name Fault
	}{
		{"letters", "Ana", "", "", ""},
		{"an accent of its own", "Zoe\u0301", "", "", ""},
		{"Dutch", "Noël D’Haeseleer-Østergård", "", "", ""},
		{"Arabic", "محمد علي", "", "", ""},
		{"Arabic with vowels", "مُحَمَّد", "", "", ""},
		{"Hebrew", "יעל כהן", "", "", ""},
		{"Hebrew with points", "שָׁלוֹם", "", "", ""},
		{"Hindi", "अनन्या शर्मा", "", "", ""},
		{"Thai", "ที่นี่", "", "", ""},
		{"Vietnamese, decomposed", "Nguye\u0302\u0303n", "", "", ""},
		{"Chinese", "王小明", "", "", ""},
		{"Greek and digits", "Ωmega 3", "", "", ""},
		{"an emoji", "Ana 🌱", "", "", ""},
		{"an emoji by style", "Ana ❤\ufe0f", "", "", ""},
		{"an emoji of several", "👩\u200d🚀", "", "", FaultInvisible},
		{"a joiner in Persian", "علی\u200cرضا", "", "", FaultInvisible},
		{"markup is text", "<script>alert(1)</script>", "", "", ""},
		{"a formula is text", "=HYPERLINK(\"http://evil\")", "", "", ""},
		{"nothing", "", "", "", FaultEmpty},
		{"white space", " \u00a0\u2003\u3000", "", "", FaultEmpty},
		{"two lines", "a\nb", "", FaultLines, FaultLines},
		{"a tab", "a\tb", "", FaultLines, FaultLines},
		{"a line separator", "a\u2028b", "", FaultLines, FaultLines},
		{"a paragraph separator", "a\u2029b", "", FaultLines, FaultLines},
		{"NUL", "a\x00b", FaultControl, FaultControl, FaultControl},
		{"a carriage return", "a\r\nb", FaultControl, FaultControl, FaultControl},
		{"an escape", "a\x1b[31mb", FaultControl, FaultControl, FaultControl},
		{"delete", "a\x7fb", FaultControl, FaultControl, FaultControl},
		{"next line (C1)", "a\u0085b", FaultControl, FaultControl, FaultControl},
		{"a command string (C1)", "a\u009bb", FaultControl, FaultControl, FaultControl},
		{"an override", "ana\u202egpj.exe", FaultDirection, FaultDirection, FaultDirection},
		{"an embedding", "\u202aAna\u202c", FaultDirection, FaultDirection, FaultDirection},
		{"an isolate", "\u2066Ana\u2069", FaultDirection, FaultDirection, FaultDirection},
		{"not UTF-8", "a\xffb", FaultUTF8, FaultUTF8, FaultUTF8},
		{"a lone high surrogate", "a\xed\xa0\x80b", FaultUTF8, FaultUTF8, FaultUTF8},
		{"a lone low surrogate", "a\xed\xb0\x80b", FaultUTF8, FaultUTF8, FaultUTF8},
		{"an overlong slash", "a\xc0\xafb", FaultUTF8, FaultUTF8, FaultUTF8},
		{"the replacement character", "a\ufffdb", FaultUTF8, FaultUTF8, FaultUTF8},
		{"zero width space", "An\u200ba", "", "", FaultInvisible},
		{"byte order mark", "\ufeffAna", "", "", FaultInvisible},
		{"word joiner", "An\u2060a", "", "", FaultInvisible},
		{"soft hyphen", "An\u00ada", "", "", FaultInvisible},
		{"right-to-left mark", "Ana\u200f", "", "", FaultInvisible},
		{"Arabic letter mark", "Ana\u061c", "", "", FaultInvisible},
		{"grapheme joiner", "An\u034fa", "", "", FaultInvisible},
		{"Mongolian vowel separator", "An\u180ea", "", "", FaultInvisible},
		{"Hangul filler", "\u3164", "", "", FaultInvisible},
		{"half-width Hangul filler", "\uffa0", "", "", FaultInvisible},
		{"Khmer inherent vowel", "a\u17b4", "", "", FaultInvisible},
		{"Braille without a dot", "\u2800", "", "", FaultInvisible},
		{"a tag", "a\U000e0041", "", "", FaultInvisible},
		{"a variation selector", "a\ufe00", "", "", FaultInvisible},
		{"a supplementary one", "a\U000e0100", "", "", FaultInvisible},
		{"an annotation", "a\ufff9b", "", "", FaultInvisible},
		{"a musical format character", "a\U0001d173", "", "", FaultInvisible},
		{"only marks", "\u0301\u0302", "", "", FaultEmpty},
		{"marks over marks", "A" + strings.Repeat("\u0336", 5), "", "", FaultInvisible},
		{"marks on each letter", strings.Repeat("n\u0303", 20), "", "", ""},
		{"an emoji style alone", "\ufe0f", "", "", FaultEmpty},
	} {
		for _, check := range []struct {
			in   string
			got  Fault
			want Fault
		}{{"text", CheckText(c.s), c.text}, {"line", CheckLine(c.s), c.line}, {"name", CheckName(c.s), c.name}} {
			if check.got != check.want {
				t.Errorf("%s (%+q) in a %s: %q, want %q", c.what, c.s, check.in, check.got, check.want)
			}
		}
	}
}

// TestCheckBlank: what leaves nothing to see is blank, also where it may stand.
func TestCheckBlank(t *testing.T) {
	for _, s := range []string{"", " ", "\n\t ", "\u200b", "\u00ad \u2060", "\u3164", "\u2800", "\u0301", "\u00a0\ufe0f"} {
		if !CheckBlank(s) {
			t.Errorf("%+q is not blank", s)
		}
	}
	for _, s := range []string{"a", " . ", "0", "王", "🌱", "\u200bx"} {
		if CheckBlank(s) {
			t.Errorf("%+q is blank", s)
		}
	}
}

// FuzzChecks: each check is as strict as the one before it, and what passes keeps its promises.
func FuzzChecks(f *testing.F) {
	for _, s := range []string{"Ana", "a\u202eb", "\xed\xa0\x80", "محمد", "👩\u200d🚀", "a\x00", "\u3164", "e\u0301\u0301\u0301\u0301\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, line, name := CheckText(s), CheckLine(s), CheckName(s)
		if text != "" && line == "" || line != "" && name == "" {
			t.Fatalf("%+q: text %q, line %q, name %q", s, text, line, name)
		}
		if text == "" {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\x1b\u202e\ufffd") {
				t.Fatalf("%+q passes as a text", s)
			}
			written := NewText(ana, s)
			if again := string(utf16.Decode(utf16.Encode([]rune(s)))); again != s {
				t.Fatalf("%+q does not survive UTF-16", s)
			}
			if !written.Open(written.Filler()) {
				t.Fatalf("%+q has a filler of another shape", s)
			}
		}
		if name == "" && (CheckBlank(s) || strings.ContainsAny(s, "\n\u200b\u200f\u3164\u2800")) {
			t.Fatalf("%+q passes as a name", s)
		}
	})
}
