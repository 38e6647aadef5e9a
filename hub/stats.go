package hub

import (
	"slices"
	"sync/atomic"
	"time"

	"kiem/hub/meter"
	"kiem/hub/wire"
)

// Stats counts what a node does. All counters only grow, but for the gauges. Safe for concurrent use; on the way of a command it costs atomic adds only.
type Stats struct {
	Commands       atomic.Uint64 // applied, void ones included
	Entries        atomic.Uint64
	Replies        Replies
	Frames         atomic.Uint64 // written to sockets
	FrameBytes     atomic.Uint64
	Resets         atomic.Uint64
	SlowClosed     atomic.Uint64 // connections closed because they accepted nothing
	Snapshots      atomic.Uint64 // encoded for reading; what is served again from memory does not count
	Saved          atomic.Uint64 // snapshots of a room's state that were stored
	SaveFailures   atomic.Uint64
	Repairs        atomic.Uint64 // tails that were appended again
	Epochs         atomic.Uint64 // new epochs that began in open rooms
	Witnesses      atomic.Uint64 // clients that had seen more than the log has
	AppendFailures atomic.Uint64
	Attached       atomic.Uint64 // connections since the start
	Connections    atomic.Int64  // gauge
	Rooms          atomic.Int64  // gauge

	Batch     meter.Sizes // commands in an entry
	Append    meter.Short // from the journal being asked to its answer
	Tick      meter.Short // writing one tick to everybody in a room
	TickDelay meter.Short // from the first change to the tick that shows it
	Replay    meter.Long  // opening a room: its snapshot, and every entry after it
	Snapshot  meter.Long  // making a snapshot: replaying, comparing, storing
}

func (s *Stats) applied(records int) {
	s.Entries.Add(1)
	s.Commands.Add(uint64(records))
	s.Batch.Observe(records)
}

func (s *Stats) sent(frames, bytes int) {
	s.Frames.Add(uint64(frames))
	s.FrameBytes.Add(uint64(bytes))
}

// Replies counts answers to commands by their outcome.
type Replies struct {
	done    atomic.Uint64
	refused [16]atomic.Uint64 // by the code's place in wire.Codes; what has none is the last
}

// Done counts a command that was done.
func (r *Replies) Done() { r.done.Add(1) }

// Refused counts one that was refused.
func (r *Replies) Refused(code wire.Code) {
	n := slices.Index(wire.Codes, code)
	if n < 0 {
		n = len(r.refused) - 1
	}
	r.refused[n].Add(1)
}

// Load is how many were done, if code is "", or refused with that code.
func (r *Replies) Load(code wire.Code) uint64 {
	if code == "" {
		return r.done.Load()
	}
	if n := slices.Index(wire.Codes, code); n >= 0 {
		return r.refused[n].Load()
	}
	return 0
}

// Failed is how many were refused, whatever the code.
func (r *Replies) Failed() (total uint64) {
	for n := range r.refused {
		total += r.refused[n].Load()
	}
	return total
}

// waits measures how long the oldest change that nobody was shown has waited. Owned by the room's owner.
type waits struct{ since time.Time }

// begin notes that there is a change to show, if none was waiting.
func (w *waits) begin() {
	if w.since.IsZero() {
		w.since = time.Now()
	}
}

// end is how long it waited; false: there was none.
func (w *waits) end() (waited time.Duration, began bool) {
	if w.since.IsZero() {
		return 0, false
	}
	waited = time.Since(w.since)
	w.since = time.Time{}
	return waited, true
}
