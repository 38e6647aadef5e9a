package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// A log with several writers can lose its tail: a failover to a replica that was behind, a restored backup. Acknowledged commands would be gone. Whoever
// still holds the entries appends them again, under a new epoch:
//
//  1. replay the log as it is now, and find the last entry that it has in common with what was applied here;
//  2. take over that state;
//  3. append `epoch` (old + 1: the first wins, those of other nodes are void) and then every entry that the log lost, marked as repair. Command ids make it
//     harmless that several nodes do so; lanes keep late commands from winning.
//
// Until then nothing is acknowledged. If what is remembered does not reach back to a common entry, the room stops and an operator decides.

// repair is a replayed log and what it lacks.
type repair struct {
	seq  *sequencer
	lost [][]byte
	err  error
}

// repairEvery is how long to wait before trying again when the log cannot be read.
const repairEvery = time.Second

func (r *Room) startRepair() {
	known := r.seq.recent
	go func() {
		for {
			ctx, cancel := context.WithTimeout(context.Background(), snapshotTimeout)
			p := r.prepareRepair(ctx, known)
			cancel()
			if p.err == nil || !temporary(p.err) {
				r.repaired <- p
				return
			}
			select {
			case <-time.After(repairEvery):
			case <-r.stop:
				r.repaired <- p
				return
			}
		}
	}()
}

// temporary says whether trying again may help.
func temporary(err error) bool {
	return errors.Is(err, journal.ErrUnavailable) || errors.Is(err, journal.ErrUnknown) || errors.Is(err, context.DeadlineExceeded)
}

// prepareRepair replays what the log has. known is not changed meanwhile: the room applies nothing while its log is lost.
func (r *Room) prepareRepair(ctx context.Context, known *recent) *repair {
	head, err := r.log.Head(ctx)
	if err != nil {
		return &repair{err: err}
	}
	s := newSequencer(r.name, r.hub.kind(r.name).machine(), r.seq.codec.reader())
	s.recent = &recent{keep: RecentBytes}
	common := uint64(0)
	s.emit = func(a applied) {
		if h, ok := known.hash(a.seq); ok && h == s.pos.Hash {
			common = a.seq
		}
	}
	if head > 0 {
		if err := restore(ctx, r.log, s, head); err != nil {
			return &repair{err: err}
		}
	}
	if common == 0 { // nothing was replayed that is remembered: the snapshot itself may be the common entry
		if h, ok := known.hash(s.pos.Seq); ok && h == s.pos.Hash {
			common = s.pos.Seq
		}
	}
	lost, ok := known.after(common)
	if !ok || common == 0 && (len(known.list) == 0 || known.list[0].at.Seq != 1) {
		return &repair{err: fmt.Errorf("%w: it ends at entry %d, and nothing that this node remembers joins on to it", errTail, head)}
	}
	return &repair{seq: s, lost: lost}
}

// adopt takes over the replayed state and appends what was lost.
func (r *Room) adopt(p *repair) {
	if p.err != nil {
		r.lost = false
		r.breakDown(p.err)
		return
	}
	old := r.seq
	s := p.seq
	s.node, s.batches, s.queue, s.stats = old.node, old.batches, old.queue, old.stats
	s.answer, s.emit, s.redoes = old.answer, r.emit, redone{r}
	s.codec = old.codec
	r.seq = s
	r.open(s)
	if r.feed != nil {
		r.feed.restart(r.machine(), s.pos.Seq)
		r.feed.dirty = true
		r.views.clear()
		r.views.forget()
		r.resetAll("epoch")
	}
	if s.epoch == old.epoch { // else another node began the new epoch
		s.redo = append(s.redo, &journal.Entry{Rules: campaign.Rules, At: r.hub.now(), Records: []journal.Record{{
			Type: epochType, ID: id.Derive(id.ID{}, epochType, fmt.Sprint(s.epoch+1), s.pos.Hash.String()),
			Data: r.mustJSON(epochData{Epoch: s.epoch + 1}),
		}}})
	}
	commands := 0
	for _, body := range p.lost {
		e, err := journal.Decode(body)
		if err != nil {
			continue // it was decoded when it was applied
		}
		// Checkpoints and epochs are of a history that is no more.
		e.Records = slices.DeleteFunc(e.Records, func(r journal.Record) bool { return newSystemData(r.Type) != nil })
		if len(e.Records) > 0 {
			commands += len(e.Records)
			s.redo = append(s.redo, e)
		}
	}
	r.logger.Warn("appending again what the log lost", "log", r.name, "common", s.pos.Seq, "entries", len(p.lost), "commands", commands)
	r.stats.Repairs.Add(1)
	r.lost = false
}

// redone is who waits for a command that is appended again: nobody but the log, for it was acknowledged before.
type redone struct{ r *Room }

// Answer reports a command that was acknowledged once and is void now.
func (d redone) Answer(p *Pending, o machine.Outcome) {
	if o.Refusal != nil && !o.Stale {
		d.r.logger.Error("a command that was acknowledged is void after the repair", "log", d.r.name, "type", p.Command.Type, "code", o.Refusal.Code)
	}
}

// flightLost answers what is under way: nobody knows what became of it.
func (s *sequencer) flightLost() {
	if s.flight != nil {
		s.failed(s.flight)
	}
}

// open puts the words into every text of a restored state.
func (r *Room) open(s *sequencer) {
	if r.people == nil {
		return
	}
	s.machine.(*campaign.Machine).Texts(func(t *ideas.Text) {
		if !t.Readable() {
			s.codec.open(t)
		}
	})
}
