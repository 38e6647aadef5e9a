package lite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// BackUp writes a file as it is at one moment to a new file, whether a process writes to it or not, and durably. The copy holds nothing that was overwritten or
// removed. A file that does not exist is fs.ErrNotExist.
func BackUp(ctx context.Context, from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("lite: back up: %w", err)
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lite: back up to %s: %w", to, errors.Join(err, fs.ErrExist))
	}
	db, err := OpenReadOnly(from)
	if err != nil {
		return err
	}
	defer db.Close() // only read from
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return fmt.Errorf("lite: back up %s: %w", from, err)
	}
	if err := os.Chmod(to, 0o600); err != nil {
		return fmt.Errorf("lite: back up: %w", err)
	}
	f, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("lite: back up: %w", err)
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(filepath.Dir(to)))
}

// OpenReadOnly opens a file for reading past DB, as another process may.
func OpenReadOnly(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path)+"&mode=ro")
	if err != nil {
		return nil, fmt.Errorf("lite: open %s: %w", path, err)
	}
	return db, nil
}
