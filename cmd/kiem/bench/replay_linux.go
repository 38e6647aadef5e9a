package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"kiem/hub"
)

// longLoad is the load of the long run.
var longLoad = Load{Conns: 100, InFlight: 16}

// replay takes so many votes in, one after the other, and looks whether the last cost more than the first. Then it kills the server, starts it again, and measures how long it
// takes until the campaign answers: with the snapshots that the server made for itself, and from the log alone. It always uses a server of its own, since it is killed.
func (b *Bench) replay(ctx context.Context) error {
	dir := filepath.Join(b.Dir, "replay")
	s, err := b.startServer(ctx, dir, newToken())
	if err != nil {
		return err
	}
	h, err := newHall(ctx, s, intakeIdeas)
	if err == nil {
		err = h.people(ctx, longLoad.Conns)
	}
	var costs []float64
	total := uint64(0)
	for err == nil && total < uint64(b.Votes) {
		var t *taken
		if t, err = b.take(ctx, h.subject(), h.ideas, longLoad); err == nil {
			total += t.all
			costs = append(costs, t.perAck()/1000)
			b.say("vote %d: %.2f µs of the server each, %.0f/s", total, t.perAck()/1000, t.perSecond())
		}
	}
	if err == nil && total >= hub.SnapshotCommands {
		b.awaitSnapshot(ctx, dir)
	}
	s.kill()
	if err != nil {
		return s.explain(err)
	}
	var quick, whole []float64
	for repeat := range b.Repeats {
		a, err := b.reopen(ctx, h, dir)
		if err != nil {
			return err
		}
		w, err := b.reopenBare(ctx, h, dir)
		if err != nil {
			return err
		}
		quick, whole = append(quick, a), append(whole, w)
		b.say("replay of %d votes, repeat %d: %.2f s as it was killed, %.2f s from the log alone", total, repeat+1, a, w)
	}
	b.addReplay(total, costs, quick, whole)
	return nil
}

// awaitSnapshot waits until the server has made a snapshot for itself, as it does after hub.SnapshotCommands, though not at once.
func (b *Bench) awaitSnapshot(ctx context.Context, dir string) {
	for until := time.Now().Add(mostPatience); time.Now().Before(until) && ctx.Err() == nil; pause(100 * time.Millisecond) {
		if have, err := filepath.Glob(filepath.Join(dir, "snapshots", "*", "*")); err == nil && len(have) > 0 {
			return
		}
	}
}

// reopenBare is reopen without the snapshots, which are there again afterwards.
func (b *Bench) reopenBare(ctx context.Context, h *hall, dir string) (float64, error) {
	snapshots, aside := filepath.Join(dir, "snapshots"), filepath.Join(dir, "aside")
	if err := os.Rename(snapshots, aside); err != nil {
		if os.IsNotExist(err) { // too few votes for one
			return b.reopen(ctx, h, dir)
		}
		return 0, err
	}
	took, err := b.reopen(ctx, h, dir)
	return took, errors.Join(err, os.RemoveAll(snapshots), os.Rename(aside, snapshots))
}

// reopen starts the server, waits until the campaign answers, and kills it. It gives the seconds from the start of the process.
func (b *Bench) reopen(ctx context.Context, h *hall, dir string) (float64, error) {
	start := time.Now()
	s, err := b.startServer(ctx, dir, newToken())
	if err != nil {
		return 0, err
	}
	defer s.kill()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("/api/v1/campaigns/"+h.id+"?limit=1"), nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+h.tokens[0])
	res, err := (&http.Client{Timeout: 10 * time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, s.explain(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, s.explain(fmt.Errorf("bench: after a restart: %s", res.Status))
	}
	return time.Since(start).Seconds(), nil
}
