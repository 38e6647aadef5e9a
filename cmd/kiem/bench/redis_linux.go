package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// redisLoad is the intake that is compared with bare XADDs.
var redisLoad = Load{Conns: 100, InFlight: 1}

// redis measures the journal in Redis: intake beside bare XADDs, each answered when it is on the disk, and the fan-out of two nodes. It starts a redis-server of its own.
func (b *Bench) redis(ctx context.Context) error {
	if _, err := exec.LookPath("redis-server"); err != nil {
		b.leave("Redis: there is no redis-server on the PATH")
		return nil
	}
	r, err := b.startRedis(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	}()
	token := newToken()
	var nodes []*server
	for n := range 2 {
		s, err := b.startServer(ctx, filepath.Join(b.Dir, fmt.Sprint("node", n)), token, "--redis", "redis://"+r.addr.String())
		if err != nil {
			return err
		}
		defer s.stop()
		nodes = append(nodes, s)
	}
	h, err := newHall(ctx, nodes[0], intakeIdeas)
	if err != nil {
		return nodes[0].explain(err)
	}
	n := b.NodesFanout
	if err := h.people(ctx, max(n, redisLoad.Conns, groupVotes+1)); err != nil {
		return nodes[0].explain(err)
	}
	floor, err := b.startChild(ctx, "floor", "fanout")
	if err != nil {
		return err
	}
	defer floor.stop()
	var kiem, bare []*taken
	var two, low []fanned
	for repeat := range b.Repeats {
		k, err := b.take(ctx, h.subject(), h.ideas, redisLoad)
		if err != nil {
			return nodes[0].explain(fmt.Errorf("intake: %w", err))
		}
		x, err := b.xadd(ctx, r.addr)
		if err != nil {
			return fmt.Errorf("XADD: %w", err)
		}
		t, err := b.fanKiem(ctx, h, n, nodes...)
		if err != nil {
			return fmt.Errorf("fan-out of two nodes: %w", err)
		}
		f, err := b.fanChild(ctx, floor, n, t)
		if err != nil {
			return fmt.Errorf("floor of the fan-out: %w", err)
		}
		kiem, bare, two, low = append(kiem, k), append(bare, x), append(two, t), append(low, f)
		b.say("Redis, repeat %d: intake of %v: Kiem %v", repeat+1, redisLoad, k)
		b.say("Redis, repeat %d: bare XADD %.0f/s, p99 %v; two nodes %.0f ns a delivery, floor %.0f", repeat+1, x.perSecond(), milli(x.wait.quantile(0.99)),
			t.perDelivery(), f.perDelivery())
	}
	b.addRedis(redisLoad, n, kiem, bare, two, low)
	return nil
}

// redisServer is a redis-server that the bench started.
type redisServer struct {
	cmd  *exec.Cmd
	addr netip.AddrPort
}

// startRedis starts one with the durability that Kiem asks for.
func (b *Bench) startRedis(ctx context.Context) (*redisServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	if err := l.Close(); err != nil {
		return nil, err
	}
	dir := filepath.Join(b.Dir, "redis")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	r := &redisServer{addr: addr, cmd: exec.CommandContext(ctx, "redis-server", "--port", strconv.Itoa(int(addr.Port())), "--bind", "127.0.0.1", "--dir", dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no", "--maxmemory-policy", "noeviction", "--maxclients", "10000")}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for until := time.Now().Add(mostPatience); ; pause(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr.String())
		if err == nil {
			return r, c.Close()
		}
		if time.Now().After(until) {
			_ = r.cmd.Process.Kill()
			return nil, errors.Join(err, r.cmd.Wait())
		}
	}
}

// xadd measures bare XADDs of entries as long as a vote's, one after the other on each connection.
func (b *Bench) xadd(ctx context.Context, to netip.AddrPort) (*taken, error) {
	s, err := b.swarm(to)
	if err != nil {
		return nil, err
	}
	defer s.close()
	entry := bytes.Repeat([]byte{'x'}, fanoutSize)
	command := fmt.Appendf(nil, "*5\r\n$4\r\nXADD\r\n$5\r\nfloor\r\n$1\r\n*\r\n$1\r\ne\r\n$%d\r\n%s\r\n", len(entry), entry)
	out := &taken{}
	sent := make([]time.Duration, redisLoad.Conns)
	open, going := 0, true
	send := func(c *conn) error {
		sent[c.n], open = s.time(), open+1
		return s.write(c, command)
	}
	s.raw = func(c *conn, m []byte) (int, error) {
		size, err := bulkReply(m)
		if err != nil || size == 0 {
			return 0, err
		}
		out.wait.add(s.now - sent[c.n])
		out.acks++
		open--
		if going {
			return size, send(c)
		}
		return size, nil
	}
	if err := s.dial(redisLoad.Conns, nil); err != nil {
		return nil, err
	}
	for _, long := range []time.Duration{b.Time / 4, b.Time} { // the first warms up
		*out, going = taken{}, true
		start := s.time()
		for _, c := range s.conns {
			if err := send(c); err != nil {
				return nil, err
			}
		}
		for open > 0 {
			so := s.time() - start
			if going = so < long && ctx.Err() == nil; so > long+mostPatience {
				return nil, fmt.Errorf("bench: %d XADDs were not answered within %v", open, mostPatience)
			}
			if err := s.poll(50 * time.Millisecond); err != nil {
				return nil, err
			}
		}
		out.took = s.time() - start
	}
	return out, ctx.Err()
}

// bulkReply gives the size of a complete bulk string of RESP at the beginning of b; 0: it is not complete.
func bulkReply(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n"))
	if end < 0 {
		return 0, nil
	}
	if b[0] != '$' {
		return 0, fmt.Errorf("bench: Redis says %q", b[:end])
	}
	n, err := strconv.ParseUint(string(b[1:end]), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("bench: Redis says %q", b[:end])
	}
	if size := end + 2 + int(n) + 2; len(b) >= size {
		return size, nil
	}
	return 0, nil
}
