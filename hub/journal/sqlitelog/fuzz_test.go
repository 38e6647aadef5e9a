package sqlitelog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"kiem/hub/journal"
)

func FuzzMark(f *testing.F) {
	m := mark{generation: 3, journal: [16]byte{1}, at: 5, pos: 7, logs: 2, digest: journal.Genesis("a"), log: "c:x", chain: journal.Chain{Seq: 4, Hash: journal.Genesis("b")}}
	f.Add(m.encode())
	f.Add(make([]byte, slotSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := decodeMark(b)
		if got == nil {
			return
		}
		if journal.CheckName(got.log) != nil && got.log != "" {
			return // only the checksum stands against this, and it was right
		}
		if again := got.encode()[:markSize]; !bytes.Equal(again[:129+len(got.log)], b[:129+len(got.log)]) {
			t.Fatalf("%x is read, and written as %x", b[:markSize], again)
		}
	})
}

func FuzzSnapshotFile(f *testing.F) {
	dir := f.TempDir()
	s := journal.Snapshot{Seq: 9, Epoch: 2, Hash: journal.Genesis("a"), Digest: [32]byte{4}, State: bytes.Repeat([]byte("state"), 50)}
	if err := writeSnapshot(f.Context(), dir, "c:x", s); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, snapshotName(9)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:snapshotHeader])
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "s")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readSnapshot(path, "c:x", 9)
		if err != nil {
			if !errors.Is(err, journal.ErrCorrupt) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		out := t.TempDir()
		if err := writeSnapshot(t.Context(), out, "c:x", got); err != nil {
			t.Fatal(err)
		}
		again, err := os.ReadFile(filepath.Join(out, snapshotName(9)))
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("read, and written as other bytes: %v", err)
		}
	})
}
