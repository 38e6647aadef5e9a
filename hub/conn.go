package hub

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"kiem/hub/machine"
	"kiem/id"
)

// Limits of one connection.
const (
	// MaxUnread is how many bytes of answers wait for a client that reads slowly before it is closed. Events do not count: they are not queued.
	MaxUnread = 256 << 10
	// SendBuffer is what the system may hold for one client.
	SendBuffer = 64 << 10
	// StallTime is how long a client may accept nothing.
	StallTime = 30 * time.Second
)

// Conn is the writing side of one client's connection.
//
// While the socket accepts, writing costs no goroutine: a frame is written without blocking on the connection's descriptor, by whoever has it. What the
// socket does not take at once stays in `rest`, and a goroutine of its own writes it and ends. Until then the connection lags: it gets no
// events (the feed composes what it missed once it has caught up), and answers wait in `rest`, up to MaxUnread.
//
// The descriptor is written to without asking the runtime, which costs a third of a frame. So nothing but Abort closes it, under mu and after `dead` is set,
// and nothing writes to it without mu or once it is dead: the number may be another connection's by then.
//
// Under TLS, or where there is no descriptor, everything goes by way of that goroutine; nothing else changes.
type Conn struct {
	// Static after NewConn.
	self  id.ID
	lang  string
	net   net.Conn
	fd    int // -1: not available
	stats *Stats
	room  *Room
	stall time.Duration // how long it may accept nothing

	// Guarded by mu.
	mu      sync.Mutex
	rest    []byte    // accepted for this connection and not yet taken by the socket
	lagging bool      // a goroutine is writing rest
	stalled time.Time // since when the socket took nothing; zero: it takes
	closing []byte    // close frame to write before the end
	dead    bool

	// Owned by the room's owner.
	answers []byte // replies of the batch being answered
	flush   bool   // is in the room's list of connections to flush

	// Owned by the feed's fan-out.
	cursor   uint64 // everything up to here was sent or is not for this client
	audience machine.Audience

	// Heard is when the client was last heard, in Unix nanoseconds; Midway is since when a message of it is incomplete, or 0. For whoever reads
	// the connection.
	Heard, Midway atomic.Int64
}

// NewConn prepares the writing side of a connection that has been upgraded, for Attach. From here on the connection is closed by Close, Abort or Detach
// only, never directly.
func (r *Room) NewConn(nc net.Conn, self id.ID, lang string) *Conn {
	c := &Conn{net: nc, fd: -1, self: self, lang: lang, stats: r.stats, room: r, stall: r.hub.Stall}
	if sc, ok := nc.(*net.TCPConn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { c.fd = int(fd) })
		}
		_ = sc.SetWriteBuffer(SendBuffer) // the system's own choice may be megabytes for a client that does not read
	}
	c.Heard.Store(time.Now().UnixNano())
	return c
}

// Self is the participant whose connection this is.
func (c *Conn) Self() id.ID { return c.self }

// Lang is the language of the client.
func (c *Conn) Lang() string { return c.lang }

// frameHeader appends the header of an unmasked, final websocket frame (RFC 6455, 5.2).
func frameHeader(b []byte, opcode byte, n int) []byte {
	b = append(b, 0x80|opcode)
	switch {
	case n < 126:
		return append(b, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
}

const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// textFrame frames a message once, for any number of connections.
func textFrame(message []byte) []byte {
	return append(frameHeader(make([]byte, 0, len(message)+10), opText, len(message)), message...)
}

func closeFrame(code int, reason string) []byte {
	b := frameHeader(make([]byte, 0, 128), opClose, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(b, uint16(code)), reason...)
}

// Pong answers a ping.
func (c *Conn) Pong(payload []byte) {
	c.must(append(frameHeader(nil, opPong, len(payload)), payload...))
}

// verdict is what became of a frame that was offered.
type verdict uint8

const (
	accepted verdict = iota
	lags             // the socket did not take everything before, or a close frame was its last
	ended
)

// offer writes a frame unless the connection lags or has ended.
func (c *Conn) offer(frame []byte) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.state(); v != accepted {
		return v
	}
	c.writeLocked(frame)
	return accepted
}

// look says what would become of a frame.
func (c *Conn) look() verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state()
}

func (c *Conn) state() verdict {
	switch {
	case c.dead:
		return ended
	case c.lagging, c.closing != nil:
		return lags
	}
	return accepted
}

// must writes a frame, now or when the socket takes it. A client for which too much waits is closed.
func (c *Conn) must(frame []byte) {
	c.mu.Lock()
	if c.dead || c.closing != nil { // nothing follows a close frame
		c.mu.Unlock()
		return
	}
	c.stats.sent(1, len(frame))
	if !c.lagging {
		c.writeLocked(frame)
		c.mu.Unlock()
		return
	}
	c.rest = append(c.rest, frame...)
	over := len(c.rest) > MaxUnread
	c.mu.Unlock()
	if over {
		c.stats.SlowClosed.Add(1)
		c.Abort()
	}
}

// writeLocked writes what the socket takes at once and leaves the rest to a goroutine.
func (c *Conn) writeLocked(frame []byte) {
	n := c.try(frame)
	if n == len(frame) {
		return
	}
	c.rest = append(c.rest[:0], frame[n:]...)
	c.lagging = true
	c.stalled = time.Now()
	go c.drain()
}

// drain writes rest with blocking writes until there is none.
func (c *Conn) drain() {
	for {
		c.mu.Lock()
		if len(c.rest) == 0 || c.dead {
			c.lagging, c.stalled = false, time.Time{}
			_ = c.net.SetWriteDeadline(time.Time{}) // else try would find it over, later
			if cap(c.rest) > 4096 {
				c.rest = nil
			}
			closing, dead := c.closing, c.dead
			c.mu.Unlock()
			switch {
			case closing != nil:
				c.end()
			case !dead:
				c.room.caughtUp()
			}
			return
		}
		chunk := c.rest
		c.rest = nil
		c.stalled = time.Now()
		c.mu.Unlock()
		_ = c.net.SetWriteDeadline(time.Now().Add(c.stall))
		if _, err := c.net.Write(chunk); err != nil {
			if isTimeout(err) {
				c.stats.SlowClosed.Add(1)
			}
			c.Abort()
			return
		}
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// Close sends a close frame after what waits, and ends the connection.
func (c *Conn) Close(code int, reason string) {
	c.mu.Lock()
	if c.dead || c.closing != nil {
		c.mu.Unlock()
		return
	}
	c.closing = closeFrame(code, reason)
	if c.lagging {
		c.rest = append(c.rest, c.closing...)
		c.mu.Unlock()
		return
	}
	c.writeLocked(c.closing)
	lagging := c.lagging
	c.mu.Unlock()
	if !lagging {
		c.end()
	}
}

// end closes the writing side, so that the client reads the close frame; its answer, or the reader's deadline, closes the rest.
func (c *Conn) end() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	_ = c.net.SetReadDeadline(time.Now().Add(2 * time.Second))
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	c.Abort()
}

// Abort ends the connection at once.
func (c *Conn) Abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	c.rest = nil
	_ = c.net.Close() // does not wait for the client; readers and drain are woken, and hold no lock
}
