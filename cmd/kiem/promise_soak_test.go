package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// TestSoakOneHistory is P8: three nodes on one Redis, each behind a network of its own that is parted, cut and healed, and nodes that are frozen and go on as if nothing had happened. There is one history:
// afterwards every node has the same chain up to the same entry, and it is the history that everybody saw.
func TestSoakOneHistory(t *testing.T) {
	soak(t)
	redis := redistest.Start(t)
	var nodes []*kiemProcess
	var nets []*relay
	for n := range 3 {
		wire := newRelay(t, redis.Addr)
		p := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), fmt.Sprint(n)), "--redis", "redis://"+wire.addr())
		p.start()
		nodes, nets = append(nodes, p), append(nets, wire)
	}
	balancer := newRelay(t, addrs(nodes)...)
	a := assemble(t, nodes[0], 15, at(balancer.addr()), 3*time.Second)
	stop := a.act(2, 10*time.Millisecond)
	parted, frozen := 0, 0
	for range journaltest.Rounds(t, 0, 4) {
		n := rand.IntN(3)
		length := time.Duration(100+rand.IntN(4000)) * time.Millisecond
		switch rand.IntN(3) {
		case 0: // nothing passes, and nobody is told
			nets[n].part()
			pause(length)
			nets[n].heal()
			parted++
		case 1: // connections end, new ones are refused
			nets[n].refuse.Store(true)
			nets[n].cutAll()
			pause(length)
			nets[n].refuse.Store(false)
			parted++
		default:
			nodes[n].signal(syscall.SIGSTOP)
			pause(length)
			nodes[n].signal(syscall.SIGCONT)
			frozen++
		}
		a.more(20)
	}
	stop()
	a.check(nodes...)
	a.oneChain(nodes)
	t.Logf("%d partitions, %d pauses", parted, frozen)
}

// oneChain compares the chain of all nodes.
func (a *assembly) oneChain(nodes []*kiemProcess) {
	a.t.Helper()
	heads := map[string]bool{}
	for _, p := range nodes {
		var file protoExport
		p.poll("the newest entry", func() bool {
			p.want(http.StatusOK, &file, "GET", "/campaigns/"+a.campaign+"/export?format=json", adminToken, nil)
			return file.Seq >= a.last
		})
		heads[fmt.Sprint(file.Seq, " ", file.Head)] = true
	}
	if len(heads) != 1 {
		a.t.Errorf("the nodes have %d histories: %v", len(heads), heads)
	}
}

// TestSoakFailover is P9: the master dies under load and a Sentinel makes a replica the new one. With --replicas 1 nothing that was acknowledged is lost. Without, the replicas have not got the newest entries when the
// master dies: that is noticed, reported and repaired by the nodes, which still hold them; clients are told to fetch again under a new epoch, and nothing that was acknowledged is missing afterwards.
func TestSoakFailover(t *testing.T) {
	soak(t)
	for range journaltest.Rounds(t, 0, 1) {
		t.Run("with a replica before each answer", func(t *testing.T) {
			s := startSentinel(t)
			nodes := s.nodes("--replicas", "1")
			a := assemble(t, nodes[0], 10, func(n int) func() string { return at(nodes[n%2].addr)(0) }, 0)
			stop := a.act(2, 5*time.Millisecond)
			a.more(100)
			s.servers[0].Kill()
			start := time.Now()
			a.more(100)
			t.Logf("commands are acknowledged again after %v", time.Since(start).Round(time.Millisecond))
			stop()
			a.check(nodes...)
			a.oneChain(nodes)
			for _, p := range nodes {
				if n := p.metric("kiem_repairs_total"); n != 0 {
					t.Errorf("%s repaired %v tails: something acknowledged was lost", p.addr, n)
				}
			}
		})
		t.Run("without", func(t *testing.T) {
			s := startSentinel(t)
			nodes := s.nodes()
			a := assemble(t, nodes[0], 10, func(n int) func() string { return at(nodes[n%2].addr)(0) }, 0)
			stop := a.act(2, 5*time.Millisecond)
			a.more(100)
			s.lag() // the replicas get nothing any more
			a.more(60)
			s.servers[0].Kill()
			s.catchUp()
			until(t, "a new master", func() bool { return s.master() != s.servers[0].Addr })
			promoted := time.Now()
			until(t, "the loss to be noticed", func() bool {
				return nodes[0].log.contains("lost entries") || nodes[1].log.contains("lost entries")
			})
			noticed := time.Since(promoted)
			t.Logf("the loss is noticed %v after the Sentinel named a new master", noticed.Round(time.Millisecond))
			if noticed > 2*time.Second { // 1 s, and what a busy machine adds
				t.Errorf("the loss was noticed only after %v", noticed)
			}
			a.more(100)
			stop()
			a.repaired = true
			a.check(nodes...)
			a.oneChain(nodes)
			repairs, resets := 0.0, 0
			for _, p := range nodes {
				repairs += p.metric("kiem_repairs_total")
			}
			for _, c := range a.people {
				c.mu.Lock()
				resets += c.resets
				if c.epoch < 2 {
					t.Errorf("%s is still in epoch %d", c.name, c.epoch)
				}
				c.mu.Unlock()
			}
			if repairs == 0 || resets == 0 {
				t.Errorf("%v repairs, %d resets: nothing was lost, so nothing was tried", repairs, resets)
			}
			if resets > 5*len(a.people) {
				t.Errorf("%d people were reset %d times", len(a.people), resets)
			}
		})
	}
}

// sentinels is a master, two replicas and a Sentinel.
type sentinels struct {
	t       *testing.T
	servers []*redistest.Server
	addr    string
	client  *redis.Client
}

func startSentinel(t *testing.T) *sentinels {
	t.Helper()
	s := &sentinels{t: t, servers: []*redistest.Server{redistest.Start(t, "--repl-diskless-sync-delay", "0")}}
	host, port, _ := strings.Cut(s.servers[0].Addr, ":")
	for range 2 {
		s.servers = append(s.servers, redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0", "--repl-timeout", "3600"))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	_ = l.Close()
	_, own, _ := strings.Cut(s.addr, ":")
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor kiem %s %s 1\nsentinel down-after-milliseconds kiem 500\nsentinel failover-timeout kiem 3000\n", own, host, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", conf, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	s.client = redis.NewClient(&redis.Options{Addr: s.addr, Protocol: 2})
	t.Cleanup(func() { _ = s.client.Close() })
	until(t, "the Sentinel to know two replicas in sync", func() bool {
		text, err := s.client.Info(context.Background(), "sentinel").Result()
		if err != nil || !strings.Contains(text, "slaves=2") {
			return false
		}
		for _, replica := range s.servers[1:] {
			if !strings.Contains(s.info(replica, "replication"), "master_link_status:up") {
				return false
			}
		}
		return true
	})
	return s
}

func (s *sentinels) info(server *redistest.Server, section string) string {
	c := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer c.Close()
	text, _ := c.Info(context.Background(), section).Result() // empty: not there
	return text
}

// master is who the Sentinel says is the master.
func (s *sentinels) master() string {
	answer, err := s.client.Do(context.Background(), "sentinel", "get-master-addr-by-name", "kiem").StringSlice()
	if err != nil || len(answer) != 2 {
		return s.servers[0].Addr
	}
	return net.JoinHostPort(answer[0], answer[1])
}

func (s *sentinels) nodes(more ...string) (list []*kiemProcess) {
	s.t.Helper()
	for n := range 2 {
		p := serveKiem(s.t, kiemBinary(s.t), filepath.Join(s.t.TempDir(), fmt.Sprint(n)), append([]string{"--redis", "redis://" + s.addr + "?master_name=kiem"}, more...)...)
		p.start()
		list = append(list, p)
	}
	return list
}

// lag keeps the replicas from the master with a password that it does not know: what it acknowledges from now on they have not got. Killed then, it takes that along.
func (s *sentinels) lag() { s.replicate("wrong") }

// catchUp lets them follow whoever is the master now.
func (s *sentinels) catchUp() { s.replicate("") }

func (s *sentinels) replicate(password string) {
	s.t.Helper()
	for _, replica := range s.servers[1:] {
		c := redis.NewClient(&redis.Options{Addr: replica.Addr})
		if err := c.ConfigSet(context.Background(), "masterauth", password).Err(); err != nil {
			s.t.Fatal(err)
		}
		_ = c.ClientKillByFilter(context.Background(), "TYPE", "master").Err() // there may be none
		_ = c.Close()
	}
}

// TestSoakRollingRestart is P17: three nodes behind a load balancer are restarted one after the other under load, asked to end or killed. No command is lost or has a second effect, nobody sees an error other than a
// connection that ends, and whoever was asked to end does so with exit code 0.
func TestSoakRollingRestart(t *testing.T) {
	soak(t)
	redis := redistest.Start(t)
	nodes := threeNodes(t, redis.URL())
	balancer := newRelay(t, addrs(nodes)...)
	a := assemble(t, nodes[0], 20, at(balancer.addr()), 3*time.Second)
	stop := a.act(1, 10*time.Millisecond)
	restarts := 0
	for round := range journaltest.Rounds(t, 0, 6) {
		p := nodes[round%3]
		a.p99()
		if rand.IntN(2) == 0 {
			p.kill()
		} else if code := p.terminate(); code != 0 {
			t.Errorf("exit code %d when asked to end", code)
		}
		a.more(20)
		p.start()
		a.more(20)
		restarts++
		if worst := a.p99(); worst > 5*time.Second {
			t.Errorf("commands took %v during a restart", worst)
		}
	}
	stop()
	a.check(nodes...)
	a.oneChain(nodes)
	refused := 0
	for _, c := range a.people {
		refused += c.unavailable
	}
	t.Logf("%d restarts, %d commands were refused as `unavailable` on the way", restarts, refused)
	if refused > 0 {
		t.Errorf("%d commands were refused during restarts: a page would have shown that", refused)
	}
}
