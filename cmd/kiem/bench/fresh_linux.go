package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// freshVotes is how many votes are followed to all screens in one measurement.
const freshVotes = 20

// fresh measures how old a tally is when it reaches other screens: from the moment that somebody sends a vote to the moment that each of the others has been
// sent the tally. The floor writes as many frames as soon as it is told to.
func (b *Bench) fresh(ctx context.Context) error {
	h, err := b.hall(ctx)
	if err != nil {
		return err
	}
	n := b.Screens
	if !b.fits(n) {
		return nil
	}
	if err := h.people(ctx, n); err != nil {
		return err
	}
	floor, err := b.startChild(ctx, "floor", "fanout")
	if err != nil {
		return err
	}
	defer floor.stop()
	var kiem, low []*latencies
	for repeat := range b.Repeats {
		k, err := b.freshKiem(ctx, h, n)
		if err != nil {
			return h.server.explain(err)
		}
		f, err := b.freshFloor(ctx, floor, n)
		if err != nil {
			return fmt.Errorf("floor: %w", err)
		}
		kiem, low = append(kiem, k), append(low, f)
		b.say("freshness on %d screens, repeat %d: Kiem p50 %v, p99 %v; floor p50 %v, p99 %v", n, repeat+1, milli(k.quantile(0.5)), milli(k.quantile(0.99)),
			milli(f.quantile(0.5)), milli(f.quantile(0.99)))
	}
	b.addFresh(n, kiem, low)
	return nil
}

func milli(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }

func (b *Bench) freshKiem(ctx context.Context, h *hall, n int) (*latencies, error) {
	b.calm(ctx, h.server.pid)
	s, err := b.swarm(h.server.addr)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.dial(n, h.head); err != nil {
		return nil, err
	}
	b.run++
	v := &voter{run: b.run, ideas: h.ideas[:1]}
	return b.follow(ctx, s, 500*time.Millisecond, func() error {
		s.out = v.appendVote(s.out[:0])
		return s.write(s.conns[0], s.out)
	})
}

func (b *Bench) freshFloor(ctx context.Context, c *child, n int) (*latencies, error) {
	s, err := b.swarm(c.addr)
	if err != nil {
		return nil, err
	}
	defer c.hang() //nolint:errcheck // the next order would fail
	defer s.close()
	if err := s.dial(n, plainHead); err != nil {
		return nil, err
	}
	var done <-chan error
	return b.follow(ctx, s, 100*time.Millisecond, func() error {
		if done != nil {
			if err := <-done; err != nil {
				return err
			}
		}
		done = c.begin(order{word: "fan", count: 1, size: fanoutSize})
		return nil
	})
}

// follow lets something be sent, again and again, each time when everybody has it and a while has passed, and takes down how long it took to each. Nobody else sends anything,
// so the next events that a screen gets are those.
func (b *Bench) follow(ctx context.Context, s *swarm, calm time.Duration, send func() error) (*latencies, error) {
	if err := s.quiet(calm); err != nil {
		return nil, err
	}
	out := &latencies{}
	base, sent, left := uint64(0), time.Duration(0), 0
	had := make([]int, len(s.conns)) // in which round each had it
	round := 0
	s.handle = func(c *conn, m []byte) error {
		if _, to, ok := readEvents(m); ok && to > base && had[c.n] < round {
			had[c.n] = round
			out.add(s.now - sent)
			left--
		}
		return nil
	}
	for round < freshVotes {
		// At any moment of a tick.
		for until := time.Now().Add(time.Duration(rand.Int64N(int64(100 * time.Millisecond)))); time.Now().Before(until); {
			if err := s.poll(time.Millisecond); err != nil {
				return nil, err
			}
		}
		for _, c := range s.conns {
			base = max(base, c.to)
		}
		round++
		left, sent = len(s.conns), s.time()
		if err := send(); err != nil {
			return nil, err
		}
		for until := time.Now().Add(s.patience); left > 0; {
			if err := s.poll(50 * time.Millisecond); err != nil {
				return nil, err
			}
			if time.Now().After(until) {
				return nil, fmt.Errorf("%w: %d of %d screens did not get the tally within %v", errLost, left, len(s.conns), s.patience)
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return out, nil
}
