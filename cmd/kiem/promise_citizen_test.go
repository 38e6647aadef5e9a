package main_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// citizen is a client that does all that the protocol asks of one, by itself and for as long as it lives: it fetches the snapshot, follows from there, comes back after
// every end that may be come back from, resumes after what it has seen, resends in order what is unanswered before what is new, and tries again what was `unavailable` or `rate_limited`. What it
// sees that the protocol does not allow it notes as a fault.
type citizen struct {
	t        testing.TB
	name     string
	where    func() string // host:port to dial next; https://host:port of a proxy with TLS
	campaign string
	token    string
	lane     string
	hurry    time.Duration // without an answer for so long it tries elsewhere; 0: it waits
	dial     *websocket.Dialer
	web      *http.Client
	ended    chan struct{}

	mu      sync.Mutex
	news    chan struct{} // closed and replaced whenever something changed
	conn    *websocket.Conn
	number  int  // of the connection
	live    bool // hello came over conn
	known   bool // there is a state to resume from
	at      uint64
	epoch   uint64
	head    string          // of the last hello
	base    map[string]bool // ideas of the snapshot that log goes on from
	log     []sighting      // ideas seen since, in order
	tallies map[string]int  // newest
	errands []*errand       // unanswered, in order
	n       int             // of the lane
	made    int             // ideas posted

	connects, resets, unavailable, limited int
	waits                                  []time.Duration // from the first sending to the answer
	faults                                 []string
}

// sighting is an idea.post event.
type sighting struct {
	seq  uint64
	idea string
}

// errand is a command until it is answered for good.
type errand struct {
	cmd    protoCommand
	text   []byte
	sentOn int       // connection; 0: not sent
	again  time.Time // not before
	begun  time.Time
	sent   time.Time
	done   chan protoFrame
}

// newCitizen gives a citizen who lives until the context ends.
func newCitizen(ctx context.Context, t testing.TB, name, campaign, token string, where func() string, hurry time.Duration) *citizen {
	handshake := patience
	if hurry > 0 {
		handshake = hurry
	}
	c := &citizen{
		t: t, name: name, where: where, campaign: campaign, token: token, lane: newUUID(), hurry: hurry,
		dial: &websocket.Dialer{Subprotocols: []string{"kiem.v1"}, HandshakeTimeout: handshake, TLSClientConfig: anybody},
		web:  &http.Client{Timeout: handshake, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: anybody}},
		news: make(chan struct{}), tallies: map[string]int{}, ended: make(chan struct{}),
	}
	go c.live4ever(ctx)
	return c
}

// anybody is for a proxy whose certificate is for a name that no test can look up; TestProxyLimits checks it.
var anybody = &tls.Config{InsecureSkipVerify: true}

func (c *citizen) announceLocked() { close(c.news); c.news = make(chan struct{}) }

func (c *citizen) faultLocked(format string, args ...any) {
	if len(c.faults) < 5 {
		c.faults = append(c.faults, c.name+": "+fmt.Sprintf(format, args...))
	}
}

func (c *citizen) live4ever(ctx context.Context) {
	defer close(c.ended)
	for ctx.Err() == nil {
		if err := c.once(ctx); err != nil {
			select {
			case <-time.After(time.Duration(10+rand.IntN(60)) * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// once is one connection from beginning to end.
func (c *citizen) once(ctx context.Context) error {
	at := c.where()
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if !known {
		if err := c.fetch(ctx, at); err != nil {
			return err
		}
	}
	c.mu.Lock()
	query := url.Values{"after": {strconv.FormatUint(c.at, 10)}, "epoch": {strconv.FormatUint(c.epoch, 10)}}
	c.mu.Unlock()
	scheme, host := "ws", at
	if after, ok := strings.CutPrefix(at, "https://"); ok {
		scheme, host = "wss", after
	}
	u := url.URL{Scheme: scheme, Host: host, Path: "/api/v1/campaigns/" + c.campaign + "/live", RawQuery: query.Encode()}
	conn, resp, err := c.dial.DialContext(ctx, u.String(), http.Header{"Authorization": {"Bearer " + c.token}})
	if err != nil {
		if resp != nil && resp.StatusCode/100 == 4 {
			c.mu.Lock()
			c.faultLocked("the socket is refused with status %d", resp.StatusCode)
			c.mu.Unlock()
		}
		return err
	}
	c.mu.Lock()
	c.conn, c.live = conn, false
	c.number++
	c.connects++
	number := c.number
	c.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	over := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() { c.write(conn, number, over) })
	err = c.read(ctx, conn)
	close(over)
	_ = conn.Close()
	writing.Wait()
	return err
}

// fetch gets the snapshot, from which it goes on.
func (c *citizen) fetch(ctx context.Context, at string) error {
	address := at
	if !strings.HasPrefix(at, "https://") {
		address = "http://" + at
	}
	req, err := http.NewRequestWithContext(ctx, "GET", address+"/api/v1/campaigns/"+c.campaign, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.web.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode != http.StatusServiceUnavailable && resp.StatusCode != http.StatusBadGateway {
			c.faultLocked("the snapshot is answered with status %d: %.100s", resp.StatusCode, text)
		}
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	var s struct {
		Seq, Epoch uint64
		Ideas      []struct{ ID string }
	}
	if err := json.Unmarshal(text, &s); err != nil {
		c.faultLocked("a snapshot that cannot be read: %v", err)
		return err
	}
	c.known, c.at, c.epoch, c.log, c.base = true, s.Seq, s.Epoch, nil, map[string]bool{}
	clear(c.tallies)
	for _, i := range s.Ideas {
		if c.base[i.ID] {
			c.faultLocked("idea %s is twice in the snapshot", i.ID)
		}
		c.base[i.ID] = true
	}
	return nil
}

// write sends errands in order: those that are due and were not sent over this connection.
func (c *citizen) write(conn *websocket.Conn, number int, over chan struct{}) {
	for {
		c.mu.Lock()
		var next *errand
		wake := c.hurry
		now := time.Now()
		for _, e := range c.errands {
			switch {
			case !c.live || c.number != number:
			case e.sentOn == number:
				if c.hurry > 0 && now.Sub(e.sent) > c.hurry {
					c.mu.Unlock()
					_ = conn.Close() // nobody answers here
					return
				}
			case e.again.After(now):
				if d := e.again.Sub(now); wake == 0 || d < wake {
					wake = d
				}
			case next == nil:
				next = e
				e.sentOn, e.sent = number, now
				if e.begun.IsZero() {
					e.begun = now
				}
			}
		}
		news := c.news
		c.mu.Unlock()
		if next != nil {
			_ = conn.SetWriteDeadline(time.Now().Add(patience)) // the write says the same
			if conn.WriteMessage(websocket.TextMessage, next.text) != nil {
				_ = conn.Close()
				return
			}
			continue
		}
		var timer <-chan time.Time
		if wake > 0 {
			timer = time.After(wake)
		}
		select {
		case <-news:
		case <-timer:
		case <-over:
			return
		}
	}
}

func (c *citizen) read(ctx context.Context, conn *websocket.Conn) error {
	first := true
	for {
		if c.hurry > 0 && first {
			_ = conn.SetReadDeadline(time.Now().Add(c.hurry)) // hello comes at once
		}
		_, text, err := conn.ReadMessage()
		c.mu.Lock()
		if err != nil {
			c.live = false
			if code := closeCode(err); code >= 4100 && ctx.Err() == nil {
				c.faultLocked("closed with %d", code)
			}
			c.announceLocked()
			c.mu.Unlock()
			return err
		}
		var f protoFrame
		if err := json.Unmarshal(text, &f); err != nil {
			c.faultLocked("a frame that cannot be read: %v: %.200s", err, text)
		}
		if first != (f.Type == "hello") {
			c.faultLocked("hello comes first and once, got %q", f.Type)
		}
		if first {
			first = false
			_ = conn.SetReadDeadline(time.Time{})
		}
		ended := c.takeLocked(&f)
		c.announceLocked()
		c.mu.Unlock()
		if ended {
			return nil
		}
	}
}

func closeCode(err error) int {
	if e, ok := err.(*websocket.CloseError); ok {
		return e.Code
	}
	return 0
}

// takeLocked takes one message; true: this connection is of no more use.
func (c *citizen) takeLocked(f *protoFrame) bool {
	switch f.Type {
	case "hello":
		c.live, c.head = true, f.Head
	case "reply":
		c.repliedLocked(f)
	case "events":
		if f.From != c.at || f.To < f.From {
			c.faultLocked("events from %d to %d after having seen up to %d", f.From, f.To, c.at)
		}
		last := f.From
		for _, e := range f.Events {
			if e.Seq <= f.From || e.Seq > f.To || e.Seq < last {
				c.faultLocked("event %s of entry %d in a message about (%d, %d], after entry %d", e.Type, e.Seq, f.From, f.To, last)
			}
			if last = e.Seq; e.Type != "idea.post" {
				continue
			}
			var d struct{ Idea string }
			if err := json.Unmarshal(e.Data, &d); err != nil || d.Idea == "" {
				c.faultLocked("an idea.post that does not name its idea: %.100s", e.Data)
			}
			c.log = append(c.log, sighting{e.Seq, d.Idea})
		}
		c.at = f.To
		for id, tally := range f.Tallies {
			c.tallies[id] = tally.Support
		}
	case "reset":
		c.resets++
		c.known, c.live = false, false
		return true
	default:
		c.faultLocked("unknown message type %q", f.Type)
	}
	return false
}

func (c *citizen) repliedLocked(f *protoFrame) {
	i := slices.IndexFunc(c.errands, func(e *errand) bool { return e.cmd.ID == f.ID })
	if i < 0 {
		return // answered before, over another connection
	}
	e := c.errands[i]
	if f.Error != nil && (f.Error.Code == "unavailable" || f.Error.Code == "rate_limited") {
		if f.Error.Code == "unavailable" {
			c.unavailable++
		} else {
			c.limited++
		}
		e.sentOn, e.again = 0, time.Now().Add(time.Duration(30+rand.IntN(60))*time.Millisecond)
		return
	}
	if (f.Error == nil) == (f.Seq == 0) {
		c.faultLocked("a reply has either a seq or an error: %+v", f)
	}
	c.errands = slices.Delete(c.errands, i, i+1)
	c.waits = append(c.waits, time.Since(e.begun))
	e.done <- *f
}

// begin sends a command and gives where its answer will be.
func (c *citizen) begin(cmd protoCommand) <-chan protoFrame {
	text, err := json.Marshal(cmd)
	if err != nil {
		panic(err) // a map of strings and numbers
	}
	e := &errand{cmd: cmd, text: text, done: make(chan protoFrame, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errands = append(c.errands, e)
	c.announceLocked()
	return e.done
}

// wait waits until ok, which is called with c.mu held.
func (c *citizen) wait(ok func() bool) bool {
	end := time.After(2 * patience)
	for {
		c.mu.Lock()
		good, news := ok(), c.news
		c.mu.Unlock()
		if good {
			return true
		}
		select {
		case <-news:
		case <-end:
			return false
		}
	}
}

// cut ends the connection without a word; it comes back.
func (c *citizen) cut() {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		_ = conn.NetConn().Close()
	}
}
