package bench

import (
	"context"
	"fmt"
	"os"
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
		b.shared.server, err = b.startServer(ctx, dir+"/server")
	}
	if err != nil {
		return err
	}
	defer b.shared.server.stop()
	b.Result.begin(b)
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"idle", b.idle}, {"fanout", b.fanout}, {"intake", b.intake}, {"storm", b.storm}, {"fresh", b.fresh}, {"replay", b.replay}} {
		if len(b.Only) > 0 && !slices.Contains(b.Only, part.name) {
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
	b.say("%d connections do not fit the limit of %d descriptors for a process (ulimit -n): left out", n, b.descriptors)
	return false
}

// clocks gives the processor time of the measured process, 0 if it cannot be looked at, and of this one.
func (b *Bench) clocks(pid int) (server, own time.Duration, err error) {
	if own, err = cpuTime(os.Getpid()); err != nil || pid == 0 {
		return 0, own, err
	}
	server, err = cpuTime(pid)
	return server, own, err
}
