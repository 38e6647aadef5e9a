// Package backup is the form of Kiem's backups: two zip files, made at one moment.
//
//   - The backup: the journal. What people wrote stands in it sealed, with keys that are not in it, and votes under pseudonyms. It may be kept as long as the campaign's results may.
//   - Its keys: the vault (names, keys of texts, vote keys) and the sessions. Whoever is erased later is still in it, so it is kept for KeysKept at most, apart from the backup.
//
// Each has a manifest with the SHA-256 of every file in it. That of the backup also says the head of every log, so that a restore can show that it gave the same, and whom the vault had
// forgotten: a restore of older keys forgets them again.
//
// The package reads and writes these files; what goes into them, and what a restore does with it, is the program's.
package backup

import (
	"archive/zip"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"kiem/hub/vault"
)

// Format is the format of both files. It changes when a reader of the old one would read the new one wrongly.
const Format = "kiem.backup/1"

// KeysKept is for how long keys may be kept: erasure is not undone for longer than that (docs/privacy.md).
const KeysKept = 30 * 24 * time.Hour

// Limits.
const (
	// maxManifest is the size of a manifest in bytes: a hundred bytes for each person ever erased.
	maxManifest = 256 << 20
	// maxFiles is how many files there are in a zip.
	maxFiles = 8
	// MaxFile is the size of a file in it, inflated, in bytes.
	MaxFile = 1 << 40
)

// Parts of a backup.
const (
	Journal = "journal" // the backup
	Keys    = "keys"    // its keys
	Erased  = "erased"  // only the list of whom the vault has forgotten
)

const manifestName = "backup.json"

// ErrBad: not a backup, or not as it was written.
var ErrBad = errors.New("not a backup of Kiem that can be read")

// Manifest is what a backup says about itself.
type Manifest struct {
	Format    string          `json:"format"`
	Part      string          `json:"part"`
	ID        string          `json:"id"` // the same in a backup and its keys
	MadeAt    time.Time       `json:"made_at"`
	KeepUntil *time.Time      `json:"keep_until,omitempty"` // of keys
	Logs      []Log           `json:"logs,omitempty"`
	Forgotten vault.Forgotten `json:"forgotten"`
	Files     map[string]File `json:"files"`
}

// Log is where a log ended.
type Log struct {
	Name string `json:"log"`
	Seq  uint64 `json:"seq"`
	Head string `json:"head"`
}

// File is a file in the zip.
type File struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// KeysOf is the name of the keys that belong to a backup, beside it.
func KeysOf(path string) string { return strings.TrimSuffix(path, ".zip") + ".keys.zip" }

// Write makes the zip of files that lie in a folder, durably: beside its name, renamed when it is whole. It does not replace a file.
func Write(path string, m Manifest, dir string, files ...string) (err error) {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, errors.Join(err, os.ErrExist))
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".kiem-backup-*") // readable for its owner only
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // err says what went wrong
			_ = os.Remove(f.Name())
		}
	}()
	z := zip.NewWriter(f)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	m.Format, m.Files = Format, map[string]File{}
	for _, name := range files {
		if m.Files[name], err = add(z, filepath.Join(dir, name), name); err != nil {
			return err
		}
	}
	w, err := z.Create(manifestName)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(m); err != nil {
		return err
	}
	if err := errors.Join(z.Close(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

func add(z *zip.Writer, path, name string) (File, error) {
	from, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer from.Close()
	to, err := z.Create(name)
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, sum), from)
	return File{Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// Reader is a backup, or its keys.
type Reader struct {
	Manifest
	z *zip.ReadCloser
}

// Open reads the manifest.
func Open(path string) (*Reader, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w: %w", path, ErrBad, err)
	}
	r := &Reader{z: z}
	if err := r.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), z.Close())
	}
	return r, nil
}

func (r *Reader) read() error {
	if len(r.z.File) > maxFiles {
		return fmt.Errorf("%w: %d files in it", ErrBad, len(r.z.File))
	}
	f, err := r.z.Open(manifestName)
	if err != nil {
		return fmt.Errorf("%w: it has no %s", ErrBad, manifestName)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil || len(text) > maxManifest {
		return fmt.Errorf("%w: %s cannot be read, or is too large: %w", ErrBad, manifestName, err)
	}
	if err := json.Unmarshal(text, &r.Manifest); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBad, manifestName, err)
	}
	if r.Format != Format || !slices.Contains([]string{Journal, Keys, Erased}, r.Part) {
		return fmt.Errorf("%w: format %q, part %q; this program reads %q", ErrBad, r.Format, r.Part, Format)
	}
	for name, file := range r.Files {
		if name != filepath.Base(name) || strings.HasPrefix(name, ".") || file.Size < 0 || file.Size > MaxFile {
			return fmt.Errorf("%w: a file %q of %d bytes", ErrBad, name, file.Size)
		}
	}
	return nil
}

// Has says whether there is a file of that name.
func (r *Reader) Has(name string) bool { _, ok := r.Files[name]; return ok }

// Extract writes a file of the zip into a folder, durably, and compares it with what the manifest says.
func (r *Reader) Extract(name, dir string) error {
	want, ok := r.Files[name]
	if !ok {
		return fmt.Errorf("%w: it holds no %s", ErrBad, name)
	}
	from, err := r.z.Open(name)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBad, name, err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, sum), io.LimitReader(from, want.Size+1))
	if errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) || errors.As(err, new(flate.CorruptInputError)) {
		err = fmt.Errorf("%w: %s: %w", ErrBad, name, err)
	}
	if err := errors.Join(err, to.Sync(), to.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != want.Size || got != want.SHA256 {
		return fmt.Errorf("%w: %s has %d bytes with the SHA-256 %s; written were %d with %s", ErrBad, name, n, got, want.Size, want.SHA256)
	}
	return nil
}

// Close releases the file.
func (r *Reader) Close() error { return r.z.Close() }

// SyncDir makes a folder's entries durable. Windows does that by itself, and cannot open a folder for it.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
