package bench

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// shared is what measurements share: one server and one campaign.
type shared struct {
	server *server
	hall   *hall
}

// Run does all measurements, or those that Only names, and leaves what they gave in Result.
func (b *Bench) Run(ctx context.Context) (err error) {
	b.descriptors = RaiseLimit()
	dir, err := os.MkdirTemp(b.Dir, "kiem-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.Dir = dir
	if b.URL != "" {
		b.shared.server, err = b.runningServer()
	} else {
		b.shared.server, err = b.startServer(ctx, filepath.Join(dir, "server"), newToken())
	}
	if err != nil {
		return err
	}
	defer b.shared.server.stop()
	b.Result = Result{Machine: thisMachine(), Repeats: b.Repeats, Seconds: b.Time.Seconds()}
	defer b.Result.summarise()
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"idle", b.idle}, {"fanout", b.fanout}, {"intake", b.intake}, {"storm", b.storm}, {"fresh", b.fresh}, {"replay", b.replay}, {"redis", b.redis}} {
		if len(b.Only) > 0 && !slices.Contains(b.Only, part.name) {
			continue
		}
		if len(b.Only) == 0 && b.URL != "" && part.name == "redis" {
			b.leave("Redis: it is measured with servers of the bench's own (--only redis)")
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// benchIdeas is how many ideas the campaign has.
const benchIdeas = 1000

// hall is the campaign that measurements share.
func (b *Bench) hall(ctx context.Context) (*hall, error) {
	if b.shared.hall != nil {
		return b.shared.hall, nil
	}
	h, err := newHall(ctx, b.shared.server, benchIdeas)
	b.shared.hall = h
	return h, b.shared.server.explain(err)
}

// fits says whether this process, or another, can have that many connections.
func (b *Bench) fits(n int) bool {
	const others = 200 // files, pipes, listeners, the database
	if n+others <= b.descriptors {
		return true
	}
	b.leave(fmt.Sprintf("%d connections: a process may have %d descriptors (ulimit -n)", n, b.descriptors))
	return false
}

// clocks gives the processor time of the measured processes together, 0 if one cannot be looked at, and of this one.
func (b *Bench) clocks(pids ...int) (servers, own time.Duration, err error) {
	if own, err = cpuTime(os.Getpid()); err != nil {
		return 0, 0, err
	}
	for _, pid := range pids {
		if pid == 0 {
			return 0, own, nil
		}
		one, err := cpuTime(pid)
		if err != nil {
			return 0, 0, err
		}
		servers += one
	}
	return servers, own, nil
}

// swarm makes clients for a server.
func (b *Bench) swarm(to netip.AddrPort) (*swarm, error) {
	s, err := newSwarm(to)
	if err == nil && b.patience > 0 {
		s.patience = b.patience
	}
	return s, err
}

// calm waits until a process has done what is left of the measurement before, such as taking leave of ten thousand clients. One that never is calm is measured as it is.
func (b *Bench) calm(ctx context.Context, pids ...int) {
	const look, share = 100 * time.Millisecond, 20
	last, _, err := b.clocks(pids...)
	for until := time.Now().Add(calmTime); err == nil && last > 0 && time.Now().Before(until) && ctx.Err() == nil; {
		pause(look)
		var now time.Duration
		if now, _, err = b.clocks(pids...); now-last < look/share {
			return
		}
		last = now
	}
}

// calmTime is how long calm waits.
const calmTime = 10 * time.Second
