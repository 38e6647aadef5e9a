package sqlitelog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"kiem/hub/journal"
)

// lock is what a writing process holds.
type lock struct{ f *os.File }

// takeLock takes the lock of a directory. The file stays when the lock is given back: removing it would let two processes lock two files of
// the same name.
func takeLock(dir string) (*lock, error) {
	path := filepath.Join(dir, "journal.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	mine, err := exclude(f)
	if err != nil || !mine {
		who := make([]byte, 20)
		n, _ := f.ReadAt(who, 0)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%w: %s cannot be locked: %w", journal.ErrNotDurable, path, err)
		}
		return nil, fmt.Errorf("%w: %s is held (by process %s)", journal.ErrLocked, path, who[:n])
	}
	// A lock that its own holder gets a second time keeps nobody out: so do the emulations of network file systems.
	second, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	again, err := exclude(second)
	second.Close()
	if again || err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: locks on %s do not exclude (a network file system?); put the data on a local disk", journal.ErrNotDurable, path)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0) // for people only
	}
	return &lock{f}, nil
}

func (l *lock) release() error { return l.f.Close() }

// makeDir makes a directory and its missing parents, durably.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	up := filepath.Dir(dir)
	if up != dir {
		if err := makeDir(up); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(up)
}
