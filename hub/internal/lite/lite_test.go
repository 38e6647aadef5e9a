package lite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"kiem/hub/journal"
)

var schema = []string{"CREATE TABLE t(n INTEGER PRIMARY KEY, v TEXT)"}

func open(t *testing.T, dir string) *DB {
	t.Helper()
	d, err := Open(t.Context(), filepath.Join(dir, "a b?#%.db"), schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func insert(v string) func(*Tx) error {
	return func(tx *Tx) error { _, err := tx.Exec("INSERT INTO t(v) VALUES (?)", v); return err }
}

func count(t *testing.T, d *DB) (n int) {
	t.Helper()
	if err := d.Query(context.Background(), "SELECT count(*) FROM t", nil, func(r *sql.Rows) error { return r.Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPragmas(t *testing.T) {
	d := open(t, t.TempDir())
	err := d.Write(t.Context(), func(tx *Tx) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "busy_timeout": "5000"} {
			var got string
			if _, err := tx.Row("PRAGMA "+pragma, nil, &got); err != nil || got != want {
				t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(d.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v), want 0600", info.Mode(), err)
	}
}

func TestGroupCommit(t *testing.T) {
	d := open(t, t.TempDir())
	// The writer is held by the first change until all others are waiting.
	entered, leave := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		if err := d.Write(t.Context(), func(*Tx) error { close(entered); <-leave; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-entered
	const callers = 500
	for range callers {
		all.Go(func() {
			if err := d.Write(t.Context(), insert("x")); err != nil {
				t.Error(err)
			}
		})
	}
	for len(d.jobs) < callers {
		runtime.Gosched() // the length of the channel is the state waited for
	}
	close(leave)
	all.Wait()
	if got := count(t, d); got != callers {
		t.Errorf("%d rows, want %d", got, callers)
	}
	if got := d.Commits(); got != 2 {
		t.Errorf("%d commits for one held change and %d that waited, want 2", got, callers)
	}
}

func TestErrorFailsTheGroupAndOnlyThat(t *testing.T) {
	d := open(t, t.TempDir())
	boom := func(tx *Tx) error {
		if err := insert("lost")(tx); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO missing VALUES (1)")
		return err
	}
	if err := d.Write(t.Context(), boom); err == nil {
		t.Fatal("a failing change was acknowledged")
	}
	if err := d.Write(t.Context(), insert("kept")); err != nil {
		t.Fatal(err)
	}
	if got := count(t, d); got != 1 {
		t.Errorf("%d rows, want only the one after the failure", got)
	}
}

func TestClosed(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), schema)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var acked sync.Map
	for n := range 100 {
		all.Go(func() {
			switch err := d.Write(context.Background(), insert("x")); {
			case err == nil:
				acked.Store(n, true)
			case !errors.Is(err, journal.ErrClosed):
				t.Error(err)
			}
		})
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	want := 0
	acked.Range(func(any, any) bool { want++; return true })
	d, err = Open(t.Context(), d.path, schema)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := count(t, d); got < want {
		t.Errorf("%d rows after closing, %d were acknowledged", got, want)
	}
	if info, err := os.Stat(d.path + "-wal"); err == nil && info.Size() != 0 {
		t.Errorf("the write-ahead log has %d bytes after a clean close and open", info.Size())
	}
}

// TestFull: no room is refused and nothing of the group is stored; with room again, writing goes on.
func TestFull(t *testing.T) {
	d := open(t, t.TempDir())
	pages := func(n int) {
		t.Helper()
		err := d.Write(t.Context(), func(tx *Tx) error {
			var got int
			_, err := tx.Row(fmt.Sprintf("PRAGMA max_page_count = %d", n), nil, &got)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	large := strings.Repeat("x", 50_000)
	if err := d.Write(t.Context(), insert(large)); err != nil {
		t.Fatal(err)
	}
	pages(20)
	if err := d.Write(t.Context(), insert(large)); !errors.Is(err, journal.ErrFull) || !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("%v, want ErrFull", err)
	}
	if err := d.Ready(); err != nil {
		t.Errorf("a full disk must not end it: %v", err)
	}
	if got := count(t, d); got != 1 {
		t.Errorf("%d rows, want 1", got)
	}
	pages(1000)
	if err := d.Write(t.Context(), insert(large)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestDamagePoisons(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Write(t.Context(), insert("x")); err != nil {
		t.Fatal(err)
	}
	bad := d.judge(ioError(t))
	if !errors.Is(bad, journal.ErrPoisoned) {
		t.Fatalf("a failed write is %v, want ErrPoisoned", bad)
	}
	if err := d.Write(t.Context(), insert("y")); !errors.Is(err, journal.ErrPoisoned) {
		t.Errorf("after it: %v, want ErrPoisoned", err)
	}
	if count(t, d) != 1 {
		t.Error("reading must go on")
	}
}

// ioError is a real error of the driver about a file that is no database.
func ioError(t *testing.T) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "junk.db")
	if err := os.WriteFile(path, make([]byte, 4096*2), 0o600); err != nil {
		t.Fatal(err)
	}
	junk := []byte("not a database at all, whatever it is")
	if err := os.WriteFile(path, append(junk, make([]byte, 8192)...), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec("SELECT * FROM sqlite_master")
	if err == nil {
		t.Fatal("junk was opened")
	}
	return err
}

func TestNewerFileRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db")
	d, err := Open(t.Context(), path, append(schema[:1:1], "CREATE TABLE u(n)"))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err := Open(t.Context(), path, schema); err == nil {
		t.Error("opened a file of a newer version", d.Close())
	}
}
