package vault_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
	"kiem/hub/vault"
	"kiem/id"
)

// form is one form of the vault over one store; open may be called again to look at the store anew, as a restarted process would.
type form struct {
	name string
	make func(t *testing.T) (open func() vault.Vault)
}

var forms = []form{
	{"lite", func(t *testing.T) func() vault.Vault {
		dir := t.TempDir()
		return func() vault.Vault {
			v, err := vault.OpenLite(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}},
	{"redis", func(t *testing.T) func() vault.Vault {
		s := redistest.Start(t)
		return func() vault.Vault { return openRedis(t, s) }
	}},
	{"redis cluster", func(t *testing.T) func() vault.Vault {
		s := redistest.StartCluster(t)
		return func() vault.Vault { return openRedis(t, s) }
	}},
}

func openRedis(t *testing.T, s *redistest.Server) *vault.Redis {
	t.Helper()
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return vault.OpenRedis(conn, slog.New(slog.DiscardHandler))
}

func each(t *testing.T, test func(t *testing.T, open func() vault.Vault)) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			test(t, f.make(t))
		})
	}
}

func number(n int) (i id.ID) {
	i[0] = 1
	binary.BigEndian.PutUint64(i[8:], uint64(n))
	return i
}

func closing(t *testing.T, v vault.Vault) {
	t.Helper()
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

var (
	campaign = number(1000)
	other    = number(1001)
)

func TestPutIsIdempotent(t *testing.T) {
	each(t, func(t *testing.T, open func() vault.Vault) {
		v := open()
		ana := vault.Person{ID: number(1), Name: "Ana", Organisation: "Huis van de Buurt", Mail: "ana@example.org"}
		first, err := v.Put(t.Context(), campaign, ana)
		if err != nil {
			t.Fatal(err)
		}
		if first.Key == ([32]byte{}) {
			t.Fatal("Put made no key")
		}
		want := ana
		want.Key = first.Key
		if diff := cmp.Diff(want, first); diff != "" {
			t.Error(diff)
		}
		again, err := v.Put(t.Context(), campaign, vault.Person{ID: ana.ID, Name: "Eve", Key: [32]byte{7}})
		if err != nil || again != first {
			t.Errorf("Put of an existing person: %v, %v; want it unchanged", again, err)
		}
		elsewhere, err := v.Put(t.Context(), other, ana)
		if err != nil || elsewhere.Key == first.Key {
			t.Errorf("another campaign must have another key (%v)", err)
		}
		closing(t, v)
		v = open()
		defer closing(t, v)
		if got, err := v.Get(t.Context(), campaign, number(2), ana.ID); err != nil || len(got) != 1 || got[0] != first {
			t.Errorf("after reopening: %v, %v", got, err)
		}
		if got, err := v.Get(t.Context(), vault.Directory, ana.ID); err != nil || len(got) != 0 {
			t.Errorf("the directory shows a campaign's person: %v, %v", got, err)
		}
	})
}

func TestBadRecordsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, open func() vault.Vault) {
		v := open()
		defer closing(t, v)
		long := strings.Repeat("x", vault.MaxField+1)
		for _, p := range []vault.Person{{}, {ID: number(1), Name: long}, {ID: number(1), Organisation: long}, {ID: number(1), Mail: long}} {
			if _, err := v.Put(t.Context(), campaign, p); !errors.Is(err, vault.ErrBad) {
				t.Errorf("%.40v: %v, want ErrBad", p, err)
			}
		}
		full := strings.Repeat("é", vault.MaxField/2)
		p, err := v.Put(t.Context(), campaign, vault.Person{ID: number(1), Name: full, Organisation: full, Mail: full})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Get(t.Context(), campaign, p.ID); err != nil || len(got) != 1 || got[0] != p {
			t.Errorf("the largest record does not come back: %v", err)
		}
		if err := v.Rename(t.Context(), campaign, p.ID, long, ""); !errors.Is(err, vault.ErrBad) {
			t.Errorf("rename: %v, want ErrBad", err)
		}
	})
}

func TestConcurrentPutsAgree(t *testing.T) {
	each(t, func(t *testing.T, open func() vault.Vault) {
		v, w := open(), open() // two nodes where the form has nodes
		defer closing(t, v)
		defer closing(t, w)
		const people, callers = 20, 8
		keys := make([][callers][32]byte, people)
		var all sync.WaitGroup
		for p := range people {
			for c := range callers {
				all.Go(func() {
					at := v
					if c%2 == 1 {
						at = w
					}
					got, err := at.Put(t.Context(), campaign, vault.Person{ID: number(p), Name: fmt.Sprint(c)})
					if err != nil {
						t.Error(err)
					}
					keys[p][c] = got.Key
				})
			}
		}
		all.Wait()
		for p := range people {
			for c := range callers {
				if keys[p][c] != keys[p][0] {
					t.Fatalf("person %d got two keys", p)
				}
			}
		}
		if got, err := v.All(t.Context(), campaign); err != nil || len(got) != people {
			t.Errorf("%d people (%v), want %d", len(got), err, people)
		}
	})
}

func TestEraseLeavesATombstone(t *testing.T) {
	each(t, func(t *testing.T, open func() vault.Vault) {
		v := open()
		if _, err := v.Put(t.Context(), campaign, vault.Person{ID: number(1), Name: "Ana"}); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 1, 2} { // twice, and one whose Put is still on its way
			if err := v.Erase(t.Context(), campaign, number(n)); err != nil {
				t.Fatal(err)
			}
		}
		closing(t, v)
		v = open()
		defer closing(t, v)
		for _, n := range []int{1, 2} {
			if _, err := v.Put(t.Context(), campaign, vault.Person{ID: number(n), Name: "Ana"}); !errors.Is(err, vault.ErrErased) {
				t.Errorf("Put after Erase: %v, want ErrErased", err)
			}
			if err := v.Rename(t.Context(), campaign, number(n), "Ana", ""); !errors.Is(err, vault.ErrErased) {
				t.Errorf("Rename after Erase: %v, want ErrErased", err)
			}
		}
		if err := v.Rename(t.Context(), campaign, number(3), "Ana", ""); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("Rename of nobody: %v, want ErrNotFound", err)
		}
		if got, err := v.All(t.Context(), campaign); err != nil || len(got) != 0 {
			t.Errorf("All after Erase: %v, %v", got, err)
		}
	})
}

func TestVoteKey(t *testing.T) {
	each(t, func(t *testing.T, open func() vault.Vault) {
		v, w := open(), open()
		const callers = 32
		var keys [callers][32]byte
		var all sync.WaitGroup
		for c := range callers {
			all.Go(func() {
				at := v
				if c%2 == 1 {
					at = w
				}
				var err error
				if keys[c], err = at.VoteKey(t.Context(), campaign); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, k := range keys {
			if k != keys[0] || k == ([32]byte{}) {
				t.Fatal("concurrent creators got different vote keys")
			}
		}
		if k, err := v.VoteKey(t.Context(), other); err != nil || k == keys[0] {
			t.Errorf("two campaigns share a vote key (%v)", err)
		}
		closing(t, w)
		closing(t, v)
		v = open()
		if k, err := v.VoteKey(t.Context(), campaign); err != nil || k != keys[0] {
			t.Errorf("the vote key changed with a restart (%v)", err)
		}
		never := number(1002)
		for _, scope := range []id.ID{campaign, campaign, never} {
			if err := v.DestroyVoteKey(t.Context(), scope); err != nil {
				t.Fatal(err)
			}
		}
		closing(t, v)
		v = open()
		defer closing(t, v)
		for _, scope := range []id.ID{campaign, never} {
			if k, err := v.VoteKey(t.Context(), scope); !errors.Is(err, vault.ErrErased) || k != ([32]byte{}) {
				t.Errorf("after destroying: %v, want ErrErased", err)
			}
		}
		if _, err := v.Put(t.Context(), campaign, vault.Person{ID: number(1)}); err != nil {
			t.Errorf("people are not erased with the vote key: %v", err)
		}
	})
}

func TestEraseScope(t *testing.T) {
	each(t, func(t *testing.T, open func() vault.Vault) {
		v := open()
		for _, scope := range []id.ID{campaign, other} {
			for n := range 5 {
				if _, err := v.Put(t.Context(), scope, vault.Person{ID: number(n), Name: "x"}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := v.VoteKey(t.Context(), scope); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.EraseScope(t.Context(), campaign); err != nil {
			t.Fatal(err)
		}
		closing(t, v)
		v = open()
		defer closing(t, v)
		if _, err := v.Put(t.Context(), campaign, vault.Person{ID: number(77)}); !errors.Is(err, vault.ErrErased) {
			t.Errorf("Put: %v, want ErrErased", err)
		}
		if _, err := v.VoteKey(t.Context(), campaign); !errors.Is(err, vault.ErrErased) {
			t.Errorf("VoteKey: %v, want ErrErased", err)
		}
		if got, err := v.All(t.Context(), campaign); err != nil || len(got) != 0 {
			t.Errorf("All: %v, %v", got, err)
		}
		if got, err := v.All(t.Context(), other); err != nil || len(got) != 5 {
			t.Errorf("the other campaign has %d people (%v), want 5", len(got), err)
		}
		if err := v.EraseScope(t.Context(), vault.Directory); !errors.Is(err, vault.ErrBad) {
			t.Errorf("erasing the directory: %v, want ErrBad", err)
		}
	})
}

// TestModel runs random calls against a map.
func TestModel(t *testing.T) {
	each(t, func(t *testing.T, open func() vault.Vault) {
		v := open()
		defer func() { closing(t, v) }()
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			ctx := context.Background()
			scopes := []id.ID{number(10000 + 2*run), number(10001 + 2*run)}
			type key struct{ scope, person id.ID }
			model := map[key]vault.Person{}
			erased := map[key]bool{}
			text := rapid.StringN(0, 40, vault.MaxField)
			for range rapid.IntRange(1, 30).Draw(rt, "calls") {
				k := key{rapid.SampledFrom(scopes).Draw(rt, "scope"), number(rapid.IntRange(1, 4).Draw(rt, "person"))}
				had, known := model[k]
				switch rapid.SampledFrom([]string{"put", "put", "rename", "erase", "get", "reopen"}).Draw(rt, "call") {
				case "put":
					p := vault.Person{ID: k.person, Name: text.Draw(rt, "name"), Organisation: text.Draw(rt, "organisation"), Mail: text.Draw(rt, "mail")}
					got, err := v.Put(ctx, k.scope, p)
					switch {
					case erased[k]:
						if !errors.Is(err, vault.ErrErased) {
							rt.Fatalf("put of an erased person: %v", err)
						}
					case err != nil:
						rt.Fatal(err)
					case known && got != had:
						rt.Fatalf("put changed %v to %v", had, got)
					case !known:
						p.Key = got.Key
						if got != p {
							rt.Fatalf("put %v returned %v", p, got)
						}
						model[k] = p
					}
				case "rename":
					name, organisation := text.Draw(rt, "name"), text.Draw(rt, "organisation")
					var want error
					if erased[k] {
						want = vault.ErrErased
					} else if !known {
						want = vault.ErrNotFound
					}
					if err := v.Rename(ctx, k.scope, k.person, name, organisation); !errors.Is(err, want) {
						rt.Fatalf("rename: %v, want %v", err, want)
					}
					if known {
						had.Name, had.Organisation = name, organisation
						model[k] = had
					}
				case "erase":
					if err := v.Erase(ctx, k.scope, k.person); err != nil {
						rt.Fatal(err)
					}
					delete(model, k)
					erased[k] = true
				case "get":
					got, err := v.Get(ctx, k.scope, k.person)
					if err != nil || known != (len(got) == 1) || known && got[0] != had {
						rt.Fatalf("get: %v, %v; want %v", got, err, had)
					}
				case "reopen":
					closing(t, v)
					v = open()
				}
			}
			for _, scope := range scopes {
				var want []vault.Person
				for k, p := range model {
					if k.scope == scope {
						want = append(want, p)
					}
				}
				got, err := v.All(ctx, scope)
				if err != nil {
					rt.Fatal(err)
				}
				byID := cmpopts.SortSlices(func(a, b vault.Person) bool { return a.ID.String() < b.ID.String() })
				if diff := cmp.Diff(want, got, byID, cmpopts.EquateEmpty()); diff != "" {
					rt.Fatal(diff)
				}
			}
		})
	})
}
