package main_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"kiem/hub/redisconn/redistest"
)

// TestTwoNodes runs two servers on one Redis, with people on both, and kills either node and Redis in the middle of what they do. Everybody sees one order without a gap,
// and everything that was acknowledged is there exactly once, on both.
func TestTwoNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills servers")
	}
	redis := redistest.Start(t)
	binary := kiemBinary(t)
	node := func(name string) *kiemProcess {
		p := serveKiem(t, binary, filepath.Join(t.TempDir(), name), "--redis", redis.URL())
		p.start()
		return p
	}
	a, b := node("a"), node("b")
	s := &protoScript{server: a}
	s.campaign, s.code = s.create(t, "Twee zalen", map[string]any{})
	crowd := &nodesCrowd{t: t, posted: map[string]string{}}
	for n := range 3 {
		for _, at := range []*kiemProcess{a, b} {
			s.server = at
			session := s.join(t, s.code, fmt.Sprintf("Gast %d", n), "citizen")
			crowd.people = append(crowd.people, newClient(t, at, s.campaign, session.Token).connect())
		}
	}

	crowd.burst("samen", nil)
	crowd.oneOrder()

	// A command sent again over the other node has no second effect and gets the first answer.
	there := newClient(t, b, s.campaign, crowd.people[0].token).connect()
	cmd := postIdea(newUUID(), "Op twee knopen")
	first := crowd.people[0].must(cmd)
	crowd.posted[madeIdea(t, first)] = "Op twee knopen"
	if again := there.must(cmd); again.Seq != first.Seq || string(again.Data) != string(first.Data) {
		t.Errorf("the other node answered %d %s, the first %d %s", again.Seq, again.Data, first.Seq, first.Data)
	}
	there.cut()

	for _, dead := range []*kiemProcess{a, b} {
		alive := a
		if dead == a {
			alive = b
		}
		crowd.burst("knoop weg "+dead.addr, func() { dead.kill() }, func(c *protoClient) {
			if c.server == dead {
				c.server = alive
			}
			c.resume()
		})
		crowd.oneOrder()
		dead.start()
		for n, c := range crowd.people { // half of them move to the node that came back
			if n%2 == 0 {
				c.cut()
				c.server = dead
				c.resume()
			}
		}
	}
	crowd.burst("weer samen", nil)
	crowd.oneOrder()

	// Redis dies and comes back. Connections stay, reading goes on, commands are refused as unavailable and then done.
	crowd.burst("zonder Redis", func() {
		redis.Kill()
		for _, p := range []*kiemProcess{a, b} {
			if status, _, _ := p.call("GET", "/campaigns/"+s.campaign, crowd.people[0].token, nil); status != http.StatusOK {
				t.Errorf("without Redis the snapshot of %s is answered with %d", p.addr, status)
			}
		}
		redis.Restart()
	}, func(c *protoClient) {
		t.Error("a connection ended because Redis was away")
		c.resume()
	})
	crowd.oneOrder()

	for _, p := range []*kiemProcess{a, b} {
		crowd.exported(p, s.campaign)
	}
}

// nodesCrowd posts and supports over several nodes.
type nodesCrowd struct {
	t      *testing.T
	people []*protoClient

	mu     sync.Mutex
	posted map[string]string // acknowledged: id to title
	last   uint64            // newest entry that was acknowledged
}

// burst lets everybody post 18 ideas, one after the other, at the same time. During it the fault happens; lost says what somebody does whose connection ended.
func (n *nodesCrowd) burst(label string, fault func(), lost ...func(*protoClient)) {
	n.t.Helper()
	const each = 18 // five times, and one: nobody may post more than 100
	third := make(chan struct{})
	var count int
	var posting sync.WaitGroup
	for who, c := range n.people {
		posting.Go(func() {
			for k := range each {
				title := fmt.Sprintf("%s %d.%d", label, who, k)
				f, err := n.insist(c, postIdea(newUUID(), title), lost)
				if err != nil {
					n.t.Errorf("%s: %v", title, err)
					return
				}
				n.mu.Lock()
				n.posted[madeIdea(n.t, f)] = title
				n.last = max(n.last, f.Seq)
				if count++; count == len(n.people)*each/3 {
					close(third)
				}
				n.mu.Unlock()
			}
		})
	}
	if fault != nil {
		select {
		case <-third:
			fault()
		case <-time.After(patience):
			n.t.Errorf("%s: a third of the posts is not answered", label)
		}
	}
	posting.Wait()
}

// insist sends a command until it is done, as the protocol tells a client to: again after unavailable, again over a new connection.
func (n *nodesCrowd) insist(c *protoClient, cmd protoCommand, lost []func(*protoClient)) (protoFrame, error) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	until := time.Now().Add(patience)
	for time.Now().Before(until) {
		c.mu.Lock()
		delete(c.replies, cmd.ID)
		c.mu.Unlock()
		err := c.send(cmd)
		if err == nil {
			var f protoFrame
			err = c.await(func() bool { f = c.replies[cmd.ID]; return f.Type != "" })
			if err == nil && f.Error == nil {
				return f, nil
			}
			if err == nil && f.Error.Code != "unavailable" {
				return f, fmt.Errorf("refused: %+v", f.Error)
			}
		}
		if err != nil {
			if len(lost) == 0 {
				return protoFrame{}, err
			}
			lost[0](c)
		}
		<-again.C
	}
	return protoFrame{}, errPatience
}

// oneOrder waits until everybody has seen everything and compares: the same ideas in the same order, as far back as both have followed without a reset.
func (n *nodesCrowd) oneOrder() {
	n.t.Helper()
	for _, c := range n.people {
		c.wait("everything that was acknowledged", func() bool { return c.at >= n.last })
	}
	for _, c := range n.people[1:] {
		first := n.people[0]
		from, to := max(first.followsFrom(), c.followsFrom()), n.last
		want, got := first.seenBetween(from, to), c.seenBetween(from, to)
		if !slices.Equal(got, want) {
			n.t.Errorf("from entry %d to %d one saw %d ideas and another %d, or in another order", from, to, len(want), len(got))
		}
	}
}

// exported compares a node's export with everything that was acknowledged.
func (n *nodesCrowd) exported(p *kiemProcess, campaign string) {
	n.t.Helper()
	var file protoExport
	p.poll("the export to have the newest entry", func() bool {
		p.want(http.StatusOK, &file, "GET", "/campaigns/"+campaign+"/export?format=json", adminToken, nil)
		return file.Seq >= n.last
	})
	count := map[string]int{}
	for _, i := range file.Ideas {
		count[i.ID]++
		if n.posted[i.ID] != i.Title {
			n.t.Errorf("%s: idea %s %q was acknowledged as %q", p.addr, i.ID, i.Title, n.posted[i.ID])
		}
	}
	for id, title := range n.posted {
		if count[id] != 1 {
			n.t.Errorf("%s: %q is there %d times", p.addr, title, count[id])
		}
	}
}
