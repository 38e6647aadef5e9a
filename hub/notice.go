package hub

import (
	"context"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
)

// emit is told by the sequencer what was applied.
func (r *Room) emit(a applied) {
	r.head.Store(a.seq)
	r.since.entries++
	r.since.commands += a.commands
	if r.feed != nil {
		r.feed.applied(a)
		for i := range a.events {
			r.noticed(&a.events[i])
		}
		r.views.changed(a.events)
		r.likes.note(a.events, r.machine().Board())
	}
	if a.epoch {
		r.stats.Epochs.Add(1)
	}
	if a.epoch && r.fan != nil {
		r.views.forget() // one of the old epoch would send whoever fetches it back again and again, until it is too old to be served
		r.resetAll("epoch")
	}
	if a.foreign {
		r.logger.Warn("an entry rests on a history that is not the log's; it is void", "log", r.name, "entry", a.seq)
		r.read(true)
	}
	if len(a.events) > 0 {
		r.reindexDue()
	}
	kept := r.waiting[:0]
	for _, w := range r.waiting {
		if w.seq <= a.seq {
			close(w.done)
			continue
		}
		kept = append(kept, w)
	}
	clear(r.waiting[len(kept):])
	r.waiting = kept
	r.maybeSnapshot()
}

// noticed does at once what cannot wait for a tick: rights that changed cut connections.
func (r *Room) noticed(e *machine.Event) {
	if e.Type == campaign.PersonErased {
		r.people.forget(e.Subject)
	}
	if e.Hides {
		r.views.forget()
	}
	if e.Recut || e.Type == campaign.ParticipantRename { // names and roles stand in ideas
		r.views.clear()
	}
	if !e.Recut {
		return
	}
	for _, c := range r.byPerson[e.To] {
		switch e.Type {
		case campaign.ParticipantRemove:
			c.Close(wire.CloseRemoved, "removed")
		case campaign.PersonErased:
			c.Close(wire.CloseUnauthorised, "erased")
		default:
			r.fan.reset(c, "role")
		}
	}
}

func (r *Room) resetAll(reason string) {
	for _, list := range r.byPerson {
		for _, c := range list {
			r.fan.reset(c, reason)
		}
	}
}

type dueResult struct {
	at  int64
	err error
}

// reindexDue asks the machine when the clock owes it something next.
func (r *Room) reindexDue() {
	if _, next := r.seq.machine.Due(0); next != r.owed {
		r.owed, r.due = next, next
	}
}

// saveDue tells the journal, so that a sleeping room is woken. One write at a time; one that failed is tried again at the next sweep.
func (r *Room) saveDue() {
	at := r.owed
	if r.saving || r.saveFailed || r.saved == at {
		return
	}
	r.saving = true
	r.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), AppendTimeout)
		defer cancel()
		r.dued <- dueResult{at, r.hub.journal.SetDue(ctx, r.name, at)}
	})
}

func (r *Room) dueSaved(res dueResult) {
	r.saved, r.saveFailed = res.at, res.err != nil
	if res.err != nil {
		r.saved = -1
		r.logger.Warn("the due index was not updated", "log", r.name, "err", res.err)
	}
}
