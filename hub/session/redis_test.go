package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
	"kiem/hub/session"
)

// TestDeadElsewhereWithinASecond: a session cut on one node, while the other uses it all the time.
func TestDeadElsewhereWithinASecond(t *testing.T) {
	t.Parallel()
	server, c := redistest.Start(t), &clock{}
	a, b := openRedis(t, server, c), openRedis(t, server, c)
	defer closing(t, a)
	defer closing(t, b)
	var worst time.Duration
	for n := range 6 {
		token := create(t, a, guest(c, n))
		mustGet(t, b, token)
		var err error
		if n%2 == 0 {
			err = a.Delete(t.Context(), token)
		} else {
			err = a.DeleteParticipant(t.Context(), campaign, number(n))
		}
		if err != nil {
			t.Fatal(err)
		}
		cut := time.Now()
		for {
			if _, err := b.Get(t.Context(), token); errors.Is(err, session.ErrNotFound) {
				break
			}
			if time.Since(cut) > time.Second {
				t.Fatal("alive on the other node after a second")
			}
		}
		worst = max(worst, time.Since(cut))
	}
	t.Logf("dead elsewhere after at most %v", worst)
}

// TestCallsToRedis counts what reading costs: ten thousand calls, a handful of questions.
func TestCallsToRedis(t *testing.T) {
	t.Parallel()
	server, c := redistest.Start(t), &clock{}
	s := openRedis(t, server, c)
	defer closing(t, s)
	token := create(t, s, guest(c, 1))
	conn, err := redisconn.Open(server.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	calls := func() (n int) {
		t.Helper()
		stats, err := conn.Client().InfoMap(t.Context(), "stats").Result()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(stats["Stats"]["total_commands_processed"], &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	mustGet(t, s, token)
	before, began := calls(), time.Now()
	for range 10000 {
		mustGet(t, s, token)
	}
	took := time.Since(began)
	limit := 5 + int(took/(400*time.Millisecond))
	if got := calls() - before; got > limit {
		t.Errorf("10,000 reads in %v cost %d commands, want at most %d", took, got, limit)
	} else {
		t.Logf("10,000 reads in %v cost %d commands", took, got)
	}
}

// TestRedisAway: known sessions go on for reading and say so, unknown ones are unavailable at once, what is cut here stays dead here, and everything is well
// again when Redis is.
func TestRedisAway(t *testing.T) {
	for _, how := range []string{"killed", "hung"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			server, c := redistest.Start(t), &clock{}
			s, elsewhere := openRedis(t, server, c), openRedis(t, server, c)
			defer closing(t, s)
			defer closing(t, elsewhere)
			known, cut, unknown := create(t, s, guest(c, 1)), create(t, s, guest(c, 2)), create(t, elsewhere, guest(c, 3))
			mustGet(t, s, known)
			mustGet(t, s, cut)
			if how == "killed" {
				server.Kill()
			} else {
				server.Pause()
			}
			for { // until the node has noticed
				got, err := s.Get(t.Context(), known)
				if err != nil {
					t.Fatalf("a known session must go on: %v", err)
				}
				if got.Stale {
					break
				}
			}
			began := time.Now()
			for range 100 {
				if got := mustGet(t, s, known); !got.Stale {
					t.Fatal("not marked as stale")
				}
			}
			if _, err := s.Get(t.Context(), unknown); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("an unknown session: %v, want ErrUnavailable", err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("while the store is away, 101 reads took %v", took)
			}
			if err := s.Delete(t.Context(), cut); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("Delete: %v, want ErrUnavailable", err)
			}
			wantGone(t, s, cut)
			if token, err := s.Create(t.Context(), guest(c, 4)); !errors.Is(err, session.ErrUnavailable) || token != "" {
				t.Errorf("Create: %q, %v; want ErrUnavailable", token, err)
			}
			c.advance(2 * time.Hour)
			if _, err := s.Get(t.Context(), known); !errors.Is(err, session.ErrUnavailable) {
				t.Errorf("after two hours without the store: %v, want ErrUnavailable", err)
			}
			c.advance(-2 * time.Hour)
			if how == "killed" {
				server.Restart()
			} else {
				server.Resume()
			}
			until := time.Now().Add(10 * time.Second)
			for {
				got, err := s.Get(t.Context(), known)
				if err == nil && !got.Stale {
					break
				}
				if time.Now().After(until) {
					t.Fatalf("not well again: %+v, %v", got, err)
				}
			}
			wantGone(t, s, cut)
			mustGet(t, s, unknown)
			if err := s.Delete(t.Context(), cut); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRedisKilled kills Redis in a burst of joins, repeatedly: every token that was given out is good afterwards.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	server, c := redistest.Start(t), &clock{}
	s := openRedis(t, server, c)
	defer closing(t, s)
	cycles := 6
	if testing.Short() {
		cycles = 2
	}
	var mu sync.Mutex
	given := map[string]int{}
	for cycle := range cycles {
		stop := make(chan struct{})
		var workers sync.WaitGroup
		for w := range 16 {
			workers.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					who := cycle<<24 | w<<16 | n
					token, err := s.Create(context.Background(), guest(c, who))
					if err != nil {
						if !errors.Is(err, session.ErrUnavailable) {
							t.Errorf("%v, want ErrUnavailable", err)
						}
						continue
					}
					mu.Lock()
					given[token] = who
					mu.Unlock()
				}
			})
		}
		<-time.After(time.Duration(20+rand.IntN(100)) * time.Millisecond)
		server.Kill()
		close(stop)
		workers.Wait()
		server.Restart()
		fresh := openRedis(t, server, c) // knows nothing
		for token, who := range given {
			got, err := fresh.Get(t.Context(), token)
			if err != nil || got.Members[campaign] != number(who) {
				t.Fatalf("an acknowledged session: %+v, %v", got, err)
			}
		}
		closing(t, fresh)
	}
	t.Logf("%d acknowledged", len(given))
	if len(given) == 0 {
		t.Error("nothing was acknowledged: the test is void")
	}
}

// TestNothingExpiresInRedis: no key has a time to live, so no clock of Redis can end a session.
func TestNothingExpiresInRedis(t *testing.T) {
	t.Parallel()
	server, c := redistest.Start(t), &clock{}
	s := openRedis(t, server, c)
	defer closing(t, s)
	token := create(t, s, guest(c, 1))
	create(t, s, guest(c, 2))
	if err := s.Delete(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	conn, err := redisconn.Open(server.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	keys := 0
	for it := conn.Client().Scan(t.Context(), 0, "", 100).Iterator(); it.Next(t.Context()); keys++ {
		if ttl, err := conn.Client().TTL(t.Context(), it.Val()).Result(); err != nil || ttl != -1 {
			t.Errorf("%s lives for %v (%v)", it.Val(), ttl, err)
		}
	}
	if keys < 4 {
		t.Errorf("%d keys: the search is void", keys)
	}
}

// TestLostAnswer: Redis did it, and the answer never came. The caller hears ErrUnavailable, and calling again is harmless.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	server, c := redistest.Start(t), &clock{}
	good := openRedis(t, server, c)
	defer closing(t, good)
	token := create(t, good, guest(c, 1))
	deaf := deafProxy(t, server.Addr)
	conn, err := redisconn.Open("redis://"+deaf, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := session.OpenRedis(conn, c.now)
	defer closing(t, s)
	if err := s.DeleteParticipant(t.Context(), campaign, number(1)); !errors.Is(err, session.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	if err := good.DeleteParticipant(t.Context(), campaign, number(1)); err != nil {
		t.Fatal(err)
	}
	wantGone(t, good, token)
}

// deafProxy passes everything to a server and nothing back.
func deafProxy(t *testing.T, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { _ = l.Close() })
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer in.Close()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				_, _ = io.Copy(out, in) // ends when the client gives up
			})
		}
	})
	return l.Addr().String()
}
