package ideas

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"kiem/id"
)

// Text is something a person wrote.
//
// What decides anything is its length and its shape: where the surrogate pairs are when it is written in UTF-16, which is what
// positions in a text count. The words themselves are there only on a node that holds the person's key; they can be erased,
// and nothing that is decided may depend on them.
type Text struct {
	By     id.ID  // whose words: the key that seals them is this person's
	Units  int    // length in UTF-16 units
	Shape  []int  // unit offsets of surrogate pairs, ascending
	Sealed []byte // the words, encrypted; nil once removed
	words  string
	open   bool
}

// NewText measures what a person wrote.
func NewText(by id.ID, words string) Text {
	t := Text{By: by, words: words, open: true}
	for _, r := range words {
		if r > 0xffff {
			t.Shape = append(t.Shape, t.Units)
			t.Units++
		}
		t.Units++
	}
	return t
}

// Open puts the words in. They are refused if they do not have the text's length and shape, as when they come from a damaged or foreign store.
func (t *Text) Open(words string) bool {
	n := NewText(t.By, words)
	if n.Units != t.Units || len(n.Shape) != len(t.Shape) {
		return false
	}
	for i := range n.Shape {
		if n.Shape[i] != t.Shape[i] {
			return false
		}
	}
	t.words, t.open = words, true
	return true
}

// Erase removes the words and their sealed form. Length and shape stay.
func (t *Text) Erase() { t.words, t.open, t.Sealed = "", false, nil }

// Readable says whether the words are here.
func (t Text) Readable() bool { return t.open }

// Words is what was written, or "" where it cannot be read.
func (t Text) Words() string { return t.words }

// Filler stands for words that cannot be read: same length, same shape.
func (t Text) Filler() string {
	var b strings.Builder
	next := 0
	for n := 0; n < t.Units; n++ {
		if next < len(t.Shape) && t.Shape[next] == n {
			b.WriteRune('🀫')
			next++
			n++
			continue
		}
		b.WriteRune('▒')
	}
	return b.String()
}

// Fault says what is wrong with the characters of a text, as the key of a sentence, or "".
type Fault string

// The faults of a text.
const (
	FaultUTF8      Fault = "bad_utf8"      // not valid UTF-8, or the replacement character
	FaultControl   Fault = "control"       // a control character
	FaultDirection Fault = "bidi"          // overrides the direction of writing
	FaultInvisible Fault = "invisible"     // a name that cannot be seen
	FaultEmpty     Fault = "empty"         // nothing but white space
	FaultLines     Fault = "several_lines" // a line break where one line is meant
)

// CheckText finds what may not stand in a text of several lines: line feed and tab are the only control characters.
func CheckText(s string) Fault {
	if !utf8.ValidString(s) {
		return FaultUTF8
	}
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			return FaultUTF8
		case r == '\n' || r == '\t':
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return FaultControl
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return FaultDirection
		}
	}
	return ""
}

// CheckLine finds what may not stand in a line: a title, a reason.
func CheckLine(s string) Fault {
	if f := CheckText(s); f != "" {
		return f
	}
	if strings.ContainsAny(s, "\n\t\u2028\u2029") {
		return FaultLines
	}
	return ""
}

// CheckName finds what may not stand in a name, which others must be able to read, to find, and not to mistake: also no marks of
// direction, no zero-width characters, no fillers.
func CheckName(s string) Fault {
	if f := CheckLine(s); f != "" {
		return f
	}
	visible := false
	for _, r := range s {
		switch {
		case r == 0xad || r == 0x34f || r == 0x61c || r == 0x115f || r == 0x1160 || r == 0x17b4 || r == 0x17b5 || r == 0x180e,
			r >= 0x200b && r <= 0x200f, r >= 0x2060 && r <= 0x2065, r >= 0x206a && r <= 0x206f, r == 0x3164, r == 0xfeff, r == 0xffa0,
			r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff:
			return FaultInvisible
		case r != ' ' && r != 0xa0 && r != 0x3000 && !(r >= 0x2000 && r <= 0x200a):
			visible = true
		}
	}
	if !visible {
		return FaultEmpty
	}
	return ""
}

// Units is the length of s in UTF-16 units.
func Units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// CheckBlank says whether there is nothing but white space.
func CheckBlank(s string) bool { return strings.TrimSpace(s) == "" }
