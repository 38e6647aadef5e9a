package export

import (
	"bufio"
	"encoding/csv"
	"io"
	"strconv"
	"time"
)

// mark is UTF-8's byte order mark: without it Excel reads a double-clicked CSV in the code page of the machine.
const mark = "\ufeff"

// writeCSV writes the table of ideas for a spreadsheet.
func (s *selection) writeCSV(w io.Writer) error {
	b := bufio.NewWriterSize(w, 64<<10)
	if _, err := b.WriteString(mark); err != nil {
		return err
	}
	c := csv.NewWriter(b)
	c.UseCRLF = true
	if s.Lang != "en" {
		c.Comma = ';'
	}
	if err := writeTable(c, s.stated(s.ideaTable())); err != nil {
		return err
	}
	return b.Flush()
}

// writeTable writes the codes of the columns and the rows.
func writeTable(c *csv.Writer, t table) error {
	record := make([]string, len(t.columns))
	for i, code := range t.columns {
		record[i] = defuse(clean(code))
	}
	if err := c.Write(record); err != nil {
		return err
	}
	err := t.rows(func(values ...any) error {
		record = record[:0]
		for _, v := range values {
			record = append(record, csvValue(v))
		}
		return c.Write(record)
	})
	if err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}

func csvValue(v any) string {
	switch v := v.(type) {
	case string:
		return defuse(clean(v))
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return moment(v)
	}
	return ""
}
