package main

import (
	"context"
	"errors"

	"kiem/hub/backup"
)

// verifyFile verifies a backup or a published file, whichever it is.
func verifyFile(ctx context.Context, path string, bar *progress) (out verified, err error) {
	out, err = verifyBackup(ctx, path, bar)
	if !errors.Is(err, backup.ErrBad) {
		return out, err
	}
	return out, err
}
