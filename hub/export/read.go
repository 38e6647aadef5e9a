package export

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// ErrFile: what is read is no zip of ZipFormat, or not as it was written. The wrapping error says what is wrong, for whoever chose the file.
var ErrFile = errors.New("not an export of Kiem that can be read")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFile, fmt.Sprintf(format, args...))
}

// zipFiles are all files that a zip may have, and must have.
var zipFiles = []string{fileReadme, fileIdeas, fileComments, fileGroups, fileBallots, fileStages, fileLog, fileManifest}

// File is a zip of ZipFormat, read from a stranger: everything in it is checked, nothing believed.
type File struct {
	Manifest Manifest
	files    map[string]*zip.File
}

// Open looks at a zip of that size: its files are those of the format, each once, and each has the SHA-256 that campaign.json says. It does not recount,
// nor check the chain of the log: `kiem verify` does. An error is ErrFile or the reader's.
func Open(r io.ReaderAt, size int64) (*File, error) {
	if size > MaxZip {
		return nil, bad("it has %d bytes, at most %d are read", size, int64(MaxZip))
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, bad("it is no zip: %v", err)
	}
	if len(z.File) > maxFiles {
		return nil, bad("there are %d files in it, at most %d are read", len(z.File), maxFiles)
	}
	f := &File{files: map[string]*zip.File{}}
	for _, one := range z.File {
		switch {
		case !slices.Contains(zipFiles, one.Name):
			return nil, bad("there is a file %q in it that does not belong there", one.Name)
		case f.files[one.Name] != nil:
			return nil, bad("the file %s is in it twice", one.Name)
		case !one.Mode().IsRegular() || one.Flags&1 != 0 || one.Method != zip.Deflate && one.Method != zip.Store:
			return nil, bad("the file %s in it is of a kind that is not read", one.Name)
		}
		f.files[one.Name] = one
	}
	for _, name := range zipFiles {
		if f.files[name] == nil {
			return nil, bad("the file %s is missing in it", name)
		}
	}
	if err := f.readManifest(); err != nil {
		return nil, err
	}
	return f, f.checkSums()
}

func (f *File) readManifest() error {
	return f.read(fileManifest, maxManifest, func(r io.Reader) error {
		text, err := io.ReadAll(r)
		if err != nil {
			return unreadable(fileManifest, err)
		}
		if err := json.Unmarshal(text, &f.Manifest); err != nil {
			return bad("%s cannot be read: %v", fileManifest, err)
		}
		if f.Manifest.Format != ZipFormat {
			return bad("its format is %q, this program reads %q", f.Manifest.Format, ZipFormat)
		}
		if f.Manifest.Campaign.ID.IsZero() {
			return bad("%s names no campaign", fileManifest)
		}
		return nil
	})
}

func (f *File) checkSums() error {
	if len(f.Manifest.Files) != len(zipFiles)-1 {
		return bad("%s has the hashes of %d files, not of %d", fileManifest, len(f.Manifest.Files), len(zipFiles)-1)
	}
	for _, name := range zipFiles[:len(zipFiles)-1] {
		most := int64(maxTable)
		if name == fileLog {
			most = maxLog
		}
		err := f.read(name, most, func(r io.Reader) error {
			sum := sha256.New()
			if _, err := io.Copy(sum, r); err != nil {
				return unreadable(name, err)
			}
			if got := hex.EncodeToString(sum.Sum(nil)); got != f.Manifest.Files[name] {
				return bad("%s is not the file that was exported: its SHA-256 is %s, %s says %q", name, got, fileManifest, f.Manifest.Files[name])
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read gives a file of the zip to use, up to a size; beyond it reading fails.
func (f *File) read(name string, most int64, use func(io.Reader) error) error {
	r, err := f.files[name].Open()
	if err != nil {
		return bad("%s cannot be read: %v", name, err)
	}
	defer r.Close()
	return use(&meter{r: r, left: most, err: bad("%s has more than %d bytes", name, most)})
}

// unreadable is what a zip that breaks off or does not inflate makes of an error of reading.
func unreadable(name string, err error) error {
	if errors.Is(err, ErrFile) {
		return err
	}
	return bad("%s cannot be read: %v", name, err)
}

// meter fails when more was read than may be.
type meter struct {
	r    io.Reader
	left int64
	err  error
}

func (m *meter) Read(b []byte) (int, error) {
	if m.left < 0 {
		return 0, m.err
	}
	if int64(len(b)) > m.left+1 {
		b = b[:m.left+1]
	}
	n, err := m.r.Read(b)
	if m.left -= int64(n); m.left < 0 {
		return 0, m.err
	}
	return n, err
}

// Idea is a row of ideas.csv, as far as it can go on elsewhere.
type Idea struct {
	ID                        id.ID
	Title, Text, Need         string
	Themes, Nodes, Innovation []string
	Definition                *wire.Definition // nil: not filled in
}

// Comment is a row of comments.csv, as far as it can go on elsewhere.
type Comment struct {
	ID, Idea, ReplyTo id.ID // ReplyTo is zero for a comment on the idea itself
	Kind, Text        string
}

// Ideas gives the ideas in the order of the file. An id comes once.
func (f *File) Ideas(visit func(Idea) error) error {
	seen := map[id.ID]bool{}
	columns := []string{"idea", "title", "text", "need", "themes", "nodes", "innovation", "definition_need", "definition_novelty"}
	return f.table(fileIdeas, columns, ideas.MaxIdeas, func(v []string) error {
		i := Idea{Title: v[1], Text: v[2], Need: v[3], Themes: split(v[4]), Nodes: split(v[5]), Innovation: split(v[6])}
		if err := uniqueID(v[0], &i.ID, seen); err != nil {
			return err
		}
		if v[7] != "" || v[8] != "" {
			i.Definition = &wire.Definition{Need: v[7] == "true", Novelty: v[8] == "true"}
		}
		return visit(i)
	})
}

// Comments gives the comments in the order of the file: a comment comes before the replies to it.
func (f *File) Comments(visit func(Comment) error) error {
	seen := map[id.ID]bool{}
	return f.table(fileComments, []string{"comment", "idea", "reply_to", "kind", "text"}, ideas.MaxIdeas*ideas.MaxComments, func(v []string) error {
		c := Comment{Kind: v[3], Text: v[4]}
		if err := uniqueID(v[0], &c.ID, seen); err != nil {
			return err
		}
		if err := c.Idea.UnmarshalText([]byte(v[1])); err != nil {
			return bad("%q is no id", v[1])
		}
		if v[2] == "" {
			return visit(c)
		}
		if err := c.ReplyTo.UnmarshalText([]byte(v[2])); err != nil || !seen[c.ReplyTo] {
			return bad("comment %s replies to %q, which does not stand before it", c.ID, v[2])
		}
		return visit(c)
	})
}

func uniqueID(text string, to *id.ID, seen map[id.ID]bool) error {
	if err := to.UnmarshalText([]byte(text)); err != nil || to.IsZero() {
		return bad("%q is no id", text)
	}
	if seen[*to] {
		return bad("the id %s comes twice", text)
	}
	seen[*to] = true
	return nil
}

// table reads the named columns of a table of the zip. Columns that are not known are passed over, as later versions may add some.
func (f *File) table(name string, columns []string, most int, visit func([]string) error) error {
	return f.read(name, maxTable, func(r io.Reader) error {
		limited := &meter{r: r, left: maxRecord, err: bad("%s has a row of more than %d bytes", name, maxRecord)}
		c := csv.NewReader(limited)
		c.ReuseRecord = true
		head, err := c.Read()
		if err != nil {
			return bad("%s has no columns: %v", name, err)
		}
		at := make([]int, len(columns))
		for n, code := range columns {
			if at[n] = slices.Index(head, code); at[n] < 0 {
				return bad("%s has no column %s", name, code)
			}
		}
		values := make([]string, len(columns))
		for row := 1; ; row++ {
			limited.left = maxRecord
			record, err := c.Read()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return unreadable(name, err)
			}
			if row > most {
				return bad("%s has more than %d rows", name, most)
			}
			for n := range at {
				values[n] = arm(strings.Clone(record[at[n]]))
			}
			if err := visit(values); err != nil {
				return fmt.Errorf("%s, row %d: %w", name, row, err)
			}
		}
	})
}
