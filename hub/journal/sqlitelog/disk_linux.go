package sqlitelog

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"kiem/hub/journal"
)

// fdatasync waits until a file's bytes, and its length if that changed, are on the disk.
var fdatasync = func(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// reserveBytes makes a file occupy that many bytes.
func reserveBytes(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return fillZero(f, size)
	}
	return err
}

// inRAM says whether a directory lies in memory, where an fsync takes no time and promises nothing.
func inRAM(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && (s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC)
}

// checkFileSystem refuses those known to be behind a network. Others are found by takeLock.
func checkFileSystem(dir string) error {
	const smb2, cifs = 0xfe534d42, 0xff534d42
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return err
	}
	switch uint32(s.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC, smb2, cifs:
		return fmt.Errorf("%w: %s is on a network file system (type %#x); SQLite's WAL needs a local disk", journal.ErrNotDurable, dir, s.Type)
	}
	return nil
}
