package sqlitelog

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// probe measures the disk's fsync, and warns of one that answers faster than any disk can write.
func (j *Journal) probe(ctx context.Context) error {
	path := filepath.Join(j.dir, "journal.probe")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	defer f.Close()
	page := make([]byte, 4096)
	var took []time.Duration
	for i := range probeSyncs {
		page[0] = byte(i)
		if _, err := f.WriteAt(page, 0); err != nil {
			if writeCode(err) == fullCode {
				return nil // the space watch says the rest
			}
			return err
		}
		start := time.Now()
		sync := (*os.File).Sync
		if fdatasync != nil {
			sync = fdatasync
		}
		if err := sync(f); err != nil {
			return errors.Join(j.poisoned(err), ctx.Err())
		}
		took = append(took, time.Since(start))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	slices.Sort(took)
	median := took[len(took)/2]
	j.log.Info("the disk's fsync", "dir", j.dir, "median", median, "slowest", took[len(took)-1])
	if suspicious(median, inRAM(j.dir)) {
		j.log.Warn("fsync returns faster than a disk can write: acknowledged entries may be lost with the power", "dir", j.dir, "median", median)
	}
	return nil
}

// suspicious says whether an fsync so fast is more likely a lie. In memory nothing survives the power anyway, and nobody thinks so.
func suspicious(median time.Duration, ram bool) bool { return median < lyingFsync && !ram }
