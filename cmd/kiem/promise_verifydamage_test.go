package main_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kiem/hub/journal/journaltest"
)

// contents is everything that a journal's file says, read past Kiem: it changes whenever a byte that counts does.
func contents(t *testing.T, dir string) (string, error) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "journal.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	text := &strings.Builder{}
	for _, query := range []string{
		"SELECT key, value, 0, 0 FROM meta ORDER BY 1", "SELECT id, name, 0, 0 FROM log ORDER BY 1", "SELECT id, pos, hash, body FROM entry ORDER BY 1", "SELECT name, at, 0, 0 FROM due ORDER BY 1",
	} {
		rows, err := db.Query(query)
		if err != nil {
			return "", err
		}
		defer rows.Close()
		for rows.Next() {
			var v [4]any
			if err := rows.Scan(&v[0], &v[1], &v[2], &v[3]); err != nil {
				return "", err
			}
			fmt.Fprintf(text, "%T%x|%x|%x|%x\n", v[0], v[0], v[1], v[2], v[3])
		}
		if err := rows.Err(); err != nil {
			return "", err
		}
	}
	return text.String(), nil
}

// damaged is a data directory as it was, and what is done to copies of it.
type damagedData struct {
	dir, want string // want: what verify says in its last line
	contents  string
}

func prepareDamage(t *testing.T, dir string) damagedData {
	t.Helper()
	out, code := verifyHere("--data", dir)
	if code != 0 {
		t.Fatalf("damage is found where there is none: exit code %d\n%s", code, out)
	}
	d := damagedData{dir: dir, want: lastLine(out)}
	var err error
	if d.contents, err = contents(t, dir); err != nil {
		t.Fatal(err)
	}
	return d
}

// try damages a file of a copy. Either verify reports it, exit code 1 and where, or all that the journal says is still there. It says whether it was reported.
func (d damagedData) try(t *testing.T, file string, change func([]byte) []byte) (reported bool) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	copyDir(t, d.dir, dir)
	path := filepath.Join(dir, file)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	after := change(bytes.Clone(before))
	if bytes.Equal(before, after) {
		return false
	}
	if err := os.WriteFile(path, after, 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := verifyHere("--data", dir)
	switch {
	case code == 1 && strings.Contains(out, "PROBLEM") && !strings.HasPrefix(lastLine(out), "head "):
		return true
	case code != 0:
		t.Errorf("%s: exit code %d and no problem named:\n%s", file, code, out)
		return true
	case lastLine(out) != d.want:
		t.Errorf("%s: called whole, with the last line %q; it was %q", file, lastLine(out), d.want)
	case strings.HasPrefix(file, "snapshots"):
		t.Errorf("%s: a changed snapshot is called whole", file)
	}
	if got, err := contents(t, dir); err != nil || got != d.contents {
		t.Errorf("%s: called whole, and the journal says something else (%v)", file, err)
	}
	return false
}

// damages are the kinds that disks and people make.
func damages(r *rand.Rand) map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"flip": func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b },
		"zero": func(b []byte) []byte {
			at := r.IntN(len(b))
			clear(b[at:min(len(b), at+1+r.IntN(6000))])
			return b
		},
		"cut": func(b []byte) []byte { return b[:r.IntN(len(b))] },
		"duplicate": func(b []byte) []byte {
			n := 1 + r.IntN(min(len(b)/2, 8192))
			copy(b[r.IntN(len(b)-n):], b[r.IntN(len(b)-n):][:n])
			return b
		},
		"swap": func(b []byte) []byte {
			n := min(4096, len(b)/2)
			x, y := r.IntN(len(b)/n)*n, r.IntN(len(b)/n)*n
			piece := bytes.Clone(b[x : x+n])
			copy(b[x:x+n], b[y:y+n])
			copy(b[y:y+n], piece)
			return b
		},
	}
}

// TestPromiseVerifyDamage is P14 for `kiem verify`: files are flipped, zeroed, cut, doubled and swapped in journal, WAL and snapshots. It is named, or it changed nothing that the journal says.
func TestPromiseVerifyDamage(t *testing.T) {
	promise(t)
	data := filepath.Join(t.TempDir(), "data")
	server := serveExchanged(t, "snapshot=50", data)
	server.start()
	a := assemble(t, server, 4, at(server.addr), 0)
	stop := a.act(2, time.Millisecond)
	a.more(250)
	stop()
	until(t, "a snapshot", func() bool {
		list, err := filepath.Glob(filepath.Join(data, "snapshots", "c+*", "*"))
		return err == nil && len(list) > 0
	})
	until(t, "a WAL with something in it", func() bool {
		a.do(a.people[0], a.posting(a.people[0], "Nog een idee"))
		// The witness is written once a second, and when nothing comes the last one has everything.
		pause(1500 * time.Millisecond)
		fi, err := os.Stat(filepath.Join(data, "journal.db-wal"))
		return err == nil && fi.Size() > 8192
	})
	a.check(server)
	a.live()
	killed := filepath.Join(t.TempDir(), "killed")
	server.kill()
	copyDir(t, data, killed)
	server.start()
	server.terminate()
	snaps, err := filepath.Glob(filepath.Join(data, "snapshots", "c+*", "*"))
	if err != nil || len(snaps) == 0 {
		t.Fatalf("%v, %v", snaps, err)
	}
	snap, err := filepath.Rel(data, snaps[len(snaps)-1])
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, c := range []struct {
		from damagedData
		file string
	}{{prepareDamage(t, data), "journal.db"}, {prepareDamage(t, killed), "journal.db-wal"}, {prepareDamage(t, data), snap}} {
		for kind, change := range damages(r) {
			t.Run(filepath.Base(c.file)+" "+kind, func(t *testing.T) {
				found, harmless := 0, 0
				for range journaltest.Rounds(t, 1, 5) {
					if c.from.try(t, c.file, change) {
						found++
					} else {
						harmless++
					}
				}
				t.Logf("%d times named, %d times without effect on what the journal says", found, harmless)
			})
		}
	}
}

// TestPromiseVerifyEveryByte is P14: a byte of the journal is changed, at places all over the file. Each change is named, or it is in a byte that says nothing.
func TestPromiseVerifyEveryByte(t *testing.T) {
	promise(t)
	data := filepath.Join(t.TempDir(), "data")
	fillJournal(t, data, 30, 6, 300)
	d := prepareDamage(t, data)
	fi, err := os.Stat(filepath.Join(data, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	found, harmless := 0, 0
	const slices = 150 // of the file; in each one byte is changed
	for n := range journaltest.Rounds(t, 10, slices) {
		at := (int(fi.Size())*(n%slices) + r.IntN(int(fi.Size()))) / slices
		if d.try(t, "journal.db", func(b []byte) []byte { b[at] ^= byte(1 + r.IntN(255)); return b }) {
			found++
		} else {
			harmless++
		}
	}
	for at := range 100 { // SQLite's header
		d.try(t, "journal.db", func(b []byte) []byte { b[at] ^= byte(1 + r.IntN(255)); return b })
	}
	t.Logf("of a file of %d bytes %d were changed: %d named, %d say nothing", fi.Size(), found+harmless, found, harmless)
	if found == 0 {
		t.Error("nothing was ever named")
	}
}

// TestPromiseVerifyLocates is P14: what verify says of a damaged entry: which, where in the file, and what to do.
func TestPromiseVerifyLocates(t *testing.T) {
	promise(t)
	data := filepath.Join(t.TempDir(), "data")
	campaign, head := fillJournal(t, data, 12, 6, 700)
	path := filepath.Join(data, "journal.db")
	at := 0
	change(t, path, func(b []byte) []byte {
		at = bytes.LastIndex(b, []byte("support.set"))
		b[at] ^= 1
		return b
	})
	out, code := verifyHere("--data", data)
	for _, want := range []string{"PROBLEM damaged", "log c:" + campaign.String(), fmt.Sprintf("entry %d", head.Seq), path + " byte ", "checksum", "one byte in it was changed, for certain", fmt.Sprintf("Entries 1 to %d are as they were written", head.Seq-1), "kiem restore"} {
		if code != 1 || !strings.Contains(out, want) {
			t.Errorf("exit code %d, and it does not say %q:\n%s", code, want, out)
		}
	}
	out, code = verifyHere("--data", data, "--json")
	var said struct {
		OK   bool
		Logs []struct {
			Problems []struct {
				Kind, File string
				Entry      uint64
				Byte       int
			}
		}
	}
	out, _, _ = strings.Cut(out, "\nkiem:")
	if err := json.Unmarshal([]byte(out), &said); err != nil || code != 1 || said.OK || len(said.Logs) != 1 || len(said.Logs[0].Problems) != 1 {
		t.Fatalf("exit code %d, %v:\n%s", code, err, out)
	}
	if p := said.Logs[0].Problems[0]; p.Kind != "damaged" || p.Entry != head.Seq || p.File != path || p.Byte == 0 || p.Byte > at || at-p.Byte > 1<<20 {
		t.Errorf("%+v; the damage is at byte %d", p, at)
	}
}

// TestPromiseVerifyPutBack is P14: an old journal, or none, in the place of the newer one.
func TestPromiseVerifyPutBack(t *testing.T) {
	promise(t)
	data := filepath.Join(t.TempDir(), "data")
	fillJournal(t, data, 12, 6, 100)
	old := filepath.Join(t.TempDir(), "old")
	copyDir(t, data, old)
	server := serveKiem(t, kiemBinary(t), data)
	server.start()
	(&protoScript{server: server}).create(t, "Nieuw", map[string]any{})
	server.terminate()
	for what, harm := range map[string]func(dir string) error{
		"an old journal": func(dir string) error {
			copyFile(t, filepath.Join(old, "journal.db"), filepath.Join(dir, "journal.db"))
			return nil
		},
		"no journal":    func(dir string) error { return os.Remove(filepath.Join(dir, "journal.db")) },
		"an empty file": func(dir string) error { return os.WriteFile(filepath.Join(dir, "journal.db"), nil, 0o600) },
		"another witness": func(dir string) error {
			copyFile(t, filepath.Join(old, "journal.witness"), filepath.Join(dir, "journal.witness"))
			return nil
		},
		"a witness of zeros": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "journal.witness"), make([]byte, 8192), 0o600)
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			copyDir(t, data, dir)
			if err := harm(dir); err != nil {
				t.Fatal(err)
			}
			out, code := verifyHere("--data", dir)
			if what == "another witness" { // an older one of the same journal: that is as it is after a kill
				if code != 0 {
					t.Errorf("exit code %d:\n%s", code, out)
				}
				return
			}
			if code != 1 || !strings.Contains(out, "PROBLEM") || !strings.Contains(out, "backup") {
				t.Errorf("exit code %d:\n%s", code, out)
			}
		})
	}
	severalLogs(t, data)
	if out, code := verifyHere("--data", filepath.Join(t.TempDir(), "nothing")); code != 1 || !strings.Contains(out, "there is no journal") {
		t.Errorf("no directory: exit code %d\n%s", code, out)
	}
	for _, args := range [][]string{{}, {"--data", data, "--redis", "redis://127.0.0.1:1"}, {"--data", data, "--expect", "3:00"}, {"--data", data, "--campaign", "x"}} {
		if out, code := verifyHere(args...); code != 2 {
			t.Errorf("%v: exit code %d\n%s", args, code, out)
		}
	}
}

// severalLogs: with more than one campaign the last line is that of all logs together, as docs/operations.md says.
func severalLogs(t *testing.T, data string) {
	t.Helper()
	text, code := verifyHere("--data", data, "--json")
	var said struct {
		Head string
		Seq  uint64
		Logs []struct {
			Log, Head string
			Seq       uint64
		}
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil || code != 0 || len(said.Logs) != 3 {
		t.Fatalf("exit code %d, %v:\n%s", code, err, text)
	}
	sum, seq := sha256.New(), uint64(0)
	for _, l := range said.Logs {
		fmt.Fprintf(sum, "%s %d %s\n", l.Log, l.Seq, l.Head)
		seq += l.Seq
	}
	want := fmt.Sprintf("head %x seq %d", sum.Sum(nil), seq)
	if text, _ := verifyHere("--data", data); lastLine(text) != want || said.Seq != seq {
		t.Errorf("the last line is %q, want %q", lastLine(text), want)
	}
	for _, l := range said.Logs[:2] {
		text, code := verifyHere("--data", data, "--campaign", strings.TrimPrefix(l.Log, "c:"))
		if want := fmt.Sprintf("head %s seq %d", l.Head, l.Seq); code != 0 || lastLine(text) != want {
			t.Errorf("exit code %d, the last line is %q, want %q", code, lastLine(text), want)
		}
	}
}
