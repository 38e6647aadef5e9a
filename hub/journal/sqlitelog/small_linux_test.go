package sqlitelog

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

// TestSmallFileSystem fills a real file system to the last byte and frees it again, in loops under load. It needs the right to mount.
func TestSmallFileSystem(t *testing.T) {
	mount := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=96m"); err != nil {
		t.Skipf("SKIPPED: mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(mount, "journal")
	for name, o := range map[string]Options{
		"with a low-water mark": {Reserve: 2 << 20, LowWater: 1 << 20},
		// Without one SQLite itself meets the full disk, with all that it has open.
		"without": {Reserve: 2 << 20, LowWater: -1},
	} {
		t.Run(name, func(t *testing.T) {
			os.RemoveAll(dir)
			j := open(t, dir, o)
			var refused atomic.Int64
			w := startLoad(t, j, func(err error) bool {
				if !errors.Is(err, journal.ErrFull) || !errors.Is(err, journal.ErrUnavailable) {
					return false
				}
				refused.Add(1)
				<-time.After(time.Millisecond)
				return true
			})
			filler := filepath.Join(mount, "filler")
			for range journaltest.Rounds(t, 2, 4) {
				w.await(t, w.total.Load()+20)
				f, err := os.Create(filler)
				if err != nil {
					t.Fatal(err)
				}
				before := refused.Load()
				deadline := time.Now().Add(journaltest.Patience)
				for refused.Load() < before+3 {
					if _, err := f.Write(make([]byte, 1<<20)); err != nil && !errors.Is(err, unix.ENOSPC) {
						t.Fatal(err)
					}
					w.mu.Lock()
					ended := len(w.last)
					w.mu.Unlock()
					if ended > 0 || time.Now().After(deadline) {
						break
					}
					<-time.After(time.Millisecond)
				}
				f.Close()
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
			}
			w.await(t, w.total.Load()+20)
			w.end()
			for name, err := range w.last {
				t.Errorf("log %s: %v", name, err)
			}
			t.Logf("%d acknowledged, %d refused", w.total.Load(), refused.Load())
			if err := j.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			verifyAcked(t, dir, w.acked)
		})
	}
}
