package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/wire"
)

const (
	// ReadEntries is how many entries are read from a log at a time.
	ReadEntries = 512
	// repairEvery is how long to wait before trying again when the log cannot be read.
	repairEvery = time.Second
)

func (r *Room) appended(res appendResult) {
	if res.err != nil {
		r.stats.AppendFailures.Add(1)
		r.seq.failed(res.flight)
		r.rests = time.Now().Add(appendAgain)
		if errors.Is(res.err, journal.ErrPoisoned) {
			r.hub.fail(res.err)
		}
		r.logger.Warn("an append failed", "log", r.name, "err", res.err)
		if r.closing && len(r.seq.redo) > 0 {
			r.logger.Error("closing before everything was appended that the log lost", "log", r.name, "entries", len(r.seq.redo))
			r.seq.redo = nil
		}
		r.read(false) // it may have been stored
		return
	}
	if r.lost {
		return // whoever waited for it was answered
	}
	direct, err := r.seq.appended(res.flight, res.seq)
	switch {
	case err != nil:
		r.trouble(err)
	case !direct:
		r.read(false)
	}
}

// sweep reads the log where others write to it, and where an own entry waits for those before it.
func (r *Room) sweep() {
	r.saveFailed = false
	if r.hub.journal.Shared() {
		r.read(true)
	} else if r.seq.flight != nil && !r.appending {
		r.read(false)
	}
}

type readResult struct {
	history uint64
	seen    uint64 // the log was seen to have what was applied up to here
	entries []journal.Stored
	more    bool
	err     error
}

// read reads what the log has after what was applied, one read at a time. It compares the last entry that was applied with the log's, or, if it is to
// verify, all since the last time: an own entry that was applied directly may stand in a log that lost what is before it.
func (r *Room) read(verify bool) {
	if r.reading || r.lost {
		r.readAgain = true
		return
	}
	r.reading, r.readAgain = true, false
	pos := r.seq.pos.Seq
	known, seen := r.seq.recent.from(pos), r.verified
	if verify { // from the last one that was seen, for it may have been replaced since
		known, seen = r.seq.recent.from(r.verified), pos
	}
	expects, history := r.seq.expects(), r.history
	r.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, AppendTimeout)
		defer cancel()
		res := readResult{history: history, seen: seen}
		res.entries, res.more, res.err = fetch(ctx, r.log, known, pos, expects)
		if res.err == nil && r.people != nil {
			res.err = r.people.meet(ctx, res.entries)
		}
		r.reads <- res
	})
}

// fetch reads what a log has after pos, which was applied. known is what is remembered of the entries up to pos; if the log has others there, or
// ends before what it is expected to have, it lost its tail.
func fetch(ctx context.Context, log journal.Log, known []recentEntry, pos, expects uint64) (list []journal.Stored, more bool, err error) {
	head, err := log.Head(ctx)
	if err != nil {
		return nil, false, err
	}
	if head < expects {
		return nil, false, fmt.Errorf("%w: its head is %d, it had %d", errTail, head, expects)
	}
	at := pos
	if len(known) > 0 {
		at = known[0].at.Seq - 1
	}
	for at <= pos && at < head {
		if list, err = log.Read(ctx, at, ReadEntries); err != nil {
			return nil, false, err
		}
		if len(list) == 0 {
			break
		}
		if err = compare(list, known); err != nil {
			return nil, false, err
		}
		at = list[len(list)-1].Seq
		for len(known) > 0 && known[0].at.Seq <= at {
			known = known[1:]
		}
	}
	for len(list) > 0 && list[0].Seq <= pos {
		list = list[1:]
	}
	return list, len(list) > 0 && at < head, nil
}

func (r *Room) followed(res readResult) {
	if res.history != r.history || r.lost {
		return
	}
	if res.err != nil {
		if errors.Is(res.err, errTail) || errors.Is(res.err, journal.ErrCorrupt) {
			r.trouble(res.err)
			return
		}
		r.logger.Warn("a log cannot be read", "log", r.name, "err", res.err)
		if r.closing {
			r.seq.lose()
		}
		return
	}
	r.verified = res.seen
	if err := r.seq.follow(res.entries); err != nil {
		r.trouble(err)
		return
	}
	if r.readAgain || res.more {
		r.read(false)
	}
}

// trouble decides what a disagreement between log and state means.
func (r *Room) trouble(err error) {
	if r.lost {
		return
	}
	if !errors.Is(err, errTail) || !r.hub.journal.Shared() {
		r.breakDown(err)
		return
	}
	r.logger.Error("the log lost entries; repairing", "log", r.name, "applied", r.seq.pos.Seq, "err", err)
	r.hub.broke(r.name, err)
	r.lost = true
	r.seq.lose()
	r.startRepair()
}

// breakDown stops the room, loudly: whoever asks for it gets the error until an operator looks.
func (r *Room) breakDown(err error) {
	r.logger.Error("the room stopped", "log", r.name, "entry", r.seq.pos.Seq, "err", err)
	r.mu.Lock()
	r.closed, r.err = true, err
	r.mu.Unlock()
	r.hub.broke(r.name, err)
	r.lost = true
	r.seq.redo = nil
	r.seq.lose()
	r.refuseAll()
	r.flush()
	for _, list := range r.byPerson {
		for _, c := range list {
			c.Close(wire.CloseRestart, "unavailable")
		}
	}
}

type repairResult struct {
	*rebuilt
	err error
}

// startRepair replays the log in a goroutine. The room applies nothing meanwhile.
func (r *Room) startRepair() {
	r.repairing = true
	old, fresh := r.seq, r.fresh(r.seq.codec.reader())
	r.jobs.Go(func() {
		for {
			ctx, cancel := context.WithTimeout(r.ctx, snapshotTimeout)
			p, err := rebuild(ctx, r.log, fresh, old)
			cancel()
			switch {
			case err == nil || !temporary(err):
				r.repaired <- repairResult{p, err}
				return
			case errors.Is(err, errGap):
				r.logger.Error("waiting for another node to repair the log", "log", r.name, "err", err)
				r.hub.broke(r.name, err)
			default:
				r.logger.Warn("a log cannot be read for its repair", "log", r.name, "err", err)
			}
			select {
			case <-time.After(repairEvery):
			case <-r.stop:
				r.repaired <- repairResult{p, err}
				return
			}
		}
	})
}

// temporary says whether trying again may help.
func temporary(err error) bool {
	return errors.Is(err, errGap) || errors.Is(err, journal.ErrUnavailable) || errors.Is(err, journal.ErrUnknown) || errors.Is(err, context.DeadlineExceeded)
}

// adopt takes over the replayed state and appends what was lost.
func (r *Room) adopt(p repairResult) {
	if p.err != nil {
		r.breakDown(p.err)
		return
	}
	r.lost = false
	r.history++
	r.hub.mended(r.name)
	if p.same {
		r.logger.Warn("the log has everything after all", "log", r.name, "applied", r.seq.pos.Seq)
		r.read(false)
		return
	}
	old, s := r.seq, p.seq
	commands := s.succeed(old, p.lost, r.hub.now())
	r.seq = s
	r.verified = s.pos.Seq
	r.head.Store(s.pos.Seq)
	r.open(s)
	if r.feed != nil {
		r.feed.restart(r.machine(), s.pos.Seq)
		r.machine().TakeTouched()
		r.views.clear()
		r.views.forget()
		r.likes.forget()
		r.resetAll("epoch")
	}
	r.reindexDue()
	r.logger.Warn("appending again what the log lost", "log", r.name, "have", s.pos.Seq, "lost", len(p.lost), "commands", commands)
	r.stats.Repairs.Add(1)
	r.read(false)
}

// redone is told what became of commands that are appended again. Nobody waits for them: they were acknowledged before.
type redone struct{ r *Room }

// Answer reports a command that was acknowledged once and is void now.
func (d redone) Answer(p *Pending, o machine.Outcome) {
	if o.Refusal != nil && o.Refusal.Reason != "late" { // that one gave way to a newer one
		d.r.logger.Error("a command that was acknowledged is void after the repair", "log", d.r.name, "type", p.Command.Type, "command", p.Command.ID, "code", o.Refusal.Code)
	}
}
