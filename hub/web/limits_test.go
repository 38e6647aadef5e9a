package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kiem/hub/limit"
	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
)

// strict sets the rates that operators get.
func strict(c *Config) { c.RateScale = 1 }

// tooFastAnswer checks that an answer says when to come back.
func tooFastAnswer(t *testing.T, a answer) {
	t.Helper()
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != http.StatusTooManyRequests || a.code() != "rate_limited" || err != nil || wait < 1 || wait > 3600 {
		t.Errorf("%v with Retry-After %q", a, a.header.Get("Retry-After"))
	}
}

// forged are headers that claim another address each time.
func forged(n int) [][]string {
	one := fmt.Sprintf("203.0.113.%d", n%250)
	return [][]string{
		{"X-Forwarded-For", one}, {"X-Forwarded-For", one + ", 10.0.0.1"}, {"Forwarded", "for=" + one}, {"X-Real-IP", one}, {"X-Client-IP", one}, {"True-Client-IP", one},
		{"CF-Connecting-IP", one}, {"X-Cluster-Client-IP", one}, {"X-Forwarded-For", one, "X-Forwarded-For", "127.0.0.1"}, {"X-Forwarded-For", fmt.Sprintf("2001:db8:%x::1", n)},
	}
}

// TestForgedAddresses is T15: without a trusted proxy no header makes two callers of one.
func TestForgedAddresses(t *testing.T) {
	w := newWorld(t, strict)
	limited := 0
	for n := range 10 {
		for _, header := range forged(n) {
			if a := w.do("GET", "/api/v1/codes/ZZZZZZ", nil, header...); a.status == http.StatusTooManyRequests {
				tooFastAnswer(t, a)
				limited++
			}
		}
	}
	if limited < 85 {
		t.Errorf("only %d of 100 wrong codes were too many", limited)
	}
	// With a proxy: each of its clients has a bucket, and none can choose another one.
	w = newWorld(t, strict, func(c *Config) { c.Proxies = []string{"127.0.0.1"} })
	ask := func(header ...string) int { return w.do("GET", "/api/v1/codes/ZZZZZZ", nil, header...).status }
	for n := range 30 {
		if got := ask("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n)); got != http.StatusNotFound {
			t.Fatalf("client %d of a trusted proxy: %d", n, got)
		}
	}
	limited = 0
	for n := range 30 { // what the client said stands before what the proxy added, on one line or on its own
		first := fmt.Sprintf("203.0.113.%d", n)
		for _, header := range [][]string{
			{"X-Forwarded-For", first + ", 192.0.2.7"}, {"X-Forwarded-For", first, "X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-For", "127.0.0.1, " + first + ",192.0.2.7, 127.0.0.1"},
			{"X-Forwarded-For", "garbage, 192.0.2.7:5123"}, {"X-Forwarded-For", "192.0.2.7", "X-Real-IP", first, "Forwarded", "for=" + first},
		} {
			if ask(header...) == http.StatusTooManyRequests {
				limited++
			}
		}
	}
	if limited < 130 {
		t.Errorf("only %d of 150 wrong codes of one client behind a proxy were too many", limited)
	}
	// What cannot be read counts as the proxy's own, not as somebody new each time.
	limited = 0
	for n := range 30 {
		if ask("X-Forwarded-For", fmt.Sprintf("not-an-address-%d", n)) == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < 15 {
		t.Errorf("only %d of 30 callers without a name were too many", limited)
	}
}

// TestLimitsHoldWithoutRedis is T16: with the shared count away from the start, hanging, or killed under way, each node's own limits on codes, sign-in,
// the operator's token and joins hold.
func TestLimitsHoldWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	conn, err := redisconn.Open(server.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	dead, err := redisconn.Open("redis://127.0.0.1:1", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dead.Close() })
	for _, at := range []struct {
		name string
		conn *redisconn.Conn
		down func()
	}{
		{"never there", dead, func() {}}, {"hanging", conn, server.Pause}, {"killed", conn, func() { server.Resume(); server.Kill() }},
	} {
		t.Run(at.name, func(t *testing.T) {
			w := newWorld(t, strict, func(c *Config) { c.Limits = limit.NewRedis(at.conn, [32]byte{1}, 1) })
			c := w.create("Grenzen", map[string]any{"attendance": 1})
			w.join(c, "Ana")
			at.down()
			for _, try := range []struct {
				name string
				f    func() answer
			}{ // joins first: after too many wrong codes nobody joins from that address
				{"joins", func() answer { return w.do("POST", "/api/v1/join", joinBody(w.codes[c], "Nog een")) }},
				{"wrong codes", func() answer { return w.do("GET", "/api/v1/codes/ZZZZZZ", nil) }},
				{"sign-in", func() answer { return w.do("POST", "/api/v1/signin", map[string]any{"token": "wrong"}) }},
				{"operator tokens", func() answer { return w.do("GET", "/api/v1/me", nil, "Bearer", newUUID()) }},
			} {
				name, f := try.name, try.f
				passed, limited := 0, 0
				for range 45 {
					if a := f(); a.status == http.StatusTooManyRequests {
						tooFastAnswer(t, a)
						limited++
					} else if a.status >= 500 {
						t.Fatalf("%s: %v", name, a)
					} else {
						passed++
					}
				}
				if passed > 32 || limited == 0 || passed == 0 { // the widest is joins: 30 for a small room
					t.Errorf("%s: %d passed, %d were too many", name, passed, limited)
				}
			}
		})
	}
}

// TestCodesAreNotFoundByTrying is T17: a wrong code has one answer whatever is wrong with it, takes as long as another, and once there were too many, the
// right one gets the same answer as a wrong one.
func TestCodesAreNotFoundByTrying(t *testing.T) {
	w := newWorld(t)
	code := w.codes[w.create("Codes", nil)]
	nearly := "2" + code[1:]
	if nearly == code {
		nearly = "3" + code[1:]
	}
	var first answer
	for _, wrong := range []string{"ZZZZZZ", nearly, code[:5], code + "2", "000000", "......", "x", "%F0%9F%8C%B1", strings.Repeat("A", 300)} {
		a := w.refused(404, "not_found", "GET", "/api/v1/codes/"+wrong, nil)
		if first.body == nil {
			first = a
		}
		if !bytes.Equal(a.body, first.body) {
			t.Errorf("code %q: %v, others: %v", wrong, a, first)
		}
	}
	near(t, "a code that is nearly right and one that is not", func(first bool) {
		if first {
			w.do("GET", "/api/v1/codes/"+nearly, nil)
			return
		}
		w.do("GET", "/api/v1/codes/ZZZZZZ", nil)
	})
	w = newWorld(t, strict)
	code = w.codes[w.create("Codes", nil)]
	var mu sync.Mutex
	var all sync.WaitGroup
	seen := map[int]int{}
	for range 60 { // at the same moment
		all.Go(func() {
			a, err := w.try("GET", "/api/v1/codes/ZZZZZZ", nil)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			seen[a.status]++
		})
	}
	all.Wait()
	if seen[404] > 11 || seen[429] < 49 {
		t.Errorf("60 wrong codes at once: %v", seen)
	}
	right, wrong := w.do("GET", "/api/v1/codes/"+code, nil), w.do("GET", "/api/v1/codes/ZZZZZZ", nil)
	tooFastAnswer(t, right)
	if !bytes.Equal(right.body, wrong.body) || right.status != wrong.status {
		t.Errorf("after too many: the right code %v, a wrong one %v", right, wrong)
	}
	if a := w.do("POST", "/api/v1/join", joinBody(code, "Ana")); a.status != http.StatusTooManyRequests {
		t.Errorf("joining by another door: %v", a)
	}
	w.wait(2 * time.Minute)
	w.must(http.StatusOK, nil, "GET", "/api/v1/codes/"+code, nil)
}

// TestTokensAreNotFoundByTrying is T17 for tokens: unknown, malformed and expired ones have one answer; the operator's is compared whole, in the same time wherever
// it differs; and after too many wrong ones from an address the right one does not work from there either.
func TestTokensAreNotFoundByTrying(t *testing.T) {
	w := newWorld(t)
	ana := w.join(w.create("Tekens", nil), "Ana")
	first := w.refused(401, "unauthorised", "GET", "/api/v1/me", nil, "Bearer", strings.Repeat("A", 43))
	wrong := []string{
		"", "x", operatorToken[:len(operatorToken)-1], operatorToken + "x", "X" + operatorToken[1:], strings.ToUpper(operatorToken), ana.token + "A", ana.token[:42], strings.ToLower(ana.token), strings.Repeat("x", 8000),
	}
	for _, token := range wrong {
		if a := w.do("GET", "/api/v1/me", nil, "Bearer", token); a.status != 401 || !bytes.Equal(a.body, first.body) {
			t.Errorf("token %.50q: %v", token, a)
		}
	}
	early, late := "X"+operatorToken[1:], operatorToken[:len(operatorToken)-1]+"X"
	near(t, "an operator's token that is wrong at its start and one at its end", func(start bool) {
		token := late
		if start {
			token = early
		}
		for range 20 {
			w.server.isAdmin(token)
		}
	})
	w.wait(181 * 24 * time.Hour)
	if a := w.do("GET", "/api/v1/me", nil, "Bearer", ana.token); a.status != 401 || !bytes.Equal(a.body, first.body) {
		t.Errorf("an expired session: %v", a)
	}
	w = newWorld(t, strict)
	for n := range 40 {
		if a := w.do("GET", "/api/v1/me", nil, "Bearer", newUUID()); n >= 12 {
			tooFastAnswer(t, a)
		}
	}
	tooFastAnswer(t, w.do("GET", "/api/v1/me", nil, "Bearer", operatorToken))
	w.wait(10 * time.Minute)
	w.must(http.StatusOK, nil, "GET", "/api/v1/me", nil, "Bearer", operatorToken)
}

// TestFloods is T20 for commands: over sockets, HTTP and lists together a session gets 60 at once and 20 a second, and others notice nothing.
func TestFloods(t *testing.T) {
	w := newWorld(t, strict)
	c := w.create("Vloed", nil)
	ana, ben := w.join(c, "Ana"), w.join(c, "Ben")
	idea := w.post(c, ben, "Doel")
	vote := func() command { return newCommand("support.set", "idea", idea, "value", 1) }
	var accepted, limited int
	var mu sync.Mutex
	count := func(r reply) {
		mu.Lock()
		defer mu.Unlock()
		switch r.code() {
		case "":
			accepted++
		case "rate_limited":
			limited++
		default:
			t.Errorf("%+v", r.Error)
		}
	}
	w.freeze() // nothing is given back meanwhile
	s, second := w.open(c, ana), w.open(c, ana)
	var all sync.WaitGroup
	all.Go(func() {
		for range 50 {
			count(s.send(vote()))
		}
	})
	all.Go(func() {
		for range 50 {
			count(second.send(vote()))
		}
	})
	all.Go(func() {
		for range 50 {
			count(w.send(c, ana, vote()))
		}
	})
	all.Go(func() {
		list := make([]command, 50)
		for n := range list {
			list[n] = vote()
		}
		var replies []reply
		w.must(http.StatusOK, &replies, "POST", "/api/v1/campaigns/"+c+"/commands", list, "Bearer", ana.token)
		for _, r := range replies {
			count(r)
		}
	})
	all.Wait()
	if accepted != 60 || limited != 140 {
		t.Errorf("%d accepted and %d refused of 200 at once, want 60 and 140", accepted, limited)
	}
	w.did(c, ben, newCommand("support.set", "idea", idea, "value", 1)) // somebody else
	if a := w.do("POST", "/api/v1/campaigns/"+c+"/commands", vote(), "Bearer", ana.token); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("one more: %v", a)
	}
	// What costs the room work counts, too; the snapshot that everybody gets does not.
	for _, path := range []string{"?q=x", "?limit=1", "/me", "/results"} {
		tooFastAnswer(t, w.do("GET", "/api/v1/campaigns/"+c+path, nil, "Bearer", ana.token))
	}
	tooFastAnswer(t, w.do("GET", "/api/v1/campaigns", nil, "Bearer", ana.token))
	w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c, nil, "Bearer", ana.token)
	for range 12 {
		w.do("GET", "/api/v1/me", nil, "Bearer", ana.token)
	}
	tooFastAnswer(t, w.do("GET", "/api/v1/me", nil, "Bearer", ana.token))
}

// TestJoinFloods is T20 for joins: a room of the expected size and half as much again comes in at once from one address; coming back makes no sessions without end.
func TestJoinFloods(t *testing.T) {
	w := newWorld(t, strict)
	c := w.create("Zaal", map[string]any{"attendance": 40})
	passed := 0
	var all sync.WaitGroup
	var mu sync.Mutex
	for range 90 {
		all.Go(func() {
			a, err := w.try("POST", "/api/v1/join", joinBody(w.codes[c], "Gast"))
			mu.Lock()
			defer mu.Unlock()
			if err == nil && a.status == http.StatusCreated {
				passed++
			}
		})
	}
	all.Wait()
	if passed < 60 || passed > 62 {
		t.Errorf("%d of 90 joined a room for 40 at once, want 60", passed)
	}
	w = newWorld(t, strict)
	c = w.create("Terug", nil)
	body := joinBody(w.codes[c], "Ana")
	again := 0
	for range 40 {
		if w.do("POST", "/api/v1/join", body).status == http.StatusCreated {
			again++
		}
	}
	if again < 5 || again > 13 {
		t.Errorf("somebody came back %d times at once", again)
	}
}
