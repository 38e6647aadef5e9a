package vault_test

import (
	"sync"
	"testing"
	"time"

	"kiem/hub/vault"
)

// TestJoinStorm lets 500 people join at once: they share a handful of fsyncs.
func TestJoinStorm(t *testing.T) {
	v, err := vault.OpenLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, v)
	const people = 500
	began := time.Now()
	var all sync.WaitGroup
	for n := range people {
		all.Go(func() {
			if _, err := v.Put(t.Context(), campaign, vault.Person{ID: number(n), Name: "Ana"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	t.Logf("%d joins in %v with %d fsyncs", people, time.Since(began), v.Commits())
	if v.Commits() > people/5 {
		t.Errorf("%d fsyncs for %d joins", v.Commits(), people)
	}
}
