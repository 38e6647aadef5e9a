package bench

import (
	"context"
	"fmt"
	"time"
)

// fanoutSize is how long an events message of the fan-out is, in bytes, where the bench decides it. What Kiem sends is as long as what it says: one tally with five
// groups comes to about this.
const fanoutSize = 200

// fanoutRest is how long clients look away, while what they are sent waits in their sockets.
const fanoutRest = 2 * time.Millisecond

// groupVotes is how many people vote before the measurement, so that the figures of all groups are shown.
const groupVotes = 50

// fanout measures what one delivery costs at each number of connections: Kiem, the floor, the textbook hub, in turns, with frames of the same size, the same number of
// ticks and the same time between them.
func (b *Bench) fanout(ctx context.Context) error {
	h, err := b.hall(ctx)
	if err != nil {
		return err
	}
	floor, err := b.startChild(ctx, "floor", "fanout")
	if err != nil {
		return err
	}
	defer floor.stop()
	textbook, err := b.startChild(ctx, "textbook")
	if err != nil {
		return err
	}
	defer textbook.stop()
	for _, n := range b.Connections {
		if !b.fits(n) {
			continue
		}
		if err := h.people(ctx, max(n, groupVotes+1)); err != nil {
			return err
		}
		var kiem, low, book []fanned
		for repeat := range b.Repeats {
			k, err := b.fanKiem(ctx, h, n, h.server)
			if err != nil {
				return fmt.Errorf("fan-out to %d: %w", n, err)
			}
			f, err := b.fanChild(ctx, floor, n, k)
			if err != nil {
				return fmt.Errorf("floor of the fan-out to %d: %w", n, err)
			}
			t, err := b.fanChild(ctx, textbook, n, k)
			if err != nil {
				return fmt.Errorf("textbook fan-out to %d: %w", n, err)
			}
			kiem, low, book = append(kiem, k), append(low, f), append(book, t)
			b.say("fan-out %d, repeat %d: Kiem %.0f ns a delivery, floor %.0f, textbook %.0f; %d frames of %d bytes, %v a tick", n, repeat+1,
				k.perDelivery(), f.perDelivery(), t.perDelivery(), k.deliveries, k.message(), (k.took / time.Duration(k.ticks)).Round(time.Millisecond))
		}
		b.addFanout(n, kiem, low, book)
	}
	return nil
}

// fanKiem measures Kiem: one person among n votes, once a tick, and everybody sees the tally. The connections are spread over the nodes.
func (b *Bench) fanKiem(ctx context.Context, h *hall, n int, nodes ...*server) (out fanned, err error) {
	var pids []int
	for _, node := range nodes {
		pids = append(pids, node.pid)
	}
	b.calm(ctx, pids...)
	s, err := b.swarm(nodes[0].addr)
	if err != nil {
		return out, err
	}
	defer s.close()
	s.rest = fanoutRest
	for i, node := range nodes {
		s.to = node.addr
		first := len(s.conns)
		if err := s.dial(n*(i+1)/len(nodes)-first, func(b []byte, k int) []byte { return h.head(b, first+k) }); err != nil {
			return out, node.explain(err)
		}
	}
	b.run++
	v := &voter{run: b.run, person: 0, ideas: h.ideas[:1]}
	seq, seen, open, going := uint64(0), uint64(0), false, false
	vote := func(c *conn) error {
		open = true
		s.out = v.appendVote(s.out[:0])
		return s.write(c, s.out)
	}
	s.handle = func(c *conn, m []byte) error {
		if c.n != 0 {
			return nil
		}
		if _, got, reply := readReply(m); reply {
			if got == 0 {
				return fmt.Errorf("bench: refused: %s%s", m, rateHint)
			}
			seq, open = got, false
		} else if _, to, events := readEvents(m); events {
			if to != seen {
				out.ticks++
			}
			seen = to
		}
		if !open && seen >= seq && going { // its own vote has come round: the next
			return vote(c)
		}
		return nil
	}
	if err := s.quiet(500 * time.Millisecond); err != nil {
		return out, err
	}
	if err := b.groupsShown(s, h, n); err != nil {
		return out, err
	}
	ran := func(long time.Duration) error {
		going = true
		if err := vote(s.conns[0]); err != nil {
			return err
		}
		for until := time.Now().Add(long); time.Now().Before(until); {
			if err := s.poll(10 * time.Millisecond); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		going = false
		for until := time.Now().Add(s.patience); open; {
			if time.Now().After(until) {
				return fmt.Errorf("bench: a vote was not answered within %v", s.patience)
			}
			if err := s.poll(10 * time.Millisecond); err != nil {
				return err
			}
		}
		return s.level(seq)
	}
	if err := ran(b.Time / 4); err != nil { // warm up
		return out, h.server.explain(err)
	}
	out.ticks = 0
	return out, h.server.explain(b.measure(&out, pids, s, func() error { return ran(b.Time) }))
}

// groupsShown lets people of all groups support the idea that is voted on, once in a campaign, so that its tally has all figures.
func (b *Bench) groupsShown(s *swarm, h *hall, n int) error {
	if h.shown || n < groupVotes+1 {
		return nil
	}
	h.shown = true
	b.run++
	before := s.other
	for k := 1; k <= groupVotes; k++ {
		v := voter{run: b.run, person: uint32(k), ideas: h.ideas[:1]}
		if err := s.write(s.conns[k], v.appendVote(nil)); err != nil {
			return err
		}
	}
	for until := time.Now().Add(s.patience); s.other < before+groupVotes; {
		if time.Now().After(until) {
			return fmt.Errorf("bench: %d of %d votes were answered", s.other-before, groupVotes)
		}
		if err := s.poll(10 * time.Millisecond); err != nil {
			return err
		}
	}
	return s.quiet(500 * time.Millisecond)
}

// fanChild measures a server that fans out when it is told to, with what Kiem did.
func (b *Bench) fanChild(ctx context.Context, c *child, n int, like fanned) (out fanned, err error) {
	s, err := b.swarm(c.addr)
	if err != nil {
		return out, err
	}
	defer c.hang() //nolint:errcheck // the next order would fail
	defer s.close()
	s.rest = fanoutRest
	if err := s.dial(n, plainHead); err != nil {
		return out, err
	}
	o := order{word: "fan", count: int(like.ticks), size: like.message(), every: like.took / time.Duration(like.ticks)}
	ran := func(o order) error {
		done := c.begin(o)
		target := s.conns[0].to + uint64(o.count)
		for {
			if err := s.poll(10 * time.Millisecond); err != nil {
				return err
			}
			select {
			case err := <-done:
				if err != nil {
					return err
				}
				return s.level(target)
			case <-ctx.Done():
				return ctx.Err()
			default:
			}
		}
	}
	warm := o
	warm.count = max(o.count/4, 1)
	if err := ran(warm); err != nil {
		return out, err
	}
	out.ticks = uint64(o.count)
	return out, b.measure(&out, []int{c.pid()}, s, func() error { return ran(o) })
}

// measure runs a load and takes down what was delivered and what it cost.
func (b *Bench) measure(out *fanned, pids []int, s *swarm, load func() error) error {
	frames, bytes, start := s.frames, s.bytes, time.Now()
	cpu, own, err := b.clocks(pids...)
	if err != nil {
		return err
	}
	if err := load(); err != nil {
		return err
	}
	cpuEnd, ownEnd, err := b.clocks(pids...)
	if err != nil {
		return err
	}
	out.deliveries, out.bytes, out.took = s.frames-frames, s.bytes-bytes, time.Since(start)
	out.cpu, out.own = cpuEnd-cpu, ownEnd-own
	if out.deliveries == 0 || out.ticks == 0 {
		return fmt.Errorf("bench: nothing was delivered")
	}
	return nil
}
