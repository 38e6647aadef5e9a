package export

import (
	"archive/zip"
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// A workbook is a zip of XML files (ECMA-376, part 1, SpreadsheetML). It is written here, and not with a library, because what a library of spreadsheets
// offers for large ones is to spool the sheets into temporary files first: people's words would stand on a disk where no erasure finds them. Everything that
// these sheets need is a few kinds of cells; the tests open them with excelize.
//
// A text is an inline string in the number format "@" (text). So it is no formula, and does not become one when somebody edits the cell.

const (
	xlsxTypes = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>%s</Types>`
	xlsxSheetType = `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>`
	xlsxRels      = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	xlsxBook = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>%s</sheets></workbook>`
	xlsxBookRels = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>%s</Relationships>`
	xlsxSheetRel = `<Relationship Id="rId%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet%d.xml"/>`
	// Formats of cells: 0 a number, 1 a text, 2 a heading.
	xlsxStyles = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font><font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1"><alignment vertical="top"/></xf><xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf><xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" applyAlignment="1"><alignment vertical="top" wrapText="1"/></xf></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`
	xlsxSheetHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"%s><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>%s</cols><sheetData>`
	xlsxSheetTail = `</sheetData></worksheet>`

	styleText, styleHeading = 1, 2
)

// wide are the columns that hold sentences; the width is in characters.
var wide = map[string]int{"title": 40, "text": 80, "need": 50, "answer_reason": 50, "rule": 40, "meaning": 90, "value": 100, "what": 24}

// sheet is one table of the workbook.
type sheet struct {
	key      string // of its name
	headings []string
	table
}

func (s *selection) writeXLSX(w io.Writer) error {
	z := zip.NewWriter(w)
	sheets := s.sheets()
	var types, list, rels strings.Builder
	for n, one := range sheets {
		fmt.Fprintf(&types, xlsxSheetType, n+1)
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, xmlText(s.words.say("sheet."+one.key)), n+1, n+1)
		fmt.Fprintf(&rels, xlsxSheetRel, n+1, n+1)
	}
	for _, part := range []struct{ name, text string }{
		{"[Content_Types].xml", fmt.Sprintf(xlsxTypes, types.String())},
		{"_rels/.rels", xlsxRels},
		{"xl/workbook.xml", fmt.Sprintf(xlsxBook, list.String())},
		{"xl/_rels/workbook.xml.rels", fmt.Sprintf(xlsxBookRels, len(sheets)+1, rels.String())},
		{"xl/styles.xml", xlsxStyles},
	} {
		to, err := s.part(z, part.name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(to, part.text); err != nil {
			return err
		}
	}
	for n, one := range sheets {
		to, err := s.part(z, fmt.Sprintf("xl/worksheets/sheet%d.xml", n+1))
		if err != nil {
			return err
		}
		if err := s.writeSheet(to, one, n == 0); err != nil {
			return err
		}
	}
	return z.Close()
}

// part begins a file in a zip. Its time is that of the report, so that the same report gives the same bytes.
func (s *selection) part(z *zip.Writer, name string) (io.Writer, error) {
	return z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: s.MadeAt.UTC()})
}

func (s *selection) sheets() []sheet {
	w := s.words
	about := table{columns: []string{"what", "value"}, rows: func(put func(...any) error) error {
		for _, pair := range s.about() {
			if err := put(pair[0], pair[1]); err != nil {
				return err
			}
		}
		return nil
	}}
	tables := []table{s.ideaTable(), s.commentTable(), s.groupTable()}
	fields := table{columns: []string{"field", "heading", "meaning"}, rows: func(put func(...any) error) error {
		seen := map[string]bool{}
		for _, t := range tables {
			for _, c := range t.columns {
				if seen[c] {
					continue
				}
				seen[c] = true
				if err := put(c, w.heading(c), w.meaning(c)); err != nil {
					return err
				}
			}
		}
		return nil
	}}
	list := []sheet{{"about", []string{w.say("about"), ""}, about}}
	for _, t := range tables {
		one := sheet{key: t.name, table: t}
		for _, c := range t.columns {
			one.headings = append(one.headings, w.heading(c))
		}
		list = append(list, one)
	}
	return append(list, sheet{"fields", []string{w.say("field"), w.say("heading"), w.say("meaning")}, fields})
}

// errFull ends a sheet that has all the rows that it may have.
var errFull = errors.New("the sheet is full")

func (s *selection) writeSheet(w io.Writer, t sheet, first bool) error {
	b := bufio.NewWriterSize(w, 64<<10)
	var cols strings.Builder
	for n, c := range t.columns {
		width := 14
		if v := wide[c]; v > 0 {
			width = v
		}
		fmt.Fprintf(&cols, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, n+1, n+1, width)
	}
	selected := ""
	if first {
		selected = ` tabSelected="1"`
	}
	fmt.Fprintf(b, xlsxSheetHead, selected, cols.String())
	row := 0
	write := func(style int, values ...any) error {
		row++
		fmt.Fprintf(b, `<row r="%d">`, row)
		for n, v := range values {
			writeCell(b, n, row, style, v)
		}
		_, err := b.WriteString("</row>") // a bufio.Writer keeps its first error
		return err
	}
	headings := make([]any, len(t.headings))
	for n, h := range t.headings {
		headings[n] = h
	}
	if err := write(styleHeading, headings...); err != nil {
		return err
	}
	err := t.rows(func(values ...any) error {
		if row == maxSheet-1 {
			return errFull
		}
		return write(styleText, values...)
	})
	if errors.Is(err, errFull) {
		err = write(styleHeading, s.words.say("sheet.full"))
	}
	if err != nil {
		return err
	}
	fmt.Fprint(b, xlsxSheetTail)
	return b.Flush()
}

// writeCell writes a value into a row. Numbers are numbers; everything else is text, of the given format.
func writeCell(b *bufio.Writer, column, row, style int, v any) {
	text := ""
	switch v := v.(type) {
	case nil:
		return
	case int:
		fmt.Fprintf(b, `<c r="%s%d"><v>%d</v></c>`, letters(column), row, v)
		return
	case string:
		if v == "" {
			return
		}
		text = cell(clean(v))
	case bool:
		text = strconv.FormatBool(v)
	case time.Time:
		text = moment(v)
	}
	fmt.Fprintf(b, `<c r="%s%d" s="%d" t="inlineStr"><is><t xml:space="preserve">`, letters(column), row, style)
	_ = xml.EscapeText(b, []byte(text)) // an error of b comes back at the end of the row
	fmt.Fprint(b, `</t></is></c>`)
}

// letters is a column's name: A … Z, AA … .
func letters(column int) string {
	if column < 26 {
		return string(rune('A' + column))
	}
	return letters(column/26-1) + string(rune('A'+column%26))
}

func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder gives no error
	return b.String()
}
