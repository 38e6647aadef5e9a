package web

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"kiem/hub"
	"kiem/hub/session"
)

// TestFiveSockets is T20 for sockets: a session has five on a node, and one that ends makes room; the node has a number of seats of which one address gets half.
func TestFiveSockets(t *testing.T) {
	w := newWorld(t)
	c := w.create("Vijf", nil)
	ana, ben := w.join(c, "Ana"), w.join(c, "Ben")
	var socks []*sock
	for range 5 {
		socks = append(socks, w.open(c, ana))
	}
	s, a := w.dial(c, "Bearer", ana.token)
	if s == nil || s.closeCode() != 4103 || s.text() != "" {
		t.Fatalf("a sixth socket: %v", a)
	}
	w.open(c, ben).send(newCommand("idea.post", "title", "Ben merkt er niets van"))
	socks[2].cut()
	await(t, "room for another", func() bool {
		s, _ := w.dial(c, "Bearer", ana.token)
		if s == nil {
			return false
		}
		defer s.cut()
		select {
		case <-s.ended:
			return false
		case <-time.After(50 * time.Millisecond):
			return true
		}
	})
	// The node's seats. All here come from one address.
	w.server.seats = newSeats(8)
	opened := 0
	for range 8 {
		s, a := w.dial(c, "Bearer", w.join(c, "Gast").token)
		if s != nil {
			opened++
			continue
		}
		if a.status != http.StatusServiceUnavailable || a.code() != "unavailable" || a.header.Get("Retry-After") == "" {
			t.Errorf("without a seat: %v", a)
		}
	}
	if opened != 4 {
		t.Errorf("one address has %d of 8 seats, want half", opened)
	}
}

// TestSeats is T20: totals and shares, and what is given back.
func TestSeats(t *testing.T) {
	s := newSeats(4)
	for n, step := range []struct {
		address string
		leave   bool
		got     bool
	}{
		{"a", false, true}, {"a", false, true}, {"a", false, false}, // half for one address
		{"b", false, true}, {"", false, true}, {"c", false, false}, {"", false, false}, // and four for all
		{"a", true, true}, {"b", false, true}, {"a", false, false},
		{"b", true, true}, {"b", true, true}, {"a", true, true}, {"", true, true},
	} {
		if step.leave {
			s.leave(step.address)
		} else if got := s.take(step.address); got != step.got {
			t.Errorf("step %d: a seat for %q: %v", n, step.address, got)
		}
	}
	if s.taken != 0 || len(s.by) != 0 {
		t.Errorf("all have left, and %d seats of %v are taken", s.taken, s.by)
	}
}

// TestConnectionsAreBounded is T20 for connections that never become sockets: above the bound they are closed, those that are open go on, and closing makes room.
func TestConnectionsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.server.requests.mu.Lock()
	w.server.requests.most = 8
	w.server.requests.mu.Unlock()
	var open []net.Conn
	dead := 0
	for range 12 {
		conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := conn.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			dead++
			continue
		}
		b := make([]byte, 12)
		if _, err := conn.Read(b); err != nil {
			dead++
			continue
		}
		if string(b) != "HTTP/1.1 200" {
			t.Errorf("answered %q", b)
		}
		open = append(open, conn)
	}
	if len(open) != 4 || dead != 8 { // half of eight, for one address
		t.Errorf("%d connections were served, %d closed", len(open), dead)
	}
	for _, conn := range open {
		_ = conn.Close()
	}
	await(t, "room", func() bool {
		res, err := http.Get(w.http.URL + "/healthz")
		if err != nil {
			return false
		}
		return res.Body.Close() == nil
	})
}

// TestSignOutEndsSockets is T12 and T25: ending a session ends what it has open, at once; who joins another campaign keeps what is open.
func TestSignOutEndsSockets(t *testing.T) {
	w := newWorld(t)
	own := "http://" + w.http.Listener.Addr().String()
	c, d := w.create("Eerste", nil), w.create("Tweede", nil)
	ana := w.join(c, "Ana")
	idea := w.post(c, ana, "Doel")
	s, second := w.open(c, ana), w.open(c, ana)
	w.must(http.StatusNoContent, nil, "POST", "/api/v1/signout", nil, "Bearer", ana.token)
	for range 20 {
		if s.push(newCommand("support.set", "idea", idea, "value", 1)) != nil {
			break
		}
	}
	for _, one := range []*sock{s, second} {
		if code := one.closeCode(); code != 4100 {
			t.Errorf("after signing out a socket ended with %d", code)
		}
	}
	var snap struct {
		Ideas []struct{ Support struct{ Total int } }
	}
	w.must(http.StatusOK, &snap, "GET", "/api/v1/campaigns/"+c, nil, "Bearer", w.join(c, "Ben").token)
	if snap.Ideas[0].Support.Total != 0 {
		t.Error("a vote that came after signing out counts")
	}

	// Erasure.
	eve := w.join(c, "Eve")
	s = w.open(c, eve)
	w.must(http.StatusNoContent, nil, "DELETE", "/api/v1/me", nil, "Bearer", eve.token)
	if code := s.closeCode(); code != 4100 {
		t.Errorf("after erasure the socket ended with %d", code)
	}

	// Joining another campaign takes a new session; the tab that is open stays, and ends with the new session.
	bob := w.join(c, "Bob")
	s = w.open(c, bob)
	joined := cookieOf(t, w.must(http.StatusCreated, nil, "POST", "/api/v1/join", joinBody(w.codes[d], "Bob"), "Cookie", bob.token, "Origin", own)).Value
	w.wait(time.Minute) // so that the socket asks for its session again
	if r := s.send(newCommand("support.set", "idea", idea, "value", 1)); r.Error != nil {
		t.Errorf("a tab that was open when its browser joined another campaign: %+v", r.Error)
	}
	w.must(http.StatusNoContent, nil, "POST", "/api/v1/signout", nil, "Cookie", joined, "Origin", own)
	if code := s.closeCode(); code != 4100 {
		t.Errorf("ended with %d", code)
	}
	await(t, "the end of all sockets", func() bool {
		w.server.sockets.mu.Lock()
		defer w.server.sockets.mu.Unlock()
		return len(w.server.sockets.all) == 0
	})
}

// TestSocketAsksAgain is T12 for several nodes: a session that was ended elsewhere loses its sockets here as soon as they are used, or answer a ping.
func TestSocketAsksAgain(t *testing.T) {
	w := newWorld(t)
	c := w.create("Elders afgemeld", nil)
	ana := w.join(c, "Ana")
	idea := w.post(c, ana, "Doel")
	for name, use := range map[string]func(*sock){
		"a command": func(s *sock) { _, _ = s.attempt(newCommand("support.set", "idea", idea, "value", 1)) },
		"a pong":    func(s *sock) { _ = s.ws.WriteControl(10, nil, time.Now().Add(time.Second)) },
	} {
		who := w.join(c, "Wie")
		s := w.open(c, who)
		s.send(newCommand("support.set", "idea", idea, "value", 0))              // it is being read
		if err := w.server.Sessions.Delete(t.Context(), who.token); err != nil { // as another node does
			t.Fatal(err)
		}
		w.wait(recheckAfter)
		use(s)
		if code := s.closeCode(); code != 4001 {
			t.Errorf("%s under a session that ended elsewhere: the socket ended with %d", name, code)
		}
		if s, a := w.dial(c, "Bearer", who.token); s == nil || s.closeCode() != 4100 {
			t.Errorf("coming back: %v", a)
		}
	}
	var snap struct {
		Ideas []struct{ Support struct{ Total int } }
	}
	w.must(http.StatusOK, &snap, "GET", "/api/v1/campaigns/"+c, nil, "Bearer", ana.token)
	if snap.Ideas[0].Support.Total != 0 {
		t.Error("a command under a session that was ended counts")
	}
}

// TestStaleSessionsRead is T12 and T16 for sessions: while their store is away those that are known read, over HTTP and the socket, and write nothing; nobody new
// comes in; and when it is back, everything goes on by itself.
func TestStaleSessionsRead(t *testing.T) {
	store := &fault{}
	w := newWorld(t, func(c *Config) { store.Store, c.Sessions = c.Sessions, store })
	c := w.create("Even weg", nil)
	ana, fay := w.join(c, "Ana"), w.invite(c, "facilitator", "Fay")
	idea := w.post(c, ana, "Doel")
	before := w.open(c, ana)
	store.setStale(true)
	w.wait(recheckAfter)
	during := w.open(c, ana)
	vote := newCommand("support.set", "idea", idea, "value", 1)
	for name, s := range map[string]*sock{"before": before, "meanwhile": during} {
		if r := s.send(vote); r.code() != "unavailable" {
			t.Errorf("a command over a socket that was opened %s: %+v", name, r)
		}
	}
	for _, path := range []string{"", "/me", "/results"} {
		w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+path, nil, "Bearer", ana.token)
	}
	for _, call := range []struct {
		method, path string
		body         any
		who          person
	}{
		{"POST", "/campaigns/" + c + "/commands", vote, ana}, {"POST", "/campaigns/" + c + "/links", map[string]any{"role": "observer"}, fay}, {"DELETE", "/me", nil, ana},
	} {
		a := w.refused(503, "unavailable", call.method, "/api/v1"+call.path, call.body, "Bearer", call.who.token)
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", call.method, call.path)
		}
	}
	seq := w.send(c, organiser, newCommand("idea.moderate", "idea", idea, "action", "pin", "reason", "")).Seq
	before.seen(seq)
	during.seen(seq)
	store.setStale(false)
	for _, s := range []*sock{before, during} {
		if r := s.send(vote); r.Error != nil {
			t.Errorf("after the store is back: %+v", r.Error)
		}
	}
	store.set(session.ErrUnavailable) // not even known
	w.refused(503, "unavailable", "GET", "/api/v1/campaigns/"+c, nil, "Bearer", ana.token)
	w.refused(503, "unavailable", "POST", "/api/v1/join", joinBody(w.codes[c], "Nieuw"))
	if s, a := w.dial(c, "Bearer", ana.token); s != nil || a.status != 503 {
		t.Errorf("a socket: %v", a)
	}
}

// TestDrain: when the hub closes, sockets are told to come back, calls are told to try again, and nothing is an internal error.
func TestDrain(t *testing.T) {
	w := newWorld(t)
	c := w.create("Sluiten", nil)
	ana := w.join(c, "Ana")
	s := w.open(c, ana)
	w.hub.Close()
	if code := s.closeCode(); code != 4001 {
		t.Errorf("ended with %d", code)
	}
	for _, call := range campaignCalls {
		if call.path == "/live" || strings.HasPrefix(call.path, "/links") {
			continue
		}
		a := w.refused(503, "unavailable", call.method, "/api/v1/campaigns/"+c+call.path, call.body, "Bearer", ana.token)
		if a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", call.method, call.path)
		}
	}
	if a := w.do("GET", "/readyz", nil); a.status != 503 || string(a.body) != "not ready\n" {
		t.Errorf("readyz: %v", a)
	}
	if a := w.do("GET", "/healthz", nil); a.status != 200 {
		t.Errorf("healthz: %v", a)
	}
	if _, err := w.hub.Room(t.Context(), mustID(t, c)); err == nil || err != hub.ErrClosed {
		t.Errorf("a closed hub: %v", err)
	}
}
