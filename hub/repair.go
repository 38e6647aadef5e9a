package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/id"
)

// A log with several writers can lose its tail: a failover to a replica that was behind, a restored backup. Acknowledged commands would be gone. Whoever
// still holds the entries appends them again, under a new epoch:
//
//  1. replay the log as it is now, and find the last entry that it has in common with what was applied here;
//  2. take over that state;
//  3. append `epoch` (one more than any seen: the first wins, those of other nodes are void) and then every command that had an effect and that the log
//     lost, marked as repair. Command ids make it harmless that several nodes do so; lanes keep late commands from winning.
//
// Until then nothing is acknowledged. A node whose memory does not reach back to a common entry waits until another has repaired the log; if none can,
// an operator decides.

// errGap: what the log lost is not all remembered here. Another node may have it.
var errGap = errors.New("hub: the log lost more than this node remembers")

// errTail: the log is not the one that was applied: its tail was lost or replaced.
var errTail = errors.New("hub: the log lost entries that were applied")

// compare finds out whether the log still has what was applied. list is what it has now after some entry that was applied, known what is
// remembered after the same entry.
func compare(list []journal.Stored, known []recentEntry) error {
	for len(list) > 0 && len(known) > 0 {
		switch have := &known[0]; {
		case list[0].Seq < have.at.Seq:
			list = list[1:]
			continue
		case list[0].Seq > have.at.Seq: // trimmed
		case !slices.Equal(list[0].Body, have.body) && !sameBut(list[0].Body, have.body):
			return fmt.Errorf("%w: entry %d is another", errTail, have.at.Seq)
		}
		known = known[1:]
	}
	return nil
}

// sameBut says whether two encodings are of one entry, up to parts that were removed.
func sameBut(a, b []byte) bool {
	x, err := journal.Decode(a)
	if err != nil {
		return false
	}
	y, err := journal.Decode(b)
	return err == nil && slices.Equal(x.Public(), y.Public())
}

// rebuilt is a replayed log and what it lacks.
type rebuilt struct {
	seq  *sequencer
	same bool // it has everything that was applied: nothing was lost
	lost []recentEntry
}

// rebuild replays the log as it is now and compares it with what `old` applied. It does not change old.
func rebuild(ctx context.Context, log journal.Log, fresh func() *sequencer, old *sequencer) (*rebuilt, error) {
	head, err := log.Head(ctx)
	if err != nil {
		return nil, err
	}
	common := uint64(0)    // entry 0, the beginning, is common to all
	epochThen := uint64(0) // after the common entry, if it was replayed
	note := func(w *window) {
		for seq := w.last(); seq > common; seq-- {
			h, ok := w.hash(seq)
			if !ok {
				return
			}
			if have, ok := old.hash(seq); ok && have == h {
				common = seq
			}
		}
	}
	begin := func() *sequencer {
		s, first := fresh(), true
		s.recent = &recent{keep: RecentBytes}
		emit := s.emit
		s.emit = func(a applied) {
			emit(a)
			if have, ok := old.hash(a.seq); ok && have == s.pos.Hash {
				common, epochThen = a.seq, s.epoch
			}
			if first { // what a snapshot brought
				first = false
				note(s.window)
			}
		}
		return s
	}
	s := begin()
	if head > 0 {
		if s, err = replay(ctx, log, begin, head); err != nil {
			return nil, err
		}
	}
	note(s.window)
	if common == old.pos.Seq {
		return &rebuilt{seq: s, same: true}, nil
	}
	lost, ok := old.recent.after(common)
	if !ok {
		if s.epoch == epochThen {
			return nil, fmt.Errorf("%w: it ends at entry %d, the last common entry is %d or later, and this node remembers none after it", errGap, s.pos.Seq, common)
		}
		lost = old.recent.from(0) // another node has repaired the log; this one adds what it has
	}
	s.recent.precede(old.recent, common)
	return &rebuilt{seq: s, lost: lost}, nil
}

// hash is the chain's hash after an entry that was applied, if it is remembered.
func (s *sequencer) hash(seq uint64) (journal.Hash, bool) {
	if h, ok := s.window.hash(seq); ok {
		return h, true
	}
	if list, ok := s.recent.after(seq - 1); ok && len(list) > 0 && list[0].at.Seq == seq {
		return list[0].at.Hash, true
	}
	return journal.Hash{}, false
}

// succeed takes the place of a sequencer whose log lost its tail, and has to append what was lost. It says how many commands those are.
func (s *sequencer) succeed(old *sequencer, lost []recentEntry, now int64) (commands int) {
	s.node, s.batches, s.queue, s.stats = old.node, old.batches, old.queue, old.stats
	s.codec, s.answer, s.doubt, s.emit, s.redoes = old.codec, old.answer, old.doubt, old.emit, old.redoes
	if s.epoch <= old.epoch { // else another node began the new epoch
		s.redo = append(s.redo, newEpoch(old.epoch+1, now))
	}
	for _, one := range lost {
		if one.foreign {
			continue
		}
		e, err := journal.Decode(one.body)
		if err != nil {
			continue // it was decoded when it was applied
		}
		kept := e.Records[:0]
		for i := range e.Records {
			if !slices.Contains(one.void, i) {
				kept = append(kept, e.Records[i])
			}
		}
		if e.Records = kept; len(kept) > 0 {
			commands += len(kept)
			s.redo = append(s.redo, e)
		}
	}
	s.redo = append(s.redo, old.redo...)
	return commands
}

func newEpoch(epoch uint64, now int64) *journal.Entry {
	return &journal.Entry{Rules: campaign.Rules, At: now, Records: []journal.Record{{
		Type: epochType, ID: id.Derive(id.ID{}, epochType, fmt.Sprint(epoch)), Data: fmt.Appendf(nil, `{"epoch":%d}`, epoch),
	}}}
}
