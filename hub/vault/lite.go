package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"kiem/hub/internal/lite"
	"kiem/id"
)

// LiteFile is the name of the embedded vault in the data directory.
const LiteFile = "vault.db"

// Tables of the embedded form.
//
// What must vanish stands in cells only, and a cell is never moved: SQLite keeps copies of a row in the unused part of pages when it
// moves rows about, which secure_delete does not reach. So cells are appended in the order of their number and never deleted; one that
// is forgotten is overwritten with zeros of the same length, which SQLite does in place. The index beside them holds ids only.
//
//	person.cell = 0, vote_key.cell = 0: erased; gone: the whole scope was erased
var liteSchema = []string{`
CREATE TABLE cell(n INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE person(scope BLOB NOT NULL, id BLOB NOT NULL, cell INTEGER NOT NULL, PRIMARY KEY(scope, id)) WITHOUT ROWID;
CREATE TABLE vote_key(scope BLOB PRIMARY KEY, cell INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE gone(scope BLOB PRIMARY KEY) WITHOUT ROWID`}

// Lite is the embedded form: one SQLite file.
type Lite struct{ db *lite.DB }

var _ Vault = (*Lite)(nil)

// OpenLite opens the vault of a data directory.
func OpenLite(ctx context.Context, dir string) (*Lite, error) {
	db, err := lite.Open(ctx, filepath.Join(dir, LiteFile), liteSchema)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return &Lite{db: db}, nil
}

// ReadLite opens the vault of a data directory for reading, while a server may be using it. What would write is ErrUnavailable.
func ReadLite(ctx context.Context, dir string) (*Lite, error) {
	db, err := lite.OpenReader(ctx, filepath.Join(dir, LiteFile), len(liteSchema))
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return &Lite{db: db}, nil
}

// unavailable wraps an error of the store; a failed disk stays visible as journal.ErrPoisoned or journal.ErrFull.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Put implements Vault.
func (v *Lite) Put(ctx context.Context, scope id.ID, p Person) (Person, error) {
	if err := check(&p); err != nil {
		return Person{}, err
	}
	if p.Key == ([KeySize]byte{}) {
		p.Key = newKey()
	}
	var refused error
	err := v.db.Write(ctx, func(tx *lite.Tx) error {
		if gone, err := scopeGone(tx, scope); err != nil || gone {
			refused = ErrErased
			return err
		}
		n, body, found, err := personCell(tx, scope, p.ID)
		switch {
		case err != nil:
			return err
		case found && n == 0:
			refused = ErrErased
			return nil
		case found:
			stored := Person{ID: p.ID}
			refused = decode(body, &stored)
			p = stored
			return nil
		}
		if n, err = addCell(tx, encode(&p)); err != nil {
			return err
		}
		_, err = tx.Exec("INSERT INTO person(scope, id, cell) VALUES (?, ?, ?)", scope[:], p.ID[:], n)
		return err
	})
	if err := errors.Join(unavailable(err), refusedIf(err == nil, &refused)); err != nil {
		return Person{}, err
	}
	return p, nil
}

// refusedIf reads what a change refused with, but only after the change ended: before, it may still be writing.
func refusedIf(ended bool, refused *error) error {
	if !ended {
		return nil
	}
	return *refused
}

func scopeGone(tx *lite.Tx, scope id.ID) (bool, error) {
	var one int
	return tx.Row("SELECT 1 FROM gone WHERE scope = ?", []any{scope[:]}, &one)
}

func personCell(tx *lite.Tx, scope, person id.ID) (n int64, body []byte, found bool, err error) {
	found, err = tx.Row("SELECT cell, body FROM person LEFT JOIN cell ON n = cell WHERE scope = ? AND id = ?", []any{scope[:], person[:]}, &n, &body)
	return n, body, found, err
}

func addCell(tx *lite.Tx, body []byte) (int64, error) {
	r, err := tx.Exec("INSERT INTO cell(body) VALUES (?)", body)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// blank overwrites a cell in place.
func blank(tx *lite.Tx, n int64) error {
	if n == 0 {
		return nil
	}
	var size int
	if _, err := tx.Row("SELECT length(body) FROM cell WHERE n = ?", []any{n}, &size); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE cell SET body = ? WHERE n = ?", make([]byte, size), n)
	return err
}

// Get implements Vault.
func (v *Lite) Get(ctx context.Context, scope id.ID, ids ...id.ID) ([]Person, error) {
	if len(ids) > MaxGet {
		return nil, fmt.Errorf("%w: %d ids", ErrBad, len(ids))
	}
	people := make([]Person, 0, len(ids))
	for _, i := range ids {
		err := v.read(ctx, "SELECT id, body FROM person JOIN cell ON n = cell WHERE scope = ? AND id = ?", []any{scope[:], i[:]}, &people)
		if err != nil {
			return nil, err
		}
	}
	return people, nil
}

// All implements Vault.
func (v *Lite) All(ctx context.Context, scope id.ID) ([]Person, error) {
	var people []Person
	err := v.read(ctx, "SELECT id, body FROM person JOIN cell ON n = cell WHERE scope = ?", []any{scope[:]}, &people)
	return people, err
}

func (v *Lite) read(ctx context.Context, query string, args []any, people *[]Person) error {
	var damaged error
	err := v.db.Query(ctx, query, args, func(rows *sql.Rows) error {
		var i, body sql.RawBytes
		if err := rows.Scan(&i, &body); err != nil {
			return err
		}
		var p Person
		copy(p.ID[:], i)
		if err := decode(body, &p); err != nil {
			damaged = fmt.Errorf("person %v: %w", p.ID, err)
			return nil
		}
		*people = append(*people, p)
		return nil
	})
	return errors.Join(unavailable(err), damaged)
}

// Rename implements Vault.
func (v *Lite) Rename(ctx context.Context, scope, person id.ID, name, organisation string) error {
	if err := checkFields(name, organisation); err != nil {
		return err
	}
	var refused error
	err := v.db.Write(ctx, func(tx *lite.Tx) error {
		n, body, found, err := personCell(tx, scope, person)
		switch {
		case err != nil:
			return err
		case !found:
			refused = ErrNotFound
			return nil
		case n == 0:
			refused = ErrErased
			return nil
		}
		p := Person{ID: person}
		if refused = decode(body, &p); refused != nil {
			return nil
		}
		p.Name, p.Organisation = name, organisation
		next := encode(&p)
		if len(next) == len(body) {
			_, err = tx.Exec("UPDATE cell SET body = ? WHERE n = ?", next, n)
			return err
		}
		if err := blank(tx, n); err != nil {
			return err
		}
		if n, err = addCell(tx, next); err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE person SET cell = ? WHERE scope = ? AND id = ?", n, scope[:], person[:])
		return err
	})
	return errors.Join(unavailable(err), refusedIf(err == nil, &refused))
}

// Erase implements Vault.
func (v *Lite) Erase(ctx context.Context, scope, person id.ID) error {
	if person.IsZero() {
		return fmt.Errorf("%w: no id", ErrBad)
	}
	return unavailable(v.db.WriteAndTruncate(ctx, func(tx *lite.Tx) error {
		n, _, _, err := personCell(tx, scope, person)
		if err != nil {
			return err
		}
		if err := blank(tx, n); err != nil {
			return err
		}
		_, err = tx.Exec("INSERT INTO person(scope, id, cell) VALUES (?, ?, 0) ON CONFLICT DO UPDATE SET cell = 0", scope[:], person[:])
		return err
	}))
}

// EraseScope implements Vault.
func (v *Lite) EraseScope(ctx context.Context, scope id.ID) error {
	if scope == Directory {
		return fmt.Errorf("%w: the directory cannot be erased", ErrBad)
	}
	return unavailable(v.db.WriteAndTruncate(ctx, func(tx *lite.Tx) error {
		if _, err := tx.Exec("INSERT INTO gone(scope) VALUES (?) ON CONFLICT DO NOTHING", scope[:]); err != nil {
			return err
		}
		var cells []int64
		err := tx.Each("SELECT cell FROM person WHERE scope = ?1 AND cell != 0 UNION ALL SELECT cell FROM vote_key WHERE scope = ?1 AND cell != 0", []any{scope[:]},
			func(rows *sql.Rows) error {
				var n int64
				err := rows.Scan(&n)
				cells = append(cells, n)
				return err
			})
		if err != nil {
			return err
		}
		for _, n := range cells {
			if err := blank(tx, n); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("UPDATE person SET cell = 0 WHERE scope = ?", scope[:]); err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE vote_key SET cell = 0 WHERE scope = ?", scope[:])
		return err
	}))
}

// VoteKey implements Vault.
func (v *Lite) VoteKey(ctx context.Context, scope id.ID) ([KeySize]byte, error) {
	fresh := newKey()
	var key [KeySize]byte
	var refused error
	err := v.db.Write(ctx, func(tx *lite.Tx) error {
		if gone, err := scopeGone(tx, scope); err != nil || gone {
			refused = ErrErased
			return err
		}
		var n int64
		var body []byte
		found, err := tx.Row("SELECT cell, body FROM vote_key LEFT JOIN cell ON n = cell WHERE scope = ?", []any{scope[:]}, &n, &body)
		switch {
		case err != nil:
			return err
		case found && n == 0:
			refused = ErrErased
			return nil
		case found && len(body) != KeySize:
			refused = fmt.Errorf("%w: a vote key of %d bytes", ErrDamaged, len(body))
			return nil
		case found:
			copy(key[:], body)
			return nil
		}
		if n, err = addCell(tx, fresh[:]); err != nil {
			return err
		}
		key = fresh
		_, err = tx.Exec("INSERT INTO vote_key(scope, cell) VALUES (?, ?)", scope[:], n)
		return err
	})
	if err := errors.Join(unavailable(err), refusedIf(err == nil, &refused)); err != nil {
		return [KeySize]byte{}, err
	}
	return key, nil
}

// DestroyVoteKey implements Vault.
func (v *Lite) DestroyVoteKey(ctx context.Context, scope id.ID) error {
	return unavailable(v.db.WriteAndTruncate(ctx, func(tx *lite.Tx) error {
		var n int64
		if _, err := tx.Row("SELECT cell FROM vote_key WHERE scope = ?", []any{scope[:]}, &n); err != nil {
			return err
		}
		if err := blank(tx, n); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO vote_key(scope, cell) VALUES (?, 0) ON CONFLICT DO UPDATE SET cell = 0", scope[:])
		return err
	}))
}

// Ready implements Vault.
func (v *Lite) Ready(context.Context) error { return unavailable(v.db.Ready()) }

// Commits is how many transactions were made, each with one fsync.
func (v *Lite) Commits() uint64 { return v.db.Commits() }

// Close implements Vault.
func (v *Lite) Close() error { return v.db.Close() }
