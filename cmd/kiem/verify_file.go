package main

import (
	"context"
	"errors"
	"io"
	"os"

	"kiem/hub/backup"
	"kiem/hub/verify"
)

// verifyFile verifies a backup or a published file, whichever it is.
func verifyFile(ctx context.Context, path string, bar *progress) (out verified, err error) {
	f, err := os.Open(path)
	if err != nil {
		return out, err
	}
	defer f.Close() // only read from
	var start [4]byte
	n, err := io.ReadFull(f, start[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return out, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return out, err
	}
	if string(start[:n]) != "PK\x03\x04" {
		return published(path, verify.JSON(f)), nil
	}
	if r, err := backup.Open(path); err == nil {
		_ = r.Close() // opened again below
		return verifyBackup(ctx, path, bar)
	}
	fi, err := f.Stat()
	if err != nil {
		return out, err
	}
	return published(path, verify.Zip(f, fi.Size())), nil
}

func published(path string, f *verify.File) verified {
	f.Path = path
	return verified{Head: f.Head, Seq: f.Seq, File: f}
}
