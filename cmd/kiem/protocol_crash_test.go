package main_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cutAndResume cuts a follower again and again while others write, and compares with one who was never cut.
func (s *protoScript) cutAndResume(t *testing.T) {
	ana := s.client(t, s.ana).connect()
	steady, cut := s.client(t, s.ben).connect(), s.client(t, s.ben).connect()
	start := cut.at
	var last uint64
	for round := range 8 {
		if round%2 == 0 {
			cut.cut()
		}
		for n := range 5 {
			title := fmt.Sprintf("Tijdens knip %d.%d", round, n)
			idea, seq := ana.post(title)
			s.remember(idea, title)
			last = seq
		}
		if round%2 == 1 {
			cut.resume()
		}
	}
	for _, c := range []*protoClient{steady, cut} {
		c.wait("everything", func() bool { return c.at >= last })
	}
	if began := cut.followsFrom(); began != start {
		t.Errorf("a reconnect after a few entries was answered with reset")
	}
	want := steady.seen()
	if got := cut.seen(); !slices.Equal(got, want) || len(want) != 40 {
		t.Errorf("the one who was cut saw %d ideas, the other %d; want the same 40 in the same order", len(got), len(want))
	}

	// Another epoch: reset.
	cut.cut()
	cut.open(fmt.Sprintf("?after=%d&epoch=%d", last, cut.hello.Epoch+7), false)
	cut.wait("a reset for another epoch", func() bool { return cut.reset })
}

// killInBurst kills the server with 200 commands in flight, starts it again and sends everything again. What was acknowledged before is answered as
// before; everything is there exactly once.
func (s *protoScript) killInBurst(t *testing.T) {
	const people, each, rounds = 4, 50, 3
	ana := s.client(t, s.ana).connect()
	var targets []string
	for n := range each / 2 {
		title := fmt.Sprintf("Doel %d", n)
		idea, _ := ana.post(title)
		s.remember(idea, title)
		targets = append(targets, idea)
	}
	sessions := make([]protoSession, people)
	clients := make([]*protoClient, people)
	for n := range clients {
		sessions[n] = s.join(t, s.code, fmt.Sprintf("Drukke gast %d", n), "citizen")
		clients[n] = s.client(t, sessions[n]).connect()
	}
	for round := range rounds {
		commands := make([][]protoCommand, people)
		for p := range clients {
			for n := range each / 2 {
				value := (round + 1) % 2 // support, take back, support
				commands[p] = append(commands[p], postIdea(newUUID(), fmt.Sprintf("Salvo %d.%d.%d", round, p, n)), setSupport(newUUID(), targets[n], value))
			}
		}
		var left atomic.Int64
		left.Store(1 + rand.Int64N(people*each*3/4))
		enough, process := make(chan struct{}), s.server.cmd.Process
		for _, c := range clients {
			c.mu.Lock()
			c.onReply = func() {
				if left.Add(-1) == 0 {
					_ = process.Kill() // at once, not when the script gets its turn; it cannot have ended before
					close(enough)
				}
			}
			c.mu.Unlock()
		}
		var sending sync.WaitGroup
		for p, c := range clients {
			sending.Go(func() {
				for _, cmd := range commands[p] {
					if c.send(cmd) != nil {
						return // killed meanwhile; all are sent again below
					}
				}
			})
		}
		select {
		case <-enough:
		case <-time.After(patience):
			t.Fatal("the burst is not answered")
		}
		s.server.kill()
		sending.Wait()
		before := make([]map[string]protoFrame, people)
		acknowledged := 0
		for p, c := range clients {
			<-c.done
			c.mu.Lock()
			before[p] = map[string]protoFrame{}
			for _, cmd := range commands[p] {
				if f, ok := c.replies[cmd.ID]; ok {
					if f.Error != nil {
						t.Errorf("round %d: %s refused before the kill: %+v", round, cmd.Type, f.Error)
					}
					before[p][cmd.ID] = f
					acknowledged++
				}
			}
			c.mu.Unlock()
		}
		t.Logf("round %d: killed with %d of %d acknowledged", round, acknowledged, people*each)
		s.server.start()
		for p, c := range clients {
			c.resume()
			for _, cmd := range commands[p] {
				f := c.must(cmd)
				if old, ok := before[p][cmd.ID]; ok && (f.Seq != old.Seq || string(f.Data) != string(old.Data)) {
					t.Errorf("round %d: %s was acknowledged as %d %s and is now %d %s", round, cmd.Type, old.Seq, old.Data, f.Seq, f.Data)
				}
				if cmd.Type == "idea.post" {
					s.remember(madeIdea(t, f), cmd.Data.(map[string]any)["title"].(string))
				}
			}
		}
	}
	for _, idea := range targets {
		s.support[idea] += people
	}
	// The session and the key are as durable as the commands.
	s.sameKey(t)
	ana.resume()
	marker, seq := ana.post("Na de herstart")
	s.remember(marker, "Na de herstart")
	for p, c := range clients {
		c.wait("the entry after", func() bool { return c.at >= seq })
		known := map[string]int{}
		for _, id := range c.seen() {
			known[id]++
			if known[id] > 1 {
				t.Errorf("client %d saw idea %s twice", p, id)
			}
		}
		for _, idea := range targets {
			c.wait("the support of a target", func() bool {
				got, ok := c.tallies[idea]
				return !ok || got.Support == people
			})
		}
	}
}
