package sqlitelog

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"kiem/hub/journal"
)

// request is something for the writer to do: an append, or op inside the next transaction, or alone between two transactions.
type request struct {
	s      *state
	body   []byte
	public []byte // what the chain hashes

	op    func(*conn) error
	alone bool

	seq  uint64
	err  error
	done chan struct{} // closed when seq and err are set
}

// do hands a request to the writer and waits for it. The context bounds the wait.
func (j *Journal) do(ctx context.Context, r *request) (uint64, error) {
	if err := j.enter(); err != nil {
		return 0, err
	}
	defer j.under.Done()
	if r.s != nil {
		j.mu.Lock()
		r.s.refs++ // the writer gives it back: the caller may be gone by then
		j.mu.Unlock()
	}
	r.done = make(chan struct{})
	select {
	case j.queue <- r:
	case <-ctx.Done():
		if r.s != nil {
			j.mu.Lock()
			j.letGoLocked(r.s)
			j.mu.Unlock()
		}
		return 0, fmt.Errorf("%w: %w", journal.ErrUnknown, ctx.Err())
	}
	select {
	case <-r.done:
		return r.seq, r.err
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", journal.ErrUnknown, ctx.Err())
	}
}

// writer is what the writer goroutine owns.
type writer struct {
	j      *Journal
	c      *conn
	pos    int64 // entries over all logs, committed
	lastID int64 // newest log's, committed
	logs   int64 // committed
	digest journal.Hash
	last   *state // of the newest entry, committed

	batch   []*request
	touched []*state
}

const schema = `
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS entry(id INTEGER PRIMARY KEY, pos INTEGER NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS due(name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due_at ON due(at, name);
`

const (
	applicationID = 0x4b69656d // "Kiem"
	userVersion   = 1
)

// newWriter opens the writing connection, and makes the tables of a new file.
func newWriter(j *Journal) (_ *writer, err error) {
	c, err := dial(j.dir, "rwc", j.vfs.name,
		"page_size=4096", "journal_mode=WAL", "synchronous=FULL", "fullfsync=1", "checkpoint_fullfsync=1",
		"wal_autocheckpoint=0", "secure_delete=ON", "busy_timeout=2000", "cache_size=-16384")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	app, err := c.number("PRAGMA application_id")
	if err != nil {
		return nil, err
	}
	version, err := c.number("PRAGMA user_version")
	if err != nil {
		return nil, err
	}
	tables, err := c.number("SELECT count(*) FROM sqlite_master")
	if err != nil {
		return nil, err
	}
	switch {
	case tables > 0 && app != applicationID:
		return nil, fmt.Errorf("%w: %s/%s is a database of another program", journal.ErrCorrupt, j.dir, fileName)
	case tables > 0 && version != userVersion:
		return nil, fmt.Errorf("%w: %s/%s has format %d, this program knows %d", journal.ErrCorrupt, j.dir, fileName, version, userVersion)
	case tables == 0:
		for _, sql := range []string{
			"BEGIN IMMEDIATE" + ";" + schema,
			fmt.Sprintf("PRAGMA application_id=%d", applicationID),
			fmt.Sprintf("PRAGMA user_version=%d", userVersion),
		} {
			if err := c.exec(sql); err != nil {
				return nil, err
			}
		}
		var id [16]byte
		rand.Read(id[:])
		if err := c.exec("INSERT INTO meta(key, value) VALUES('id', ?)", id[:]); err != nil {
			return nil, err
		}
		if err := c.exec("COMMIT"); err != nil {
			return nil, err
		}
	}
	if j.id, err = journalID(c); err != nil {
		return nil, err
	}
	return &writer{j: j, c: c}, nil
}

func journalID(c *conn) (id [16]byte, err error) {
	err = c.query("SELECT value FROM meta WHERE key = 'id'", func(v []driver.Value) error {
		b, _ := v[0].([]byte)
		copy(id[:], b)
		return nil
	})
	return id, err
}

// run is the writer goroutine. It ends when the queue is closed and empty.
func (w *writer) run() {
	defer close(w.j.written)
	defer func() {
		// The last connection to close moves the WAL into the database. A poisoned file must not be touched again, but the descriptor has
		// to go; SQLite then fails in the same way as before, which no one relies on.
		if err := w.c.close(); err != nil && w.j.poison.Load() == nil {
			w.j.log.Warn("closing the journal's database", "err", err)
		}
	}()
	var held *request // taken from the queue, to be done alone
	open := true
	for open || held != nil {
		r := held
		held = nil
		if r == nil {
			if r, open = <-w.j.queue; !open {
				return
			}
		}
		if r.alone {
			w.alone(r)
			continue
		}
		w.batch = append(w.batch[:0], r)
		size := len(r.body)
	gather:
		for len(w.batch) < maxBatchEntries && size < maxBatchBytes {
			select {
			case r, open = <-w.j.queue:
				if !open {
					break gather
				}
				if r.alone {
					held = r
					break gather
				}
				w.batch = append(w.batch, r)
				size += len(r.body)
			default:
				break gather
			}
		}
		w.commit(size)
	}
}

// alone runs an operation that must not be inside a transaction.
func (w *writer) alone(r *request) {
	if p := w.j.poison.Load(); p != nil {
		r.err = p.err
	} else {
		r.err = r.op(w.c)
	}
	close(r.done)
}

// commit stores the batch and answers everybody in it.
func (w *writer) commit(size int) {
	start := time.Now()
	err := w.try()
	if err != nil {
		err = w.failed(err)
	}
	entries := 0
	for _, r := range w.batch {
		if err != nil {
			r.err, r.seq = err, 0
		} else if r.s != nil {
			entries++
		}
	}
	if err == nil {
		w.publish()
		if w.j.unchecked.Add(int64(size+len(w.batch)*64+len(w.touched)*4096)) > checkpointBytes {
			w.j.wakeKeeper()
		}
		if f := w.j.o.Observe.Commit; f != nil && entries > 0 {
			f(entries, size, time.Since(start))
		}
	}
	for _, s := range w.touched {
		s.next, s.touched = s.committed, false
	}
	w.touched = w.touched[:0]
	w.j.mu.Lock()
	for _, r := range w.batch {
		if r.s != nil {
			w.j.letGoLocked(r.s)
		}
	}
	w.j.mu.Unlock()
	for i, r := range w.batch {
		close(r.done)
		w.batch[i] = nil
	}
}

// try is the transaction: after nil it is durable.
func (w *writer) try() error {
	if p := w.j.poison.Load(); p != nil {
		return p.err
	}
	if err := w.j.space.check(); err != nil {
		return err
	}
	if err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	pos, id := w.pos, w.lastID
	for _, r := range w.batch {
		if r.op != nil {
			if err := r.op(w.c); err != nil {
				return err
			}
			continue
		}
		s := r.s
		if !s.touched {
			s.touched = true
			w.touched = append(w.touched, s)
		}
		if s.next.Seq == 0 { // the log begins
			if id == maxLogs {
				return fmt.Errorf("%w: %d logs", journal.ErrTooLarge, maxLogs)
			}
			id++
			if err := w.c.exec("INSERT INTO log(id, name) VALUES(?, ?)", id, s.name); err != nil {
				return err
			}
			s.id.Store(id) // read by others only once head says so
		}
		if s.next.Seq == maxSeq {
			return fmt.Errorf("%w: log %s has %d entries", journal.ErrTooLarge, s.name, uint64(maxSeq))
		}
		s.next = s.next.NextPublic(r.public)
		pos++
		err := w.c.exec("INSERT INTO entry(id, pos, hash, body) VALUES(?, ?, ?, ?)", rowid(s.id.Load(), s.next.Seq), pos, s.next.Hash[:], r.body)
		if err != nil {
			return err
		}
		r.seq = s.next.Seq
	}
	return w.c.exec("COMMIT")
}

// publish takes what was committed into the heads.
func (w *writer) publish() {
	for _, r := range w.batch {
		if r.s != nil {
			w.pos++
			w.last = r.s
		}
	}
	for _, s := range w.touched {
		if s.committed.Seq == 0 {
			w.logs++
			w.lastID = max(w.lastID, s.id.Load())
		} else {
			w.digest = xor(w.digest, leaf(s.name, s.committed))
		}
		w.digest = xor(w.digest, leaf(s.name, s.next))
		s.committed = s.next
		s.head.Store(s.committed.Seq)
	}
	if len(w.touched) > 0 && w.j.witness.set(w.mark()) {
		w.j.wakeKeeper()
	}
}

// mark is what the witness is to remember.
func (w *writer) mark() mark {
	m := mark{pos: w.pos, logs: w.logs, digest: w.digest}
	if w.last != nil {
		m.log, m.chain = w.last.name, w.last.committed
	}
	return m
}

// failed ends the transaction and says what its failure means.
func (w *writer) failed(err error) error {
	if c := code(err); c == 0 && w.j.poison.Load() == nil {
		w.rollback()
		if errors.Is(err, journal.ErrFull) {
			w.shrink()
		}
		return err // refused by us: no space, or a limit
	}
	if w.j.poison.Load() != nil {
		return w.j.poison.Load().err
	}
	if noIndexRoom(err) && w.rollback() {
		w.j.space.ranOut()
		return fmt.Errorf("%w: no space for the WAL's index: %w", journal.ErrUnknown, err)
	}
	switch code(err) {
	case sqlite3.SQLITE_FULL:
		// SQLite ran out of space before the commit record was written, and has rolled back.
		if !w.rollback() {
			break
		}
		w.j.space.ranOut()
		w.shrink()
		return fmt.Errorf("%w (%w): %w", journal.ErrFull, journal.ErrUnavailable, err)
	case sqlite3.SQLITE_BUSY:
		// Another program holds SQLite's write lock (someone at work with the sqlite3 tool). Nothing was written.
		if !w.rollback() {
			break
		}
		return fmt.Errorf("%w: another program locks the journal: %w", journal.ErrUnavailable, err)
	}
	return w.j.poisoned(err)
}

// shrink asks for the WAL's space when there is none left.
func (w *writer) shrink() {
	w.j.truncate.Store(true)
	w.j.wakeKeeper()
}

// rollback ends a transaction if there is one, and says whether the connection is fit for the next.
func (w *writer) rollback() bool {
	if err := w.c.exec("ROLLBACK"); err != nil && code(err) != sqlite3.SQLITE_ERROR { // "no transaction is active"
		return false
	}
	return true
}

func rowid(log int64, seq uint64) int64 { return log<<seqBits | int64(seq) }

// leaf is a log's share in the digest of all heads, which is the XOR of them.
func leaf(name string, c journal.Chain) journal.Hash {
	b := make([]byte, 0, 128)
	b = append(b, name...)
	b = append(b, 0)
	b = binary.BigEndian.AppendUint64(b, c.Seq)
	return sha256.Sum256(append(b, c.Hash[:]...))
}

func xor(a, b journal.Hash) journal.Hash {
	for i := range a {
		a[i] ^= b[i]
	}
	return a
}
