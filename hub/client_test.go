package hub

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// patience is how long a test waits for what must come: a loaded machine is no failure.
const patience = 60 * time.Second

// client is what a browser is to a room: the other end of a connection, which reads websocket frames.
type client struct {
	t      testing.TB
	room   *Room
	who    id.ID
	from   Resume
	net    net.Conn // the client's end
	server *Conn

	reading sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and made anew with each frame
	hello   *wire.Hello
	frames  []wire.Events
	replies []wire.Reply
	resets  []string
	raw     [][]byte // text frames
	pings   int
	code    int // of the close frame
	ended   bool
	served  chan struct{} // the serving side is gone
	bad     error
}

// pipe makes the two ends of a connection: without a socket, so that time may be faked.
func pipe(testing.TB) (server, other net.Conn) { return net.Pipe() }

// loopback makes the two ends of a TCP connection.
func loopback(t testing.TB) (server, other net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	other, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return <-accepted, other
}

type ends func(testing.TB) (server, other net.Conn)

// connect attaches a client that reads all it gets.
func connect(t testing.TB, r *Room, who id.ID, from Resume, dial ends) *client {
	t.Helper()
	c := attach(t, r, who, from, dial)
	c.start(c.net)
	return c
}

// attach attaches a client that does not read yet.
func attach(t testing.TB, r *Room, who id.ID, from Resume, dial ends) *client {
	t.Helper()
	server, other := dial(t)
	c := &client{t: t, room: r, who: who, from: from, net: other, server: r.NewConn(server, who, "nl"), changed: make(chan struct{}), served: make(chan struct{})}
	refusal, err := r.Attach(t.Context(), c.server, from)
	if err != nil || refusal != nil {
		t.Fatalf("attach: %v %v", refusal, err)
	}
	go func() { // as package web does: read until the end, then detach
		defer close(c.served)
		_, _ = io.Copy(io.Discard, server)
		r.Detach(c.server)
	}()
	t.Cleanup(c.hangUp)
	return c
}

// start begins to read.
func (c *client) start(from io.Reader) { c.reading.Go(func() { c.read(from) }) }

// hangUp closes the client's end and waits until both sides have noticed.
func (c *client) hangUp() {
	_ = c.net.Close()
	<-c.served
	c.reading.Wait()
}

// read takes frames until the connection ends.
func (c *client) read(from io.Reader) {
	in := bufio.NewReader(from)
	for {
		opcode, payload, err := readFrame(in)
		c.mu.Lock()
		if err != nil {
			c.ended = true
		} else if err := c.take(opcode, payload); err != nil {
			c.bad = err
			c.ended = true
		}
		ended := c.ended
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
		if ended {
			_ = c.net.Close()
			return
		}
	}
}

// readFrame reads one unmasked, unfragmented websocket frame.
func readFrame(in *bufio.Reader) (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xf0 != 0x80 || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("a frame begins with %x", head)
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var long [2]byte
		_, err = io.ReadFull(in, long[:])
		n = uint64(binary.BigEndian.Uint16(long[:]))
	case 127:
		var long [8]byte
		_, err = io.ReadFull(in, long[:])
		n = binary.BigEndian.Uint64(long[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(in, payload)
	return head[0] & 0xf, payload, err
}

// take notes a frame. An error is a breach of the protocol.
func (c *client) take(opcode byte, payload []byte) error {
	if c.code != 0 {
		return fmt.Errorf("a frame after the close frame: %x %q", opcode, payload)
	}
	switch opcode {
	case opClose:
		c.code = int(binary.BigEndian.Uint16(payload))
		return nil
	case opPing:
		c.pings++
		c.server.Heard.Store(time.Now().UnixNano())
		return nil
	case opPong:
		return nil
	case opText:
	default:
		return fmt.Errorf("a frame with opcode %d", opcode)
	}
	c.raw = append(c.raw, payload)
	var kind struct{ Type string }
	if err := json.Unmarshal(payload, &kind); err != nil {
		return fmt.Errorf("%w in %q", err, payload)
	}
	if (c.hello == nil) != (kind.Type == "hello") {
		return fmt.Errorf("hello is not the first message: %q", payload)
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	switch kind.Type {
	case "hello":
		c.hello = &wire.Hello{}
		return d.Decode(c.hello)
	case "events":
		var e wire.Events
		if err := d.Decode(&e); err != nil {
			return err
		}
		if n := len(c.frames); n > 0 && c.frames[n-1].To != e.From {
			return fmt.Errorf("from %d after to %d", e.From, c.frames[n-1].To)
		}
		last := e.From
		for _, one := range e.Events {
			if one.Seq <= e.From || one.Seq > e.To || one.Seq < last {
				return fmt.Errorf("event %d in (%d, %d]", one.Seq, e.From, e.To)
			}
			last = one.Seq
		}
		c.frames = append(c.frames, e)
	case "reply":
		var r wire.Reply
		if err := d.Decode(&r); err != nil {
			return err
		}
		c.replies = append(c.replies, r)
	case "reset":
		var r wire.Reset
		if err := d.Decode(&r); err != nil {
			return err
		}
		c.resets = append(c.resets, r.Reason)
	default:
		return fmt.Errorf("a message of type %q", kind.Type)
	}
	return nil
}

// until waits until ok holds for the client; what it says is what is waited for. ok is called with the client locked.
func (c *client) until(what string, ok func() bool) {
	c.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		if c.bad != nil {
			c.t.Errorf("waiting for %s: %v", what, c.bad)
			c.bad = nil
		}
		good, ended, changed := ok(), c.ended, c.changed
		state := fmt.Sprintf("%d frames to %d, %d replies, resets %v, close code %d, ended %v", len(c.frames), c.to(), len(c.replies), c.resets, c.code, c.ended)
		c.mu.Unlock()
		if good {
			return
		}
		if ended {
			c.t.Fatalf("waiting for %s: the connection ended (%s)", what, state)
		}
		select {
		case <-changed:
		case <-timeout.C:
			c.t.Fatalf("waited in vain for %s (%s)", what, state)
		}
	}
}

// to is how far the client has seen.
func (c *client) to() uint64 {
	if n := len(c.frames); n > 0 {
		return c.frames[n-1].To
	}
	switch {
	case c.hello == nil:
		return 0
	case c.hello.Resumed:
		return c.from.After
	}
	return c.hello.Seq
}

func (c *client) seen(seq uint64) {
	c.t.Helper()
	c.until(fmt.Sprint("entry ", seq), func() bool { return c.to() >= seq })
}

func (c *client) closedWith(code int) {
	c.t.Helper()
	c.until(fmt.Sprint("close code ", code), func() bool { return c.code == code })
}

// log is the frames that came until now.
func (c *client) log() []wire.Events {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.frames)
}

// events lists what came, in order.
func (c *client) events() (list []wire.Event) {
	for _, f := range c.log() {
		list = append(list, f.Events...)
	}
	return list
}

// saw says whether a piece of text stood in anything that the client got.
func (c *client) saw(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.raw {
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

// send submits a command over the connection.
func (c *client) send(cmd *machine.Command) {
	c.room.Submit(&Pending{From: c.who, Command: cmd, To: c.server})
}

// reply waits for the answer to a command.
func (c *client) reply(command id.ID) (found wire.Reply) {
	c.t.Helper()
	c.until("a reply", func() bool {
		for _, r := range c.replies {
			if r.ID == command {
				found = r
				return true
			}
		}
		return false
	})
	return found
}
