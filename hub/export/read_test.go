package export

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"kiem/hub/wire"
)

// good is the content of a zip that can be read.
func good(t testing.TB) map[string][]byte {
	t.Helper()
	l := newLog(t, 2)
	i := newIdea(1, 12, "citizen", 10)
	i.Comments = []wire.Comment{{ID: i.Authors[0].ID, Kind: "question", Text: "Wanneer?", Status: posted, Author: i.Authors[0]}}
	f := unzip(t, file(t, newReport(l, i), Options{Format: Zip}, l))
	files := map[string][]byte{}
	for _, name := range zipFiles {
		files[name] = f.content(t, name)
	}
	return files
}

// pack makes a zip; the hashes in campaign.json are put right unless seal is false.
func pack(t testing.TB, files map[string][]byte, seal bool, more ...*zip.FileHeader) []byte {
	t.Helper()
	if seal {
		var m Manifest
		if err := json.Unmarshal(files[fileManifest], &m); err != nil {
			t.Fatal(err)
		}
		for name := range m.Files {
			sum := sha256.Sum256(files[name])
			m.Files[name] = hex.EncodeToString(sum[:])
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		files[fileManifest] = text
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, name := range zipFiles {
		if text, there := files[name]; there {
			w, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, h := range more {
		if _, err := z.CreateHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readAll does with a zip what an import does.
func readAll(text []byte) error {
	f, err := Open(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		return err
	}
	if err := f.Ideas(func(Idea) error { return nil }); err != nil {
		return err
	}
	return f.Comments(func(Comment) error { return nil })
}

// TestHostileFiles is T31 and T22 for the zip: what is not as it was exported is refused with ErrFile and a sentence that says what is wrong.
func TestHostileFiles(t *testing.T) {
	was := good(t)
	change := func(name string, to func(string) string) []byte {
		files := maps.Clone(was)
		files[name] = []byte(to(string(was[name])))
		return pack(t, files, true)
	}
	without := func(name string) []byte {
		files := maps.Clone(was)
		delete(files, name)
		return pack(t, files, false)
	}
	unsealed := func(name string, to func(string) string) []byte {
		files := maps.Clone(was)
		files[name] = []byte(to(string(was[name])))
		return pack(t, files, false)
	}
	add := func(text string) func(string) string { return func(s string) string { return s + text } }
	replace := func(from, to string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, from) {
				t.Fatalf("%q is not in there", from)
			}
			return strings.Replace(s, from, to, 1)
		}
	}
	whole := pack(t, maps.Clone(was), true)
	if err := readAll(whole); err != nil {
		t.Fatal(err)
	}
	idea := newIdea(1, 0).ID.String()
	for what, c := range map[string]struct {
		text []byte
		says string
	}{
		"no zip":                  {[]byte("hello"), "no zip"},
		"half":                    {whole[:len(whole)/2], "no zip"},
		"no ideas":                {without(fileIdeas), "ideas.csv is missing"},
		"no manifest":             {without(fileManifest), "campaign.json is missing"},
		"a path upwards":          {pack(t, maps.Clone(was), true, &zip.FileHeader{Name: "../../etc/passwd"}), "does not belong there"},
		"an absolute path":        {pack(t, maps.Clone(was), true, &zip.FileHeader{Name: "/ideas.csv"}), "does not belong there"},
		"a name in capitals":      {pack(t, maps.Clone(was), true, &zip.FileHeader{Name: "IDEAS.CSV"}), "does not belong there"},
		"a file twice":            {pack(t, maps.Clone(was), true, &zip.FileHeader{Name: fileIdeas}), "twice"},
		"a wrong hash":            {unsealed(fileIdeas, add(" ")), "ideas.csv is not the file that was exported"},
		"a changed log":           {unsealed(fileLog, replace(`"seq":1`, `"seq":9`)), "log.jsonl is not the file that was exported"},
		"another format":          {change(fileManifest, replace("kiem.export/1", "kiem.export/2")), "reads"},
		"no hash":                 {unsealed(fileManifest, replace(`"log.jsonl":`, `"log.json":`)), "log.jsonl is not the file"},
		"no campaign":             {change(fileManifest, replace(campaignID.String(), "00000000-0000-0000-0000-000000000000")), "names no campaign"},
		"a manifest of something": {unsealed(fileManifest, func(string) string { return `{"format":"kiem.export/1","campaign":{"id":3}}` }), "cannot be read"},
		"no column":               {change(fileIdeas, replace("need", "nood")), "no column need"},
		"no columns":              {change(fileIdeas, func(string) string { return "" }), "no columns"},
		"a short row":             {change(fileIdeas, add("1,2,3\n")), "wrong number of fields"},
		"a bad id":                {change(fileIdeas, replace(idea, "no id")), "is no id"},
		"an id twice":             {change(fileIdeas, func(s string) string { return s + strings.SplitAfter(s, "\n")[1] }), "comes twice"},
		"an open quote":           {change(fileIdeas, add("\""+strings.Repeat("x", 100))), ""},
		"a reply to nothing":      {change(fileComments, replace(","+idea+",,", ","+idea+","+idea+",")), "does not stand before it"},
		"an endless row":          {change(fileComments, add("\""+strings.Repeat("x", 2*maxRecord))), "more than 1048576 bytes"},
	} {
		err := readAll(c.text)
		if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", what, err, c.says)
		}
	}
	if err := readAll(make([]byte, 0)); !errors.Is(err, ErrFile) {
		t.Error(err)
	}
	if _, err := Open(bytes.NewReader(nil), MaxZip+1); !errors.Is(err, ErrFile) {
		t.Error(err)
	}
}

// TestBombs is T22: a few kilobytes that inflate to gigabytes are refused at their limit, without being held.
func TestBombs(t *testing.T) {
	files := good(t)
	files[fileManifest] = append(bytes.Repeat([]byte(" "), maxManifest), files[fileManifest]...)
	bomb := pack(t, files, false)
	if len(bomb) > 1<<20 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	if err := readAll(bomb); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
	r := &meter{r: zeros{}, left: 64 << 20, err: bad("too much")}
	n, err := io.Copy(io.Discard, r)
	if n != 64<<20 || !errors.Is(err, ErrFile) {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// FuzzOpen is T22: whatever a file holds, it is read or refused.
func FuzzOpen(f *testing.F) {
	whole := pack(f, good(f), true)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := readAll(text); err != nil && !errors.Is(err, ErrFile) {
			t.Fatal(err)
		}
	})
}

// FuzzTables is T22: whatever the tables of a file hold, whose hashes are right, they are read or refused, and an id comes once.
func FuzzTables(f *testing.F) {
	was := good(f)
	f.Add(was[fileIdeas], was[fileComments])
	f.Add([]byte("idea,title\n\"x"), []byte{0xff})
	f.Fuzz(func(t *testing.T, table, comments []byte) {
		files := maps.Clone(was)
		files[fileIdeas], files[fileComments] = table, comments
		text := pack(t, files, true)
		file, err := Open(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		err = file.Ideas(func(i Idea) error {
			if seen[i.ID.String()] {
				t.Fatal("an id came twice")
			}
			seen[i.ID.String()] = true
			return nil
		})
		if err == nil {
			err = file.Comments(func(Comment) error { return nil })
		}
		if err != nil && !errors.Is(err, ErrFile) {
			t.Fatal(err)
		}
	})
}
