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
	d := delivery{fanout: f, tick: t, news: t.from != t.to || t.presence != nil, gaps: map[gap][]byte{}}
	f.keepOnly(d.serve)
	f.stats.sent(d.frames, d.bytes)
}

// keepOnly visits every connection and forgets those for which visit says no.
func (f *fanout) keepOnly(visit func(*Conn) bool) {
	kept := f.conns[:0]
	for _, c := range f.conns {
		if visit(c) {
			kept = append(kept, c)
		}
	}
	clear(f.conns[len(kept):])
	f.conns = kept
}

// delivery is the writing of one tick.
type delivery struct {
	*fanout
	*tick
	news          bool
	gaps          map[gap][]byte // composed for several
	frames, bytes int            // written
}

// serve writes one connection's frame. False: the connection is gone.
func (d *delivery) serve(c *Conn) bool {
	own := len(d.own) > 0 && d.own[c.self]
	if c.cursor == d.from && !own && d.news { // nearly all
		return d.give(c, d.shared[index(c.audience)])
	}
	v := c.look()
	if v == ended {
		return false
	}
	if c.cursor > d.to || c.cursor == d.to && d.presence == nil || c.cursor == d.from && !d.news || v == lags {
		return true
	}
	key := gap{c.cursor, c.audience}
	frame := d.gaps[key]
	if frame == nil || own {
		message, _, ok := d.ring.compose(nil, c.cursor, c.audience, c.self, d.presence)
		if !ok {
			d.reset(c, "too_far_behind")
			return true
		}
		frame = textFrame(message)
		if !own && c.cursor >= d.from { // nobody has anything of their own in there
			d.gaps[key] = frame
		}
	}
	return d.give(c, frame)
}

func (d *delivery) give(c *Conn, frame []byte) bool {
	v := c.offer(frame)
	if v == accepted {
		c.cursor = d.to
		d.frames++
		d.bytes += len(frame)
	}
	return v != ended
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
	f.keepOnly(func(c *Conn) bool {
		if c.look() == ended {
			return false
		}
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
		return true
	})
}

// each visits every connection; for closing them all.
func (f *fanout) each(visit func(*Conn)) {
	f.take()
	for _, c := range f.conns {
		visit(c)
	}
}

func (c *Conn) stalledFor(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled.IsZero() {
		return 0
	}
	return now.Sub(c.stalled)
}
