package sqlitelog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

// TestInspect is P14: what somebody changes in the file with SQLite's own tools, past checksums that fit, is found.
func TestInspect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir, small)
	for _, name := range []string{"c:a", "c:b"} {
		l := journaltest.Open(t, j, name)
		for n := uint64(1); n <= 10; n++ {
			journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
		}
		at := journaltest.Verify(t, l)
		if err := l.SaveSnapshot(t.Context(), journal.Snapshot{Seq: at.Seq, Hash: at.Hash, State: []byte(name)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ sql, want string }{
		"nothing":                     {"", ""},
		"a position twice":            {"UPDATE entry SET pos = 3 WHERE pos = 4", "position"},
		"a position far away":         {"UPDATE entry SET pos = 1 << 50 WHERE pos = 4", "position"},
		"an entry of no log":          {"INSERT INTO entry(id, pos, hash, body) VALUES(9 << 40 | 1, 21, zeroblob(32), x'00')", "holds 21 entries"},
		"an entry gone":               {"DELETE FROM entry WHERE pos = 4", "holds 19 entries"},
		"a number beyond all":         {"UPDATE entry SET id = (id >> 40 << 40) | 1 << 39 WHERE pos = 10", "holds 20 entries"},
		"a table more":                {"CREATE TABLE more(x)", "is not one of a journal"},
		"an index less":               {"DROP INDEX due_at", "is missing"},
		"a log gone, its files there": {"DELETE FROM log WHERE name = 'c:b'; DELETE FROM entry WHERE id >> 40 = 2", "no such log"},
		"a log with another name":     {"UPDATE log SET name = 'c:x' WHERE name = 'c:b'", "no such log"},
	} {
		t.Run(what, func(t *testing.T) {
			hurt := image(t, dir)
			if c.sql != "" {
				conn, err := dial(hurt, "rw", "", "journal_mode=WAL")
				if err != nil {
					t.Fatal(err)
				}
				for sql := range strings.SplitSeq(c.sql, ";") {
					if err := conn.exec(sql); err != nil {
						t.Fatal(err)
					}
				}
				if err := conn.close(); err != nil {
					t.Fatal(err)
				}
			}
			r, wrong, err := Inspect(t.Context(), hurt, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			text := ""
			for _, err := range append(r.Check(t.Context()), wrong...) {
				if !errors.Is(err, journal.ErrCorrupt) {
					t.Errorf("an error of another kind: %v", err)
				}
				text += err.Error() + "\n"
			}
			if c.want == "" && text != "" || !strings.Contains(text, c.want) {
				t.Errorf("found %q, want %q", text, c.want)
			}
		})
	}
}

// TestInspectGoesOn: a witness that disagrees is told, and what there is can be read all the same.
func TestInspectGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j := open(t, dir, small)
	l := journaltest.Open(t, j, "c:a")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	inspect := func(want int) *Reader {
		t.Helper()
		r, wrong, err := Inspect(t.Context(), dir, nil)
		if err != nil || len(wrong) != want {
			t.Fatalf("%v, %v; want %d things wrong", wrong, err, want)
		}
		t.Cleanup(func() { r.Close() })
		if got := journaltest.Verify(t, journaltest.Open(t, r, "c:a")); got.Seq != 1 {
			t.Errorf("%d entries", got.Seq)
		}
		return r
	}
	if !inspect(0).Witnessed() {
		t.Error("there is a witness")
	}
	if err := os.WriteFile(witnessPath(dir), make([]byte, 2*slotSize), 0o600); err != nil {
		t.Fatal(err)
	}
	inspect(1)
	if err := os.Remove(witnessPath(dir)); err != nil {
		t.Fatal(err)
	}
	r := inspect(0)
	if r.Witnessed() {
		t.Error("there is no witness")
	}
	find := r.Locate("c:a", 1)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	p, ok := find()
	b, err := os.ReadFile(p.File)
	if !ok || err != nil || b[p.Entry] != 1 || p.Entry < 32 || p.Changed {
		t.Errorf("%+v, %v, %v", p, ok, err)
	}
}
