package sqlitelog

import (
	"context"
	"database/sql/driver"
	"os"
	"path/filepath"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// wakeKeeper asks for a look before the next tick.
func (j *Journal) wakeKeeper() {
	select {
	case j.kick <- struct{}{}:
	default:
	}
}

// keep is the keeper goroutine: witness, and moving the WAL into the database.
func (j *Journal) keep(c *conn) {
	defer close(j.kept)
	defer c.close()
	tick := time.NewTicker(witnessEvery)
	defer tick.Stop()
	var truncated time.Time
	for {
		select {
		case <-tick.C:
		case <-j.kick:
		case <-j.stop:
			return
		}
		if j.poison.Load() != nil {
			continue
		}
		if err := j.witness.write(); err != nil {
			_ = j.poisoned(err) // whoever appends next is told
			continue
		}
		if f := j.o.faults; f != nil && f.calm {
			continue
		}
		if j.truncate.Load() && time.Since(truncated) > truncateEvery {
			j.truncate.Store(false)
			truncated = time.Now()
			j.checkpoint(c, "TRUNCATE")
		} else if j.unchecked.Load() > checkpointBytes {
			j.checkpoint(c, "PASSIVE")
		}
	}
}

// checkpoint moves the WAL into the database: most of it here, while the writer goes on, and the rest by the writer
// between two transactions, so that the WAL starts again from its beginning.
func (j *Journal) checkpoint(c *conn, mode string) {
	start := time.Now()
	j.unchecked.Store(0)
	var size int64
	if fi, err := os.Stat(filepath.Join(j.dir, fileName+"-wal")); err == nil {
		size = fi.Size()
	}
	_, err := moveWAL(c, "PASSIVE")
	if err == nil {
		_, err = j.do(context.Background(), &request{alone: true, op: func(c *conn) error {
			_, err := moveWAL(c, mode)
			return err
		}})
	}
	switch code(err) {
	case 0, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
	case sqlite3.SQLITE_FULL:
		j.space.ranOut() // it is tried again after the next entries
	default:
		_ = j.poisoned(err) // whoever appends next is told
	}
	if f := j.o.Observe.Checkpoint; f != nil {
		f(time.Since(start), size, err)
	}
}

// moveWAL says whether all of the WAL is in the database now. Readers of old pages can be in the way: that is no error.
func moveWAL(c *conn, mode string) (all bool, err error) {
	// Waiting for readers would hold the appends up.
	if err := c.exec("PRAGMA busy_timeout=0"); err != nil {
		return false, err
	}
	err = c.query("PRAGMA wal_checkpoint("+mode+")", func(v []driver.Value) error {
		busy, _ := v[0].(int64)
		all = busy == 0 && v[1] == v[2]
		return nil
	})
	if code(err) == sqlite3.SQLITE_BUSY {
		err = nil
	}
	if e := c.exec("PRAGMA busy_timeout=2000"); err == nil {
		err = e
	}
	return all, err
}
