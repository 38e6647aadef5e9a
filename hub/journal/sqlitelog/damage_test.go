package sqlitelog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

// written is a journal as a killed process left it, and what stood in it.
type written struct {
	dir   string
	logs  map[string][]journal.Stored
	snaps map[string]journal.Snapshot
}

// write makes a journal with entries in the database, in the WAL, and two snapshots. The witness has seen everything.
func write(t *testing.T) written {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir, calm)
	w := written{logs: map[string][]journal.Stored{}, snaps: map[string]journal.Snapshot{}}
	for part := range 2 {
		for i := range 3 {
			l := journaltest.Open(t, j, fmt.Sprintf("c:%d", i))
			for k := range 25 {
				size := 0
				if k%8 == 0 {
					size = 9000 // on pages of its own
				}
				journaltest.Append(t, l, journaltest.Make(t, uint64(part*25+k), journal.Chain{}, size), uint64(part*25+k+1))
			}
			at := journaltest.Verify(t, l)
			s := journal.Snapshot{Seq: at.Seq, Hash: at.Hash, State: bytes.Repeat([]byte(l.Name()), 500_000)}
			if err := l.SaveSnapshot(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			w.snaps[fmt.Sprint(l.Name(), s.Seq)] = s
			w.logs[l.Name()] = journaltest.ReadAll(t, l, 0, 1000)
		}
		if part == 0 {
			if _, err := j.do(t.Context(), &request{alone: true, op: func(c *conn) error {
				_, err := moveWAL(c, "TRUNCATE")
				return err
			}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := j.witness.write(); err != nil {
		t.Fatal(err)
	}
	w.dir = image(t, dir)
	return w
}

// check opens a damaged copy. Whatever is served must be what was written; what is missing must be said.
func (w written) check(t *testing.T, dir string) (found bool) {
	t.Helper()
	j, err := Open(t.Context(), dir, small)
	if err != nil {
		if !errors.Is(err, journal.ErrCorrupt) && !errors.Is(err, journal.ErrUnavailable) {
			t.Errorf("Open: %v, want ErrCorrupt", err)
		}
		return true
	}
	defer j.Close()
	for name, want := range w.logs {
		l, err := j.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		after, said := uint64(0), false
		for {
			got, err := l.Read(t.Context(), after, 7)
			if err != nil {
				found, said = true, true
				if !errors.Is(err, journal.ErrCorrupt) && !errors.Is(err, journal.ErrUnavailable) {
					t.Errorf("Read: %v, want ErrCorrupt", err)
				}
				break
			}
			if len(got) == 0 {
				break
			}
			for _, st := range got {
				after++
				if st.Seq != after || after > uint64(len(want)) || !bytes.Equal(st.Body, want[after-1].Body) {
					t.Fatalf("log %s: damage was served as entry %d", name, after)
				}
			}
		}
		if !said && after != uint64(len(want)) {
			t.Fatalf("log %s: %d entries and no word of the %d that are missing", name, after, uint64(len(want))-after)
		}
		s, err := l.Snapshot(t.Context(), 1<<62)
		if err != nil {
			found = true
			continue
		}
		if o := w.snaps[fmt.Sprint(name, s.Seq)]; s.Hash != o.Hash || !bytes.Equal(s.State, o.State) {
			t.Fatalf("log %s: a damaged snapshot was served", name)
		}
		found = found || s.Seq != uint64(len(want))
	}
	return found
}

func TestDamagedFiles(t *testing.T) {
	w := write(t)
	if w.check(t, image(t, w.dir)) {
		t.Fatal("damage is found where there is none")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	snap := filepath.Join("snapshots", "c+1", snapshotName(50))
	for _, file := range []string{fileName, fileName + "-wal", snap} {
		for kind, change := range map[string]func([]byte) []byte{
			"flip": func(b []byte) []byte {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
				return b
			},
			"zero": func(b []byte) []byte {
				at := r.IntN(len(b))
				clear(b[at:min(len(b), at+1+r.IntN(6000))])
				return b
			},
			"cut": func(b []byte) []byte { return b[:r.IntN(len(b))] },
			"duplicate": func(b []byte) []byte { // a piece is written over another one
				n := 1 + r.IntN(min(len(b)/2, 8192))
				copy(b[r.IntN(len(b)-n):], b[r.IntN(len(b)-n):][:n])
				return b
			},
			"swap": func(b []byte) []byte { // two pages change places
				n := min(4096, len(b)/2)
				x, y := r.IntN(len(b)/n)*n, r.IntN(len(b)/n)*n
				p := bytes.Clone(b[x : x+n])
				copy(b[x:x+n], b[y:y+n])
				copy(b[y:y+n], p)
				return b
			},
		} {
			t.Run(filepath.Base(file)+" "+kind, func(t *testing.T) {
				found, harmless := 0, 0
				for range journaltest.Rounds(t, 3, 8) {
					dir := image(t, w.dir)
					path := filepath.Join(dir, file)
					b, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, change(bytes.Clone(b)), 0o600); err != nil {
						t.Fatal(err)
					}
					if w.check(t, dir) {
						found++
					} else {
						harmless++
					}
					os.RemoveAll(dir)
				}
				t.Logf("%d times found, %d times without effect on anything stored", found, harmless)
			})
		}
	}
}

func TestOldFilesPutBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir, calm)
	l := journaltest.Open(t, j, "c:x")
	fill := func(from, to uint64) {
		for n := from; n <= to; n++ {
			journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
		}
	}
	fill(1, 10)
	at := journaltest.Verify(t, l)
	oldSnapshot := journal.Snapshot{Seq: 10, Hash: at.Hash, State: []byte("old")}
	if err := l.SaveSnapshot(t.Context(), oldSnapshot); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	old := image(t, dir)
	j = open(t, dir, calm)
	l = journaltest.Open(t, j, "c:x")
	fill(11, 20)
	if err := j.witness.write(); err != nil {
		t.Fatal(err)
	}
	running := image(t, dir)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign")
	f := open(t, foreign, small)
	fl := journaltest.Open(t, f, "c:x")
	for n := uint64(1); n <= 40; n++ {
		journaltest.Append(t, fl, journaltest.Make(t, 100+n, journal.Chain{}, 0), n)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	put := func(from, to, name string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(dir, name string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, harm := range map[string]func(dir string){
		"old journal after a stop":   func(dir string) { put(old, dir, fileName) },
		"journal without its WAL":    func(dir string) { remove(dir, fileName+"-wal"); remove(dir, fileName+"-shm") },
		"no journal":                 func(dir string) { remove(dir, fileName) },
		"another journal":            func(dir string) { put(foreign, dir, fileName) },
		"an empty file":              func(dir string) { os.WriteFile(filepath.Join(dir, fileName), nil, 0o600) },
		"both witness slots damaged": func(dir string) { os.WriteFile(filepath.Join(dir, "journal.witness"), make([]byte, 8192), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			from := dir
			if name == "journal without its WAL" {
				from = running
			}
			hurt := image(t, from)
			harm(hurt)
			_, err := Open(t.Context(), hurt, small)
			if !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), "backup") {
				t.Fatalf("Open: %v; want ErrCorrupt and how to restore", err)
			}
			if _, err := OpenReadOnly(t.Context(), hurt, nil); !errors.Is(err, journal.ErrCorrupt) && !errors.Is(err, journal.ErrNotFound) {
				t.Errorf("OpenReadOnly: %v, want ErrCorrupt", err)
			}
			// What the message says: without the witness it opens with what is there.
			remove(hurt, "journal.witness")
			j := open(t, hurt, small)
			journaltest.Verify(t, journaltest.Open(t, j, "c:x"))
		})
	}
	t.Run("one witness slot torn", func(t *testing.T) {
		hurt := image(t, dir)
		path := filepath.Join(hurt, "journal.witness")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		newer := 0
		if decodeMark(b[slotSize:]).generation > decodeMark(b).generation {
			newer = slotSize
		}
		clear(b[newer+60 : newer+100])
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		j := open(t, hurt, small)
		if at := journaltest.Verify(t, journaltest.Open(t, j, "c:x")); at.Seq != 20 {
			t.Errorf("%d entries, want 20", at.Seq)
		}
	})
	t.Run("old snapshot", func(t *testing.T) {
		// A snapshot of another history under the right number: the log's chain knows.
		hurt := image(t, dir)
		j := open(t, hurt, small)
		l := journaltest.Open(t, j, "c:x")
		if _, err := l.Snapshot(t.Context(), 20); err != nil {
			t.Fatalf("the true snapshot: %v", err)
		}
		forged := journal.Snapshot{Seq: 15, Hash: at.Hash, State: []byte("forged")}
		if err := writeSnapshot(t.Context(), j.snapshotDir("c:x"), "c:x", forged); err != nil {
			t.Fatal(err)
		}
		if s, err := l.Snapshot(t.Context(), 20); err != nil || s.Seq != 10 {
			t.Errorf("Snapshot: at %d, %v; want the one at 10", s.Seq, err)
		}
	})
}

// TestErased looks for erased bytes in every file.
func TestErased(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir, small)
	l := journaltest.Open(t, j, "c:x")
	canary := []byte("CANARY-OF-THE-ERASED")
	for n := uint64(1); n <= 300; n++ {
		text := bytes.Repeat(append([]byte(fmt.Sprint(n)), canary...), 1+int(n%7)*80)
		e := &journal.Entry{Batch: n, Records: []journal.Record{{Type: "idea.post", Parts: []journal.Part{journal.NewPart(journal.Sealed, [16]byte{1}, text)}}}}
		journaltest.Append(t, l, journaltest.Encode(t, e), n)
	}
	contains := func() (files []string) {
		copied := image(t, dir)
		filepath.WalkDir(copied, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if bytes.Contains(b, canary) {
				files = append(files, d.Name())
			}
			return err
		})
		return files
	}
	if len(contains()) == 0 {
		t.Fatal("the test looks in the wrong place")
	}
	at := journaltest.Verify(t, l)
	err := j.Compact(t.Context(), "c:x", func(st journal.Stored) ([]byte, bool, error) {
		e, err := journal.Decode(st.Body)
		if err != nil {
			return nil, false, err
		}
		e.Records[0].Parts[0] = e.Records[0].Parts[0].Blank()
		b, err := e.Encode()
		return b, true, err
	})
	if err != nil {
		t.Fatalf("Compact: %v", err)
	}
	if files := contains(); len(files) > 0 {
		t.Errorf("erased bytes are still in %q", files)
	}
	if got := journaltest.Verify(t, l); got != at {
		t.Error("the chain changed")
	}
}
