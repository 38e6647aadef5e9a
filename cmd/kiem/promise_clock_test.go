package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// TestPromiseClock is P18: the clock of a server jumps a day back, two hours ahead and two days ahead under load, and the server is killed and started again with its clock wrong. Order, ids, answers to what is
// repeated and sessions do not care; a rate may be taken for used up, for the length of its window. On Redis two nodes disagree by hours, and no durable key has a time to live that a jump of Redis' own clock could end.
func TestPromiseClock(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		promise(t)
		clock := filepath.Join(t.TempDir(), "clock")
		server := serveExchanged(t, "clock="+clock, filepath.Join(t.TempDir(), "data"))
		server.start()
		jumps(t, clock, server)
	})
	t.Run("redis", func(t *testing.T) {
		promise(t)
		redis := redistest.Start(t)
		clock := filepath.Join(t.TempDir(), "clock")
		server := serveExchanged(t, "clock="+clock, filepath.Join(t.TempDir(), "a"), "--redis", redis.URL())
		other := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "b"), "--redis", redis.URL()) // its clock is right
		server.start()
		other.start()
		jumps(t, clock, server, other)
		neverExpires(t, redis)
	})
}

// jumps moves the clock of the first server.
func jumps(t *testing.T, clock string, servers ...*kiemProcess) {
	server := servers[0]
	a := assemble(t, server, 8, func(n int) func() string { return at(servers[n%len(servers)].addr)(0) }, 0)
	a.clocks = true
	early := a.people[0].token
	joiners := a.joiners(server)
	stop := a.act(1, 5*time.Millisecond)
	for range journaltest.Rounds(t, 0, 1) {
		for _, ahead := range []time.Duration{-24 * time.Hour, 2 * time.Hour, 0, 48 * time.Hour, -24 * time.Hour} {
			if err := os.WriteFile(clock+".new", []byte(ahead.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(clock+".new", clock); err != nil { // at once: nobody reads half a number
				t.Fatal(err)
			}
			a.more(40)
			until(t, "a session to be good", func() bool {
				status, _, _ := server.call("GET", "/campaigns/"+a.campaign+"/me", early, nil)
				if status != http.StatusOK && status != http.StatusTooManyRequests {
					t.Fatalf("%v ahead: a session is answered with %d", ahead, status)
				}
				return status == http.StatusOK
			})
		}
	}
	server.kill()
	server.start() // still a day behind
	a.more(40)
	stop()
	joiners()
	resets := 0
	for _, c := range a.people {
		c.mu.Lock()
		resets += c.resets
		c.mu.Unlock()
	}
	if resets > 0 {
		t.Errorf("%d resets because of a clock", resets)
	}
	a.check(servers...)
	a.idsOnce(server)
}

// idsOnce looks for ids that a clock made twice.
func (a *assembly) idsOnce(server *kiemProcess) {
	a.t.Helper()
	known := map[string]bool{}
	for n := range 20 {
		var reply protoFrame // without an id: the server makes one from its clock
		status, err := postAny(server.addr, "/campaigns/"+a.campaign+"/commands", a.people[0].token, map[string]any{
			"type": "comment.post", "data": map[string]any{"idea": a.targets[0], "kind": "question", "text": fmt.Sprintf("Vraag %d", n)},
		}, &reply)
		if err != nil || status != http.StatusOK || known[reply.ID] {
			a.t.Fatalf("a command without an id: status %d, %+v, %v", status, reply, err)
		}
		known[reply.ID] = true
	}
}
