package sqlitelog

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"sync/atomic"

	"kiem/hub/journal"
)

// Log is one handle on one log.
type Log struct {
	j      *Journal
	s      *state
	closed atomic.Bool
}

// Name is journal.Log's.
func (l *Log) Name() string { return l.s.name }

// Changed is journal.Log's: nil, because nobody else appends.
func (l *Log) Changed() <-chan struct{} { return nil }

// Close is journal.Log's.
func (l *Log) Close() error {
	if !l.closed.Swap(true) {
		l.j.mu.Lock()
		defer l.j.mu.Unlock()
		l.j.letGoLocked(l.s)
	}
	return nil
}

// Append is journal.Log's. Decoding and the public form are the caller's work, so that the writer has less.
func (l *Log) Append(ctx context.Context, body []byte) (uint64, error) {
	e, err := journal.Decode(body)
	if err != nil {
		return 0, err
	}
	if l.closed.Load() {
		return 0, journal.ErrClosed
	}
	return l.j.do(ctx, &request{s: l.s, body: body, public: e.Public()})
}

// Head is journal.Log's.
func (l *Log) Head(context.Context) (uint64, error) {
	if err := l.usable(); err != nil {
		return 0, err
	}
	return l.s.head.Load(), nil
}

func (l *Log) usable() error {
	if l.closed.Load() {
		return journal.ErrClosed
	}
	l.j.mu.Lock()
	defer l.j.mu.Unlock()
	if l.j.closed {
		return journal.ErrClosed
	}
	return nil
}

// Read is journal.Log's.
func (l *Log) Read(ctx context.Context, after uint64, most int) ([]journal.Stored, error) {
	if err := l.usable(); err != nil {
		return nil, err
	}
	head := l.s.head.Load()
	if after >= head {
		return nil, nil
	}
	var got []journal.Stored
	err := l.j.read(ctx, func(c *conn) (err error) {
		got, err = readEntries(c, l.s.id.Load(), l.s.name, after, head, max(most, 1))
		return err
	})
	return got, err
}

// readEntries gives checked entries in (after, head], all of which exist.
func readEntries(c *conn, id int64, name string, after, head uint64, most int) ([]journal.Stored, error) {
	at, err := chainAt(c, id, name, after)
	if err != nil {
		return nil, err
	}
	most = int(min(uint64(most), head-after))
	got := make([]journal.Stored, 0, most)
	size, enough := 0, false
	err = c.query("SELECT id, hash, body FROM entry WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", func(v []driver.Value) error {
		row, _ := v[0].(int64)
		hash, _ := v[1].([]byte)
		body, _ := v[2].([]byte)
		if size += len(body); size > journal.ReadSize && len(got) > 0 {
			enough = true
			return io.EOF
		}
		st := journal.Stored{Seq: uint64(row & maxSeq), Body: body}
		_, next, err := at.NextStored(st)
		if err != nil {
			return err
		}
		if string(next.Hash[:]) != string(hash) {
			return fmt.Errorf("%w: the chain's hash is %v, stored %x", journal.ErrCorrupt, next.Hash, hash)
		}
		got, at = append(got, st), next
		return nil
	}, rowid(id, after), rowid(id, head), int64(most))
	if err == nil && !enough && len(got) < most {
		err = fmt.Errorf("%w: it is missing, the log has %d", journal.ErrCorrupt, head)
	}
	if err != nil && len(got) == 0 {
		return nil, fmt.Errorf("log %s, entry %d: %w", name, at.Seq+1, err)
	}
	return got, nil
}

// chainAt is the log's chain after that entry, as stored.
func chainAt(c *conn, id int64, name string, seq uint64) (journal.Chain, error) {
	at := journal.Chain{Seq: seq, Hash: journal.Genesis(name)}
	if seq == 0 {
		return at, nil
	}
	found := false
	err := c.query("SELECT hash FROM entry WHERE id = ?", func(v []driver.Value) error {
		hash, _ := v[0].([]byte)
		found = copy(at.Hash[:], hash) == len(at.Hash)
		return nil
	}, rowid(id, seq))
	if err == nil && !found {
		err = fmt.Errorf("%w: log %s, entry %d is missing", journal.ErrCorrupt, name, seq)
	}
	return at, err
}

// notFound is the error of a log without a fitting snapshot.
func notFound(name string, n uint64) error {
	return fmt.Errorf("%w: log %s has no snapshot at or below %d", journal.ErrNotFound, name, n)
}
