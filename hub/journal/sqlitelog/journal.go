package sqlitelog

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"kiem/hub/journal"
)

const fileName = "journal.db"

// Options are what an operator may want otherwise. The zero value is right for a server.
type Options struct {
	// Log gets warnings (a suspicious disk, a full disk, a damaged snapshot) and the poisoning. Nil is silence.
	Log *slog.Logger
	// Observe is told what the disk costs.
	Observe Observer
	// Reserve is the size of the space reserve in bytes; 0 is DefaultReserve, negative none.
	Reserve int64
	// LowWater is the free space in bytes below which appends are refused; 0 is DefaultLowWater, negative never.
	LowWater int64

	faults *faults // of tests
}

// Observer is told what happens, from the goroutine in which it happens: it must be quick. Nil functions are not called.
type Observer struct {
	Fsync      func(time.Duration)                            // each fsync of the journal, its WAL and the witness
	Commit     func(entries, bytes int, took time.Duration)   // each group commit that succeeded
	Checkpoint func(took time.Duration, wal int64, err error) // each move of the WAL into the database; wal is its size in bytes
}

// Journal is the embedded journal. It implements journal.Journal and journal.Compacter.
type Journal struct {
	// Static after Open.
	dir     string
	o       Options
	log     *slog.Logger
	id      [16]byte // of this journal file; the witness names it
	lock    *lock
	space   *space
	witness *witness
	vfs     *vfs
	readers chan *conn
	queue   chan *request
	written chan struct{} // closed when the writer has ended
	kick    chan struct{} // wakes the keeper
	stop    chan struct{} // ends the keeper
	kept    chan struct{} // closed when the keeper has ended

	truncate  atomic.Bool               // a snapshot was saved: shorten the WAL
	unchecked atomic.Int64              // bytes written to the WAL since it was last moved
	poison    atomic.Pointer[poisoning] // set once

	mu     sync.Mutex
	logs   map[string]*state
	closed bool
	under  sync.WaitGroup // calls that use the store; none starts once closed is set
	once   sync.Once
	end    error // of Close
}

type poisoning struct{ err error }

// state is one log in memory.
type state struct {
	name string
	// Published by the writer after the commit: id first, then head.
	id   atomic.Int64
	head atomic.Uint64

	// refs counts handles and appends under way; guarded by Journal.mu. A log that has neither and no entry is forgotten, so that asking
	// for names that do not exist costs nothing for long.
	refs int

	// Owned by the writer.
	committed journal.Chain
	next      journal.Chain // in the transaction under way
	touched   bool

	// saving is held while a snapshot of this log is written, so that two do not tread on each other.
	saving sync.Mutex
}

// Open opens or creates the journal in that directory, which is made if need be. It takes the lock, checks the stored
// heads against the witness (ErrCorrupt, with what to do, if they disagree), and probes the disk. A full disk is no obstacle: what is stored can be
// read.
func Open(ctx context.Context, dir string, o Options) (_ *Journal, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	j := &Journal{
		dir: dir, o: o, log: o.Log,
		readers: make(chan *conn, readers),
		queue:   make(chan *request, queueLength),
		written: make(chan struct{}),
		kick:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		kept:    make(chan struct{}),
		logs:    map[string]*state{},
	}
	var opened []func() error
	defer func() {
		if err != nil {
			for _, f := range slices.Backward(opened) {
				_ = f() // err says why it could not be opened
			}
		}
	}()
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if j.lock, err = takeLock(dir); err != nil {
		return nil, err
	}
	opened = append(opened, j.lock.release)
	if err := checkFileSystem(dir); err != nil {
		return nil, err
	}
	if err := j.probe(ctx); err != nil {
		return nil, err
	}
	if j.space, err = openSpace(dir, o); err != nil {
		return nil, err
	}
	if j.vfs, err = newVFS(o.Observe.Fsync, o.faults); err != nil {
		return nil, err
	}
	opened = append(opened, j.vfs.close)

	old, err := readWitness(dir)
	if err != nil {
		return nil, err
	}
	if old != nil && old.pos > 0 {
		if _, err := os.Stat(filepath.Join(dir, fileName)); errors.Is(err, os.ErrNotExist) {
			return nil, old.refuse(dir, "the journal file is missing")
		}
	}
	w, err := newWriter(j)
	if err != nil {
		return nil, fromSQLite(dir, err)
	}
	opened = append(opened, w.c.close)
	for range readers {
		c, err := dial(dir, "rw", j.vfs.name, "query_only=1", "busy_timeout=5000", "cache_size=-4096")
		if err != nil {
			return nil, fromSQLite(dir, err)
		}
		opened = append(opened, c.close)
		j.readers <- c
	}
	keeper, err := dial(dir, "rw", j.vfs.name, "synchronous=FULL", "busy_timeout=0")
	if err != nil {
		return nil, fromSQLite(dir, err)
	}
	opened = append(opened, keeper.close)
	if err := w.load(old); err != nil {
		return nil, fromSQLite(dir, err)
	}
	if j.witness, err = openWitness(dir, j.id, old, o.Observe.Fsync, o.faults); err != nil {
		return nil, err
	}
	opened = append(opened, j.witness.close)
	j.witness.set(w.mark())
	if err := j.witness.write(); err != nil {
		return nil, err
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	go w.run()
	go j.keep(keeper)
	return j, nil
}

// enter says whether a call may use the store; if so the caller must call under.Done.
func (j *Journal) enter() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return journal.ErrClosed
	}
	j.under.Add(1)
	return nil
}

// Open is journal.Journal's.
func (j *Journal) Open(_ context.Context, name string) (journal.Log, error) {
	if err := journal.CheckName(name); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, journal.ErrClosed
	}
	s := j.logs[name]
	if s == nil {
		s = newState(name)
		j.logs[name] = s
	}
	s.refs++
	return &Log{j: j, s: s}, nil
}

// letGoLocked is the end of a handle or an append.
func (j *Journal) letGoLocked(s *state) {
	if s.refs--; s.refs == 0 && s.head.Load() == 0 {
		delete(j.logs, s.name)
	}
}

func newState(name string) *state {
	s := &state{name: name}
	s.committed = journal.Chain{Hash: journal.Genesis(name)}
	s.next = s.committed
	return s
}

// Names is journal.Journal's.
func (j *Journal) Names(context.Context) ([]string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, journal.ErrClosed
	}
	var names []string
	for name, s := range j.logs {
		if s.head.Load() > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// SetDue is journal.Journal's. It is as durable as an append.
func (j *Journal) SetDue(ctx context.Context, name string, at int64) error {
	if err := journal.CheckName(name); err != nil {
		return err
	}
	_, err := j.do(ctx, &request{op: func(c *conn) error {
		if at == 0 {
			return c.exec("DELETE FROM due WHERE name = ?", name)
		}
		return c.exec("INSERT INTO due(name, at) VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET at = excluded.at", name, at)
	}})
	return err
}

// Due is journal.Journal's: earliest first, then by name.
func (j *Journal) Due(ctx context.Context, until int64) (names []string, err error) {
	err = j.read(ctx, func(c *conn) error {
		names, err = due(c, until)
		return err
	})
	return names, err
}

func due(c *conn, until int64) (names []string, err error) {
	err = c.query("SELECT name, at FROM due WHERE at <= ? ORDER BY at, name", func(v []driver.Value) error {
		names = append(names, v[0].(string))
		return nil
	}, until)
	return names, err
}

// read lends a reading connection.
func (j *Journal) read(ctx context.Context, f func(*conn) error) error {
	if err := j.enter(); err != nil {
		return err
	}
	defer j.under.Done()
	select {
	case c := <-j.readers:
		defer func() { j.readers <- c }()
		return fromSQLite(j.dir, f(c))
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", journal.ErrUnavailable, ctx.Err())
	}
}

// Ready is journal.Journal's.
func (j *Journal) Ready(context.Context) error {
	if err := j.enter(); err != nil {
		return err
	}
	defer j.under.Done()
	if p := j.poison.Load(); p != nil {
		return p.err
	}
	return j.space.look()
}

// Durability is journal.Journal's.
func (j *Journal) Durability() journal.Durability { return journal.Durable }

// Shared is journal.Journal's.
func (j *Journal) Shared() bool { return false }

// Close is journal.Journal's. It moves the WAL into the database, writes the witness and gives the lock back. After a poisoning
// nothing is written any more.
func (j *Journal) Close() error {
	j.once.Do(func() {
		j.mu.Lock()
		j.closed = true
		j.mu.Unlock()
		j.under.Wait()
		close(j.stop)
		<-j.kept
		close(j.queue)
		<-j.written
		j.end = j.closeFiles()
	})
	return j.end
}

func (j *Journal) closeFiles() error {
	var errs []error
	for range readers {
		c := <-j.readers
		errs = append(errs, c.close())
	}
	if j.poison.Load() == nil {
		errs = append(errs, j.witness.write())
	}
	return errors.Join(append(errs, j.witness.close(), j.vfs.close(), j.lock.release())...)
}

// poisoned makes err the last word of this journal.
func (j *Journal) poisoned(err error) error {
	p := &poisoning{fmt.Errorf("%w: %w", journal.ErrPoisoned, err)}
	if j.poison.CompareAndSwap(nil, p) {
		if j.vfs != nil {
			j.vfs.dead.Store(true)
		}
		j.log.Error("the journal's disk failed: nothing is stored any more until a restart", "dir", j.dir, "err", err)
	}
	return j.poison.Load().err
}

// fromSQLite puts the contract's words to an error of a reading or opening call.
func fromSQLite(dir string, err error) error {
	switch {
	case err == nil, errors.Is(err, journal.ErrCorrupt):
		return err
	case damaged(err):
		return fmt.Errorf("%w: SQLite finds %s broken: %w\n%s", journal.ErrCorrupt, filepath.Join(dir, fileName), err, howToRestore(dir))
	case code(err) != 0:
		return fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
	}
	return err
}
