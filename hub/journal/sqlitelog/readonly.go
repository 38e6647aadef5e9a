package sqlitelog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"kiem/hub/journal"
)

// Reader is the journal as it was at one instant, for export and verify, whether a server runs or not. Everything it gives comes from one
// read transaction. As long as it is open the server's WAL cannot start again from its beginning, so close it soon.
type Reader struct {
	j *Journal // for its directory and log alone

	mu   sync.Mutex // guards c and closed
	c    *conn
	end  bool
	logs map[string]logHead

	kept map[string][]uint64 // folders of snapshots, as they were before the transaction, with the numbers in them, newest first
}

// OpenReadOnly opens the journal of that directory for reading. The stored heads are held against the witness: ErrCorrupt, with
// what to do, if they disagree. A directory without a journal is ErrNotFound.
func OpenReadOnly(_ context.Context, dir string, log *slog.Logger) (*Reader, error) {
	return openReadOnly(dir, log, func(err error) error { return err })
}

// Inspect is OpenReadOnly for a journal that may be damaged: what is wrong with the witness, or disagrees with it, is listed, and what can be read is read. An
// error means that nothing can.
func Inspect(_ context.Context, dir string, log *slog.Logger) (r *Reader, wrong []error, err error) {
	r, err = openReadOnly(dir, log, func(err error) error {
		wrong = append(wrong, err)
		return nil
	})
	return r, wrong, err
}

// openReadOnly asks judge about what is wrong with the witness; it goes on if that gives nil.
func openReadOnly(dir string, log *slog.Logger, judge func(error) error) (_ *Reader, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	old, err := readWitness(dir) // first: what it names must be in the transaction
	if err != nil {
		if err := judge(err); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(filepath.Join(dir, fileName)); errors.Is(err, os.ErrNotExist) {
		if old != nil && old.pos > 0 {
			return nil, old.refuse(dir, "the journal file is missing")
		}
		return nil, fmt.Errorf("%w: there is no journal in %s", journal.ErrNotFound, dir)
	}
	kept, err := listKept(dir) // before the transaction as well: none of them may be of a later entry
	if err != nil {
		return nil, err
	}
	c, err := dial(dir, "ro", "", "query_only=1", "busy_timeout=5000", "cache_size=-4096")
	if err != nil {
		return nil, fromSQLite(dir, err)
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	app, err := c.number("PRAGMA application_id")
	if err != nil {
		return nil, fromSQLite(dir, err)
	}
	version, err := c.number("PRAGMA user_version")
	if err != nil {
		return nil, fromSQLite(dir, err)
	}
	if app != applicationID || version != userVersion {
		return nil, fmt.Errorf("%w: %s is not a journal of format %d", journal.ErrCorrupt, filepath.Join(dir, fileName), userVersion)
	}
	if err := c.exec("BEGIN"); err != nil {
		return nil, fromSQLite(dir, err)
	}
	heads, err := loadHeads(c) // the first read fixes the instant
	if err != nil {
		return nil, fromSQLite(dir, err)
	}
	if old != nil {
		id, err := journalID(c)
		if err == nil {
			err = checkWitness(c, dir, id, old, heads)
		}
		if err != nil {
			if err := judge(fromSQLite(dir, err)); err != nil {
				return nil, err
			}
		}
	}
	r := &Reader{j: &Journal{dir: dir, log: log}, c: c, logs: map[string]logHead{}, kept: kept}
	for _, h := range heads {
		r.logs[h.name] = h
	}
	return r, nil
}

var errReadOnly = fmt.Errorf("%w: opened for reading only", journal.ErrUnavailable)

// Open is journal.Journal's.
func (r *Reader) Open(_ context.Context, name string) (journal.Log, error) {
	if err := journal.CheckName(name); err != nil {
		return nil, err
	}
	return &readLog{r: r, name: name, head: r.logs[name]}, r.with(func(*conn) error { return nil })
}

// with lends the connection.
func (r *Reader) with(f func(*conn) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end {
		return journal.ErrClosed
	}
	return fromSQLite(r.j.dir, f(r.c))
}

// Names is journal.Journal's.
func (r *Reader) Names(context.Context) ([]string, error) {
	var names []string
	for name := range r.logs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, r.with(func(*conn) error { return nil })
}

// SetDue is journal.Journal's: ErrUnavailable.
func (r *Reader) SetDue(context.Context, string, int64) error { return errReadOnly }

// Due is journal.Journal's.
func (r *Reader) Due(_ context.Context, until int64) (names []string, err error) {
	err = r.with(func(c *conn) error {
		names, err = due(c, until)
		return err
	})
	return names, err
}

// Ready is journal.Journal's: ErrUnavailable.
func (r *Reader) Ready(context.Context) error { return errReadOnly }

// Durability is journal.Journal's.
func (r *Reader) Durability() journal.Durability { return journal.Durable }

// Shared is journal.Journal's: nothing changes inside the transaction.
func (r *Reader) Shared() bool { return false }

// Close ends the transaction.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end {
		return nil
	}
	r.end = true
	return r.c.close()
}

// BackUp writes the instant as a journal.db of its own to a new file: entries and due index without the free space. It is what is put back to
// restore; the witness of the data directory is then to be removed, and snapshots are made anew.
func (r *Reader) BackUp(_ context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return r.with(func(c *conn) error { return c.backUp(path) })
}

// readLog is a log of a Reader.
type readLog struct {
	r    *Reader
	name string
	head logHead
}

func (l *readLog) Name() string { return l.name }

func (l *readLog) Append(_ context.Context, body []byte) (uint64, error) {
	if _, err := journal.Decode(body); err != nil {
		return 0, err
	}
	return 0, errReadOnly
}

func (l *readLog) Read(_ context.Context, after uint64, most int) (got []journal.Stored, err error) {
	err = l.r.with(func(c *conn) (err error) {
		if after < l.head.chain.Seq {
			got, err = readEntries(c, l.head.id, l.name, after, l.head.chain.Seq, max(most, 1))
		}
		return err
	})
	return got, err
}

func (l *readLog) Head(context.Context) (uint64, error) {
	return l.head.chain.Seq, l.r.with(func(*conn) error { return nil })
}

func (l *readLog) Changed() <-chan struct{} { return nil }

func (l *readLog) SaveSnapshot(context.Context, journal.Snapshot) error { return errReadOnly }

func (l *readLog) Snapshot(ctx context.Context, atOrBelow uint64) (s journal.Snapshot, err error) {
	err = l.r.with(func(c *conn) (err error) {
		s, err = l.r.j.findSnapshot(ctx, c, l.name, l.head.id, min(atOrBelow, l.head.chain.Seq))
		return err
	})
	return s, err
}

func (l *readLog) Close() error { return nil }
