package sqlitelog

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// disk records what reaches the files of a journal and what was synced, and can tell what a power cut leaves: of everything that was not synced any part, down
// to single sectors, in any order. That is harsher than most disks and kinder than none.
//
// It assumes what ext4, XFS and NTFS keep: a file's length and place in its directory are as durable as its bytes after the fsync.
type disk struct {
	mu    sync.Mutex
	files map[fileKind]*recorded
	lie   map[fileKind]bool // an fsync of this file is answered and not done

	beforeSync func(fileKind) error
}

type recorded struct {
	durable []byte
	pending []func([]byte, *rand.Rand) []byte // each applies a part of a write, or all
	all     []func([]byte) []byte             // each applies all of it
}

func newDisk() *disk { return &disk{files: map[fileKind]*recorded{}, lie: map[fileKind]bool{}} }

func (d *disk) file(k fileKind) *recorded {
	f := d.files[k]
	if f == nil {
		f = &recorded{}
		d.files[k] = f
	}
	return f
}

func (d *disk) faults() *faults {
	return &faults{
		sync: func(k fileKind) (bool, error) {
			d.mu.Lock()
			hook, lie := d.beforeSync, d.lie[k]
			d.mu.Unlock()
			if hook != nil {
				if err := hook(k); err != nil {
					return false, err
				}
			}
			return lie, nil
		},
		synced: func(k fileKind) {
			d.mu.Lock()
			defer d.mu.Unlock()
			f := d.file(k)
			for _, apply := range f.all {
				f.durable = apply(f.durable)
			}
			f.pending, f.all = nil, nil
		},
		write: func(k fileKind, at int64, b []byte) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			b = bytes.Clone(b)
			f := d.file(k)
			f.all = append(f.all, func(to []byte) []byte { return put(to, at, b) })
			f.pending = append(f.pending, func(to []byte, r *rand.Rand) []byte {
				switch r.IntN(4) {
				case 0: // lost
					return to
				case 1: // whole
					return put(to, at, b)
				}
				const sector = 512 // torn: each sector for itself
				for i := int64(0); i < int64(len(b)); {
					n := min(int64(len(b))-i, sector-(at+i)%sector)
					if r.IntN(2) == 0 {
						to = put(to, at+i, b[i:i+n])
					}
					i += n
				}
				return to
			})
			return nil
		},
		truncated: func(k fileKind, size int64) {
			d.mu.Lock()
			defer d.mu.Unlock()
			f := d.file(k)
			cut := func(to []byte) []byte { return to[:min(int64(len(to)), size)] }
			f.all = append(f.all, cut)
			f.pending = append(f.pending, func(to []byte, r *rand.Rand) []byte {
				if r.IntN(2) == 0 {
					return to
				}
				return cut(to)
			})
		},
	}
}

func put(to []byte, at int64, b []byte) []byte {
	if grow := at + int64(len(b)) - int64(len(to)); grow > 0 {
		to = append(to, make([]byte, grow)...)
	}
	copy(to[at:], b)
	return to
}

// cut gives a directory as it is found when the power comes back.
func (d *disk) cut(t *testing.T, r *rand.Rand) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	dir := t.TempDir()
	for k, name := range map[fileKind]string{kindDatabase: fileName, kindWAL: fileName + "-wal", kindWitness: "journal.witness"} {
		f := d.files[k]
		if f == nil {
			continue
		}
		b := bytes.Clone(f.durable)
		order := r.Perm(len(f.pending))
		if r.IntN(2) == 0 { // often the disk keeps the order
			for i := range order {
				order[i] = i
			}
		}
		for _, i := range order {
			b = f.pending[i](b, r)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
