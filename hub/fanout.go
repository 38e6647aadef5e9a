package hub

import (
	"sync"
	"time"

	"kiem/hub/machine"
)

// Housekeeping of connections.
const (
	// PingEvery is how often a connection is pinged.
	PingEvery = 25 * time.Second
	// SilentTime is how long a client may say nothing, not even pong.
	SilentTime = 75 * time.Second
	// MidwayTime is how long one message may take to arrive.
	MidwayTime = 10 * time.Second
	// keepEvery is how often connections are looked at.
	keepEvery = 5 * time.Second
)

// closeReset ends a connection whose client has to fetch the snapshot first.
const closeReset = 4003

// fanout writes ticks to the connections of a room. One delivery runs at a time (the room sees to that) and owns conns and their cursors;
// new connections wait in joining, guarded by mu.
type fanout struct {
	ring  *ring
	stats *Stats

	mu      sync.Mutex
	joining []*Conn

	conns  []*Conn
	pinged time.Time
}

func (f *fanout) add(c *Conn) {
	f.mu.Lock()
	f.joining = append(f.joining, c)
	f.mu.Unlock()
}

func (f *fanout) take() {
	f.mu.Lock()
	f.conns = append(f.conns, f.joining...)
	clear(f.joining)
	f.joining = f.joining[:0]
	f.mu.Unlock()
}

// gap is what connections with one cursor and one audience lack.
type gap struct {
	after    uint64
	audience machine.Audience
}

// deliver writes one tick. Each connection gets one frame: the shared one of its audience, or one composed for it if it is behind or has something of its own.
func (f *fanout) deliver(t *tick) {
	f.take()
	news := t.from != t.to || t.presence != nil
	gaps := map[gap][]byte{}
	kept := f.conns[:0]
	for _, c := range f.conns {
		if c.gone() {
			continue
		}
		kept = append(kept, c)
		own := t.own[c.self]
		switch {
		case c.cursor == t.from && !own:
			if news && c.offer(t.shared[index(c.audience)]) {
				c.cursor = t.to
			}
			continue
		case c.cursor > t.to || c.cursor == t.to && t.presence == nil || c.lags():
			continue
		}
		key := gap{c.cursor, c.audience}
		frame := gaps[key]
		if frame == nil || own {
			message, _, ok := f.ring.compose(nil, c.cursor, c.audience, c.self, t.presence)
			if !ok {
				f.reset(c, "too_far_behind")
				continue
			}
			frame = textFrame(message)
			if !own && c.cursor >= t.from { // nobody has anything of their own in there
				gaps[key] = frame
			}
		}
		if c.offer(frame) {
			c.cursor = t.to
		}
	}
	clear(f.conns[len(kept):])
	f.conns = kept
}

func (f *fanout) reset(c *Conn, reason string) {
	f.stats.Resets.Add(1)
	c.must(textFrame([]byte(`{"type":"reset","reason":"` + reason + `"}`)))
	c.Close(closeReset, reason)
}

// keep pings and drops the connections that accept or say nothing.
func (f *fanout) keep(now time.Time) {
	f.take()
	ping := now.Sub(f.pinged) >= PingEvery
	if ping {
		f.pinged = now
	}
	frame := frameHeader(nil, opPing, 0)
	kept := f.conns[:0]
	for _, c := range f.conns {
		if c.gone() {
			continue
		}
		kept = append(kept, c)
		midway := c.Midway.Load()
		switch {
		case c.stalledFor(now) > c.stall:
			// It lags, so something is written halfway: no close frame (4002) would be understood.
			f.stats.SlowClosed.Add(1)
			c.Abort()
		case now.Sub(time.Unix(0, c.Heard.Load())) > SilentTime,
			midway != 0 && now.Sub(time.Unix(0, midway)) > MidwayTime:
			c.Abort()
		case ping:
			c.offer(frame)
		}
	}
	clear(f.conns[len(kept):])
	f.conns = kept
}

// each visits every connection; for closing them all.
func (f *fanout) each(visit func(*Conn)) {
	f.take()
	for _, c := range f.conns {
		visit(c)
	}
}

func (c *Conn) gone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *Conn) stalledFor(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled.IsZero() {
		return 0
	}
	return now.Sub(c.stalled)
}
