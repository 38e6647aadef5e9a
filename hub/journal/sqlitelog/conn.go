package sqlitelog

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// conn is one SQLite connection with its prepared statements. It goes past database/sql, whose pool and context handling
// would cost more than the statements. Used by one goroutine at a time.
type conn struct {
	c     driver.Conn
	stmts map[string]driver.Stmt
	args  []driver.NamedValue
}

// dial opens the database file. mode is SQLite's: rwc, rw or ro.
func dial(dir, mode, vfs string, pragmas ...string) (*conn, error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(filepath.Join(dir, fileName))}
	q := url.Values{"mode": {mode}}
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	u.RawQuery = q.Encode()
	dc, err := (&sqlite.Driver{}).Open(u.String())
	if err != nil {
		return nil, err
	}
	c := &conn{c: dc, stmts: map[string]driver.Stmt{}}
	for _, p := range pragmas {
		if err := c.run("PRAGMA " + p); err != nil {
			c.close()
			return nil, fmt.Errorf("PRAGMA %s: %w", p, err)
		}
	}
	return c, nil
}

func (c *conn) prepared(sql string) (driver.Stmt, error) {
	if s := c.stmts[sql]; s != nil {
		return s, nil
	}
	s, err := c.c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	c.stmts[sql] = s
	return s, nil
}

func (c *conn) named(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs a statement that gives no rows, and keeps it prepared. Integers must be int64.
func (c *conn) exec(sql string, args ...any) error {
	s, err := c.prepared(sql)
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(context.Background(), c.named(args))
	return err
}

// run runs a statement once, whether it gives rows or not.
func (c *conn) run(sql string) error {
	s, err := c.c.Prepare(sql)
	if err != nil {
		return err
	}
	defer s.Close()
	return rows(s, nil, func([]driver.Value) error { return nil })
}

// query calls row for each row of the result; what it is given is its own. io.EOF from row ends the query.
func (c *conn) query(sql string, row func([]driver.Value) error, args ...any) error {
	s, err := c.prepared(sql)
	if err != nil {
		return err
	}
	return rows(s, c.named(args), row)
}

func rows(s driver.Stmt, args []driver.NamedValue, row func([]driver.Value) error) error {
	r, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), args)
	if err != nil {
		return err
	}
	v := make([]driver.Value, len(r.Columns()))
	for {
		if err = r.Next(v); err != nil {
			break
		}
		if err = row(v); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, r.Close())
}

// number asks for one integer; an empty result is 0.
func (c *conn) number(sql string, args ...any) (int64, error) {
	var n int64
	err := c.query(sql, func(v []driver.Value) error {
		n, _ = v[0].(int64)
		return nil
	}, args...)
	return n, err
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	return c.c.Close()
}

// code is SQLite's primary result code of an error, or 0.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// noIndexRoom says whether the -shm file could not grow. That can be after the commit record was synced: SQLite then forgets the transaction, but a
// process that starts before the next one overwrote it would find it.
func noIndexRoom(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE
}

// damaged says whether SQLite found the file itself broken.
func damaged(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB
}

// backUp copies what the connection's transaction sees to a file, page by page, durably.
func (c *conn) backUp(path string) error {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "mode=rw"}
	b, err := c.c.(interface {
		NewBackup(string) (*sqlite.Backup, error)
	}).NewBackup(u.String())
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = b.Step(-1)
	}
	if err := errors.Join(err, b.Finish()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(filepath.Dir(path)))
}
