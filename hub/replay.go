package hub

import (
	"context"
	"errors"
	"fmt"
	"math"

	"kiem/hub/journal"
	"kiem/hub/machine"
)

// newSequencer is one at the beginning of its log.
func newSequencer(log string, m machine.Machine, c *codec) *sequencer {
	start := journal.Chain{Hash: journal.Genesis(log)}
	return &sequencer{
		machine: m, codec: c, answer: func(*Pending, machine.Outcome) {}, emit: func(applied) {},
		pos: start, window: newWindow(start), epoch: 1, every: CheckpointEvery, digests: map[uint64]checkpoint{}, stats: &Stats{},
	}
}

// replay brings a sequencer to the entry `to`, or to the log's head if to is 0: the newest snapshot that fits, then every entry after it. fresh makes a
// sequencer at the beginning of the log; it is called for each snapshot that is tried.
func replay(ctx context.Context, log journal.Log, fresh func() *sequencer, to uint64) (s *sequencer, err error) {
	limit := to
	if to == 0 {
		head, err := log.Head(ctx)
		if err != nil {
			return nil, err
		}
		limit, to = math.MaxInt64, head
	}
	var beyond journal.Snapshot // newer than the log
	for s == nil {
		snap, err := log.Snapshot(ctx, limit)
		switch {
		case errors.Is(err, journal.ErrNotFound):
			s = fresh()
		case err != nil:
			return nil, err
		case snap.Seq > to:
			beyond, limit = snap, to
		default:
			if s, err = restore(ctx, log, fresh, snap); err != nil {
				return nil, err
			}
			limit = snap.Seq - 1
		}
	}
	for s.pos.Seq < to {
		list, err := log.Read(ctx, s.pos.Seq, int(min(to-s.pos.Seq, ReadEntries)))
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			break
		}
		if err := s.follow(list); err != nil {
			return nil, err
		}
	}
	if beyond.Seq > s.pos.Seq && beyond.Epoch >= s.epoch { // and nobody has repaired it
		return nil, fmt.Errorf("%w: there is a snapshot of entry %d, and the last entry is %d", errTail, beyond.Seq, s.pos.Seq)
	}
	return s, nil
}

// restore makes a sequencer of a snapshot; nil if it is not one of this log, or cannot be read: then an older one, or the log from its beginning, has to do.
func restore(ctx context.Context, log journal.Log, fresh func() *sequencer, snap journal.Snapshot) (*sequencer, error) {
	s := fresh()
	if err := s.load(snap); err != nil {
		if errors.Is(err, machine.ErrSnapshot) {
			return nil, nil
		}
		return nil, err
	}
	// A log that lost its tail may still have a snapshot of it. The snapshot knows the hash before its last entry, so that entry tells.
	before, ok := s.window.hash(snap.Seq - 1)
	if !ok {
		return s, nil
	}
	list, err := log.Read(ctx, snap.Seq-1, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || list[0].Seq != snap.Seq { // trimmed
		return s, nil
	}
	_, at, err := journal.Chain{Seq: snap.Seq - 1, Hash: before}.NextStored(list[0])
	if err != nil {
		return nil, err
	}
	if at != s.pos {
		return nil, nil
	}
	// Remembered, so that it is noticed should this one be lost. What its commands did is not known; they would all be tried again.
	s.recent.add(at, list[0].Body, nil, false)
	return s, nil
}
