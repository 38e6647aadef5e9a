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
// the checkpoints that the log holds are compared on the way and the chain has to come out the same.
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
	if r.snapping || r.lost || !due {
		return
	}
	r.since.entries, r.since.commands = 0, 0
	r.snapping = true
	at, epoch := r.seq.pos, r.seq.epoch
	digest := r.seq.machine.Digest()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), snapshotTimeout)
		defer cancel()
		r.snapped <- r.snapshot(ctx, at, epoch, digest)
	}()
	r.since.at = time.Now()
}

// snapshot replays to `at` without keys, compares, and saves.
func (r *Room) snapshot(ctx context.Context, at journal.Chain, epoch uint64, digest machine.Digest) error {
	s := r.blind()
	if err := restore(ctx, r.log, s, at.Seq); err != nil {
		return err
	}
	if s.pos != at || s.epoch != epoch {
		return fmt.Errorf("%w: replay ends at entry %d %s, live is at %d %s", errDiverged, s.pos.Seq, s.pos.Hash, at.Seq, at.Hash)
	}
	if got := s.machine.Digest(); got != digest {
		return fmt.Errorf("%w: after entry %d replay has %x, live has %x", errDiverged, at.Seq, got, digest)
	}
	return r.log.SaveSnapshot(ctx, journal.Snapshot{
		Seq: at.Seq, Epoch: epoch, Hash: at.Hash, Digest: digest, State: s.machine.Snapshot(),
	})
}

// blind is a sequencer that only replays, and cannot read a word.
func (r *Room) blind() *sequencer {
	c := &codec{scope: r.scope, newData: r.seq.codec.newData, random: nil}
	return newSequencer(r.name, r.hub.kind(r.name).machine(), c)
}

func (r *Room) snapFailed(err error) {
	if errors.Is(err, errDiverged) {
		r.breakDown(err)
		return
	}
	r.logger.Warn("a snapshot was not made", "log", r.name, "err", err)
}

// newSequencer is one at the beginning of its log.
func newSequencer(log string, m machine.Machine, c *codec) *sequencer {
	return &sequencer{
		machine: m, codec: c, answer: func(*Pending, machine.Outcome) {}, emit: func(applied) {},
		pos: journal.Chain{Hash: journal.Genesis(log)}, epoch: 1, digests: map[uint64]machine.Digest{}, stats: &Stats{},
	}
}

// restore brings a fresh sequencer to the entry `to` (or to the head, if to is 0): the newest snapshot, then every entry after it.
func restore(ctx context.Context, log journal.Log, s *sequencer, to uint64) error {
	limit := to
	if to == 0 {
		limit = ^uint64(0) >> 1
	}
	switch snap, err := log.Snapshot(ctx, limit); {
	case err == nil:
		if err := s.machine.Restore(snap.State); err != nil {
			return fmt.Errorf("snapshot of entry %d: %w", snap.Seq, err)
		}
		if got := s.machine.Digest(); got != snap.Digest {
			return fmt.Errorf("%w: the snapshot of entry %d gives %x, written was %x", errDiverged, snap.Seq, got, snap.Digest)
		}
		s.pos, s.epoch = journal.Chain{Seq: snap.Seq, Hash: snap.Hash}, snap.Epoch
		if snap.Seq%CheckpointEvery == 0 {
			s.digests[snap.Seq] = snap.Digest
		}
	case !errors.Is(err, journal.ErrNotFound):
		return err
	}
	for to == 0 || s.pos.Seq < to {
		list, err := log.Read(ctx, s.pos.Seq, ReadEntries)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for len(list) > 0 && to != 0 && list[len(list)-1].Seq > to {
			list = list[:len(list)-1]
		}
		if len(list) == 0 {
			break
		}
		if err := s.follow(list); err != nil {
			return err
		}
	}
	return nil
}
