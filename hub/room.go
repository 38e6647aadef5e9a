package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kiem/hub/bus"
	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Limits of a room.
const (
	// MaxInbox is how many commands may wait; more are refused as unavailable.
	MaxInbox = 1 << 16
	// AppendTimeout bounds one append. After it the outcome is unknown.
	AppendTimeout = 5 * time.Second
	// dueAgain is when the clock tries again after what it owes was sent.
	dueAgain = 2 * time.Second
	// ReadEntries is how many entries are read from a log at a time.
	ReadEntries = 512
)

var (
	// ErrClosed: the room is closing; ask the hub for it again.
	ErrClosed = errors.New("hub: the room is closed")
	// ErrBroken: the room stopped because its log and its state do not agree, or its log is damaged. The log says why.
	ErrBroken = errors.New("hub: the room stopped")
)

// Room runs one machine on one node.
//
// One goroutine, run, owns the machine, the sequencer and the feed; whoever wants to look at them passes a function to Do. Appends, reads of the
// log and the fan-out happen in goroutines that run starts, one of each at a time, and report back; so the owner never waits for a disk, a network or a client.
type Room struct {
	hub    *Hub
	name   string
	scope  id.ID
	log    journal.Log
	logger *slog.Logger
	stats  *Stats

	// Owned by run.
	seq      *sequencer
	feed     *feed // nil for the directory
	fan      *fanout
	people   *people // nil for the directory
	byPerson map[id.ID][]*Conn
	flushing []*Conn
	scratch  []byte
	waiting  []waiter
	due      int64 // when the clock owes the machine something; 0: never
	since    since // the last snapshot
	views    viewCache
	others   *bus.Presence // people on other nodes

	unsubscribe func() // from the bus; nil for the directory

	// States of what run started. Owned by run.
	appending  bool
	reading    bool
	readAgain  bool
	delivering bool
	snapping   bool
	slow       slow // the append under way
	lost       bool // the log lost its tail: nothing is acknowledged until it is repaired
	tickedAt   time.Time
	tickEvery  time.Duration

	calls     chan func()
	appends   chan appendResult
	reads     chan readResult
	delivered chan time.Duration
	repaired  chan *repair
	snapped   chan error
	wake      chan struct{}
	stop      chan struct{}
	stopped   chan struct{}

	// Guarded by mu.
	mu     sync.Mutex
	inbox  []*Pending
	closed bool
	err    error
	used   time.Time // last attach, Do or Submit
}

type appendResult struct {
	flight *flight
	seq    uint64
	err    error
}

type readResult struct {
	entries []journal.Stored
	err     error
}

type waiter struct {
	seq  uint64
	done chan struct{}
}

// Submit gives a command to the room. It never waits; the command is always answered.
func (r *Room) Submit(p *Pending) {
	r.mu.Lock()
	if r.closed || len(r.inbox) >= MaxInbox {
		r.mu.Unlock()
		// Not on the owner's goroutine: answerers only append under the room's ownership, so this goes through Refuse.
		if p.To != nil {
			refuseOutside(p)
		}
		return
	}
	r.inbox = append(r.inbox, p)
	first := len(r.inbox) == 1
	r.mu.Unlock()
	if first {
		r.poke()
	}
}

// refuser is implemented by answerers that can be told outside of the owner's goroutine that a command was not even queued.
type refuser interface {
	Refuse(p *Pending, r *machine.Refusal)
}

func refuseOutside(p *Pending) {
	if to, ok := p.To.(refuser); ok {
		to.Refuse(p, machine.Refuse(wire.Unavailable, "", "unavailable"))
	}
}

func (r *Room) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Do runs f on the room's goroutine and waits for it. What f is given it must not keep.
func (r *Room) Do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case r.calls <- func() { f(); close(done) }:
	case <-r.stopped:
		return r.why()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-r.stopped:
		return r.why()
	}
}

func (r *Room) why() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, r.err)
	}
	return ErrClosed
}

// Campaign runs f with the campaign's machine, on the room's goroutine.
func (r *Room) Campaign(ctx context.Context, f func(*campaign.Machine)) error {
	return r.Do(ctx, func() { f(r.machine()) })
}

func (r *Room) machine() *campaign.Machine { return r.seq.machine.(*campaign.Machine) }

func (r *Room) run() {
	defer close(r.stopped)
	keep := time.NewTicker(keepEvery)
	defer keep.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	stop := r.stop
	for {
		r.pump()
		r.flush()
		r.schedule(timer)
		if stop == nil && !r.appending && len(r.seq.queue) == 0 && !r.delivering {
			return
		}
		select {
		case <-r.wake:
		case f := <-r.calls:
			f()
		case res := <-r.appends:
			r.appending = false
			r.slow.end(r)
			r.appended(res)
		case res := <-r.reads:
			r.reading = false
			r.followed(res)
		case <-r.log.Changed():
			r.read()
		case took := <-r.delivered:
			r.delivering = false
			r.tickEvery = min(max(2*took, MinTick), MaxTick)
		case p := <-r.repaired:
			r.adopt(p)
		case err := <-r.snapped:
			r.snapping = false
			r.since.took = time.Since(r.since.at)
			if err != nil {
				r.snapFailed(err)
			}
		case now := <-keep.C:
			r.keep(now)
		case <-timer.C:
		case <-stop:
			stop = nil // finish what is under way
			r.mu.Lock()
			r.closed = true
			r.mu.Unlock()
		}
		r.take()
	}
}

// take moves what arrived into the sequencer's queue.
func (r *Room) take() {
	r.mu.Lock()
	inbox := r.inbox
	r.inbox = nil
	r.mu.Unlock()
	for _, p := range inbox {
		r.seq.submit(p)
	}
}

// pump starts what can be started: an append, a tick.
func (r *Room) pump() {
	now := r.hub.now()
	if r.due != 0 && now >= r.due {
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
		r.seq.refuseAll(machine.Refuse(wire.Unavailable, "", "unavailable"))
	} else if !r.appending {
		if f := r.seq.next(now); f != nil {
			r.appending = true
			r.slow.begin()
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), AppendTimeout)
				defer cancel()
				seq, err := r.log.Append(ctx, f.body)
				r.appends <- appendResult{f, seq, err}
			}()
		}
	}
	if r.feed != nil && r.feed.dirty && !r.delivering && time.Since(r.tickedAt) >= r.tickEvery {
		r.tickedAt = time.Now()
		r.delivering = true
		t := r.feed.makeTick()
		go func() {
			start := time.Now()
			r.fan.deliver(t)
			r.delivered <- time.Since(start)
		}()
	}
}

// schedule sets the timer to when something is to be done next.
func (r *Room) schedule(timer *time.Timer) {
	next := time.Hour
	if r.feed != nil && r.feed.dirty && !r.delivering {
		next = max(r.tickEvery-time.Since(r.tickedAt), 0)
	}
	if r.due != 0 {
		next = min(next, time.Duration(max(r.due-r.hub.now(), 0))*time.Millisecond+time.Millisecond)
	}
	timer.Reset(next)
}

func (r *Room) appended(res appendResult) {
	if res.err != nil {
		r.seq.failed(res.flight)
		if errors.Is(res.err, journal.ErrPoisoned) {
			r.hub.fail(res.err)
		}
		r.logger.Warn("an append failed", "log", r.name, "err", res.err)
		r.read() // it may have been stored
		return
	}
	direct, err := r.seq.appended(res.flight, res.seq)
	switch {
	case err != nil:
		r.trouble(err)
	case !direct:
		r.read()
	}
}

// read reads what the log has after what was applied. One read at a time.
func (r *Room) read() {
	if r.reading {
		r.readAgain = true
		return
	}
	r.reading, r.readAgain = true, false
	after := r.seq.pos.Seq
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), AppendTimeout)
		defer cancel()
		r.reads <- r.fetch(ctx, after)
	}()
}

// fetch reads entries and, before they are applied, what the vault knows of the people they bring.
func (r *Room) fetch(ctx context.Context, after uint64) readResult {
	head, err := r.log.Head(ctx)
	if err != nil {
		return readResult{err: err}
	}
	if head < after {
		return readResult{err: fmt.Errorf("%w: its head is %d, %d was applied", errTail, head, after)}
	}
	list, err := r.log.Read(ctx, after, ReadEntries)
	if err == nil && r.people != nil {
		err = r.people.meet(ctx, list)
	}
	return readResult{entries: list, err: err}
}

func (r *Room) followed(res readResult) {
	if res.err != nil {
		if errors.Is(res.err, errTail) || errors.Is(res.err, journal.ErrCorrupt) {
			r.trouble(res.err)
			return
		}
		r.logger.Warn("a log cannot be read", "log", r.name, "err", res.err)
		return
	}
	if err := r.seq.follow(res.entries); err != nil {
		r.trouble(err)
		return
	}
	if r.readAgain || len(res.entries) == ReadEntries {
		r.read()
	}
}

// trouble decides what a disagreement between log and state means.
func (r *Room) trouble(err error) {
	if r.lost {
		return
	}
	if errors.Is(err, errTail) && r.hub.journal.Shared() {
		r.logger.Error("the log lost entries; repairing", "log", r.name, "applied", r.seq.pos.Seq, "err", err)
		r.lost = true
		r.seq.flightLost()
		r.startRepair()
		return
	}
	r.breakDown(err)
}

// breakDown stops the room, loudly: whoever asks for it gets the error until an operator looks.
func (r *Room) breakDown(err error) {
	r.logger.Error("the room stopped", "log", r.name, "entry", r.seq.pos.Seq, "err", err)
	r.mu.Lock()
	r.closed, r.err = true, err
	r.mu.Unlock()
	r.lost = true
	r.seq.flightLost()
	r.take()
	r.seq.refuseAll(machine.Refuse(wire.Unavailable, "", "unavailable"))
	r.hub.broke(r, err)
	if r.fan != nil {
		for _, list := range r.byPerson {
			for _, c := range list {
				c.Close(wire.CloseRestart, "unavailable")
			}
		}
	}
}

// emit is told by the sequencer what was applied.
func (r *Room) emit(a applied) {
	r.since.entries++
	r.since.commands += a.commands
	if r.feed != nil {
		r.feed.applied(a)
		for i := range a.events {
			r.noticed(&a.events[i])
		}
		r.views.changed(a.events)
	}
	if a.epoch && r.fan != nil {
		r.resetAll("epoch")
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
	r.waiting = kept
	r.maybeSnapshot()
}

// noticed does at once what cannot wait for a tick: rights that changed cut connections.
func (r *Room) noticed(e *machine.Event) {
	if e.Type == campaign.PersonErased && r.people != nil {
		r.people.forget(e.Subject)
		r.views.clear()
	}
	if e.Hides {
		r.views.forget()
	}
	if e.Type == campaign.ParticipantRename {
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

// reindexDue asks the machine when the clock owes it something next, and tells the journal, so that a sleeping room is woken.
func (r *Room) reindexDue() {
	_, next := r.seq.machine.Due(0)
	if next == r.due {
		return
	}
	r.due = next
	name, journalOf, logger := r.name, r.hub.journal, r.logger
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), AppendTimeout)
		defer cancel()
		if err := journalOf.SetDue(ctx, name, next); err != nil {
			logger.Warn("the due index was not updated", "log", name, "err", err)
		}
	}()
}

func (r *Room) keep(now time.Time) {
	r.maybeSnapshot()
	if r.feed != nil {
		r.keepPresence(now)
	}
	if r.fan != nil && !r.delivering {
		r.delivering = true
		go func() {
			r.fan.keep(now)
			r.delivered <- 0
		}()
	}
	if r.hub.journal.Shared() {
		r.read()
	}
}

// Close finishes what is under way and ends the room. Connections are told to come back.
func (r *Room) close() {
	r.mu.Lock()
	already := r.closed && r.err == nil
	r.mu.Unlock()
	if !already {
		close(r.stop)
	}
	<-r.stopped
	if r.unsubscribe != nil {
		r.unsubscribe()
	}
	if r.fan != nil {
		r.fan.each(func(c *Conn) { c.Close(wire.CloseRestart, "restart") })
	}
	_ = r.log.Close()
}
