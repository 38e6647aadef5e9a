package bench

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// intake measures how many durable answers a second there are: Kiem and the floor in turns, with the same commands.
func (b *Bench) intake(ctx context.Context) error {
	h, err := b.hall(ctx)
	if err != nil {
		return err
	}
	floor, err := b.startChild(ctx, "floor", "intake", "--dir", b.Dir)
	if err != nil {
		return err
	}
	defer floor.stop()
	for _, l := range b.Loads {
		if !b.fits(l.Conns + l.Watchers) {
			continue
		}
		if err := h.people(ctx, l.Conns+l.Watchers); err != nil {
			return err
		}
		ideas := h.ideas[:min(intakeIdeas, len(h.ideas))]
		var kiem, low []*taken
		for repeat := range b.Repeats {
			k, err := b.take(ctx, h.subject(), ideas, l)
			if err != nil {
				return h.server.explain(fmt.Errorf("intake of %v: %w", l, err))
			}
			kiem = append(kiem, k)
			b.say("intake of %v, repeat %d: Kiem %v", l, repeat+1, k)
			if l.Watchers > 0 {
				continue // watching is the fan-out's, and has its own floor
			}
			f, err := b.take(ctx, subject{addr: floor.addr, pid: floor.pid(), head: plainHead}, ideas, l)
			if err != nil {
				return fmt.Errorf("floor of the intake: %w", err)
			}
			low = append(low, f)
			b.say("intake of %v, repeat %d: floor %v", l, repeat+1, f)
		}
		b.addIntake(l, kiem, low)
	}
	return nil
}

// intakeIdeas is how many ideas are voted on.
const intakeIdeas = 50

// ballots is what the connections of an intake have under way.
type ballots struct {
	swarm    *swarm
	voters   []voter
	sentAt   [][]time.Duration // by connection, a ring of inFlight times since the start
	answered []uint32          // by connection
	due      []int             // by connection: answered, and no new one sent yet
	going    bool
	open     int
	last     uint64 // the newest seq of an answer
	out      *taken
}

func newBallots(s *swarm, run uint32, ideas []string, conns, inFlight int) *ballots {
	t := &ballots{
		swarm: s, voters: make([]voter, conns), sentAt: make([][]time.Duration, conns), answered: make([]uint32, conns), due: make([]int, conns),
	}
	for n := range t.voters {
		t.voters[n] = voter{run: run, person: uint32(n), ideas: ideas}
		t.sentAt[n] = make([]time.Duration, inFlight)
	}
	s.handle, s.after = t.handle, t.next
	return t
}

// subject is what an intake is measured of.
type subject struct {
	addr netip.AddrPort
	pid  int
	head func([]byte, int) []byte
	live bool // it sends events of what it takes in
}

func (h *hall) subject() subject {
	return subject{addr: h.server.addr, pid: h.server.pid, head: h.head, live: true}
}

// take lets every connection have its commands under way for a while, then waits for the last answers. Every answer must be the next one of its connection, and in the end
// everybody must have been told of the last vote.
func (b *Bench) take(ctx context.Context, of subject, ideas []string, l Load) (*taken, error) {
	b.calm(ctx, of.pid)
	s, err := b.swarm(of.addr)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.dial(l.Conns+l.Watchers, of.head); err != nil {
		return nil, err
	}
	b.run++
	t := newBallots(s, b.run, ideas, l.Conns, l.InFlight)
	if err := s.quiet(300 * time.Millisecond); err != nil {
		return nil, err
	}
	if _, err := b.vote(ctx, t, of.pid, b.Time/4); err != nil { // warm up
		return nil, err
	}
	warm := t.out.acks
	out, err := b.vote(ctx, t, of.pid, b.Time)
	if err != nil {
		return nil, err
	}
	if out.all = warm + out.acks; of.live {
		err = s.level(t.last)
	}
	return out, err
}

func (b *Bench) vote(ctx context.Context, t *ballots, pid int, long time.Duration) (*taken, error) {
	t.out, t.going = &taken{}, true
	start := t.swarm.time()
	cpu, own, err := b.clocks(pid)
	if err != nil {
		return nil, err
	}
	for _, c := range t.swarm.conns[:len(t.voters)] {
		if err := t.send(c, len(t.sentAt[c.n])); err != nil {
			return nil, err
		}
	}
	for t.open > 0 {
		so := t.swarm.time() - start
		t.going = t.going && so < long && ctx.Err() == nil
		if so > long+t.swarm.patience {
			return nil, fmt.Errorf("bench: %d commands were not answered within %v", t.open, t.swarm.patience)
		}
		if err := t.swarm.poll(50 * time.Millisecond); err != nil {
			return nil, err
		}
	}
	t.out.took = t.swarm.time() - start
	cpuEnd, ownEnd, err := b.clocks(pid)
	t.out.cpu, t.out.own = cpuEnd-cpu, ownEnd-own
	if t.out.refused > 0 {
		err = fmt.Errorf("bench: %d of %d commands were refused%s", t.out.refused, t.out.acks+t.out.refused, rateHint)
	} else if t.out.acks == 0 && err == nil {
		err = fmt.Errorf("bench: nothing was answered")
	}
	return t.out, err
}

// send sends n more commands of a connection.
func (t *ballots) send(c *conn, n int) error {
	v, at := &t.voters[c.n], t.sentAt[c.n]
	s := t.swarm
	s.out = s.out[:0]
	for range n {
		at[int(v.sent)%len(at)] = s.now
		s.out = v.appendVote(s.out)
	}
	t.open += n
	return s.write(c, s.out)
}

func (t *ballots) handle(c *conn, m []byte) error {
	id, seq, reply := readReply(m)
	if !reply {
		return nil
	}
	if c.n >= len(t.voters) {
		return fmt.Errorf("%w: an answer for somebody who asked nothing", errLost)
	}
	v, n := &t.voters[c.n], t.answered[c.n]
	if !v.names(id, n) || n == v.sent {
		return fmt.Errorf("%w: answer %s, the next should name command %d", errLost, m, n)
	}
	t.answered[c.n]++
	t.open--
	if seq == 0 {
		t.out.refused++
		t.going = false
		return nil
	}
	t.out.acks++
	t.last = max(t.last, seq)
	at := t.sentAt[c.n]
	t.out.wait.add(t.swarm.now - at[int(n)%len(at)])
	t.due[c.n]++
	return nil
}

// next sends a command for each that was answered.
func (t *ballots) next(c *conn) error {
	if c.n >= len(t.voters) {
		return nil
	}
	n := t.due[c.n]
	if t.due[c.n] = 0; n == 0 || !t.going {
		return nil
	}
	return t.send(c, n)
}

// each lets every connection send a command each `pace`, one after the answer to the other, until it is over.
func (t *ballots) each(pace time.Duration, over func() bool) error {
	start, round := t.swarm.time(), int64(0)
	for !over() || t.open > 0 {
		if so := t.swarm.time() - start; so >= time.Duration(round)*pace && !over() {
			round = int64(so/pace) + 1
			for _, c := range t.swarm.conns[:len(t.voters)] {
				if t.answered[c.n] == t.voters[c.n].sent {
					if err := t.send(c, 1); err != nil {
						return err
					}
				}
			}
		}
		if err := t.swarm.poll(time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
