package export

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"kiem/ideas"
)

// hostile are beginnings of cells that a spreadsheet would run, or that hide one that it would.
var hostile = []string{
	"=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "﹦", "﹢", "−", " =", "\u00a0=", "\u3000@", "'=", "''=", "\"=", "”+", "\u200b=", "\ufeff=", "\u2060-", "\n=", "x\n@", "x\r\n=", "x\r+", "\x00=", "\x1f@", "x,=", "x;+", "x, -", "x\t@", "x\";=",
}

// TestFormulas is T4: 10,000 hostile texts in every column that people fill. No cell of a CSV begins with what a spreadsheet takes for a formula, nor does
// anything in it that a program with another separator would take for a cell; and two parsers find no formula in the workbook: excelize, and one that looks at its XML. What people wrote can be read in all of them.
func TestFormulas(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2018))
	payloads := []string{`cmd|' /C calc'!A0`, `HYPERLINK("http://evil","x")`, `1+1`, `SUM(A1:A9)`, `WEBSERVICE("http://evil")`, `_x003D_1`, `DDE("a";"b")`}
	l := newLog(t, 1)
	r := newReport(l)
	for n := range 2500 { // four texts each
		i := newIdea(n, n%7)
		text := func() string {
			return hostile[random.IntN(len(hostile))] + payloads[random.IntN(len(payloads))] + fmt.Sprint(" zin ", n)
		}
		i.Title, i.Text, i.Need = text(), text(), text()
		i.Authors[0].Name = text()
		r.Ideas = append(r.Ideas, i)
	}
	r.Campaign.Groups = append([]string{"=eigen groep"}, groups...)
	for _, lang := range []string{"nl", "en"} {
		comma := map[string]rune{"nl": ';', "en": ','}[lang]
		for _, row := range read(t, file(t, r, Options{Format: CSV, Lang: lang}, l), comma) {
			for code, v := range row {
				for _, piece := range strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune("\n\t,;", r) }) {
					first, _ := utf8.DecodeRuneInString(strings.TrimLeft(piece, " \u00a0\u3000\"”\u200b\ufeff\u2060"))
					if strings.ContainsRune("=+-@\r＝＋－＠﹦﹢﹣﹫−", first) {
						t.Fatalf("%s has a formula: %q", code, v)
					}
				}
			}
		}
	}
	book := file(t, r, Options{Format: XLSX}, l)
	x, err := excelize.OpenReader(bytes.NewReader(book))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	cells := 0
	for _, name := range x.GetSheetList() {
		rows, err := x.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		for n, row := range rows {
			for k, v := range row {
				if !strings.Contains(v, " zin ") {
					continue
				}
				if cells++; cells%50 != 0 { // asking for one cell is slow; that there is no formula at all is seen below
					continue
				}
				at, _ := excelize.CoordinatesToCellName(k+1, n+1)
				if formula, err := x.GetCellFormula(name, at); err != nil || formula != "" {
					t.Fatalf("%s %s is a formula: %q %v", name, at, formula, err)
				}
			}
		}
	}
	if cells != 10_000 {
		t.Errorf("%d of the texts can be read in the workbook", cells)
	}
	if elements := elementsOf(t, book); elements["f"] > 0 || elements["hyperlink"] > 0 || elements["externalReference"] > 0 || elements["c"] < 10_000 {
		t.Errorf("the workbook has %d formulas, %d links, %d cells", elements["f"], elements["hyperlink"], elements["c"])
	}
}

// elementsOf counts the XML elements in a workbook's files.
func elementsOf(t *testing.T, book []byte) map[string]int {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(r)
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			if e, ok := token.(xml.StartElement); ok {
				count[e.Name.Local]++
			}
		}
	}
	return count
}

// TestDefuse is T4: whatever is written, arm gives back what defuse was given, and no piece of what defuse gives can be taken for a formula.
func TestDefuse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOf(rapid.OneOf(rapid.SampledFrom(append(hostile, "'", "’", "\n", "a", " ", ",", ";", "\t")), rapid.String())).Draw(t, "text"), "")
		d := defuse(s)
		if arm(d) != s {
			t.Fatalf("%q became %q and came back as %q", s, d, arm(d))
		}
		for piece := range pieces(d) {
			if explosive(piece) && !strings.HasPrefix(piece, "'") {
				t.Fatalf("%q of %q", piece, d)
			}
		}
		c := clean(s)
		if !utf8.ValidString(c) || clean(c) != c || strings.ContainsAny(c, "\r\x00\x1f\ufeff\u202e") {
			t.Fatalf("%q cleaned is %q", s, c)
		}
		if ideas.CheckText(s) == "" && !strings.ContainsRune(s, 0xfeff) && c != s && utf8.ValidString(s) {
			for _, r := range s {
				if unwanted(r) {
					return // no character at all
				}
			}
			t.Fatalf("%q, which anybody may write, became %q", s, c)
		}
	})
}

// TestLists: join and split are inverses.
func TestLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOf(rapid.StringMatching(`[^\s]([^\s]*[^\s])?`).Filter(func(s string) bool { return strings.TrimSpace(s) == s })).Draw(t, "list")
		if got := split(join(list)); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", list) && len(list) > 0 {
			t.Fatalf("%q became %q and then %q", list, join(list), got)
		}
	})
}

// TestCells: no cell of a workbook is longer than one may be, and what looks like an escape of the format comes back as it was written.
func TestCells(t *testing.T) {
	l := newLog(t, 1)
	i := newIdea(1, 1)
	i.Text = strings.Repeat("🌱", 30_000)
	i.Need = "_x0041_ en _xD83D_"
	x, err := excelize.OpenReader(bytes.NewReader(file(t, newReport(l, i), Options{Format: XLSX, Lang: "en"}, l)))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	text, err := x.GetCellValue("Ideas", "D2")
	if err != nil || ideas.Units(text) > maxCell || !strings.HasSuffix(text, "…") || !strings.HasPrefix(text, "🌱🌱") {
		t.Errorf("%d units, %v", ideas.Units(text), err)
	}
	if need, err := x.GetCellValue("Ideas", "E2"); err != nil || need != i.Need {
		t.Errorf("%q, %v", need, err)
	}
	if v, err := x.GetCellValue("About", "B4"); err != nil || v != "support: how many people support the idea" {
		t.Errorf("the measure is %q, %v", v, err)
	}
}

// plain is a file in which texts can be searched: zips are unpacked.
func plain(t *testing.T, f Format, text []byte) []byte {
	t.Helper()
	if f != XLSX && f != Zip {
		return text
	}
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, one := range z.File {
		r, err := one.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}
