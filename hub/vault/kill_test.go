package vault_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
	"kiem/hub/vault"
	"kiem/id"
)

// childDir tells this test program to be the child of TestKilled: to write to the vault in that directory until it is killed.
const childDir = "KIEM_VAULT_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child puts and erases people from many goroutines and prints what was acknowledged.
func child(dir string) {
	v, err := vault.OpenLite(context.Background(), dir)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var all sync.WaitGroup
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	for worker := range 16 {
		all.Go(func() {
			for n := 0; ; n++ {
				i := id.NewV7(time.Now().UnixMilli(), [10]byte{byte(worker), byte(n), byte(n >> 8), byte(n >> 16)})
				p, err := v.Put(context.Background(), campaign, vault.Person{ID: i, Name: "n" + i.String()})
				if err != nil {
					say("error %v", err)
					return
				}
				say("put %s %x", i, p.Key)
				if n%40 == 39 {
					say("erasing %s", i)
					if err := v.Erase(context.Background(), campaign, i); err != nil {
						say("error %v", err)
						return
					}
					say("erase %s", i)
				}
			}
		})
	}
	all.Wait()
}

// acked is what a store acknowledged: id -> key in hexadecimal, or "" once erased.
type acked map[string]string

func (a acked) check(t *testing.T, v vault.Vault) {
	t.Helper()
	people, err := v.All(t.Context(), campaign)
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]string{}
	for _, p := range people {
		if p.Name != "n"+p.ID.String() {
			t.Fatalf("%v is called %q", p.ID, p.Name)
		}
		stored[p.ID.String()] = fmt.Sprintf("%x", p.Key)
	}
	for i, key := range a {
		if stored[i] != key {
			t.Fatalf("%s: acknowledged %q, stored %q", i, key, stored[i])
		}
	}
}

// TestKilled kills a process at random moments: what it acknowledged must be there.
func TestKilled(t *testing.T) {
	t.Parallel()
	cycles := 12
	if testing.Short() {
		cycles = 3
	}
	dir := t.TempDir()
	all := acked{}
	for range cycles {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var dead *time.Timer
		for lines.Scan() {
			if dead == nil { // counted from the first acknowledgement
				dead = time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { _ = cmd.Process.Kill() })
			}
			switch f := strings.Fields(lines.Text()); {
			case len(f) == 3 && f[0] == "put":
				all[f[1]] = f[2]
			case len(f) == 2 && f[0] == "erasing":
				delete(all, f[1]) // not known until it is acknowledged
			case len(f) == 2 && f[0] == "erase":
				all[f[1]] = ""
			case len(f) > 0 && f[0] == "error":
				t.Error(lines.Text())
			}
		}
		_ = cmd.Wait() // it was killed
		v, err := vault.OpenLite(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		all.check(t, v)
		closing(t, v)
	}
	t.Logf("%d acknowledged", len(all))
}

// TestRedisKilled kills Redis in a burst of writes, repeatedly: what was acknowledged is there, with the same key; everything else was refused
// with ErrUnavailable, and sending it again works.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	v := openRedis(t, s)
	defer closing(t, v)
	cycles := 6
	if testing.Short() {
		cycles = 2
	}
	all := acked{}
	var mu sync.Mutex
	next := 0
	for range cycles {
		stop := make(chan struct{})
		var workers sync.WaitGroup
		for range 16 {
			workers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					mu.Lock()
					i := number(next)
					next++
					mu.Unlock()
					p, err := v.Put(context.Background(), campaign, vault.Person{ID: i, Name: "n" + i.String()})
					if err != nil {
						if !errors.Is(err, vault.ErrUnavailable) {
							t.Errorf("%v, want ErrUnavailable", err)
						}
						continue
					}
					mu.Lock()
					all[i.String()] = fmt.Sprintf("%x", p.Key)
					mu.Unlock()
				}
			})
		}
		<-time.After(time.Duration(20+rand.IntN(100)) * time.Millisecond)
		s.Kill()
		close(stop)
		workers.Wait()
		if err := v.Ready(t.Context()); !errors.Is(err, vault.ErrUnavailable) {
			t.Errorf("Ready without Redis: %v", err)
		}
		s.Restart()
		for until := time.Now().Add(10 * time.Second); ; {
			err := v.Ready(t.Context())
			if err == nil {
				break
			}
			if time.Now().After(until) {
				t.Fatal(err)
			}
		}
		all.check(t, v)
	}
	t.Logf("%d acknowledged", len(all))
	if len(all) == 0 {
		t.Error("nothing was acknowledged: the test is void")
	}
}
