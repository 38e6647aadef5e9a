package sqlitelog

import (
	"bytes"
	"database/sql/driver"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

// small keeps tests from occupying 64 MiB each.
var small = Options{Reserve: -1, LowWater: -1}

// calm is for journals whose files are copied while they are open.
var calm = Options{Reserve: -1, LowWater: -1, faults: &faults{calm: true}}

func open(t testing.TB, dir string, o Options) *Journal {
	t.Helper()
	j, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// image copies a directory as a killed process would leave it. Another process does the copying: closing a descriptor of
// the database in this one would drop SQLite's locks.
func image(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "image")
	if out, err := exec.Command("cp", "-a", dir, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	return to
}

func TestConformance(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journaltest.Backend {
		dir := filepath.Join(t.TempDir(), "data", "journal")
		b := journaltest.Backend{Journal: open(t, dir, calm)}
		b.Reopen = func(t *testing.T) journal.Journal { return open(t, dir, calm) }
		b.Kill = func(t *testing.T) journal.Journal {
			dir = image(t, dir)
			return open(t, dir, calm)
		}
		b.Damage = func(t *testing.T, log string, seq uint64, change func([]byte) []byte) {
			c, err := dial(dir, "rw", "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			id, err := c.number("SELECT id FROM log WHERE name = ?", log)
			if err != nil {
				t.Fatal(err)
			}
			var body []byte
			err = c.query("SELECT body FROM entry WHERE id = ?", func(v []driver.Value) error {
				body = bytes.Clone(v[0].([]byte))
				return nil
			}, rowid(id, seq))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.exec("UPDATE entry SET body = ? WHERE id = ?", change(body), rowid(id, seq)); err != nil {
				t.Fatal(err)
			}
		}
		b.DamageSnapshot = func(t *testing.T, log string, seq uint64, change func([]byte) []byte) {
			path := filepath.Join((&Journal{dir: dir}).snapshotDir(log), snapshotName(seq))
			all, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			end := len(all) - 32 - 4 // one chunk
			state := change(bytes.Clone(all[snapshotHeader:end]))
			b := append(bytes.Clone(all[:snapshotHeader]), state...)
			if err := os.WriteFile(path, append(b, all[end:]...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return b
	})
}
