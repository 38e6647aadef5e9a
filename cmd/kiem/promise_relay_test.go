package main_test

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// relay passes TCP connections on: a load balancer, or a bad network. A connection goes to the next target that takes it.
type relay struct {
	t       testing.TB
	l       net.Listener
	targets []string
	next    atomic.Int64
	bad     atomic.Bool // new connections are passed on as a bad network does
	refuse  atomic.Bool // new connections are closed at once

	mu    sync.Mutex
	open  chan struct{} // closed while the network passes on; nil: it does
	conns map[net.Conn]struct{}
	cuts  int // connections that were cut, frozen or torn
	wait  sync.WaitGroup
}

// newRelay listens on a free port until the test ends.
func newRelay(t testing.TB, targets ...string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, l: l, targets: targets, conns: map[net.Conn]struct{}{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			r.wait.Go(func() { r.pass(c) })
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		r.heal()
		r.cutAll()
		r.wait.Wait()
	})
	return r
}

func (r *relay) addr() string { return r.l.Addr().String() }

// hold remembers a connection, so that it can be cut.
func (r *relay) hold(c net.Conn) {
	r.mu.Lock()
	r.conns[c] = struct{}{}
	r.mu.Unlock()
}

func (r *relay) drop(c net.Conn) {
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
	_ = c.Close()
}

// cutAll drops every connection at once.
func (r *relay) cutAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, as from a machine that went away
		}
		_ = c.Close()
	}
}

func (r *relay) pass(c net.Conn) {
	r.hold(c)
	defer r.drop(c)
	if r.refuse.Load() {
		return
	}
	var to net.Conn
	for range r.targets {
		target := r.targets[int(r.next.Add(1))%len(r.targets)]
		if s, err := net.DialTimeout("tcp", target, time.Second); err == nil {
			to = s
			break
		}
	}
	if to == nil {
		return
	}
	r.hold(to)
	defer r.drop(to)
	both := func() { r.drop(c); r.drop(to) }
	up, down := r.calm, r.calm
	if r.bad.Load() {
		up, down = r.mood(both), r.mood(both)
	}
	var copying sync.WaitGroup
	copying.Go(func() { defer both(); up(to, c) })
	copying.Go(func() { defer both(); down(c, to) })
	copying.Wait()
}

// calm passes everything on, except while the network is parted.
func (r *relay) calm(to io.Writer, from io.Reader) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if open := r.parted(); open != nil {
			<-open
		}
		if _, werr := to.Write(b[:n]); werr != nil || err != nil {
			return
		}
	}
}

// part lets nothing through any more, and tells nobody: what is sent waits until heal. A connection can be opened, and gets no answer.
func (r *relay) part() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = make(chan struct{})
}

func (r *relay) heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open != nil {
		close(r.open)
		r.open = nil
	}
}

func (r *relay) parted() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open
}

// mood is one of the ways in which a network is bad, at random.
func (r *relay) mood(end func()) func(to io.Writer, from io.Reader) {
	r.mu.Lock()
	r.cuts++
	r.mu.Unlock()
	life := time.Duration(200+rand.IntN(2500)) * time.Millisecond
	switch rand.IntN(5) {
	case 0: // cut after some time, whatever is under way
		return func(to io.Writer, from io.Reader) {
			timer := time.AfterFunc(life, end)
			defer timer.Stop()
			r.calm(to, from)
		}
	case 1: // cut after some bytes, in the middle of a frame
		return func(to io.Writer, from io.Reader) { _, _ = io.CopyN(to, from, int64(rand.IntN(20_000))) }
	case 2: // frozen: nothing arrives any more, and nobody is told for a while
		return func(to io.Writer, from io.Reader) {
			_, _ = io.CopyN(to, from, int64(rand.IntN(8_000)))
			<-time.After(life)
		}
	case 3: // byte by byte
		return func(to io.Writer, from io.Reader) {
			timer := time.AfterFunc(2*life, end)
			defer timer.Stop()
			b := make([]byte, 4096)
			for {
				n, err := from.Read(b)
				for i := range n {
					if _, err := to.Write(b[i : i+1]); err != nil {
						return
					}
				}
				if err != nil {
					return
				}
			}
		}
	}
	return func(to io.Writer, from io.Reader) { // in pieces, with pauses
		timer := time.AfterFunc(life, end)
		defer timer.Stop()
		b := make([]byte, 4096)
		for {
			n, err := from.Read(b[:1+rand.IntN(len(b))])
			<-time.After(time.Duration(rand.IntN(20)) * time.Millisecond)
			if _, werr := to.Write(b[:n]); werr != nil || err != nil {
				return
			}
		}
	}
}
