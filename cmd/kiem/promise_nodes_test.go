package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// threeNodes starts three servers on one Redis.
func threeNodes(t *testing.T, redis string, more ...string) []*kiemProcess {
	t.Helper()
	var nodes []*kiemProcess
	for n := range 3 {
		p := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), fmt.Sprint(n)), append([]string{"--redis", redis}, more...)...)
		p.start()
		nodes = append(nodes, p)
	}
	return nodes
}

func addrs(nodes []*kiemProcess) (list []string) {
	for _, p := range nodes {
		list = append(list, p.addr)
	}
	return list
}

// TestPromiseNodeLost is P7: one node of three, behind a load balancer, is killed, or frozen and thawed again. Its clients resume on the others from what they have seen, and nothing that was
// acknowledged is lost, doubled or seen twice.
func TestPromiseNodeLost(t *testing.T) {
	promise(t)
	redis := redistest.Start(t)
	nodes := threeNodes(t, redis.URL())
	balancer := newRelay(t, addrs(nodes)...)
	a := assemble(t, nodes[0], 12, at(balancer.addr()), 1500*time.Millisecond)
	stop := a.act(2, 10*time.Millisecond)
	for round := range journaltest.Rounds(t, 0, 3) {
		a.more(30)
		victim := nodes[rand.IntN(len(nodes))]
		if round%3 == 1 {
			frozen := 6 * time.Second
			if soaking() {
				frozen = 30 * time.Second
			}
			victim.signal(syscall.SIGSTOP)
			a.more(50) // the others go on
			pause(frozen)
			a.more(20)
			victim.signal(syscall.SIGCONT)
			a.more(20)
			continue
		}
		victim.kill()
		a.more(50)
		victim.start()
	}
	a.more(30)
	stop()
	a.check(nodes...)
	done(t, "verify", "--redis", redis.URL())
}

// TestPromiseZombieVote is the sharp end of P7 and P8: a vote is stuck in a node that is frozen. The same person votes again, in the same tab, through another node. When the first node thaws and goes on
// with what it had, the older vote must not win.
func TestPromiseZombieVote(t *testing.T) {
	promise(t)
	redis := redistest.Start(t)
	nodes := threeNodes(t, redis.URL())[:2]
	a := assemble(t, nodes[0], 1, at(nodes[1].addr), 0)
	zombie, other := nodes[0], nodes[1]
	s := &protoScript{server: zombie}
	stuck, won := 0, 0
	for round := range journaltest.Rounds(t, 0, 12) {
		voter := s.join(t, a.code, fmt.Sprintf("Stem %d", round), "citizen")
		idea, lane := a.targets[round%len(a.targets)], newUUID()
		there := newClient(t, zombie, a.campaign, voter.Token).connect()
		here := newClient(t, other, a.campaign, voter.Token).connect()
		if round%3 == 0 { // frozen before the node has read it
			zombie.signal(syscall.SIGSTOP)
		}
		vote := setSupport(newUUID(), idea, 1)
		vote.Lane, vote.N = lane, 1
		if err := there.send(vote); err != nil {
			t.Fatal(err)
		}
		if round%3 != 0 { // frozen somewhere on the way
			pause(time.Duration(rand.IntN(3000)) * time.Microsecond)
			zombie.signal(syscall.SIGSTOP)
		}
		newer := setSupport(newUUID(), idea, 0)
		newer.Lane, newer.N = lane, 2
		if f := here.must(newer); f.Seq == 0 {
			t.Fatal("the newer vote was not taken")
		}
		zombie.signal(syscall.SIGCONT)
		f := there.reply(vote.ID)
		switch {
		case f.Error == nil:
			won++ // it was in the log before the newer one
		case f.Error.Code == "conflict" || f.Error.Code == "unavailable":
			stuck++
		default:
			t.Errorf("the stuck vote is answered with %+v", *f.Error)
		}
		// A command that comes after both on the first node: then it has applied both.
		after := there.must(protoCommand{ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": idea, "kind": "question", "text": "En nu?"}})
		for _, p := range nodes {
			var file protoExport
			p.poll("the newest entry", func() bool {
				p.want(http.StatusOK, &file, "GET", "/campaigns/"+a.campaign+"/export?format=json", adminToken, nil)
				return file.Seq >= after.Seq
			})
			for _, i := range file.Ideas {
				if i.ID == idea && *i.Support.Total != 0 {
					t.Errorf("round %d: on %s the idea has support %d: the older vote won", round, p.addr, *i.Support.Total)
				}
			}
		}
		there.cut()
		here.cut()
	}
	t.Logf("%d votes were late and void, %d came first", stuck, won)
	if stuck == 0 {
		t.Error("no vote was stuck: nothing was tried")
	}
}

// TestPromiseOwnWrites belongs to P7: what somebody was answered by one node, they can build on through the other at once, as a load balancer makes them do: a campaign is joined that was just made, a snapshot read and a socket
// opened by who just joined, an idea supported that was just posted. Nothing of it is refused because the other node has not heard of it yet.
func TestPromiseOwnWrites(t *testing.T) {
	promise(t)
	redis := redistest.Start(t)
	nodes := threeNodes(t, redis.URL())[:2]
	for n := range journaltest.Rounds(t, 0, 10) {
		here, there := nodes[n%2], nodes[(n+1)%2]
		s := &protoScript{server: here}
		campaign, code := s.create(t, "Net gemaakt", map[string]any{})
		for k := range 10 {
			s.server = there
			session := s.join(t, code, fmt.Sprintf("Gast %d", k), "citizen")
			here, there = there, here
			if status, _, text := there.call("GET", "/campaigns/"+campaign, session.Token, nil); status != http.StatusOK {
				t.Fatalf("the snapshot right after joining elsewhere: %d %.200s", status, text)
			}
			c := newClient(t, there, campaign, session.Token).connect()
			idea, _ := c.post("Hier")
			var reply protoFrame
			status, err := postAny(here.addr, "/campaigns/"+campaign+"/commands", session.Token, setSupport(newUUID(), idea, 1), &reply)
			if err != nil || status != http.StatusOK || reply.Error != nil {
				t.Fatalf("supporting an idea right after it was posted elsewhere: %d %+v, %v", status, reply.Error, err)
			}
			c.cut()
		}
	}
}
