package export

import (
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean removes from a text what no table can hold, or what would show it as something else: control characters but line feed and tab, overrides of the
// direction of writing, byte order marks, and what XML has no place for. Line breaks become line feeds.
func clean(s string) string {
	plain := true
	for _, r := range s {
		if unwanted(r) {
			plain = false
			break
		}
	}
	if plain && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
		case r == '\r':
			if !strings.HasPrefix(s[i+1:], "\n") {
				b.WriteByte('\n')
			}
		case !unwanted(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unwanted(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' ||
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r == 0xfffe || r == 0xffff || r == utf8.RuneError
}

// defuse puts an apostrophe before every piece of a text that a spreadsheet could take for a formula: one whose first character is = + - @ (also full-width or
// small, which some programs fold, and the minus sign) or a tab, whatever white space, quotes or invisible characters stand before it. A piece begins where
// the text does, and after each line break, tab, comma and semicolon: a program that expects another separator than the file has begins a cell there, quotes or
// not. A piece that begins with an apostrophe and then like a formula gets one more, so arm can take it off again.
func defuse(s string) string {
	if !mayExplode(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for piece := range pieces(s) {
		if explosive(piece) {
			b.WriteByte('\'')
		}
		b.WriteString(piece)
	}
	return b.String()
}

// mayExplode is false for most texts, and quick.
func mayExplode(s string) bool { return strings.ContainsAny(s, signs) }

// arm is the inverse of defuse.
func arm(s string) string {
	if !mayExplode(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for piece := range pieces(s) {
		if rest, ok := strings.CutPrefix(piece, "'"); ok && explosive(rest) {
			piece = rest
		}
		b.WriteString(piece)
	}
	return b.String()
}

// pieces cuts a text after each character that could end a cell.
func pieces(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s != "" {
			end := strings.IndexAny(s, "\n\t,;") + 1
			if end == 0 {
				end = len(s)
			}
			if !yield(s[:end]) {
				return
			}
			s = s[end:]
		}
	}
}

// signs begin a formula, or hide one that does.
const signs = "=+-@\t\r＝＋－＠﹦﹢﹣﹫−"

// explosive says whether a piece could be taken for a formula.
func explosive(piece string) bool {
	for _, r := range piece {
		switch {
		case strings.ContainsRune(signs, r):
			return true
		case r == '\n':
			return false
		case strings.ContainsRune("'\"`´‘’‚“”„«»‹›＇＂", r), unicode.IsSpace(r), unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point):
		default:
			return false
		}
	}
	return false
}

// join writes a list into one cell: items with "; " between, and a backslash before a semicolon or a backslash in an item.
func join(list []string) string {
	escaped := make([]string, len(list))
	for i, item := range list {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `;`, `\;`).Replace(item)
	}
	return strings.Join(escaped, "; ")
}

// split is the inverse of join for items without white space around them.
func split(s string) []string {
	list := []string{}
	if s == "" {
		return list
	}
	var item strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			item.WriteByte(s[i])
		case s[i] == ';':
			list = append(list, strings.TrimSpace(item.String()))
			item.Reset()
		default:
			item.WriteByte(s[i])
		}
	}
	return append(list, strings.TrimSpace(item.String()))
}

// escaped is what a spreadsheet would read as an escaped character.
var escaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// cell is a text for a cell of a spreadsheet: no longer than a cell may be, cut with an ellipsis.
func cell(s string) string {
	s = escaped.ReplaceAllStringFunc(s, func(e string) string { return "_x005F" + e })
	if len(s) <= maxCell { // a byte makes at most one unit
		return s
	}
	units := 0
	for i, r := range s {
		if units += 1; r > 0xffff {
			units++
		}
		if units >= maxCell {
			return s[:i] + "…"
		}
	}
	return s
}
