package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const (
	// stormWindow is how many of those who arrive are under way at the same time.
	stormWindow = 1000
	// stormVoters vote while the others arrive, each stormPace.
	stormVoters = 20
	stormPace   = 50 * time.Millisecond
)

// storm measures how long it takes until everybody has the snapshot and an open socket, when all come at once; and how long commands take meanwhile.
func (b *Bench) storm(ctx context.Context) error {
	h, err := b.hall(ctx)
	if err != nil {
		return err
	}
	n := b.Arrivals
	if !b.fits(n + stormVoters) {
		return nil
	}
	if err := h.people(ctx, n+stormVoters); err != nil {
		return err
	}
	file, hello, err := b.saveSnapshot(ctx, h)
	if err != nil {
		return err
	}
	var kiem, low []*arrived
	for repeat := range b.Repeats {
		k, err := b.stormKiem(ctx, h, n)
		if err != nil {
			return h.server.explain(err)
		}
		f, err := b.stormBare(ctx, file, hello, n)
		if err != nil {
			return fmt.Errorf("floor of the storm: %w", err)
		}
		kiem, low = append(kiem, k), append(low, f)
		b.say("storm of %d, repeat %d: Kiem %v, floor %v; %d bytes each; %d votes meanwhile, p99 %v", n, repeat+1, k.took.Round(time.Millisecond),
			f.took.Round(time.Millisecond), k.bytes, k.votes, k.wait.quantile(0.99).Round(100*time.Microsecond))
	}
	b.addStorm(n, kiem, low)
	return nil
}

// saveSnapshot keeps the snapshot as it is sent, and says how long a hello is.
func (b *Bench) saveSnapshot(ctx context.Context, h *hall) (file string, hello int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.server.url("/api/v1/campaigns/"+h.id), nil)
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Authorization", "Bearer "+h.tokens[0])
	req.Header.Set("Accept-Encoding", "gzip") // set here, it is not undone
	res, err := h.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", 0, err
	}
	if res.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("bench: the snapshot: %s", res.Status)
	}
	s, err := b.swarm(h.server.addr)
	if err != nil {
		return "", 0, err
	}
	defer s.close()
	if err := s.dial(1, h.head); err != nil {
		return "", 0, err
	}
	file = filepath.Join(b.Dir, "snapshot")
	return file, s.helloSize, os.WriteFile(file, body, 0o600)
}

func (b *Bench) stormKiem(ctx context.Context, h *hall, n int) (*arrived, error) {
	b.calm(ctx, h.server.pid)
	voters, err := b.swarm(h.server.addr)
	if err != nil {
		return nil, err
	}
	defer voters.close()
	if err := voters.dial(stormVoters, h.head); err != nil {
		return nil, err
	}
	out := &arrived{}
	b.run++
	t := newBallots(voters, b.run, h.ideas[:min(intakeIdeas, len(h.ideas))], stormVoters, 1)
	t.out = &taken{}
	if err := voters.quiet(300 * time.Millisecond); err != nil {
		return nil, err
	}
	var over atomic.Bool
	voted := make(chan error, 1)
	go func() { voted <- t.each(stormPace, over.Load) }()
	err = b.arrive(ctx, out, h.server, n, func(s []byte, k int) []byte { return h.head(s, k+stormVoters) }, func(s []byte, k int) []byte {
		s = append(append(append(s, "GET /api/v1/campaigns/"...), h.id...), " HTTP/1.1\r\nAuthorization: Bearer "...)
		return append(append(s, h.tokens[k+stormVoters]...), "\r\n"...)
	})
	over.Store(true)
	err = errors.Join(err, <-voted)
	out.wait, out.votes = t.out.wait, t.out.acks
	return out, err
}

func (b *Bench) stormBare(ctx context.Context, file string, hello, n int) (*arrived, error) {
	c, err := b.startChild(ctx, "floor", "storm", "--file", file, "--hello", fmt.Sprint(hello))
	if err != nil {
		return nil, err
	}
	defer c.stop()
	out := &arrived{}
	return out, b.arrive(ctx, out, &server{addr: c.addr, pid: c.pid()}, n, plainHead, func(s []byte, _ int) []byte {
		return append(s, "GET /snapshot HTTP/1.1\r\n"...)
	})
}

// arrive lets n clients come.
func (b *Bench) arrive(ctx context.Context, out *arrived, to *server, n int, head, fetch func([]byte, int) []byte) error {
	s, err := b.swarm(to.addr)
	if err != nil {
		return err
	}
	defer s.close()
	s.window, s.fetch = stormWindow, fetch
	s.answered = func(a *answer) { out.bytes = a.size }
	cpu, _, err := b.clocks(to.pid)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := s.dial(n, head); err != nil {
		return err
	}
	out.took = time.Since(start)
	end, _, err := b.clocks(to.pid)
	out.cpu = end - cpu
	return errors.Join(err, ctx.Err())
}
