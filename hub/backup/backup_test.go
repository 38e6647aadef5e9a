package backup

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kiem/hub/vault"
	"kiem/id"
)

// written makes a backup of two files and gives its path.
func written(t testing.TB) (path string, m Manifest) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"journal.db": strings.Repeat("journal ", 5000), "other": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(t.TempDir(), "backup.zip")
	m = Manifest{
		Part: Journal, ID: "x", MadeAt: time.Unix(1_760_000_000, 0).UTC(), Logs: []Log{{"c:x", 9, "00"}},
		Forgotten: vault.Forgotten{People: []vault.Member{{Scope: id.Derive(id.ID{}, "scope"), Person: id.Derive(id.ID{}, "person")}}},
	}
	if err := Write(path, m, dir, "journal.db", "other"); err != nil {
		t.Fatal(err)
	}
	return path, m
}

func TestWrittenAndRead(t *testing.T) {
	path, m := written(t)
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: a backup is for its owner only", fi.Mode(), err)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("%v, %v: something is left beside the backup", list, err)
	}
	if err := Write(path, m, t.TempDir()); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a backup: %v", err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.ID != m.ID || r.Part != Journal || !r.MadeAt.Equal(m.MadeAt) || len(r.Logs) != 1 || r.Logs[0] != m.Logs[0] || r.Forgotten.Len() != 1 || !r.Has("journal.db") || r.Has("vault.db") {
		t.Errorf("%+v", r.Manifest)
	}
	dir := t.TempDir()
	for _, name := range []string{"journal.db", "other"} {
		if err := r.Extract(name, dir); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "journal.db")); err != nil || string(b) != strings.Repeat("journal ", 5000) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if err := r.Extract("journal.db", dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file is overwritten: %v", err)
	}
	if err := r.Extract("vault.db", dir); !errors.Is(err, ErrBad) {
		t.Errorf("a file that is not there: %v", err)
	}
	if got := KeysOf("/a/backup.zip"); got != "/a/backup.keys.zip" {
		t.Errorf("the keys are called %s", got)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestRefused is T24 and T31 for backups: names that climb, sizes that are claimed, other formats.
func TestRefused(t *testing.T) {
	pack := func(manifest string, files ...string) string {
		t.Helper()
		b := &bytes.Buffer{}
		z := zip.NewWriter(b)
		for _, name := range append(files, manifestName) {
			w, err := z.Create(name)
			if err == nil {
				_, err = w.Write([]byte(manifest))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "backup.zip")
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, manifest := range []string{
		"", "null", "{", `{"format":"kiem.backup/2","part":"journal"}`, `{"format":"kiem.backup/1","part":"all"}`,
		`{"format":"kiem.backup/1","part":"journal","files":{"../x":{"size":1}}}`, `{"format":"kiem.backup/1","part":"journal","files":{"a/b":{"size":1}}}`,
		`{"format":"kiem.backup/1","part":"journal","files":{"..":{"size":1}}}`, `{"format":"kiem.backup/1","part":"journal","files":{"x":{"size":-1}}}`,
	} {
		if _, err := Open(pack(manifest)); !errors.Is(err, ErrBad) {
			t.Errorf("%s: %v", manifest, err)
		}
	}
	if _, err := Open(pack("{}", strings.Split("a b c d e f g h i", " ")...)); !errors.Is(err, ErrBad) {
		t.Errorf("many files: %v", err)
	}
	r, err := Open(pack(`{"format":"kiem.backup/1","part":"journal","files":{"x":{"size":3,"sha256":"00"}}}`, "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Extract("x", t.TempDir()); !errors.Is(err, ErrBad) {
		t.Errorf("more than it claims: %v", err)
	}
}

// FuzzOpen: whatever the bytes are, what comes out of a backup is what its manifest says.
func FuzzOpen(f *testing.F) {
	path, _ := written(f)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, []byte{})
	f.Add(len(whole)-30, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, at int, with []byte) {
		if at < 0 || at > len(whole) {
			return
		}
		b := append(append(bytes.Clone(whole[:at]), with...), whole[min(len(whole), at+len(with)):]...)
		path := filepath.Join(t.TempDir(), "backup.zip")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path)
		if err != nil {
			return
		}
		defer r.Close()
		dir := t.TempDir()
		for name := range r.Files {
			if err := r.Extract(name, dir); err == nil && name == "journal.db" {
				if got, _ := os.ReadFile(filepath.Join(dir, name)); string(got) != strings.Repeat("journal ", 5000) && r.Files[name].SHA256 == "" {
					t.Errorf("%d other bytes are given out", len(got))
				}
			}
		}
	})
}
