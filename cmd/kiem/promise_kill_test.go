package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// TestPromiseKilled is P1: what was acknowledged survives the kill of any process. A server is killed at random in the middle of a burst, sometimes after it was frozen, and Redis
// with it; people join meanwhile, too. Afterwards the export has everything exactly once, everybody saw it exactly once and in order, and first answers are repeated.
func TestPromiseKilled(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		promise(t)
		killed(t, serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "data")), nil)
	})
	t.Run("redis", func(t *testing.T) {
		promise(t)
		redis := redistest.Start(t)
		killed(t, serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "data"), "--redis", redis.URL()), redis)
	})
}

func killed(t *testing.T, server *kiemProcess, redis *redistest.Server) {
	server.start()
	a := assemble(t, server, 12, at(server.addr), 0)
	joiners := a.joiners(server)
	stop := a.act(2, 5*time.Millisecond)
	kills := 0
	for range journaltest.Rounds(t, 0, 6) {
		a.more(20)
		pause(time.Duration(rand.IntN(200)) * time.Millisecond)
		if redis != nil && rand.IntN(2) == 0 {
			redis.Kill()
			pause(time.Duration(rand.IntN(50)) * time.Millisecond)
			if rand.IntN(2) == 0 { // Redis alone
				redis.Restart()
				kills++
				continue
			}
		}
		if rand.IntN(3) == 0 {
			server.signal(syscall.SIGSTOP)
			pause(time.Duration(rand.IntN(100)) * time.Millisecond)
		}
		server.kill()
		kills++
		if redis != nil {
			redis.Kill() // both, whether it was dead or not
			redis.Restart()
		}
		server.start()
		if t.Failed() {
			break
		}
	}
	a.more(20)
	stop()
	joiners()
	t.Logf("%d kills", kills)
	a.check(server)
	from := []string{"--data", server.data()}
	if redis != nil {
		from = []string{"--redis", redis.URL()}
	}
	done(t, append([]string{"verify"}, from...)...) // and what the kills left is called whole
}

// joiners lets people join without a pause until the function it gives is called, which checks that everybody whose join was answered is still the same participant, with a
// token that is good.
func (a *assembly) joiners(server *kiemProcess) func() {
	type joined struct{ key, token, participant string }
	var mu sync.Mutex
	var all []joined
	stopping := make(chan struct{})
	var joining sync.WaitGroup
	for n := range 2 {
		joining.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-stopping:
					return
				case <-time.After(20 * time.Millisecond):
				}
				key := newUUID()
				for status := 0; status != http.StatusCreated; { // the same key again, as a page does
					var s protoSession
					var err error
					status, err = post(server.addr, "/join", "", joinBody(a.code, fmt.Sprintf("Later %d.%d", n, k), "citizen", key), &s)
					if err == nil && status == http.StatusCreated {
						mu.Lock()
						all = append(all, joined{key, s.Token, s.Participant.ID})
						mu.Unlock()
					}
					if err == nil && status != http.StatusCreated && status != http.StatusServiceUnavailable && (status != http.StatusTooManyRequests || !a.clocks) {
						a.t.Errorf("joining is answered with status %d", status)
						return
					}
					if status == http.StatusCreated {
						break
					}
					select {
					case <-stopping:
						return
					case <-time.After(30 * time.Millisecond):
					}
				}
			}
		})
	}
	return func() {
		close(stopping)
		joining.Wait()
		for _, j := range all {
			var again protoSession
			if status, err := post(server.addr, "/join", "", joinBody(a.code, "Iemand", "citizen", j.key), &again); err != nil || status/100 != 2 || again.Participant.ID != j.participant {
				a.t.Errorf("joining again with a key whose join was acknowledged: status %d, %v, participant %s, want %s", status, err, again.Participant.ID, j.participant)
			}
			if status, _, _ := server.call("GET", "/campaigns/"+a.campaign+"/me", j.token, nil); status != http.StatusOK {
				a.t.Errorf("a token that was handed out is answered with status %d", status)
			}
		}
		a.t.Logf("%d people joined meanwhile", len(all))
	}
}
