package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
)

// TestPromiseRepeated is P11: each command is sent one to five times, over two sockets and HTTP, to two nodes at once, while nodes crash. It has one effect, and all get the same answer: at the time, after the
// crash, and when the nodes come back from a snapshot. The same id with other content is a conflict at any of these times, and what is too old to be answered again has no second effect either.
func TestPromiseRepeated(t *testing.T) {
	promise(t)
	redis := redistest.Start(t)
	var nodes []*kiemProcess
	for n := range 2 {
		p := serveExchanged(t, "snapshot=40", filepath.Join(t.TempDir(), fmt.Sprint(n)), "--redis", redis.URL())
		p.start()
		nodes = append(nodes, p)
	}
	a := assemble(t, nodes[0], 6, at(nodes[0].addr), 0)
	r := &repeater{assembly: a, nodes: nodes}
	for _, c := range a.people { // the same people, over the other node
		r.there = append(r.there, newCitizen(a.ctx, t, c.name+" elders", a.campaign, c.token, at(nodes[1].addr)(0), 0))
	}
	for round := range journaltest.Rounds(t, 0, 4) {
		crash := nodes[round%2]
		done := make(chan struct{})
		go func() { defer close(done); r.burst(20) }()
		a.more(30)
		crash.kill()
		pause(50 * time.Millisecond)
		crash.start()
		<-done
		if t.Failed() {
			return
		}
	}
	for _, c := range r.there {
		c.mu.Lock()
		for _, f := range c.faults {
			t.Error(f)
		}
		c.mu.Unlock()
	}
	r.conflicts()
	a.check(nodes...)
	r.snapshotted(redis)
	for _, p := range nodes { // both at once: what they know now is from the snapshot and what came after
		p.kill()
	}
	for _, p := range nodes {
		p.start()
	}
	a.check(nodes...)
	r.conflicts()
	r.tooOld()
	a.exported(nodes[0])
	t.Logf("%d commands were sent %d times", a.total.Load(), r.sent)
}

// repeater sends commands several times.
type repeater struct {
	*assembly
	nodes []*kiemProcess
	there []*citizen // over the other node

	mu   sync.Mutex
	sent int
}

// burst lets everybody do so many commands, one after the other.
func (r *repeater) burst(each int) {
	var all sync.WaitGroup
	for who, c := range r.people {
		all.Go(func() {
			for n := range each {
				cmd := r.voting(c, r.targets[rand.IntN(len(r.targets))], rand.IntN(2))
				if n%3 == 0 {
					cmd = r.posting(c, fmt.Sprintf("Herhaald %d %s", who, newUUID()[:8]))
				}
				r.several(who, cmd)
			}
		})
	}
	all.Wait()
}

// several sends a command one to five times at once and compares the answers.
func (r *repeater) several(who int, cmd protoCommand) {
	times := 1 + rand.IntN(5)
	r.mu.Lock()
	r.sent += times
	r.mu.Unlock()
	answers := make([]protoFrame, times)
	var all sync.WaitGroup
	for n := range answers {
		way := rand.IntN(3)
		all.Go(func() { answers[n] = r.one(who, way, cmd) })
	}
	all.Wait()
	for _, f := range answers {
		first := answers[0]
		if f.Error != nil || f.Seq != first.Seq || string(f.Data) != string(first.Data) {
			r.t.Errorf("%s sent %d times was answered %d %s and %d %s %+v", cmd.Type, times, first.Seq, first.Data, f.Seq, f.Data, f.Error)
			return
		}
	}
	r.enter(r.people[who], cmd, answers[0])
}

func (r *repeater) one(who, way int, cmd protoCommand) (f protoFrame) {
	if way < 2 {
		c := []*citizen{r.people[who], r.there[who]}[way]
		select {
		case f = <-c.begin(cmd):
		case <-time.After(2 * patience):
			f.Error = &protoError{Code: "no answer"}
		}
		return f
	}
	for end := time.Now().Add(2 * patience); time.Now().Before(end); pause(20 * time.Millisecond) {
		f = protoFrame{}
		status, err := postAny(r.nodes[rand.IntN(2)].addr, "/campaigns/"+r.campaign+"/commands", r.people[who].token, cmd, &f)
		if err == nil && status != http.StatusServiceUnavailable {
			return f
		}
	}
	f.Error = &protoError{Code: "no answer"}
	return f
}

// conflicts sends acknowledged ids again with other content.
func (r *repeater) conflicts() {
	r.t.Helper()
	for who, c := range r.people {
		list := r.acks[c]
		old := list[len(list)-1-rand.IntN(10)].cmd
		if old.Type == "idea.post" {
			old.Data = map[string]any{"title": "Iets anders", "text": "Onder hetzelfde nummer"}
		} else {
			d := old.Data.(map[string]any)
			old.Data = map[string]any{"idea": d["idea"], "value": 1 - d["value"].(int)}
		}
		for way := range 3 {
			if f := r.one(who, way, old); f.Error == nil || f.Error.Code != "conflict" {
				r.t.Errorf("an id sent again with other content is answered %d %s %+v, want conflict", f.Seq, f.Data, f.Error)
			}
		}
	}
}

// tooOld pushes somebody's first vote out of the answers that are kept, and sends it again. (What made an object is known by the object for ever.)
func (r *repeater) tooOld() {
	r.t.Helper()
	c := r.people[0]
	first := r.acks[c][slices.IndexFunc(r.acks[c], func(one acknowledged) bool { return one.cmd.Type == "support.set" })]
	for range 3 { // 256 answers are kept
		var list []protoCommand
		for range 100 {
			list = append(list, r.voting(c, r.targets[rand.IntN(len(r.targets))], rand.IntN(2)))
		}
		var replies []protoFrame
		if status, err := postAny(r.nodes[0].addr, "/campaigns/"+r.campaign+"/commands", c.token, list, &replies); err != nil || len(replies) != len(list) {
			r.t.Fatalf("%d commands at once: status %d, %v, %d replies", len(list), status, err, len(replies))
		}
		for i, f := range replies {
			r.enter(c, list[i], f)
		}
	}
	for way := range 3 {
		if f := r.one(0, way, first.cmd); f.Error == nil || f.Error.Code != "duplicate" && (f.Error.Code != "conflict" || f.Error.Field != "n") {
			r.t.Errorf("a vote too old to be answered again: %d %s %+v, want duplicate, or that its lane has gone on", f.Seq, f.Data, f.Error)
		}
	}
}

// snapshotted checks that there was a snapshot to come back from.
func (r *repeater) snapshotted(redis *redistest.Server) {
	r.t.Helper()
	conn, err := redisconn.Open(redis.URL(), 0)
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	until(r.t, "a snapshot", func() bool {
		n, err := conn.Client().Exists(context.Background(), "{c:"+r.campaign+"}:snap").Result()
		return err == nil && n == 1
	})
}
