package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kiem/hub/journal"
	"kiem/hub/machine"
)

// Snapshots are made by a second machine that replays behind the room: the room never pauses, and every snapshot proves that replay equals live, because
// the checkpoints that the log holds are compared on the way, and the chain and the digest have to come out the same.
const (
	// SnapshotCommands and SnapshotEntries: after so many of either, a snapshot is made.
	SnapshotCommands = 50_000
	SnapshotEntries  = 4096
	// SnapshotPause is the least time between two, and snapshotShare how many times as long as the last one took: under a load that lasts, snapshots take
	// a small part of the machine.
	SnapshotPause = 20 * time.Second
	snapshotShare = 10
	// snapshotTimeout bounds the making of one.
	snapshotTimeout = 5 * time.Minute
)

// since counts what happened since the last snapshot. Owned by the room's owner.
type since struct {
	entries, commands int
	at                time.Time     // of the last snapshot, or of opening
	took              time.Duration // the last snapshot
}

func (s *since) due(now time.Time) bool {
	return (s.entries >= SnapshotEntries || s.commands >= SnapshotCommands) && now.Sub(s.at) >= max(SnapshotPause, snapshotShare*s.took)
}

// maybeSnapshot starts one if enough happened since the last.
func (r *Room) maybeSnapshot() {
	due := r.since.due(time.Now())
	if n := r.hub.SnapshotEntries; n > 0 {
		due = r.since.entries >= n
	}
	if !due || r.snapping || r.lost || r.closing {
		return
	}
	r.since.entries, r.since.commands, r.since.at = 0, 0, time.Now()
	r.snapping = true
	// Without people: the replay cannot read a word, so the snapshot holds what is sealed.
	fresh := r.fresh(&codec{scope: r.scope, newData: r.seq.codec.newData})
	at, epoch, digest, history := r.seq.pos, r.seq.epoch, r.seq.machine.Digest(), r.history
	r.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, snapshotTimeout)
		defer cancel()
		r.snapped <- snapResult{history, snapshot(ctx, r.log, fresh, at, epoch, digest)}
	})
}

// snapshot replays to `at`, compares, and saves.
func snapshot(ctx context.Context, log journal.Log, fresh func() *sequencer, at journal.Chain, epoch uint64, digest machine.Digest) error {
	s, err := replay(ctx, log, fresh, at.Seq)
	if err != nil {
		return err
	}
	if s.pos != at {
		return fmt.Errorf("%w: replay ends at entry %d %s, live was at %d %s", errTail, s.pos.Seq, s.pos.Hash, at.Seq, at.Hash)
	}
	if got := s.machine.Digest(); got != digest || s.epoch != epoch {
		return fmt.Errorf("%w: after entry %d replay has %x in epoch %d, live has %x in epoch %d", errDiverged, at.Seq, got, s.epoch, digest, epoch)
	}
	return log.SaveSnapshot(ctx, journal.Snapshot{Seq: at.Seq, Epoch: epoch, Hash: at.Hash, Digest: digest, State: s.state()})
}

type snapResult struct {
	history uint64
	err     error
}

func (r *Room) snapshotMade(res snapResult) {
	r.since.took = time.Since(r.since.at)
	switch err := res.err; {
	case err == nil:
		r.stats.Saved.Add(1)
		r.stats.Snapshot.Observe(r.since.took)
	case r.closing, res.history != r.history:
	case errors.Is(err, errTail), errors.Is(err, errDiverged), errors.Is(err, journal.ErrCorrupt):
		r.trouble(err)
	default:
		r.stats.SaveFailures.Add(1)
		r.logger.Warn("a snapshot was not made", "log", r.name, "err", err)
	}
}
