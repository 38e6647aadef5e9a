package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"kiem/hub/backup"
)

// markRestored marks a data directory whose journal has lost its witness: somebody has put a journal back by hand. It runs before the journal is opened, which writes a
// witness.
func markRestored(data string) error {
	if _, err := os.Stat(filepath.Join(data, "journal.witness")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(data, journalFile)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	f, err := os.OpenFile(filepath.Join(data, restoredMark), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), backup.SyncDir(data))
}

// afterRestore begins a new epoch in every log if the data directory was restored: clients that have seen what is lost fetch everything anew.
func (n *node) afterRestore(ctx context.Context, data string) error {
	mark := filepath.Join(data, restoredMark)
	if _, err := os.Stat(mark); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	n.log.Warn("the journal was put back: a new epoch begins in every log, and clients fetch everything anew", "dir", data)
	if err := n.hub.BeginEpochs(ctx); err != nil { // those logs serve nobody; the mark stays, for the next start
		n.log.Error("a new epoch did not begin everywhere", "err", err)
		return nil
	}
	return errors.Join(os.Remove(mark), backup.SyncDir(data))
}
