package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// idlePatience is how long it is waited for memory to stand still, which it must for as long as a measurement takes.
const idlePatience = 40 * time.Second

// idle measures the memory and the processor time of connections on which nothing happens but pings. Each repeat starts the server anew on the same data: a process that had
// connections once keeps memory for the next ones, which would then look free.
func (b *Bench) idle(ctx context.Context) error {
	n := b.Idle
	if !b.fits(n) {
		return nil
	}
	if b.URL != "" {
		return b.idleRunning(ctx, n)
	}
	dir := filepath.Join(b.Dir, "idle")
	s, err := b.startServer(ctx, dir, newToken())
	if err != nil {
		return err
	}
	h, err := newHall(ctx, s, 10)
	if err == nil {
		err = h.people(ctx, n)
	}
	s.stop()
	if err != nil {
		return s.explain(err)
	}
	var kiem, book []idled
	for repeat := range b.Repeats {
		k, err := b.idleKiem(ctx, h, dir, n)
		if err != nil {
			return err
		}
		t, err := b.idleTextbook(ctx, n)
		if err != nil {
			return fmt.Errorf("textbook: %w", err)
		}
		kiem, book = append(kiem, k), append(book, t)
		b.say("idle %d, repeat %d: Kiem %.0f bytes a connection and %.2f %% of a core, textbook %.0f and %.2f %%", n, repeat+1, k.memory, 100*k.core, t.memory, 100*t.core)
	}
	b.addIdle(n, kiem, book)
	return nil
}

func (b *Bench) idleKiem(ctx context.Context, h *hall, dir string, n int) (out idled, err error) {
	s, err := b.startServer(ctx, dir, newToken())
	if err != nil {
		return out, err
	}
	defer s.stop()
	h.server = s
	// The room is opened before anything is measured: what it takes is not the connections'.
	first, err := b.swarm(s.addr)
	if err != nil {
		return out, err
	}
	err = first.dial(1, h.head)
	first.close()
	if err != nil {
		return out, s.explain(err)
	}
	out, err = b.idleAt(ctx, s, n, h.head)
	return out, s.explain(err)
}

func (b *Bench) idleTextbook(ctx context.Context, n int) (out idled, err error) {
	c, err := b.startChild(ctx, "textbook")
	if err != nil {
		return out, err
	}
	defer c.stop()
	return b.idleAt(ctx, &server{addr: c.addr, pid: c.pid()}, n, plainHead)
}

// idleRunning measures once: a server that has run is not started anew.
func (b *Bench) idleRunning(ctx context.Context, n int) error {
	s := b.shared.server
	if s.pid == 0 {
		b.leave("idle connections: the process of " + b.URL + " is not on this machine, or of another user (--pid)")
		return nil
	}
	h, err := b.hall(ctx)
	if err != nil {
		return err
	}
	if err := h.people(ctx, n); err != nil {
		return err
	}
	k, err := b.idleAt(ctx, s, n, h.head)
	if err != nil {
		return err
	}
	b.say("idle %d, once: %.0f bytes a connection (less than it is, if the server had as many before), %.2f %% of a core", n, k.memory, 100*k.core)
	b.addIdle(n, []idled{k}, nil)
	return nil
}

// idleAt opens n connections and leaves them alone.
func (b *Bench) idleAt(ctx context.Context, to *server, n int, head func([]byte, int) []byte) (out idled, err error) {
	before, err := b.settled(ctx, to.pid, nil)
	if err != nil {
		return out, err
	}
	s, err := b.swarm(to.addr)
	if err != nil {
		return out, err
	}
	defer s.close()
	if err := s.dial(n, head); err != nil {
		return out, err
	}
	after, err := b.settled(ctx, to.pid, s)
	if err != nil {
		return out, err
	}
	out.memory = float64(after-before) / float64(n)
	cpu, _, err := b.clocks(to.pid)
	if err != nil {
		return out, err
	}
	start := time.Now()
	for time.Since(start) < b.IdleTime && ctx.Err() == nil {
		if err := s.poll(100 * time.Millisecond); err != nil { // answers pings
			return out, err
		}
	}
	end, _, err := b.clocks(to.pid)
	out.core = (end - cpu).Seconds() / time.Since(start).Seconds()
	return out, err
}

// settled waits until the resident memory of a process stands still, and gives it.
func (b *Bench) settled(ctx context.Context, pid int, s *swarm) (int64, error) {
	last, err := resident(pid)
	since := time.Now()
	for until := since.Add(idlePatience); err == nil && time.Now().Before(until) && time.Since(since) < b.Time && ctx.Err() == nil; {
		if s == nil {
			pause(100 * time.Millisecond)
		} else if err = s.poll(100 * time.Millisecond); err != nil {
			break
		}
		var now int64
		if now, err = resident(pid); now != last {
			if d := now - last; d > last/100 || -d > last/100 {
				last, since = now, time.Now()
			}
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	return last, err
}
