// Package lite opens the small SQLite files beside the journal (vault, sessions) and writes to them for many callers at once.
//
// Each caller must not be answered before its change is on the disk, and an fsync per caller would let a hall of 500 people wait at
// the door. So all changes go to one goroutine per file, which puts everything that is waiting into one transaction: one fsync for all of them
// (group commit). Rules:
//
//   - Write returns nil only after the transaction with its change was committed with synchronous=FULL.
//   - An error of a change fails the whole group and nothing of the group is stored. So a change refuses by setting its own variables and
//     returning nil; errors are for the database.
//   - A full disk rolls back and is journal.ErrFull: later writes are tried again. Any other failure of the disk poisons the
//     file (journal.ErrPoisoned): after a failed fsync nobody knows what is on the disk, so it is never tried again and the process must end.
//   - Readers use connections of their own and never wait for the writer.
//   - secure_delete is on, and Truncate moves everything out of the write-ahead log and cuts it to nothing, so that what was overwritten is in
//     no file any more.
//
// One process opens a file for writing; the journal's lock on the data directory sees to that.
package lite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"kiem/hub/journal"
)

// Limits.
const (
	maxGroup       = 512  // changes in one transaction
	maxQueue       = 1024 // changes waiting; further callers wait at the door
	maxReaders     = 4    // connections for reading
	busyTimeoutMS  = 5000 // how long SQLite waits for readers before it says busy
	truncateTries  = 5    // times the log is tried to be cut while readers are busy
	checkpointPage = 1000 // pages in the write-ahead log before it is moved into the file
)

// DB is one SQLite file.
type DB struct {
	path    string
	w       *sql.DB // one connection, owned by run
	r       *sql.DB
	jobs    chan *job
	stop    chan struct{} // closed by Close
	done    chan struct{} // closed when run has returned
	closing sync.Once
	closed  error // written before done closes

	poison  atomic.Pointer[error]
	commits atomic.Uint64

	stmts sync.Map // query -> *sql.Stmt of the readers
}

type job struct {
	ctx      context.Context
	change   func(*Tx) error
	truncate bool
	done     chan error
}

// Open opens or makes the file. Schema is a list of steps, each run once in the life of a file; later versions append steps.
func Open(ctx context.Context, path string, schema []string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lite: %w", err)
	}
	// SQLite would make the file readable for everybody whom the umask allows.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lite: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("lite: %w", err)
	}
	d := &DB{path: path, jobs: make(chan *job, maxQueue), stop: make(chan struct{}), done: make(chan struct{})}
	if d.w, err = sql.Open("sqlite", dsn(path, "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "temp_store(MEMORY)",
		fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPage))); err != nil {
		return nil, fmt.Errorf("lite: open %s: %w", path, err)
	}
	d.w.SetMaxOpenConns(1)
	conn, err := d.w.Conn(ctx)
	if err == nil {
		err = migrate(ctx, conn, schema)
	}
	if err == nil {
		// What a crash between an erasure and its truncation left behind goes now.
		err = truncate(ctx, conn)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err == nil {
		d.r, err = sql.Open("sqlite", dsn(path, "query_only(ON)"))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lite: open %s: %w", path, err), d.w.Close())
	}
	d.r.SetMaxOpenConns(maxReaders)
	d.r.SetMaxIdleConns(maxReaders)
	go d.run(conn)
	return d, nil
}

// ErrReadOnly: the file was opened for reading.
var ErrReadOnly = fmt.Errorf("%w: opened for reading only", journal.ErrUnavailable)

// OpenReader is Open for a file that exists, for reading only, whether another process writes to it or not. steps is the number of schema steps that its
// writer must have made. Write gives ErrReadOnly. Close it soon: what is being read cannot be cut from the write-ahead log.
func OpenReader(ctx context.Context, path string, steps int) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("lite: %w", err)
	}
	d := &DB{path: path, stop: make(chan struct{}), done: make(chan struct{})}
	close(d.done)
	refused := ErrReadOnly
	d.poison.Store(&refused)
	var err error
	if d.r, err = OpenReadOnly(path); err != nil {
		return nil, err
	}
	d.r.SetMaxOpenConns(1)
	var version int
	if err = d.r.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err == nil && version != steps {
		err = fmt.Errorf("written by another version of this program (%d, this one knows %d)", version, steps)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lite: open %s: %w", path, err), d.r.Close())
	}
	return d, nil
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": append([]string{fmt.Sprintf("busy_timeout(%d)", busyTimeoutMS)}, pragmas...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func migrate(ctx context.Context, conn *sql.Conn, schema []string) error {
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(schema) {
		return fmt.Errorf("written by a newer version of this program (%d, this one knows %d)", version, len(schema))
	}
	for n := version; n < len(schema); n++ {
		if _, err := conn.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE;\n%s;\nPRAGMA user_version = %d;\nCOMMIT", schema[n], n+1)); err != nil {
			return fmt.Errorf("schema step %d: %w", n+1, err)
		}
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Write runs change in a transaction shared with others and returns once it is durable. The change runs on another goroutine. When ctx ends first the change may
// still be made; if it had not begun it is dropped.
func (d *DB) Write(ctx context.Context, change func(*Tx) error) error {
	return d.submit(&job{ctx: ctx, change: change, done: make(chan error, 1)})
}

// WriteAndTruncate is Write followed by Truncate: when it returns nil, what the change overwrote is in no file any more.
func (d *DB) WriteAndTruncate(ctx context.Context, change func(*Tx) error) error {
	return d.submit(&job{ctx: ctx, change: change, truncate: true, done: make(chan error, 1)})
}

func (d *DB) submit(j *job) error {
	if err := d.Ready(); err != nil {
		return err
	}
	select {
	case d.jobs <- j:
	case <-d.stop:
		return journal.ErrClosed
	case <-j.ctx.Done():
		return j.ctx.Err()
	}
	select {
	case err := <-j.done:
		return err
	case <-j.ctx.Done():
		return j.ctx.Err()
	case <-d.done:
	}
	select { // answered just before the end, or never taken
	case err := <-j.done:
		return err
	default:
		return journal.ErrClosed
	}
}

// Ready is nil if a write would be tried.
func (d *DB) Ready() error {
	if p := d.poison.Load(); p != nil {
		return *p
	}
	select {
	case <-d.stop:
		return journal.ErrClosed
	default:
		return nil
	}
}

// Commits is how many transactions, and so how many fsyncs of the write-ahead log, were made for writes.
func (d *DB) Commits() uint64 { return d.commits.Load() }

// Query reads with a connection for reading. The statement is prepared once. scan is called for each row.
func (d *DB) Query(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := d.prepared(query)
	if err != nil {
		return fmt.Errorf("lite: read: %w", err)
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return fmt.Errorf("lite: read: %w", err)
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(fmt.Errorf("lite: read: %w", err), rows.Close())
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("lite: read: %w", err)
	}
	return nil
}

func (d *DB) prepared(query string) (*sql.Stmt, error) {
	if s, ok := d.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := d.r.Prepare(query)
	if err != nil {
		return nil, err
	}
	if other, loaded := d.stmts.LoadOrStore(query, s); loaded {
		return other.(*sql.Stmt), s.Close()
	}
	return s, nil
}

// Close finishes the writes that wait, moves the write-ahead log into the file and releases it.
func (d *DB) Close() error {
	d.closing.Do(func() {
		close(d.stop)
		<-d.done
		d.closed = errors.Join(d.closed, d.r.Close())
		if d.w != nil {
			d.closed = errors.Join(d.closed, d.w.Close())
		}
	})
	<-d.done
	return d.closed
}

// run owns the writing connection.
func (d *DB) run(conn *sql.Conn) {
	defer close(d.done)
	tx := &Tx{conn: conn, stmts: map[string]*sql.Stmt{}}
	for {
		select {
		case j := <-d.jobs:
			d.commit(tx, d.gather(j))
			continue
		case <-d.stop:
		}
		break
	}
	for {
		select {
		case j := <-d.jobs:
			d.commit(tx, d.gather(j))
			continue
		default:
		}
		break
	}
	if d.poison.Load() == nil {
		d.closed = truncate(context.Background(), conn)
	}
	for _, s := range tx.stmts {
		d.closed = errors.Join(d.closed, s.Close())
	}
	d.closed = errors.Join(d.closed, conn.Close())
}

// gather takes what else is waiting.
func (d *DB) gather(first *job) []*job {
	group := []*job{first}
	for len(group) < maxGroup {
		select {
		case j := <-d.jobs:
			group = append(group, j)
		default:
			return group
		}
	}
	return group
}

// commit runs a group in one transaction and answers each.
func (d *DB) commit(tx *Tx, group []*job) {
	err := d.Poisoned()
	if err == nil {
		err = d.transact(tx, group)
	}
	var cutting []*job
	for _, j := range group {
		if j.truncate && err == nil {
			cutting = append(cutting, j) // the others need not wait for that
			continue
		}
		j.done <- err
	}
	if len(cutting) > 0 {
		err = d.judge(truncate(context.Background(), tx.conn))
		for _, j := range cutting {
			j.done <- err
		}
	}
}

// Poisoned is the failure after which this file takes nothing more, or nil.
func (d *DB) Poisoned() error {
	if p := d.poison.Load(); p != nil {
		return *p
	}
	return nil
}

func (d *DB) transact(tx *Tx, group []*job) error {
	ctx := context.Background()
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return d.judge(err)
	}
	for _, j := range group {
		if j.ctx.Err() != nil {
			continue // nobody waits for it, and it has not begun
		}
		if err := j.change(tx); err != nil {
			return d.rollback(ctx, tx, err)
		}
	}
	if _, err := tx.Exec("COMMIT"); err != nil {
		return d.rollback(ctx, tx, err)
	}
	d.commits.Add(1)
	return nil
}

func (d *DB) rollback(ctx context.Context, tx *Tx, cause error) error {
	err := d.judge(cause)
	// SQLite has rolled back by itself after some errors; then there is nothing to roll back and it says so.
	if _, rerr := tx.conn.ExecContext(ctx, "ROLLBACK"); rerr != nil && d.poison.Load() == nil && code(rerr) != sqlite3.SQLITE_ERROR {
		return d.judge(rerr)
	}
	return err
}

// judge says what an error of the database means for the file.
func (d *DB) judge(err error) error {
	switch code(err) {
	case -1:
		return err
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w: %s: %w", journal.ErrFull, journal.ErrUnavailable, d.path, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		poisoned := fmt.Errorf("%w: %s: %w", journal.ErrPoisoned, d.path, err)
		d.poison.CompareAndSwap(nil, &poisoned)
		return poisoned
	}
	return fmt.Errorf("lite: write %s: %w", d.path, err)
}

// code is SQLite's primary result code, -1 for nil.
func code(err error) int {
	if err == nil {
		return -1
	}
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return sqlite3.SQLITE_INTERNAL
}

// ErrBusy says that readers kept the write-ahead log in use.
var ErrBusy = errors.New("lite: the write-ahead log is in use")

// truncate moves the write-ahead log into the file, syncs that, and cuts the log to nothing.
func truncate(ctx context.Context, conn *sql.Conn) error {
	for range truncateTries {
		var busy, logged, moved int
		if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &moved); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
	}
	return ErrBusy
}
