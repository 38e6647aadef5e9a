package vault

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"

	"kiem/hub/internal/lite"
	"kiem/id"
)

// BackUpLite writes the vault of a data directory, as it is at one moment, to a new file, whether a server runs or not. The copy holds keys: whoever has it and
// the journal reads what people wrote, and whoever was erased after it was made is still in it.
func BackUpLite(ctx context.Context, dir, to string) error {
	return lite.BackUp(ctx, filepath.Join(dir, LiteFile), to)
}

// Member is a person of a scope.
type Member struct {
	Scope  id.ID `json:"scope"`
	Person id.ID `json:"person"`
}

// Forgotten is whom and what a vault has forgotten for ever, by id. It is what has to be forgotten again after an older vault was put back.
type Forgotten struct {
	People   []Member `json:"people"`
	Scopes   []id.ID  `json:"scopes"`
	VoteKeys []id.ID  `json:"vote_keys"` // scopes whose vote key was destroyed
}

// Len is how many things those are.
func (f *Forgotten) Len() int { return len(f.People) + len(f.Scopes) + len(f.VoteKeys) }

// Add adds what another vault has forgotten. Things may be there twice.
func (f *Forgotten) Add(g Forgotten) {
	f.People = append(f.People, g.People...)
	f.Scopes = append(f.Scopes, g.Scopes...)
	f.VoteKeys = append(f.VoteKeys, g.VoteKeys...)
}

// ReadForgotten asks the vault file, which may be in use, whom it has forgotten, and which scopes have a vote key.
func ReadForgotten(ctx context.Context, path string) (f Forgotten, keys map[id.ID]bool, err error) {
	db, err := lite.OpenReadOnly(path)
	if err != nil {
		return f, nil, fmt.Errorf("vault: %w", err)
	}
	defer db.Close() // only read from
	keys = map[id.ID]bool{}
	err = eachRow(ctx, db, "SELECT scope, id FROM person WHERE cell = 0", func(scope, person id.ID) { f.People = append(f.People, Member{scope, person}) })
	if err == nil {
		err = eachRow(ctx, db, "SELECT scope, scope FROM gone", func(scope, _ id.ID) { f.Scopes = append(f.Scopes, scope) })
	}
	if err == nil {
		err = eachRow(ctx, db, "SELECT scope, scope FROM vote_key WHERE cell = 0", func(scope, _ id.ID) { f.VoteKeys = append(f.VoteKeys, scope) })
	}
	if err == nil {
		err = eachRow(ctx, db, "SELECT scope, scope FROM vote_key WHERE cell != 0", func(scope, _ id.ID) { keys[scope] = true })
	}
	if err != nil {
		return f, nil, fmt.Errorf("vault: read %s: %w", path, err)
	}
	return f, keys, nil
}

func eachRow(ctx context.Context, db *sql.DB, query string, visit func(a, b id.ID)) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a, b []byte
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		var x, y id.ID
		copy(x[:], a)
		copy(y[:], b)
		visit(x, y)
	}
	return rows.Err()
}

// Forget forgets again what another vault has forgotten.
func Forget(ctx context.Context, v Vault, f Forgotten) error {
	for _, scope := range f.Scopes {
		if err := v.EraseScope(ctx, scope); err != nil {
			return err
		}
	}
	for _, m := range f.People {
		if err := v.Erase(ctx, m.Scope, m.Person); err != nil {
			return err
		}
	}
	for _, scope := range f.VoteKeys {
		if err := v.DestroyVoteKey(ctx, scope); err != nil {
			return err
		}
	}
	return nil
}
