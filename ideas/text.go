package ideas

import (
	"strings"
	"unicode"
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
	FaultInvisible Fault = "invisible"     // characters in a name that cannot be seen, or that cover others
	FaultEmpty     Fault = "empty"         // nothing to see
	FaultLines     Fault = "several_lines" // a line break where one line is meant
)

// CheckText finds what may not stand in a text of several lines: line feed and tab are the only control characters, and nothing overrides the
// direction of writing. Marks of direction and joiners, which many scripts and emoji need, may stand in a text.
func CheckText(s string) Fault {
	if !utf8.ValidString(s) {
		return FaultUTF8
	}
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			return FaultUTF8
		case r == '\n' || r == '\t':
		case unicode.IsControl(r):
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

// CheckName finds what may not stand in a name, which others must be able to read, to find, and not to mistake: also nothing that
// takes no room of its own, and not so many marks on one letter that they cover the lines around.
func CheckName(s string) Fault {
	if f := CheckLine(s); f != "" {
		return f
	}
	marks := 0
	for _, r := range s {
		switch {
		case r == textStyle, r == emojiStyle:
		case hidden(r):
			return FaultInvisible
		case !unicode.Is(unicode.M, r):
			marks = 0
		default:
			if marks++; marks > maxMarks {
				return FaultInvisible
			}
		}
	}
	if CheckBlank(s) {
		return FaultEmpty
	}
	return ""
}

// maxMarks may follow one another in a name. Scripts that are written with marks need three.
const maxMarks = 4

// What makes a character that can be either a letter-like sign or an emoji the one or the other.
const (
	textStyle  = 0xfe0e
	emojiStyle = 0xfe0f
)

// hidden says whether a character leaves nothing to see: format characters, fillers, and the Braille pattern without a dot.
func hidden(r rune) bool {
	return r == 0x2800 || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// CheckBlank says whether there is nothing to see: white space, hidden characters, marks without a letter.
func CheckBlank(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) && !unicode.Is(unicode.M, r) && !hidden(r) {
			return false
		}
	}
	return true
}

// Units is the length of s in UTF-16 units.
func Units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
