package bench

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// swarm is many clients in one goroutine. One epoll set, one buffer to read into, and for each client a few words: what it costs must not be taken for what the
// server costs, and there is nothing to be scheduled but this goroutine. Whoever uses it calls poll, and is called back for each frame.
type swarm struct {
	epoll  int
	to     netip.AddrPort
	conns  []*conn
	events []unix.EpollEvent
	buf    []byte
	out    []byte

	// handle is called for each text frame but hello. The payload is valid until it returns.
	handle func(c *conn, m []byte) error
	// after is called when what one read brought was handled.
	after func(c *conn) error

	born time.Time
	now  time.Duration // since born, of the read that is being handled

	// rest, if it is not zero, is how long the swarm sleeps when nothing is there, and then looks again. Who waits in epoll is woken by the server's write, and that
	// is done on the server's time: over a network nobody would do it for the clients. Latencies are as coarse as this.
	rest time.Duration
	// patience is how long a state that must come is waited for.
	patience time.Duration
	// window is how many handshakes are under way at the same time.
	window int
	// fetch, if there is one, appends the head of a GET that each client asks for first, over a connection of its own, as a browser does.
	fetch func(b []byte, k int) []byte
	// answered is told of the answer to that.
	answered func(*answer)
	// raw, if there is one, makes the swarm speak another protocol than websockets: there is no handshake, and it says how many bytes it has taken, 0 if it needs more.
	raw func(c *conn, b []byte) (int, error)

	opened    int
	helloSize int // of the newest hello, in bytes
	// Counted since the swarm was made.
	frames uint64 // events frames
	bytes  uint64 // of events frames, headers included
	other  uint64 // text frames that are neither events nor hello
}

// conn is one client.
type conn struct {
	n     int // index in the swarm
	fd    int
	state uint8
	part  []byte // the beginning of a frame whose end has not arrived
	to    uint64 // the newest seq that was seen; the next events begin there
	ask   *asking
}

// asking is what a client needs until it is open.
type asking struct {
	k      int // among those that were dialled with it
	head   func(b []byte, k int) []byte
	answer answer
}

// States of a client.
const (
	connecting = iota
	fetching
	upgrading
	greeted // the handshake is over, hello is not here yet
	open
)

// mostPatience is how long a state that must come is waited for, unless asked otherwise.
const mostPatience = 30 * time.Second

func newSwarm(to netip.AddrPort) (*swarm, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &swarm{epoll: ep, to: to, born: time.Now(), window: dialWindow, patience: mostPatience, events: make([]unix.EpollEvent, 1024), buf: make([]byte, 256<<10)}, nil
}

// close ends all connections.
func (s *swarm) close() {
	for _, c := range s.conns {
		s.hangUp(c)
	}
	_ = unix.Close(s.epoll)
	s.conns = nil
}

// poll waits at most that long and handles what arrived.
func (s *swarm) poll(wait time.Duration) error {
	if s.rest != 0 {
		wait = 0
	}
	n, err := unix.EpollWait(s.epoll, s.events, int((wait+time.Millisecond-1)/time.Millisecond))
	if n == 0 && s.rest != 0 {
		pause(s.rest)
	}
	if err == unix.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	for _, e := range s.events[:n] {
		c := s.conns[e.Fd]
		if c.state == connecting {
			if e.Events&unix.EPOLLOUT == 0 && e.Events&unix.EPOLLERR == 0 {
				continue
			}
			if err := s.connected(c); err != nil {
				return fmt.Errorf("connection %d: %w", c.n, err)
			}
		}
		if e.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			if err := s.readable(c, e.Events&unix.EPOLLRDHUP != 0); err != nil {
				return fmt.Errorf("connection %d: %w", c.n, err)
			}
		}
	}
	return nil
}

// write sends bytes. What a client here sends fits the socket's buffer, so waiting for room is the exception.
func (s *swarm) write(c *conn, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(c.fd, b)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			if n, err := unix.Poll([]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}, int(s.patience/time.Millisecond)); err == nil && n == 0 {
				return fmt.Errorf("bench: the server took nothing for %v", s.patience)
			}
		case err != nil:
			return err
		default:
			b = b[n:]
		}
	}
	return nil
}

// readable reads what there is. A read that does not fill the buffer has taken everything, so epoll can report edges only; but if the server has ended the connection, that
// was reported with what came before it, and is read, too.
func (s *swarm) readable(c *conn, ended bool) error {
	for {
		kept := copy(s.buf, c.part)
		n, err := unix.Read(c.fd, s.buf[kept:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("bench: the server ended the connection")
		}
		s.now = s.time()
		rest, err := s.take(c, s.buf[:kept+n])
		if err != nil {
			return err
		}
		c.part = append(c.part[:0], rest...)
		if s.after != nil && c.state == open {
			if err := s.after(c); err != nil {
				return err
			}
		}
		if len(rest) == len(s.buf) {
			s.buf = make([]byte, 2*len(s.buf)) // readFrame bounds it
		}
		if kept+n < len(s.buf) && !ended || c.state == connecting {
			return nil
		}
	}
}

// take handles what is complete and gives the rest back.
func (s *swarm) take(c *conn, b []byte) (rest []byte, err error) {
	if s.raw != nil {
		for {
			n, err := s.raw(c, b)
			if b = b[n:]; err != nil || n == 0 {
				return b, err
			}
		}
	}
	if c.state == fetching {
		return s.fetched(c, b)
	}
	if c.state == upgrading {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			return b, nil
		}
		if !bytes.HasPrefix(b, []byte("HTTP/1.1 101 ")) {
			return nil, fmt.Errorf("bench: no upgrade: %s", b)
		}
		c.state, b = greeted, b[end+4:]
	}
	for {
		f, size, err := readFrame(b)
		if err != nil || size == 0 {
			return b, err
		}
		if err := s.frame(c, f, size); err != nil {
			return nil, err
		}
		b = b[size:]
	}
}

func (s *swarm) frame(c *conn, f frame, size int) error {
	switch f.op {
	case opText:
	case opPing:
		return s.write(c, appendMasked(nil, opPong, f.payload))
	case opClose:
		return fmt.Errorf("bench: the server closed the connection: %q", f.payload)
	default:
		return errFrame
	}
	if from, to, ok := readEvents(f.payload); ok {
		if from != c.to || to < from || c.state != open {
			return fmt.Errorf("%w: seq %d was followed by events from %d to %d", errLost, c.to, from, to)
		}
		c.to = to
		s.frames++
		s.bytes += uint64(size)
	} else if c.state == greeted {
		if c.to, ok = readHello(f.payload); !ok {
			return fmt.Errorf("bench: no hello: %s", f.payload)
		}
		c.state, c.ask, s.helloSize = open, nil, len(f.payload)
		s.opened++
		return nil
	} else {
		s.other++
	}
	if s.handle != nil {
		return s.handle(c, f.payload)
	}
	return nil
}

// time looks at the clock.
func (s *swarm) time() time.Duration {
	s.now = time.Since(s.born)
	return s.now
}

// quiet polls until nothing has arrived for that long.
func (s *swarm) quiet(long time.Duration) error {
	until, last, have := time.Now().Add(long+s.patience), time.Now(), s.frames+s.other
	for {
		if err := s.poll(long / 4); err != nil {
			return err
		}
		now := time.Now()
		if got := s.frames + s.other; got != have {
			last, have = now, got
		}
		if now.Sub(last) >= long {
			return nil
		}
		if now.After(until) {
			return fmt.Errorf("bench: the server was not quiet for %v within %v", long, s.patience)
		}
	}
}

// level polls until every connection has seen that seq. A connection that does not get there has lost something.
func (s *swarm) level(seq uint64) error {
	until := time.Now().Add(s.patience)
	k := 0
	for {
		for k < len(s.conns) && s.conns[k].to >= seq {
			k++
		}
		if k == len(s.conns) {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("%w: connection %d had seq %d of %d after %v", errLost, k, s.conns[k].to, seq, s.patience)
		}
		if err := s.poll(50 * time.Millisecond); err != nil {
			return err
		}
	}
}
