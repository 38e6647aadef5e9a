package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
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
//
//	run.go     the loop, and what it starts
//	follow.go  what comes from the log, and what to do when it is not the one that was applied
//	notice.go  what follows from an entry that was applied
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
	owed     int64 // when the clock owes the machine something; 0: never
	due      int64 // when to look at that; later than owed if it was sent already
	since    since // the last snapshot
	views    viewCache
	likes    lookalikes
	others   *bus.Presence // people on other nodes

	unsubscribe func() // from the bus; nil for the directory

	// States of what run started. Owned by run.
	appending  bool
	reading    bool
	readAgain  bool
	verified   uint64 // the log was seen to have what was applied up to here
	history    uint64 // counts repairs: what was read before one is of no use after it
	delivering bool
	snapping   bool
	slow       slow       // the append under way
	rests      time.Time  // until then only what somebody waits for is appended
	doubted    []*Pending // would be refused for what this node may not have heard of
	asking     bool
	repairing  bool
	lost       bool // the log is not the one that was applied: nothing is acknowledged until it is repaired
	closing    bool
	tickedAt   time.Time
	unshown    waits // the oldest change that was not ticked for
	tickEvery  time.Duration
	saving     bool // the due index is being written
	saveFailed bool
	saved      int64 // what it says; -1: unknown

	calls     chan func()
	appends   chan appendResult
	reads     chan readResult
	delivered chan time.Duration
	repaired  chan repairResult
	snapped   chan snapResult
	dued      chan dueResult
	wake      chan struct{}
	stop      chan struct{}
	closeOnce sync.Once
	stopped   chan struct{}
	asked     chan []*Pending

	ctx    context.Context // of reading, snapshots and repair: ends when the room does
	cancel context.CancelFunc
	jobs   sync.WaitGroup

	head atomic.Uint64 // number of the last entry that was applied; the owner writes it, anybody reads it

	// Guarded by mu.
	mu     sync.Mutex
	inbox  []*Pending
	closed bool
	err    error
	used   time.Time // last attach, Do or Submit
}

type appendResult struct {
	flight *flight
	early  bool // the due index was written first
	seq    uint64
	err    error
}

// waiter waits for an entry to be applied.
type waiter struct {
	seq  uint64
	done chan struct{}
}

// Submit gives a command to the room. It never waits; the command is always answered, unless it came over a connection that the room is about to end with
// CloseRestart: then the client comes back and sends it again, and nobody is shown an error because a server was restarted.
func (r *Room) Submit(p *Pending) {
	r.mu.Lock()
	if r.closed || len(r.inbox) >= MaxInbox {
		leaving := r.closed && r.err == nil
		r.mu.Unlock()
		if _, socket := p.To.(*Conn); socket && leaving {
			return
		}
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

// close finishes what is under way and ends the room. Connections are told to come back.
func (r *Room) close() {
	r.closeOnce.Do(func() {
		close(r.stop)
		<-r.stopped
		r.cancel()
		r.jobs.Wait()
		if r.unsubscribe != nil {
			r.unsubscribe()
		}
		if r.fan != nil {
			r.fan.each(func(c *Conn) { c.Close(wire.CloseRestart, "restart") })
		}
		_ = r.log.Close()
		r.stats.Rooms.Add(-1)
	})
}
