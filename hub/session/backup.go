package session

import (
	"context"
	"path/filepath"

	"kiem/hub/internal/lite"
)

// BackUpLite writes the sessions of a data directory, as they are at one moment, to a new file, whether a server runs or not.
func BackUpLite(ctx context.Context, dir, to string) error {
	return lite.BackUp(ctx, filepath.Join(dir, LiteFile), to)
}
