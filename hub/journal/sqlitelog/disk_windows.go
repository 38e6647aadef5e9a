package sqlitelog

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// freeBytes is what this user may still write.
func freeBytes(dir string) (int64, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, nil, nil); err != nil {
		return 0, err
	}
	return int64(free), nil
}

// exclude locks a file for this handle, or says that another has it.
func exclude(f *os.File) (bool, error) {
	var o windows.Overlapped
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &o)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func isQuota(error) bool { return false }

// syncDir does nothing: NTFS journals its directories, and a directory cannot be opened for this.
func syncDir(string) error { return nil }
