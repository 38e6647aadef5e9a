package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// protoClient follows one campaign over one socket at a time and checks on the way what the protocol promises about order: events come without a gap,
// without a repeat and in order. What it learned survives a reconnect.
type protoClient struct {
	t        *testing.T
	server   *kiemProcess
	campaign string
	token    string

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each message
	conn    *websocket.Conn
	done    chan struct{} // closed when the reader of conn has ended
	closed  error         // why it ended
	hello   protoFrame
	reset   bool                  // the server asked to fetch the snapshot
	at      uint64                // everything up to this entry has been seen
	began   uint64                // where following began or began anew
	events  []protoEvent          // seen since began
	tallies map[string]protoTally // newest
	replies map[string]protoFrame // by command id
	answers int                   // replies received, repeated ones included
	strays  []protoFrame          // replies without an id: to what could not be read
	faults  []string              // broken promises
	onReply func()                // called at each reply, with mu held; nil: nothing
}

func newClient(t *testing.T, server *kiemProcess, campaign, token string) *protoClient {
	c := &protoClient{t: t, server: server, campaign: campaign, token: token, changed: make(chan struct{}),
		tallies: map[string]protoTally{}, replies: map[string]protoFrame{}}
	t.Cleanup(func() {
		c.cut()
		for _, f := range c.faults {
			t.Error(f)
		}
	})
	return c
}

// connect opens the socket from the head.
func (c *protoClient) connect() *protoClient { c.t.Helper(); c.open("", true); return c }

// resume opens the socket after what was seen. If the server answers reset, it does what the protocol says: fetch the snapshot, connect with its seq.
func (c *protoClient) resume() {
	c.t.Helper()
	for try := 0; ; try++ {
		c.mu.Lock()
		query := "?after=" + strconv.FormatUint(c.at, 10) + "&epoch=" + strconv.FormatUint(c.hello.Epoch, 10)
		c.mu.Unlock()
		c.open(query, false)
		c.wait("the missed events or a reset", func() bool { return c.at >= c.hello.Seq || c.reset })
		if !c.wasReset() {
			return
		}
		if try == 5 {
			c.t.Fatal("reset after a fresh snapshot, five times")
		}
		c.cut()
		snap := c.snapshot()
		c.mu.Lock()
		c.at, c.began, c.events = snap.Seq, snap.Seq, nil
		clear(c.tallies)
		c.hello.Epoch = snap.Epoch
		c.mu.Unlock()
	}
}

func (c *protoClient) open(query string, fromHead bool) {
	c.t.Helper()
	u := url.URL{Scheme: "ws", Host: c.server.addr, Path: "/api/v1/campaigns/" + c.campaign + "/live"}
	dialer := websocket.Dialer{Subprotocols: []string{"kiem.v1"}, HandshakeTimeout: patience}
	conn, resp, err := dialer.Dial(u.String()+query, http.Header{"Authorization": {"Bearer " + c.token}})
	if err != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		c.t.Fatalf("opening the socket: %v (status %d)", err, status)
	}
	if got := conn.Subprotocol(); got != "kiem.v1" {
		c.t.Errorf("subprotocol %q, want kiem.v1", got)
	}
	c.mu.Lock()
	c.conn, c.done, c.closed, c.reset = conn, make(chan struct{}), nil, false
	done := c.done
	c.mu.Unlock()
	hello := make(chan struct{})
	go c.read(conn, done, hello, fromHead)
	select {
	case <-hello:
	case <-done:
		select {
		case <-hello: // both: a reset ends the connection right after it
		default:
			c.t.Fatalf("the socket ended before hello: %v", c.closed)
		}
	case <-time.After(patience):
		c.t.Fatal("no hello")
	}
}

// read takes in everything until the socket ends.
func (c *protoClient) read(conn *websocket.Conn, done, hello chan struct{}, fromHead bool) {
	defer close(done)
	first := true
	for {
		kind, text, err := conn.ReadMessage()
		c.mu.Lock()
		if err != nil {
			c.closed = err
			c.announce()
			c.mu.Unlock()
			return
		}
		var f protoFrame
		if err := json.Unmarshal(text, &f); err != nil || kind != websocket.TextMessage {
			c.faults = append(c.faults, fmt.Sprintf("a frame of kind %d is no JSON object: %v: %.200s", kind, err, text))
		}
		if first != (f.Type == "hello") {
			c.faults = append(c.faults, fmt.Sprintf("hello must come first and once, got %q", f.Type))
		}
		c.take(f, fromHead)
		c.announce()
		c.mu.Unlock()
		if first {
			first = false
			close(hello)
		}
	}
}

// take applies one message; c.mu is held.
func (c *protoClient) take(f protoFrame, fromHead bool) {
	switch f.Type {
	case "hello":
		c.hello = f
		if fromHead {
			c.at, c.began, c.events = f.Seq, f.Seq, nil
		}
	case "reply":
		if c.onReply != nil {
			c.onReply()
		}
		if f.ID == "" || f.ID == "00000000-0000-0000-0000-000000000000" {
			c.strays = append(c.strays, f)
			return
		}
		if (f.Error == nil) == (f.Seq == 0) {
			c.faults = append(c.faults, fmt.Sprintf("a reply has either a seq or an error: %+v", f))
		}
		c.answers++
		c.replies[f.ID] = f
	case "events":
		if c.reset {
			return // what follows a reset is about a state that this client does not have
		}
		if f.From != c.at || f.To < f.From {
			c.faults = append(c.faults, fmt.Sprintf("events from %d to %d after having seen up to %d", f.From, f.To, c.at))
		}
		last := f.From
		for _, e := range f.Events {
			if e.Seq <= f.From || e.Seq > f.To || e.Seq < last {
				c.faults = append(c.faults, fmt.Sprintf("event %s of entry %d in a message about (%d, %d], after entry %d", e.Type, e.Seq, f.From, f.To, last))
			}
			last = e.Seq
		}
		c.at = f.To
		c.events = append(c.events, f.Events...)
		for id, tally := range f.Tallies {
			c.tallies[id] = tally
		}
	case "reset":
		c.reset = true
	default:
		c.faults = append(c.faults, fmt.Sprintf("unknown message type %q", f.Type))
	}
}

// announce wakes whoever waits; c.mu is held.
func (c *protoClient) announce() { close(c.changed); c.changed = make(chan struct{}) }

// wait waits until ok, which is called with c.mu held.
func (c *protoClient) wait(what string, ok func() bool) {
	c.t.Helper()
	if err := c.await(ok); err != nil {
		c.t.Fatalf("waiting for %s: %v", what, err)
	}
}

// await waits until ok, which is called with c.mu held, or gives the reason why that will not come: the socket has ended, or it takes too long.
func (c *protoClient) await(ok func() bool) error {
	until := time.After(patience)
	for {
		c.mu.Lock()
		good, changed, closed := ok(), c.changed, c.closed
		c.mu.Unlock()
		switch {
		case good:
			return nil
		case closed != nil:
			return fmt.Errorf("the socket ended: %w", closed)
		}
		select {
		case <-changed:
		case <-until:
			return errPatience
		}
	}
}

// errPatience says that something did not come although the socket is open.
var errPatience = fmt.Errorf("nothing in %v", patience)

// send writes a command and does not wait. An error means that the socket is gone: the caller will resume and send again.
func (c *protoClient) send(cmd protoCommand) error {
	text, err := json.Marshal(cmd)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.write(text)
}

func (c *protoClient) write(text []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	return c.conn.WriteMessage(websocket.TextMessage, text)
}

// do sends a command and waits for its reply.
func (c *protoClient) do(cmd protoCommand) protoFrame {
	c.t.Helper()
	c.mu.Lock()
	delete(c.replies, cmd.ID)
	c.mu.Unlock()
	if err := c.send(cmd); err != nil {
		c.t.Fatalf("sending %s: %v", cmd.Type, err)
	}
	return c.reply(cmd.ID)
}

// reply waits for the reply to a command.
func (c *protoClient) reply(id string) protoFrame {
	c.t.Helper()
	var f protoFrame
	c.wait("the reply to "+id, func() bool { f = c.replies[id]; return f.Type != "" })
	return f
}

// must sends a command that must succeed.
func (c *protoClient) must(cmd protoCommand) protoFrame {
	c.t.Helper()
	f := c.do(cmd)
	if f.Error != nil {
		c.t.Fatalf("%s: %s: %s (field %q)", cmd.Type, f.Error.Code, f.Error.Message, f.Error.Field)
	}
	return f
}

// refuse sends a command that must be refused with one of the codes.
func (c *protoClient) refuse(cmd protoCommand, codes ...string) {
	c.t.Helper()
	f := c.do(cmd)
	for _, code := range codes {
		if f.Error != nil && f.Error.Code == code && f.Error.Message != "" {
			return
		}
	}
	c.t.Errorf("%s %v: answered %+v, error %+v; want one of %v with a message", cmd.Type, cmd.Data, f.Seq, f.Error, codes)
}

// post posts an idea and returns its id and entry.
func (c *protoClient) post(title string) (idea string, seq uint64) {
	c.t.Helper()
	f := c.must(postIdea(newUUID(), title))
	return madeIdea(c.t, f), f.Seq
}

// supportOf is the newest tally of an idea.
func (c *protoClient) supportOf(idea string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tallies[idea].Support
}

// answered counts the replies so far, those without an id included.
func (c *protoClient) answered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers + len(c.strays)
}

// followsFrom is the entry after which seen begins.
func (c *protoClient) followsFrom() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.began
}

func (c *protoClient) wasReset() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reset
}

// cut drops the connection without a word, as a lost network does.
func (c *protoClient) cut() {
	c.mu.Lock()
	conn, done := c.conn, c.done
	c.mu.Unlock()
	if conn == nil {
		return
	}
	_ = conn.NetConn().Close() // nothing to report to: it is being cut
	<-done
}

// closeCode waits for the end of the socket and gives its close code, 0 if it ended without one.
func (c *protoClient) closeCode() int {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		c.t.Fatal("the socket stays open")
	}
	var e *websocket.CloseError
	if errors.As(c.closed, &e) {
		return e.Code
	}
	return 0
}

// seen gives the ids of the ideas posted since following began, in order, from idea.post events; seenBetween those after one entry and up to another.
func (c *protoClient) seen() []string { return c.seenBetween(0, math.MaxUint64) }

func (c *protoClient) seenBetween(after, to uint64) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, e := range c.events {
		if e.Type != "idea.post" || e.Seq <= after || e.Seq > to {
			continue
		}
		var data struct {
			Idea string `json:"idea"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil || data.Idea == "" {
			c.faults = append(c.faults, fmt.Sprintf("idea.post event that does not name its idea: %.200s", e.Data))
		}
		ids = append(ids, data.Idea)
	}
	return ids
}

func (c *protoClient) snapshot() protoSnapshot {
	c.t.Helper()
	var s protoSnapshot
	c.server.want(http.StatusOK, &s, "GET", "/campaigns/"+c.campaign, c.token, nil)
	return s
}
