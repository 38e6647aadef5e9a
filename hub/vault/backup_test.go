package vault

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"kiem/id"
)

// TestBackUpLite is P22: the copy of a vault in use has what was put before it began, nothing of whom it has forgotten, and says whom that is; another vault forgets them too.
func TestBackUpLite(t *testing.T) {
	dir := t.TempDir()
	v, err := OpenLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	scope, gone := id.Derive(id.ID{}, "scope"), id.Derive(id.ID{}, "gone")
	who := func(name string) id.ID { return id.Derive(id.ID{}, name) }
	for _, name := range []string{"Ana", "Vergeten Vogel"} {
		if _, err := v.Put(t.Context(), scope, Person{ID: who(name), Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []id.ID{scope, gone} {
		if _, err := v.VoteKey(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	old := filepath.Join(t.TempDir(), LiteFile)
	if err := BackUpLite(t.Context(), dir, old); err != nil {
		t.Fatal(err)
	}
	if err := v.Erase(t.Context(), scope, who("Vergeten Vogel")); err != nil {
		t.Fatal(err)
	}
	if err := v.EraseScope(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), LiteFile)
	if err := BackUpLite(t.Context(), dir, path); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || bytes.Contains(b, []byte("Vogel")) || !bytes.Contains(b, []byte("Ana")) {
		t.Errorf("the copy holds who was erased, or not who was not (%v)", err)
	}
	f, keys, err := ReadForgotten(t.Context(), path)
	if err != nil || len(f.People) != 1 || f.People[0] != (Member{scope, who("Vergeten Vogel")}) || len(f.Scopes) != 1 || f.Scopes[0] != gone || !keys[scope] || keys[gone] {
		t.Errorf("%+v, %v, %v", f, keys, err)
	}
	older, err := OpenLite(t.Context(), filepath.Dir(old))
	if err != nil {
		t.Fatal(err)
	}
	defer older.Close()
	if all, err := older.All(t.Context(), scope); err != nil || len(all) != 2 {
		t.Errorf("the older copy has %v, %v", all, err)
	}
	if err := Forget(t.Context(), older, f); err != nil {
		t.Fatal(err)
	}
	if all, err := older.All(t.Context(), scope); err != nil || len(all) != 1 || all[0].Name != "Ana" {
		t.Errorf("after forgetting again there are %v, %v", all, err)
	}
	if _, err := older.VoteKey(t.Context(), gone); !errors.Is(err, ErrErased) {
		t.Errorf("the vote key of an erased campaign: %v", err)
	}
	if err := BackUpLite(t.Context(), dir, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := BackUpLite(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
}
