package hub

import (
	"context"
	"time"

	"kiem/hub/campaign"
)

const (
	// dueAgain is when the clock tries again after what it owes was sent.
	dueAgain = 2 * time.Second
	// sweepLog is how often a room reads a log that others write to, and compares it with what it applied, whether it was woken or not.
	sweepLog = time.Second
	// appendAgain is how long the room leaves a journal in peace that refused an entry of the room's own: a checkpoint, or what a lost tail held. Nobody
	// waits for those, and a journal that refuses at once would be asked without end.
	appendAgain = 100 * time.Millisecond
)

// run is the room's owner.
func (r *Room) run() {
	defer close(r.stopped)
	sweep := time.NewTicker(sweepLog)
	defer sweep.Stop()
	keep := time.NewTicker(keepEvery)
	defer keep.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stop := r.stop
	for {
		r.pump()
		r.flush()
		if r.closing && r.settled() {
			return
		}
		r.schedule(timer)
		select {
		case <-r.wake:
		case f := <-r.calls:
			f()
		case res := <-r.appends:
			r.appending = false
			r.stats.Append.Observe(r.slow.end(r))
			if res.early {
				r.saving, r.saved = false, -1
			}
			r.appended(res)
		case res := <-r.reads:
			r.reading = false
			r.followed(res)
		case <-r.log.Changed():
			r.read(false)
		case took := <-r.delivered:
			r.delivering = false
			r.tickEvery = min(max(2*took, MinTick), MaxTick)
		case res := <-r.repaired:
			r.repairing = false
			r.adopt(res)
		case res := <-r.snapped:
			r.snapping = false
			r.snapshotMade(res)
		case list := <-r.asked:
			r.asking = false
			for _, p := range list {
				r.seq.submit(p)
			}
			r.ask()
		case res := <-r.dued:
			r.saving = false
			r.dueSaved(res)
		case <-sweep.C:
			r.sweep()
		case now := <-keep.C:
			r.keep(now)
		case <-timer.C:
		case <-stop:
			stop = nil // finish what is under way
			r.closing = true
			r.mu.Lock()
			r.closed = true
			r.mu.Unlock()
		}
		r.take()
	}
}

// settled says whether nothing is under way any more.
func (r *Room) settled() bool {
	r.mu.Lock()
	waiting := len(r.inbox)
	r.mu.Unlock()
	return waiting == 0 && len(r.seq.queue) == 0 && len(r.seq.redo) == 0 && r.seq.flight == nil &&
		!r.asking && !r.appending && !r.reading && !r.repairing && !r.delivering && !r.saving
}

// take moves what arrived into the sequencer's queue, as far as the next entries have room for it. What stays counts for MaxInbox.
func (r *Room) take() {
	room := 2*MaxBatch - len(r.seq.queue)
	if room <= 0 {
		return
	}
	r.mu.Lock()
	taken := r.inbox
	if len(taken) > room {
		taken, r.inbox = taken[:room:room], taken[room:]
	} else {
		r.inbox = nil
	}
	r.mu.Unlock()
	for _, p := range taken {
		r.seq.submit(p)
	}
}

// pump starts what can be started: an append, a tick, a note in the due index.
func (r *Room) pump() {
	now := r.hub.now()
	if r.due != 0 && now >= r.due && !r.closing {
		owed, next := r.seq.machine.Due(now)
		for _, c := range owed {
			r.seq.submit(&Pending{Command: c})
		}
		// Applying what was owed sets it anew; should that fail, it is owed again a little later.
		if r.due = next; len(owed) > 0 {
			r.due = now + dueAgain.Milliseconds()
		}
	}
	if r.lost {
		r.refuseAll()
	} else if !r.appending && (len(r.seq.queue) > 0 || !time.Now().Before(r.rests)) {
		if f := r.seq.next(now); f != nil {
			r.append(f)
		}
	}
	if r.feed != nil && r.feed.dirty {
		r.unshown.begin()
	}
	if left, wanted := r.untilTick(); wanted && left <= 0 && !r.closing {
		r.tick()
	}
	r.saveDue()
}

// refuseAll answers everything that waits.
func (r *Room) refuseAll() {
	for {
		r.take()
		if len(r.seq.queue) == 0 {
			return
		}
		r.seq.refuseAll()
	}
}

// append stores an entry. A schedule goes into the due index first: should the process end after the entry is stored, the room is woken all the same.
func (r *Room) append(f *flight) {
	res := appendResult{flight: f}
	at := scheduled(f)
	if at != 0 && (r.owed == 0 || at < r.owed) {
		res.early, r.saving = true, true
	}
	r.appending = true
	r.slow.begin()
	r.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), AppendTimeout)
		defer cancel()
		if res.early {
			res.err = r.hub.journal.SetDue(ctx, r.name, at)
		}
		if res.err == nil {
			res.seq, res.err = r.log.Append(ctx, f.body)
		}
		r.appends <- res
	})
}

// scheduled is the earliest time that a command of the entry wants something to happen at; 0: none.
func scheduled(f *flight) (at int64) {
	for _, p := range f.items {
		var list []campaign.Switch
		switch d := p.Command.Data.(type) {
		case *campaign.CreateData:
			list = d.Settings.Schedule
		case *campaign.EditData:
			if d.Settings != nil {
				list = d.Settings.Schedule
			}
		}
		for _, sw := range list {
			if at == 0 || sw.At < at {
				at = sw.At
			}
		}
	}
	return at
}

// untilTick is how long the next tick has to wait, if one is wanted.
func (r *Room) untilTick() (left time.Duration, wanted bool) {
	switch {
	case r.feed == nil || r.delivering:
		return 0, false
	case r.feed.dirty:
		return r.tickEvery - time.Since(r.tickedAt), true
	case r.feed.crowd:
		return max(r.tickEvery, PresenceEvery) - time.Since(r.tickedAt), true
	}
	return 0, false
}

func (r *Room) tick() {
	r.tickedAt = time.Now()
	r.delivering = true
	if waited, began := r.unshown.end(); began {
		r.stats.TickDelay.Observe(waited)
	}
	t := r.feed.makeTick()
	r.jobs.Go(func() {
		start := time.Now()
		r.fan.deliver(t)
		took := time.Since(start)
		r.stats.Tick.Observe(took)
		r.delivered <- took
	})
}

// schedule sets the timer to when something is to be done next.
func (r *Room) schedule(timer *time.Timer) {
	next := time.Hour
	if left, wanted := r.untilTick(); wanted {
		next = max(left, 0)
	}
	if left := time.Until(r.rests); left > 0 {
		next = min(next, left)
	}
	if r.due != 0 {
		next = min(next, time.Duration(max(r.due-r.hub.now(), 0))*time.Millisecond+time.Millisecond)
	}
	timer.Reset(next)
}

// keep is the housekeeping of connections.
func (r *Room) keep(now time.Time) {
	r.maybeSnapshot()
	if r.feed == nil {
		return
	}
	r.keepPresence(now)
	if !r.delivering {
		r.delivering = true
		r.jobs.Go(func() {
			r.fan.keep(now)
			r.delivered <- 0
		})
	}
}
