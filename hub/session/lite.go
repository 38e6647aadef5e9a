package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"kiem/hub/internal/lite"
)

// LiteFile is the name of the embedded sessions in the data directory.
const LiteFile = "sessions.db"

// owner.name is a participant or an account (see owner); a session has a row for each.
var liteSchema = []string{`
CREATE TABLE session(digest BLOB PRIMARY KEY, body BLOB NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX session_expires ON session(expires);
CREATE TABLE owner(name TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(name, digest)) WITHOUT ROWID`}

type liteStore struct{ db *lite.DB }

// OpenLite opens the sessions of a data directory. A nil clock is time.Now.
func OpenLite(ctx context.Context, dir string, now func() time.Time) (*Sessions, error) {
	db, err := lite.Open(ctx, filepath.Join(dir, LiteFile), liteSchema)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return newSessions(&liteStore{db}, now), nil
}

// unavailable wraps an error of the store; a failed disk stays visible as journal.ErrPoisoned or journal.ErrFull.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (l *liteStore) create(ctx context.Context, d digest, s Session) error {
	body, err := s.encode()
	if err != nil {
		return err
	}
	return unavailable(l.db.Write(ctx, func(tx *lite.Tx) error {
		if _, err := tx.Exec("INSERT INTO session(digest, body, expires) VALUES (?, ?, ?)", d[:], body, s.Expires.UnixMilli()); err != nil {
			return err
		}
		for _, o := range s.owners() {
			if _, err := tx.Exec("INSERT INTO owner(name, digest) VALUES (?, ?)", string(o), d[:]); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (l *liteStore) get(ctx context.Context, d digest) (Session, error) {
	var body []byte
	err := l.db.Query(ctx, "SELECT body FROM session WHERE digest = ?", []any{d[:]}, func(rows *sql.Rows) error { return rows.Scan(&body) })
	switch {
	case err != nil:
		return Session{}, unavailable(err)
	case body == nil:
		return Session{}, ErrNotFound
	}
	return decode(body)
}

func (l *liteStore) delete(ctx context.Context, d digest) error {
	return unavailable(l.db.Write(ctx, func(tx *lite.Tx) error { return remove(tx, d) }))
}

// remove takes a session and its owners away. One that cannot be read is removed as well; its owners then point at nothing, which cut passes over.
func remove(tx *lite.Tx, d digest) error {
	var body []byte
	found, err := tx.Row("SELECT body FROM session WHERE digest = ?", []any{d[:]}, &body)
	if err != nil || !found {
		return err
	}
	if s, err := decode(body); err == nil {
		for _, o := range s.owners() {
			if _, err := tx.Exec("DELETE FROM owner WHERE name = ? AND digest = ?", string(o), d[:]); err != nil {
				return err
			}
		}
	}
	_, err = tx.Exec("DELETE FROM session WHERE digest = ?", d[:])
	return err
}

func (l *liteStore) cut(ctx context.Context, o owner) error {
	var unreadable error
	err := l.db.Write(ctx, func(tx *lite.Tx) error {
		digests, err := digests(tx, "SELECT digest FROM owner WHERE name = ?", string(o))
		if err != nil {
			return err
		}
		for _, d := range digests {
			var body []byte
			found, err := tx.Row("SELECT body FROM session WHERE digest = ?", []any{d[:]}, &body)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			s, err := decode(body)
			rest, alive := s.without(o)
			if err != nil || !alive { // a session that cannot be read is of no use to anybody
				if err := remove(tx, d); err != nil {
					return err
				}
				continue
			}
			if body, unreadable = rest.encode(); unreadable != nil {
				return nil
			}
			if _, err := tx.Exec("UPDATE session SET body = ? WHERE digest = ?", body, d[:]); err != nil {
				return err
			}
		}
		_, err = tx.Exec("DELETE FROM owner WHERE name = ?", string(o))
		return err
	})
	if err != nil {
		return unavailable(err)
	}
	return unreadable
}

func digests(tx *lite.Tx, query string, args ...any) (list []digest, err error) {
	err = tx.Each(query, args, func(rows *sql.Rows) error {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return err
		}
		if len(b) != len(digest{}) {
			return errors.New("a digest of the wrong size")
		}
		list = append(list, digest(b))
		return nil
	})
	return list, err
}

func (l *liteStore) sweep(ctx context.Context, until time.Time) (n int, err error) {
	err = l.db.Write(ctx, func(tx *lite.Tx) error {
		old, err := digests(tx, "SELECT digest FROM session WHERE expires <= ? LIMIT ?", until.UnixMilli(), sweepBatch)
		if err != nil {
			return err
		}
		for _, d := range old {
			if err := remove(tx, d); err != nil {
				return err
			}
		}
		n = len(old)
		return nil
	})
	if err != nil {
		return 0, unavailable(err)
	}
	return n, nil
}

func (l *liteStore) version(context.Context) (string, error) { return "", nil }
func (l *liteStore) shared() bool                            { return false }
func (l *liteStore) ready(context.Context) error             { return unavailable(l.db.Ready()) }
func (l *liteStore) close() error                            { return l.db.Close() }
