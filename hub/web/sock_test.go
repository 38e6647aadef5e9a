package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// sock is a client's end of a socket. It keeps every byte of every message.
type sock struct {
	t  *testing.T
	ws *websocket.Conn

	mu      sync.Mutex
	all     strings.Builder
	replies map[string]reply
	strays  []reply // without an id
	to      uint64  // everything up to here was seen
	reset   bool
	changed chan struct{}
	ended   chan struct{}
	err     error
}

// dial opens a socket, or gives the answer that refused it. header are pairs as for do; the name Query is a query.
func (w *world) dial(campaign string, header ...string) (*sock, answer) {
	w.t.Helper()
	h, query := http.Header{}, ""
	for i := 0; i+1 < len(header); i += 2 {
		switch header[i] {
		case "Bearer":
			h.Set("Authorization", "Bearer "+header[i+1])
		case "Cookie":
			h.Set("Cookie", "kiem_session="+header[i+1])
		case "Query":
			query = "?" + header[i+1]
		default:
			h.Add(header[i], header[i+1])
		}
	}
	dialer := websocket.Dialer{Subprotocols: []string{"kiem.v1"}, HandshakeTimeout: 20 * time.Second, EnableCompression: true}
	ws, res, err := dialer.Dial(strings.Replace(w.http.URL, "http", "ws", 1)+"/api/v1/campaigns/"+campaign+"/live"+query, h)
	if err != nil {
		if res == nil {
			w.t.Fatalf("opening a socket: %v", err)
		}
		body := make([]byte, 4096)
		n, _ := res.Body.Read(body)
		return nil, answer{res.StatusCode, res.Header, body[:n]}
	}
	s := &sock{t: w.t, ws: ws, replies: map[string]reply{}, changed: make(chan struct{}), ended: make(chan struct{})}
	w.t.Cleanup(s.cut)
	go s.read()
	return s, answer{res.StatusCode, res.Header, nil}
}

// open opens a socket that must be opened, and waits for hello.
func (w *world) open(campaign string, who person, header ...string) *sock {
	w.t.Helper()
	s, a := w.dial(campaign, append([]string{"Bearer", who.token}, header...)...)
	if s == nil {
		w.t.Fatalf("a socket of %s: %v", who.role, a)
	}
	s.wait("hello", func() bool { return s.all.Len() > 0 })
	return s
}

func (s *sock) read() {
	for {
		_, text, err := s.ws.ReadMessage()
		s.mu.Lock()
		if err != nil {
			s.err = err
			close(s.changed)
			s.changed = make(chan struct{})
			s.mu.Unlock()
			close(s.ended)
			return
		}
		s.all.Write(text)
		s.all.WriteByte('\n')
		var m struct {
			reply
			To uint64 `json:"to"`
		}
		if err := json.Unmarshal(text, &m); err != nil {
			s.t.Errorf("a frame is no JSON: %v: %.200s", err, text)
		}
		switch {
		case m.Type == "reply" && m.ID != "":
			s.replies[m.ID] = m.reply
		case m.Type == "reply":
			s.strays = append(s.strays, m.reply)
		case m.Type == "hello":
			s.to = m.Seq
		case m.Type == "events":
			s.to = m.To
		case m.Type == "reset":
			s.reset = true
		}
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
	}
}

// wait waits until ok, which is called with s.mu held.
func (s *sock) wait(what string, ok func() bool) {
	s.t.Helper()
	late := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		good, changed, err := ok(), s.changed, s.err
		s.mu.Unlock()
		switch {
		case good:
			return
		case err != nil:
			s.t.Fatalf("waiting for %s: the socket ended: %v", what, err)
		}
		select {
		case <-changed:
		case <-late:
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// write sends a message as it is; an error means that the other side is gone.
func (s *sock) write(text string) error {
	_ = s.ws.SetWriteDeadline(time.Now().Add(20 * time.Second))
	return s.ws.WriteMessage(websocket.TextMessage, []byte(text))
}

func (s *sock) push(c command) error {
	text, err := json.Marshal(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.write(string(text))
}

// send does a command and waits for its reply.
func (s *sock) send(c command) reply {
	s.t.Helper()
	r, ok := s.attempt(c)
	if !ok {
		s.t.Fatalf("%s is not answered; the socket ended with %d", c.Type, s.closeCode())
	}
	return r
}

// attempt does a command and waits for its reply; false: the socket ended first.
func (s *sock) attempt(c command) (r reply, ok bool) {
	s.t.Helper()
	s.mu.Lock()
	delete(s.replies, c.ID)
	s.mu.Unlock()
	if err := s.push(c); err != nil {
		return r, false
	}
	late := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		r, ok = s.replies[c.ID]
		changed, err := s.changed, s.err
		s.mu.Unlock()
		if ok || err != nil {
			return r, ok
		}
		select {
		case <-changed:
		case <-late:
			s.t.Fatalf("no answer to %s", c.Type)
		}
	}
}

// seen waits until everything up to that entry has been shown.
func (s *sock) seen(seq uint64) {
	s.t.Helper()
	s.wait("an entry", func() bool { return s.to >= seq || s.reset })
}

// text is everything that was received.
func (s *sock) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// closeCode waits for the end and gives its code; 0 without one.
func (s *sock) closeCode() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		s.t.Fatal("the socket stays open")
	}
	var e *websocket.CloseError
	if errors.As(s.err, &e) {
		return e.Code
	}
	return 0
}

// cut drops the connection without a word.
func (s *sock) cut() {
	_ = s.ws.NetConn().Close()
	<-s.ended
}
