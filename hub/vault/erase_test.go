package vault_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
	"kiem/hub/vault"
)

// canaries are the bytes of a person that must be nowhere after the erasure.
func canaries(p vault.Person) map[string][]byte {
	return map[string][]byte{"name": []byte(p.Name), "organisation": []byte(p.Organisation), "mail": []byte(p.Mail), "key": p.Key[:], "half of the key": p.Key[8:24]}
}

// files reads every file below dir that still exists when its turn comes.
func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		all[path] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func leaks(stored map[string][]byte, erased []vault.Person) (found []string) {
	for where, b := range stored {
		for _, p := range erased {
			for what, c := range canaries(p) {
				if bytes.Contains(b, c) {
					found = append(found, fmt.Sprintf("%s of %v in %s", what, p.ID, filepath.Base(where)))
				}
			}
		}
	}
	return found
}

// someone has long, unique and recognisable fields, of a size that differs from person to person.
func someone(n int, rng *rand.Rand) vault.Person {
	pad := func() string { return strings.Repeat("~", rng.IntN(300)) }
	return vault.Person{
		ID: number(n), Name: fmt.Sprintf("canary-name-%d-%016x", n, rng.Uint64()) + pad(),
		Organisation: fmt.Sprintf("canary-organisation-%d-%016x", n, rng.Uint64()) + pad(), Mail: fmt.Sprintf("canary-%d-%016x@example.org", n, rng.Uint64()) + pad(),
	}
}

// TestErasedFromEveryFile puts, renames and erases hundreds of people of all sizes, in random order, with readers busy, and searches the bytes of every
// file for what was erased or renamed away.
func TestErasedFromEveryFile(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	v, err := vault.OpenLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, v)
	ctx, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		for ctx.Err() == nil {
			if _, err := v.All(context.Background(), campaign); err != nil {
				t.Error(err)
			}
		}
	})
	defer reading.Wait()
	defer cancel()

	var living, erased []vault.Person
	next := 0
	var erasing time.Duration
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		fresh := len(erased) // those before were searched for in the rounds before, and are once more at the end
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 50 {
			p := someone(next, rng)
			next++
			all.Go(func() {
				got, err := v.Put(t.Context(), campaign, p)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				living = append(living, got)
			})
		}
		all.Wait()
		rng.Shuffle(len(living), func(i, j int) { living[i], living[j] = living[j], living[i] })
		for n := range 20 { // the fields that were given up must go with the next erasure
			to := someone(1_000_000+next+n, rng)
			before := living[n]
			if err := v.Rename(t.Context(), campaign, before.ID, to.Name, to.Organisation); err != nil {
				t.Fatal(err)
			}
			living[n].Name, living[n].Organisation = to.Name, to.Organisation
			before.Mail, before.Key = to.Mail, sha256.Sum256([]byte(to.Name)) // these were never stored
			erased = append(erased, before)
		}
		for range 15 + rng.IntN(10) {
			last := living[len(living)-1]
			living = living[:len(living)-1]
			began := time.Now()
			if err := v.Erase(t.Context(), campaign, last.ID); err != nil {
				t.Fatal(err)
			}
			erasing += time.Since(began)
			erased = append(erased, last)
		}
		stored := files(t, dir)
		if found := leaks(stored, erased[fresh:]); len(found) > 0 {
			t.Fatalf("after %d erasures: %s", len(erased), strings.Join(found, "; "))
		}
		living := living[:20]
		if found := leaks(stored, living); len(found) < 5*len(living) {
			t.Fatalf("the search finds only %d of the %d fields of the living: it would find nothing of the dead either", len(found), 5*len(living))
		}
	}
	t.Logf("%d erasures beside a busy reader: %v each", len(erased), erasing/time.Duration(len(erased)))
	key, err := v.VoteKey(t.Context(), campaign)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.DestroyVoteKey(t.Context(), campaign); err != nil {
		t.Fatal(err)
	}
	for where, b := range files(t, dir) {
		if bytes.Contains(b, key[:]) {
			t.Errorf("the destroyed vote key is in %s", where)
		}
	}
	if err := v.EraseScope(t.Context(), campaign); err != nil {
		t.Fatal(err)
	}
	if found := leaks(files(t, dir), append(erased, living...)); len(found) > 0 {
		t.Errorf("after erasing the campaign: %s", strings.Join(found, "; "))
	}
}

// TestEraseInterrupted: an erasure whose truncation did not come to pass (a crash between the two) is finished by the next opening.
func TestEraseInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, err := vault.OpenLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.Put(t.Context(), campaign, someone(1, rand.New(rand.NewPCG(1, 1))))
	if err != nil {
		t.Fatal(err)
	}
	// A copy of the files as a crash leaves them: the record still in the write-ahead log.
	crashed := t.TempDir()
	for path, b := range files(t, dir) {
		if err := os.WriteFile(filepath.Join(crashed, filepath.Base(path)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	closing(t, v)
	w, err := vault.OpenLite(t.Context(), crashed)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, w)
	if got, err := w.Get(t.Context(), campaign, p.ID); err != nil || len(got) != 1 || got[0] != p {
		t.Fatalf("an acknowledged record is lost: %v, %v", got, err)
	}
	if info, err := os.Stat(filepath.Join(crashed, vault.LiteFile+"-wal")); err == nil && info.Size() > 0 {
		t.Errorf("after opening, the write-ahead log still has %d bytes", info.Size())
	}
	if err := w.Erase(t.Context(), campaign, p.ID); err != nil {
		t.Fatal(err)
	}
	if found := leaks(files(t, crashed), []vault.Person{p}); len(found) > 0 {
		t.Error(found)
	}
}

// TestErasedFromRedis searches all keys and, after scrubbing, the append-only files.
func TestErasedFromRedis(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	v := openRedis(t, s)
	defer closing(t, v)
	rng := rand.New(rand.NewPCG(2, 2))
	var living, erased []vault.Person
	for n := range 40 {
		p, err := v.Put(t.Context(), campaign, someone(n, rng))
		if err != nil {
			t.Fatal(err)
		}
		living = append(living, p)
	}
	for n := range 20 {
		if err := v.Erase(t.Context(), campaign, living[n].ID); err != nil {
			t.Fatal(err)
		}
	}
	erased, living = living[:20], living[20:]
	keys := everyKey(t, s)
	if found := leaks(keys, erased); len(found) > 0 {
		t.Errorf("in the keys: %v", found)
	}
	if found := leaks(keys, living); len(found) != 5*len(living) {
		t.Fatalf("the search finds %d of the %d fields of the living", len(found), 5*len(living))
	}
	if err := v.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Redis deletes the old files on a thread of its own.
	until := time.Now().Add(10 * time.Second)
	for {
		found := leaks(files(t, s.Dir), erased)
		if len(found) == 0 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("in the files: %v", found)
		}
	}
	if len(leaks(files(t, s.Dir), living)) == 0 {
		t.Error("the search finds nothing of the living in the files")
	}
	if left := everyKey(t, s)["kiem:vault:scrub"]; left != nil {
		t.Error("the mark of the scrubbing was not taken away")
	}
}

// TestScrubAfterRestart: a node that died between erasing and scrubbing leaves a mark, and the next one scrubs by itself.
func TestScrubAfterRestart(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	v := openRedis(t, s)
	p, err := v.Put(t.Context(), campaign, someone(1, rand.New(rand.NewPCG(3, 3))))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Erase(t.Context(), campaign, p.ID); err != nil {
		t.Fatal(err)
	}
	closing(t, v)
	if len(leaks(files(t, s.Dir), []vault.Person{p})) == 0 {
		t.Fatal("nothing to scrub: the test is void")
	}
	w := openRedis(t, s)
	defer closing(t, w)
	until := time.Now().Add(30 * time.Second)
	for len(leaks(files(t, s.Dir), []vault.Person{p})) > 0 {
		if time.Now().After(until) {
			t.Fatal("not scrubbed")
		}
		<-time.After(50 * time.Millisecond)
	}
}

// everyKey reads all of Redis as name -> bytes.
func everyKey(t *testing.T, s *redistest.Server) map[string][]byte {
	t.Helper()
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := conn.Client()
	all := map[string][]byte{}
	for it := c.Scan(t.Context(), 0, "", 1000).Iterator(); it.Next(t.Context()); {
		switch kind := c.Type(t.Context(), it.Val()).Val(); kind {
		case "hash":
			for field, value := range c.HGetAll(t.Context(), it.Val()).Val() {
				all[it.Val()] = append(append(all[it.Val()], field...), value...)
			}
		case "string":
			b, err := c.Get(t.Context(), it.Val()).Bytes()
			if err != nil && err != redis.Nil {
				t.Fatal(err)
			}
			all[it.Val()] = b
		default:
			t.Fatalf("%s is a %s, which this search cannot read", it.Val(), kind)
		}
	}
	return all
}
