package hub

import "sync/atomic"

// Stats counts what a node does. All counters only grow, but for the gauges. Safe for concurrent use.
type Stats struct {
	Commands    atomic.Uint64 // applied, void ones included
	Entries     atomic.Uint64
	Refused     atomic.Uint64 // answered with an error
	Frames      atomic.Uint64 // written to sockets
	FrameBytes  atomic.Uint64
	Resets      atomic.Uint64
	SlowClosed  atomic.Uint64 // connections closed because they accepted nothing
	Snapshots   atomic.Uint64 // encoded for reading; what is served again from memory does not count
	Repairs     atomic.Uint64 // tails that were appended again
	Witnesses   atomic.Uint64 // clients that had seen more than the log has
	Connections atomic.Int64  // gauge
	Rooms       atomic.Int64  // gauge
}

func (s *Stats) applied(records int) {
	s.Entries.Add(1)
	s.Commands.Add(uint64(records))
}

func (s *Stats) sent(frames, bytes int) {
	s.Frames.Add(uint64(frames))
	s.FrameBytes.Add(uint64(bytes))
}
