package main_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
)

// TestPromiseRedisAway is P6: Redis is killed in a burst, flaps every 400 ms, and hangs. Meanwhile commands fail as `unavailable` and nobody's connection ends, everybody can read; afterwards
// nothing that was acknowledged is lost or doubled. Redis killed together with the server is P1 (TestPromiseKilled).
func TestPromiseRedisAway(t *testing.T) {
	promise(t)
	redis := redistest.Start(t)
	server := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "data"), "--redis", redis.URL())
	server.start()
	a := assemble(t, server, 10, at(server.addr), 0)
	stop := a.act(2, 5*time.Millisecond)
	a.more(50)
	connects := a.connects()
	reading := a.reading(server)
	for range journaltest.Rounds(t, 0, 1) {
		for range 2 { // killed at random
			redis.Kill()
			pause(time.Duration(rand.IntN(300)) * time.Millisecond)
			redis.Restart()
			a.more(20)
		}
		for range whenSoaking(4, 20) { // flapping
			redis.Kill()
			pause(400 * time.Millisecond)
			redis.Restart()
			pause(400 * time.Millisecond)
		}
		a.more(50)
		redis.Pause() // hanging
		until(t, "/readyz to say that commands are not taken", func() bool { return ready(server.addr) == http.StatusServiceUnavailable })
		a.refusedForNow(server)
		redis.Resume()
		a.more(50)
	}
	reading()
	stop()
	if n := a.connects(); n != connects {
		t.Errorf("%d connections ended because Redis was away", n-connects)
	}
	a.check(server)
	neverExpires(t, redis)
}

// reading lets somebody read the campaign again and again until the function it gives is called. Every reading must be answered.
func (a *assembly) reading(server *kiemProcess) func() {
	stopping := make(chan struct{})
	var reading sync.WaitGroup
	n, slowest := 0, time.Duration(0)
	reading.Go(func() {
		for ; ; n++ {
			select {
			case <-stopping:
				return
			case <-time.After(20 * time.Millisecond):
			}
			for _, path := range []string{"", "/me"} {
				start := time.Now()
				req, err := http.NewRequest("GET", server.url("/api/v1/campaigns/"+a.campaign+path), nil)
				if err != nil {
					a.t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+a.people[0].token)
				resp, err := oneShot.Do(req)
				if err != nil {
					a.t.Errorf("reading %s: %v", path, err)
					return
				}
				resp.Body.Close()
				slowest = max(slowest, time.Since(start))
				if resp.StatusCode != http.StatusOK {
					a.t.Errorf("reading %s is answered with %d after %v", path, resp.StatusCode, time.Since(start))
				}
			}
		}
	})
	return func() {
		close(stopping)
		reading.Wait()
		a.t.Logf("read %d times meanwhile, the slowest took %v", n, slowest.Round(time.Millisecond))
	}
}

// neverExpires checks that nothing durable in Redis has a time to live: a clock that jumps two hours ahead would delete it. Counters of rates may vanish, they are kept by each node as well.
func neverExpires(t *testing.T, redis *redistest.Server) {
	t.Helper()
	conn, err := redisconn.Open(redis.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := context.Background()
	kept, counters := 0, 0
	for all := conn.Client().Scan(ctx, 0, "*", 100).Iterator(); all.Next(ctx); {
		key := all.Val()
		switch ttl, err := conn.Client().PTTL(ctx, key).Result(); {
		case err != nil:
			t.Fatal(err)
		case ttl == -1:
			kept++
		case strings.HasPrefix(key, "kiem:l:"):
			counters++
		case ttl != -2: // gone meanwhile
			t.Errorf("key %s vanishes in %v", key, ttl)
		}
	}
	if kept < 5 {
		t.Errorf("only %d keys found", kept)
	}
	t.Logf("%d keys are kept for ever, %d are counters of rates", kept, counters)
}
