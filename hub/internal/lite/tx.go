package lite

import (
	"context"
	"database/sql"
	"errors"
)

// Tx is the transaction that a change runs in. It is valid until the change returns.
type Tx struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// Exec runs a statement, prepared once.
func (t *Tx) Exec(query string, args ...any) (sql.Result, error) {
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

// Row reads one row into dest and says whether there was one.
func (t *Tx) Row(query string, args []any, dest ...any) (bool, error) {
	s, err := t.stmt(query)
	if err != nil {
		return false, err
	}
	switch err := s.QueryRow(args...).Scan(dest...); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, nil
}

// Each reads all rows.
func (t *Tx) Each(query string, args []any, scan func(*sql.Rows) error) error {
	s, err := t.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (t *Tx) stmt(query string) (*sql.Stmt, error) {
	if s := t.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), query)
	if err == nil {
		t.stmts[query] = s
	}
	return s, err
}
