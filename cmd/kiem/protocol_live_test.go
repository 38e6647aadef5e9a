package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

func (s *protoScript) helloMessage(t *testing.T) {
	_, resp, err := websocket.DefaultDialer.Dial("ws://"+s.server.addr+"/api/v1/campaigns/"+s.campaign+"/live", nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a socket without a session: %v", err)
	}
	// The session may also be the cookie; then the page's own origin must be named.
	_, header, _ := s.server.call("POST", "/join", "", joinBody(s.code, "Ana", "citizen", s.ana.key))
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	for origin, want := range map[string]int{"http://" + s.server.addr: http.StatusSwitchingProtocols, "https://evil.example": http.StatusForbidden, "": http.StatusForbidden} {
		header := http.Header{"Cookie": {cookie}}
		if origin != "" {
			header.Set("Origin", origin)
		}
		dialer := websocket.Dialer{Subprotocols: []string{"kiem.v1"}, HandshakeTimeout: patience}
		conn, resp, err := dialer.Dial("ws://"+s.server.addr+"/api/v1/campaigns/"+s.campaign+"/live", header)
		if err == nil {
			conn.Close()
		}
		if resp == nil || resp.StatusCode != want {
			t.Errorf("a socket with the cookie from origin %q: %v, want status %d", origin, err, want)
		}
	}

	c := s.client(t, s.ana).connect()
	h := c.hello
	if h.Seq == 0 || h.Epoch == 0 && h.Head == "" || !hashForm.MatchString(h.Head) || h.Durability != "durable" || h.Me == nil || h.ServerTime.IsZero() || h.Node == "" {
		t.Errorf("hello: %+v", h)
	}
}

func (s *protoScript) postAndFollow(t *testing.T) {
	ana, ben := s.client(t, s.ana).connect(), s.client(t, s.ben).connect()
	idea, seq := ana.post("Wooncoöperatie")
	s.remember(idea, "Wooncoöperatie")
	if seq <= ana.hello.Seq {
		t.Errorf("the post is part of entry %d, the head was %d before", seq, ana.hello.Seq)
	}
	for _, c := range []*protoClient{ana, ben} {
		c.wait("the entry of the post", func() bool { return c.at >= seq })
		if got := c.seen(); !slices.Equal(got, []string{idea}) {
			t.Errorf("saw %v, want %v", got, idea)
		}
	}
	ben.mu.Lock()
	for _, e := range ben.events {
		if e.Type == "idea.post" && (e.Seq != seq || e.By != s.ana.Participant.ID || e.At.IsZero()) {
			t.Errorf("event %+v, want entry %d by %s", e, seq, s.ana.Participant.ID)
		}
	}
	ben.mu.Unlock()
	ben.must(setSupport(newUUID(), idea, 1))
	s.support[idea]++
	for _, c := range []*protoClient{ana, ben} {
		c.wait("the tally", func() bool { return c.tallies[idea].Support == 1 })
	}
	// The snapshot may lag the head by a second, not more.
	s.server.poll("the support in the snapshot", func() bool {
		for _, i := range ana.snapshot().Ideas {
			if support, ok := i["support"].(map[string]any); i["id"] == idea && ok && support["total"] == 1.0 {
				return true
			}
		}
		return false
	})
}

// groupFigures looks at by_group with folding off and with the default of 5.
func (s *protoScript) groupFigures(t *testing.T) {
	for _, small := range []int{0, 5} {
		id, code := s.create(t, "Groepen", map[string]any{"small_cell": small})
		var clients []*protoClient
		for n := range 8 {
			group := "citizen"
			if n >= 6 {
				group = "firm"
			}
			session := s.join(t, code, fmt.Sprintf("Gast %d", n), group)
			clients = append(clients, newClient(t, s.server, id, session.Token).connect())
		}
		idea, _ := clients[0].post("Eén idee")
		for _, c := range clients {
			c.must(setSupport(newUUID(), idea, 1))
		}
		c := clients[0]
		c.wait("all eight", func() bool { return c.tallies[idea].Support == 8 })
		if small == 0 {
			c.wait("the figures of both groups", func() bool {
				g := c.tallies[idea].ByGroup
				return g["citizen"] == 6 && g["firm"] == 2
			})
			continue
		}
		c.mu.Lock()
		for group, n := range c.tallies[idea].ByGroup {
			if n > 0 && n < small {
				t.Errorf("by_group shows %d of %s, fewer than small_cell %d", n, group, small)
			}
		}
		c.mu.Unlock()
	}
}

// repeated sends one command over every way in. The first answer comes back each time, and it counts once.
func (s *protoScript) repeated(t *testing.T) {
	ana, ben := s.client(t, s.ana).connect(), s.client(t, s.ben).connect()
	other := s.client(t, s.ben).connect()
	cmd := postIdea(newUUID(), "Eén keer")
	first := ana.must(cmd)
	idea := madeIdea(t, first)
	s.remember(idea, "Eén keer")
	second := ana.must(cmd)
	if second.Seq != first.Seq || string(second.Data) != string(first.Data) {
		t.Errorf("the second answer is %d %s, the first was %d %s", second.Seq, second.Data, first.Seq, first.Data)
	}

	vote := setSupport(newUUID(), idea, 1)
	want := ben.must(vote)
	s.support[idea]++
	for name, got := range map[string]protoFrame{"same socket": ben.must(vote), "other socket": other.must(vote), "HTTP": s.command(t, s.ben.Token, vote)} {
		if got.Error != nil || got.Seq != want.Seq || string(got.Data) != string(want.Data) {
			t.Errorf("%s: answered %d %s (error %+v), the first was %d %s", name, got.Seq, got.Data, got.Error, want.Seq, want.Data)
		}
	}
	marker, seq := ana.post("Daarna")
	s.remember(marker, "Daarna")
	ana.wait("the entry after", func() bool { return ana.at >= seq })
	if got := ana.seen(); !slices.Equal(got, []string{idea, marker}) {
		t.Errorf("saw %v, want %v once and then %v", got, idea, marker)
	}
	if got := ana.supportOf(idea); got != 1 {
		t.Errorf("support is %d after one vote sent four times", got)
	}

	ben.refuse(setSupport(vote.ID, idea, 0), "conflict")
	ana.refuse(postIdea(cmd.ID, "Iets anders"), "conflict")
	ben.must(setSupport(newUUID(), idea, 0))
	s.support[idea]--
	ana.wait("the support taken back", func() bool { return ana.tallies[idea].Support == 0 })
}

// lanes shows that an older command of a lane does not override a newer one, whenever it comes.
func (s *protoScript) lanes(t *testing.T) {
	ana := s.client(t, s.ana).connect()
	idea, _ := ana.post("Met een rijstrook")
	s.remember(idea, "Met een rijstrook")
	ben := s.client(t, s.ben).connect()
	late, newer := setSupport(newUUID(), idea, 0), setSupport(newUUID(), idea, 1)
	late.Lane, late.N = "tab-a", 1
	newer.Lane, newer.N = "tab-a", 2
	ben.must(newer)
	s.support[idea]++
	if f := ben.do(late); f.Error == nil {
		t.Errorf("a command below the newest of its lane was done: %+v", f)
	}
	marker, seq := ana.post("Na de rijstrook")
	s.remember(marker, "Na de rijstrook")
	ana.wait("the entry after", func() bool { return ana.at >= seq })
	if got := ana.supportOf(idea); got != 1 {
		t.Errorf("support is %d: the late command won", got)
	}
}

func (s *protoScript) comments(t *testing.T) {
	ana, ben := s.client(t, s.ana).connect(), s.client(t, s.ben).connect()
	idea, _ := ana.post("Waarover we praten")
	s.remember(idea, "Waarover we praten")
	for _, kind := range []string{"experience", "expertise", "question", "concern", "support"} {
		ben.must(protoCommand{ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": idea, "kind": kind, "text": "Een reactie: " + kind}})
	}
	ana.wait("five comments", func() bool {
		n := 0
		for _, e := range ana.events {
			if e.Type == "comment.post" {
				n++
			}
		}
		return n == 5
	})
	ben.refuse(protoCommand{ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": idea, "kind": "praise", "text": "x"}}, "bad_request")
	ben.refuse(protoCommand{ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": newUUID(), "kind": "question", "text": "x"}}, "not_found")
}

// command sends one command over HTTP. A refusal may come as a reply or as the plain error object; both have "error".
func (s *protoScript) command(t *testing.T, token string, cmd protoCommand) protoFrame {
	t.Helper()
	_, _, text := s.server.call("POST", "/campaigns/"+s.campaign+"/commands", token, cmd)
	var f protoFrame
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatalf("POST commands: %v: %.200s", err, text)
	}
	return f
}

func (s *protoScript) overHTTP(t *testing.T) {
	f := s.command(t, s.ana.Token, protoCommand{Type: "idea.post", Data: postIdea("", "Zonder id").Data})
	if f.Error != nil || !uuidForm.MatchString(f.ID) {
		t.Fatalf("a command without an id: %+v", f)
	}
	s.remember(madeIdea(t, f), "Zonder id")

	batch := []protoCommand{postIdea(newUUID(), "Eerste van drie"), setSupport(newUUID(), newUUID(), 1), postIdea(newUUID(), "Derde van drie")}
	var replies []protoFrame
	s.server.want(http.StatusOK, &replies, "POST", "/campaigns/"+s.campaign+"/commands", s.ana.Token, batch)
	if len(replies) != 3 {
		t.Fatalf("%d replies to three commands", len(replies))
	}
	for n, r := range replies {
		if r.ID != batch[n].ID || (r.Error != nil) != (n == 1) {
			t.Errorf("reply %d: %+v", n, r)
		}
	}
	if replies[1].Error != nil && replies[1].Error.Code != "not_found" {
		t.Errorf("support for an idea that does not exist: %+v", replies[1].Error)
	}
	s.remember(madeIdea(t, replies[0]), "Eerste van drie")
	s.remember(madeIdea(t, replies[2]), "Derde van drie")
}
