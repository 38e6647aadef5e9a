package sqlitelog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"kiem/hub/journal"
)

const (
	// compactEntries is how many entries one step of Compact rewrites, between appends.
	compactEntries = 64
	// compactRetry is how long Compact waits for readers of old pages before it looks again.
	compactRetry = 50 * time.Millisecond
)

// Compact is journal.Compacter's. It goes through the log in steps, each inside an ordinary group commit, so appends go on meanwhile.
// SQLite zeroes what the rewritten entries leave free (secure_delete); then the WAL is moved into the database, overwritten with zeros
// and truncated. Before the last part it waits, as long as the context allows, for readers that still need the WAL.
//
// Not reached: blocks that a copying file system or a flash drive keeps elsewhere, backups, and the state of older snapshots (save two new ones).
func (j *Journal) Compact(ctx context.Context, name string, blank func(journal.Stored) ([]byte, bool, error)) error {
	if err := journal.CheckName(name); err != nil {
		return err
	}
	l, err := j.Open(ctx, name)
	if err != nil {
		return err
	}
	defer l.Close()
	s := l.(*Log).s
	changed := false
	head := s.head.Load()
	for after := uint64(0); after < head; {
		got, err := l.Read(ctx, after, compactEntries)
		if err != nil {
			return err
		}
		step, err := j.blanked(ctx, s, got, blank)
		if err != nil {
			return err
		}
		after += uint64(len(got))
		if len(step) == 0 {
			continue
		}
		changed = true
		_, err = j.do(ctx, &request{op: func(c *conn) error {
			for _, st := range step {
				if err := c.exec("UPDATE entry SET body = ? WHERE id = ?", st.Body, rowid(s.id.Load(), st.Seq)); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return j.forgetWAL(ctx)
}

// blanked gives the entries that blank changes, each checked to leave the chain as it was.
func (j *Journal) blanked(ctx context.Context, s *state, got []journal.Stored, blank func(journal.Stored) ([]byte, bool, error)) ([]journal.Stored, error) {
	var at journal.Chain
	err := j.read(ctx, func(c *conn) (err error) {
		at, err = chainAt(c, s.id.Load(), s.name, got[0].Seq-1)
		return err
	})
	if err != nil {
		return nil, err
	}
	var step []journal.Stored
	for _, st := range got {
		_, next, err := at.NextStored(st)
		if err != nil {
			return nil, err
		}
		body, changed, err := blank(st)
		if err != nil {
			return nil, err
		}
		if changed {
			_, with, err := at.NextStored(journal.Stored{Seq: st.Seq, Body: body})
			if err != nil {
				return nil, fmt.Errorf("log %s, entry %d, as changed: %w", s.name, st.Seq, err)
			}
			if with.Hash != next.Hash {
				return nil, fmt.Errorf("%w: log %s, entry %d: the change alters the chain", journal.ErrCorrupt, s.name, st.Seq)
			}
			step = append(step, journal.Stored{Seq: st.Seq, Body: body})
		}
		at = next
	}
	return step, nil
}

// forgetWAL moves the WAL into the database and overwrites it.
func (j *Journal) forgetWAL(ctx context.Context) error {
	for {
		var all bool
		_, err := j.do(ctx, &request{alone: true, op: func(c *conn) (err error) {
			// After a restart of the WAL no reader looks into it, and the writer is here.
			if all, err = moveWAL(c, "RESTART"); err != nil || !all {
				return err
			}
			if err := overwrite(filepath.Join(j.dir, fileName+"-wal")); err != nil {
				return err
			}
			_, err = moveWAL(c, "TRUNCATE")
			return err
		}})
		switch {
		case code(err) == fullCode:
			j.space.ranOut()
			return spaceError(fmt.Errorf("%w (%w): %w", journal.ErrFull, journal.ErrUnavailable, err))
		case code(err) != 0:
			return j.poisoned(err)
		case err != nil || all:
			return err
		}
		select {
		case <-time.After(compactRetry):
		case <-ctx.Done():
			return fmt.Errorf("%w: a reader still needs the WAL, which holds the old bytes: %w", journal.ErrUnavailable, ctx.Err())
		}
	}
}

// overwrite writes zeros over a file, if it exists.
func overwrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err == nil {
		err = fillZero(f, fi.Size())
	}
	return errors.Join(err, f.Sync(), f.Close())
}
