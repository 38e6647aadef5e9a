package hub

import (
	"fmt"
	"slices"

	"kiem/hub/journal"
	"kiem/hub/machine"
)

// maxTries is how often a command is appended anew because rights changed meanwhile, before its sender is told to try again.
const maxTries = 8

// follow applies entries that were read from the log. Those applied before are passed over.
func (s *sequencer) follow(list []journal.Stored) error {
	for _, stored := range list {
		if stored.Seq <= s.pos.Seq {
			continue
		}
		e, at, err := s.pos.NextStored(stored)
		if err != nil {
			return err
		}
		var items []*Pending
		if f := s.flight; f != nil && e.Node == s.node && e.Batch == f.entry.Batch {
			items = f.items
		}
		if err := s.apply(at, e, stored.Body, items); err != nil {
			return err
		}
		if f := s.flight; f != nil && f.seq != 0 && f.seq <= at.Seq {
			return fmt.Errorf("%w: entry %d is not the one that this node appended", errTail, f.seq)
		}
	}
	return nil
}

// apply applies the entry that ends at `at`. items are its commands if they are this node's own, and waiting.
func (s *sequencer) apply(at journal.Chain, e *journal.Entry, body []byte, items []*Pending) error {
	redo := false
	if items != nil {
		redo = s.flight.redo
		s.flight = nil
	}
	out := applied{seq: at.Seq, at: e.At, commands: len(e.Records)}
	var again []*Pending // own commands that have to be appended anew
	var void []int       // records without effect
	if s.window.rests(e.Base) {
		if redo {
			s.redo = s.redo[1:]
		}
		var err error
		if again, void, err = s.applyRecords(at.Seq, e, items, &out); err != nil {
			return err
		}
	} else {
		out.foreign = true
		if !redo {
			again = items
		}
	}
	s.pos = at
	s.window.add(at)
	s.recent.add(at, body, void, out.foreign)
	s.stats.applied(len(e.Records))
	s.resubmit(again, redo, e)
	if at.Seq%s.every == 0 {
		s.check(items != nil)
	}
	s.emit(out)
	return nil
}

// applyRecords applies the commands of an entry and answers those who wait.
func (s *sequencer) applyRecords(seq uint64, e *journal.Entry, items []*Pending, out *applied) (again []*Pending, void []int, err error) {
	stamp := machine.Stamp{Seq: seq, Epoch: s.epoch, At: e.At, Rules: e.Rules, Base: e.Base.Seq}
	for i := range e.Records {
		var p *Pending
		var c *machine.Command
		if items != nil {
			p = items[i]
			c = p.Command
		} else if c, err = s.codec.command(&e.Records[i]); err != nil {
			return nil, nil, fmt.Errorf("entry %d: %w", seq, err)
		}
		switch d := c.Data.(type) {
		case *checkpointData:
			if have, ok := s.digests[d.Seq]; ok && have.hash.String() == d.Hash && fmt.Sprintf("%x", have.digest) != d.Digest {
				return nil, nil, fmt.Errorf("%w: entry %d says %s, this node has %x", errDiverged, d.Seq, d.Digest, have.digest)
			}
			void = append(void, i)
			if s.watch != nil {
				s.watch(seq, c, machine.Outcome{})
			}
			continue
		case *epochData:
			if d.Epoch > s.epoch { // of several the first wins, others are void
				s.epoch = d.Epoch
				stamp.Epoch = d.Epoch
				out.epoch = true
			}
			void = append(void, i)
			continue
		}
		repeated := false
		if s.watch != nil {
			_, repeated = s.machine.Look(c)
		}
		o := s.machine.Apply(c, stamp)
		if s.watch != nil && !repeated {
			s.watch(seq, c, o)
		}
		out.events = append(out.events, o.Events...)
		if o.Refusal != nil || o.Seq != seq {
			void = append(void, i)
		}
		switch {
		case p == nil:
		case o.Stale:
			again = append(again, p)
		default:
			s.answer(p, o)
		}
	}
	return again, void, nil
}

// resubmit puts own commands that have to be appended anew before everything that came after them.
func (s *sequencer) resubmit(items []*Pending, redo bool, e *journal.Entry) {
	if len(items) == 0 {
		return
	}
	if redo { // they were acknowledged once: there is nobody to answer, and nothing to check
		rest := *e
		rest.Records = nil
		for _, p := range items {
			rest.Records = append(rest.Records, p.record)
		}
		s.redo = slices.Insert(s.redo, 0, &rest)
		return
	}
	kept := make([]*Pending, 0, len(items)+len(s.queue))
	for _, p := range items {
		if d, ok := p.Command.Data.(*checkpointData); ok {
			s.owes = d
			continue
		}
		if p.tries++; p.tries > maxTries {
			s.answer(p, unavailable())
			continue
		}
		kept = append(kept, p)
	}
	s.queue = append(kept, s.queue...)
}

// check takes the digest. The node whose entry it was writes it into the log.
func (s *sequencer) check(own bool) {
	c := checkpoint{s.pos.Hash, s.machine.Digest()}
	s.digests[s.pos.Seq] = c
	delete(s.digests, s.pos.Seq-8*s.every)
	if own {
		s.owes = &checkpointData{Seq: s.pos.Seq, Hash: c.hash.String(), Digest: fmt.Sprintf("%x", c.digest)}
	}
}
