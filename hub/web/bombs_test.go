package web

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// live is how much of the heap is in use.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// maxGrowth is what a hundred hostile sockets may cost.
const maxGrowth = 20 << 20

// TestBombs is T19: compression that is offered is not negotiated, and a compressed frame ends the connection before it is inflated; fragments without end, and
// lengths that are claimed, cost next to nothing.
func TestBombs(t *testing.T) {
	w := newWorld(t)
	c := w.create("Bommen", nil)
	var people []person
	for range 20 {
		people = append(people, w.join(c, "Wie"))
	}
	var bomb bytes.Buffer
	z, err := flate.NewWriter(&bomb, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(bytes.Repeat([]byte{'a'}, 8<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	deflate := "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, permessage-deflate; server_no_context_takeover, x-webkit-deflate-frame"
	kib := bytes.Repeat([]byte{'x'}, 1024)
	for name, attack := range map[string]func(*rawSocket) bool{ // true: the server has to end it
		"a compressed frame": func(s *rawSocket) bool { _, _ = s.Write(honest(0xc1, bomb.Bytes())); return true },
		"compressed fragments": func(s *rawSocket) bool {
			_, _ = s.Write(append(honest(0x41, bomb.Bytes()[:1000]), honest(0x80, bomb.Bytes()[1000:])...))
			return true
		},
		"fragments without end": func(s *rawSocket) bool {
			first := byte(0x01)
			for range 512 {
				if _, err := s.Write(honest(first, kib)); err != nil {
					break
				}
				first = 0
			}
			return true
		},
		"empty fragments": func(s *rawSocket) bool {
			_, _ = s.Write(append(honest(0x01, nil), bytes.Repeat(honest(0x00, nil), 2000)...))
			return false
		},
		"a length of 2^63-1":        func(s *rawSocket) bool { _, _ = s.Write(frame(0x81, 1<<63-1, kib)); return true },
		"a length with the top bit": func(s *rawSocket) bool { _, _ = s.Write(frame(0x81, 1<<63, kib)); return true },
		"a length of 1 TiB":         func(s *rawSocket) bool { _, _ = s.Write(frame(0x81, 1<<40, kib)); return true },
		"a length of 257 KiB":       func(s *rawSocket) bool { _, _ = s.Write(frame(0x81, 257<<10, kib)); return true },
		"lengths that add up": func(s *rawSocket) bool {
			_, _ = s.Write(append(honest(0x01, kib), frame(0x80, 1<<63-1024, kib)...))
			return true
		},
		"a length of 250 KiB, no more": func(s *rawSocket) bool { _, _ = s.Write(frame(0x81, 250<<10, nil)); return false },
		"a length of 60 KiB, no more":  func(s *rawSocket) bool { _, _ = s.Write(frame(0x81, 60<<10, nil)); return false },
		"an unmasked frame":            func(s *rawSocket) bool { _, _ = s.Write([]byte{0x81, 0x02, '{', '}'}); return true },
		"an unknown kind of frame":     func(s *rawSocket) bool { _, _ = s.Write(honest(0x83, kib[:9])); return true },
		"a continuation of nothing":    func(s *rawSocket) bool { _, _ = s.Write(honest(0x80, kib[:9])); return true },
		"a ping of 1 KiB":              func(s *rawSocket) bool { _, _ = s.Write(honest(0x89, kib)); return true },
		"a ping in pieces":             func(s *rawSocket) bool { _, _ = s.Write(honest(0x09, kib[:9])); return true },
		"a bad close":                  func(s *rawSocket) bool { _, _ = s.Write(honest(0x88, []byte{0x03})); return true },
		"4 MiB of pings":               func(s *rawSocket) bool { _, _ = s.Write(bytes.Repeat(honest(0x89, kib[:125]), 32<<10)); return false },
	} {
		t.Run(name, func(t *testing.T) {
			before := live()
			var socks []*rawSocket
			for _, who := range people {
				for range 5 {
					s := w.raw(c, who, deflate)
					if got := s.answer.Header.Get("Sec-WebSocket-Extensions"); got != "" {
						t.Fatalf("negotiated %q", got)
					}
					socks = append(socks, s)
				}
				if name == "4 MiB of pings" {
					break
				}
			}
			ends := make([]bool, len(socks))
			var all sync.WaitGroup
			for n, s := range socks {
				all.Go(func() { ends[n] = attack(s) })
			}
			all.Wait()
			if grown := live() - before; grown > maxGrowth {
				t.Errorf("%d sockets cost %d KiB", len(socks), grown>>10)
			} else {
				t.Logf("%d sockets cost %d KiB", len(socks), grown>>10)
			}
			for n, s := range socks {
				if ends[n] && !s.ended(20*time.Second) {
					t.Fatal("the socket stays open")
				}
				_ = s.Close()
			}
			await(t, "the sockets' ends", func() bool { return w.hub.Stats.Connections.Load() == 0 })
		})
	}
	if strings.Contains(w.log.String(), "panic") {
		t.Errorf("something panicked:\n%s", w.log)
	}
	if r := w.open(c, people[0]).send(newCommand("idea.post", "title", "Na de bommen")); r.Error != nil {
		t.Errorf("%+v", r.Error)
	}
}

// TestTooLarge is T19 and T21 for sizes: over 64 KiB is answered and the socket goes on, over 256 KiB ends it; bodies are bounded, too, whatever they claim or are
// packed in.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create("Te groot", nil)
	ana := w.join(c, "Ana")
	s := w.open(c, ana)
	for _, size := range []int{64<<10 + 1, 100 << 10, 255 << 10} {
		n := len(s.strays)
		if err := s.write(`{"type":"idea.post","data":{"text":"` + strings.Repeat("x", size) + `"}}`); err != nil {
			t.Fatal(err)
		}
		s.wait("an answer", func() bool { return len(s.strays) > n })
		if got := s.strays[n]; got.code() != "too_large" || strings.Contains(got.Error.Message, "{") {
			t.Errorf("%d bytes: %+v", size, got.Error)
		}
	}
	s.send(newCommand("idea.post", "title", "En verder"))
	_ = s.write(strings.Repeat("x", 300<<10))
	if code := s.closeCode(); code != 1009 && code != 0 {
		t.Errorf("300 KiB ended the socket with %d", code)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(bytes.Repeat([]byte(" "), 4<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	commands := "/api/v1/campaigns/" + c + "/commands"
	for _, call := range []struct {
		path   string
		body   string
		header []string
		status int
	}{
		{commands, "[" + strings.Repeat(" ", 1<<20) + "]", nil, 413},
		{commands, strings.Repeat(" ", 10<<20), nil, 413},
		{commands, `{"type":"idea.post","data":{"text":"` + strings.Repeat("x", 65<<10) + `"}}`, nil, 413},
		{commands, "[" + strings.TrimSuffix(strings.Repeat(`{"type":"x"},`, 101), ",") + "]", nil, 413},
		{commands, packed.String(), []string{"Content-Encoding", "gzip"}, 400},
		{"/api/v1/join", strings.Repeat(" ", 65<<10), nil, 413},
		{"/api/v1/signin", strings.Repeat(" ", 65<<10), nil, 413},
		{"/api/v1/invite", strings.Repeat(" ", 65<<10), nil, 413},
		{"/api/v1/campaigns", strings.Repeat(" ", 65<<10), nil, 413},
	} {
		token := ana.token
		if call.path == "/api/v1/campaigns" {
			token = operatorToken
		}
		a := w.do("POST", call.path, call.body, append(call.header, "Bearer", token)...)
		if a.status != call.status || strings.Contains(string(a.body), "{max}") {
			t.Errorf("POST %s with %d bytes: %v, want %d", call.path, len(call.body), a, call.status)
		}
	}
	// A head that is too long, and a body that is shorter than it claims.
	for _, head := range []string{"X: " + strings.Repeat("x", 64<<10), strings.Repeat("X: y\r\n", 10<<10) + "Y: z"} {
		conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = fmt.Fprintf(conn, "GET /api/v1/me HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", head)
		line, _ := bufio.NewReader(conn).ReadString('\n')
		if !strings.Contains(line, " 431 ") && line != "" {
			t.Errorf("a head of %d bytes: %q", len(head), line)
		}
		_ = conn.Close()
	}
}

// TestBadJSON is T21: depth, numbers, bytes that are no UTF-8, halves of pairs, and what is no JSON, over every way; each is refused quickly, by a code, and
// nothing ends but the socket of who goes on like that.
func TestBadJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create("Slecht JSON", nil)
	ana := w.join(c, "Ana")
	idea := w.post(c, ana, "Goed")
	deep := func(n int, open, shut string) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }
	vote := func(value string) string {
		return `{"type":"support.set","data":{"idea":"` + idea + `","value":` + value + `}}`
	}
	docs := []string{
		"", " ", "null", "true", "1", `"x"`, "{", "}", "[", "{}{}", "{},", `{"type":"support.set"`, `{'type':'x'}`, "{\"type\":\"x\",}", "// x\n{}", "\ufeff{}", "NaN", `{"type":}`, "\x00", "{\"a\":\"\x01\"}",
		deep(17, "[", "]"), deep(10_000, "[", "]"), deep(17, `{"a":`, "}"), strings.Repeat("[", 30_000), strings.Repeat(`{"a":`, 10_000), `{"type":"x","data":` + deep(20, "[", "]") + `}`,
		`{"type":"x","data":[` + strings.TrimSuffix(strings.Repeat("1,", 20_000), ",") + `]}`,
		vote("1.0"), vote("1e0"), vote("1e999"), vote("-"), vote("01"), vote("+1"), vote(".5"), vote("0x1"), vote("9007199254740993"), vote(strings.Repeat("9", 400)), vote("Infinity"), vote(`"1"`), vote("true"), vote("[1]"), vote("null"),
		"{\"type\":\"idea.post\",\"data\":{\"title\":\"\xff\"}}", "{\"type\":\"idea.post\",\"data\":{\"title\":\"\xc0\xaf\"}}", "{\"type\":\"idea.post\",\"data\":{\"title\":\"\xed\xa0\x80\"}}",
		`{"type":"idea.post","data":{"title":"\ud800"}}`, `{"type":"idea.post","data":{"title":"\udc00\ud800"}}`, `{"type":"idea.post","data":{"title":"a\u0000b"}}`, `{"type":"idea.post","data":{"title":"\x41"}}`, `{"type":"idea.post","data":{"title":"\u12"}}`,
		`{"type":"support.set","type":"idea.post","data":{}}`, `{"type":"support.set","data":{},"data":{}}`, `{"n":-1,"type":"support.set","data":{}}`, `{"n":1e3,"type":"x"}`, `{"id":"00000000-0000-0000-0000-000000000000","type":"x"}`,
	}
	commands := "/api/v1/campaigns/" + c + "/commands"
	for _, doc := range docs {
		for _, body := range []string{doc, "[" + doc + "]"} {
			start := time.Now()
			a := w.do("POST", commands, body, "Bearer", ana.token)
			var list []reply
			several := json.Unmarshal(a.body, &list) == nil
			refused := a.status == 400 || a.status == 413
			if several && a.status == 200 {
				refused = len(list) > 0
				for _, r := range list {
					refused = refused && (r.code() == "bad_request" || r.code() == "too_large")
				}
			}
			if !refused {
				t.Errorf("%.60q was answered %v", body, a)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%.60q took %v", body, took)
			}
		}
		for _, path := range []string{"/api/v1/join", "/api/v1/signin", "/api/v1/invite", "/api/v1/campaigns", "/api/v1/campaigns/" + c + "/links"} {
			if a := w.do("POST", path, doc, "Bearer", operatorToken); a.status != 400 && a.status != 413 {
				t.Errorf("POST %s %.60q: %v", path, doc, a)
			}
		}
		s := w.open(c, ana)
		if err := s.write(doc); err != nil {
			t.Fatal(err)
		}
		s.wait("an answer", func() bool { return len(s.strays)+len(s.replies) > 0 })
		s.mu.Lock()
		for _, r := range s.strays {
			if r.code() != "bad_request" && r.code() != "too_large" {
				t.Errorf("%.60q over the socket: %+v", doc, r.Error)
			}
		}
		s.mu.Unlock()
		s.cut()
	}
	s := w.open(c, ana)
	for range maxStrikes {
		_ = s.write("{")
	}
	if code := s.closeCode(); code != 4102 {
		t.Errorf("ten in a row ended the socket with %d", code)
	}
	w.open(c, ana).send(newCommand("support.set", "idea", idea, "value", 1))
}

// TestPatience is T20 for those who send slowly or not at all: a head has five seconds, a message ten; who sends whole messages is not hurt.
func TestPatience(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for limits of ten seconds")
	}
	t.Parallel()
	w := newWorld(t)
	if h := w.http.Config; h.ReadHeaderTimeout != headerTime || h.ReadTimeout != bodyTime || h.WriteTimeout != writeTime || h.IdleTimeout != idleTime || h.MaxHeaderBytes != maxHeader {
		t.Errorf("limits of HTTP: %+v", h)
	}
	c := w.create("Geduld", nil)
	good := w.open(c, w.join(c, "Ana"))
	var slow []*rawSocket
	var silent []net.Conn
	for range 20 {
		who := w.join(c, "Traag")
		for range 5 {
			s := w.raw(c, who)
			if _, err := s.Write(frame(0x81, 100, []byte(`{"type":`))); err != nil { // and no more
				t.Fatal(err)
			}
			slow = append(slow, s)
		}
		conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		silent = append(silent, conn)
	}
	drip, endless := w.raw(c, w.join(c, "Druppel")), w.raw(c, w.join(c, "Eindeloos"))
	if _, err := drip.Write(frame(0x81, 1000, nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := endless.Write(honest(0x01, nil)); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var dripping sync.WaitGroup
	dripping.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = drip.Write([]byte("x"))
				_, _ = endless.Write(honest(0x00, nil))
				_ = good.push(newCommand("idea.report", "idea", newUUID(), "reason", ""))
			case <-stop:
				return
			}
		}
	})
	start := time.Now()
	for _, conn := range silent {
		_ = conn.SetReadDeadline(start.Add(20 * time.Second))
		if _, err := conn.Read(make([]byte, 1024)); err != nil {
			var late net.Error
			if asTimeout(err, &late) {
				t.Fatal("half a head is waited for longer than 20 seconds")
			}
		}
	}
	t.Logf("half heads ended after %v", time.Since(start).Round(time.Millisecond))
	for _, s := range append(slow, drip, endless) {
		if !s.ended(max(40*time.Second-time.Since(start), time.Second)) {
			t.Fatal("half a message is waited for longer than 40 seconds")
		}
	}
	t.Logf("half messages ended after %v", time.Since(start).Round(time.Millisecond))
	close(stop)
	dripping.Wait()
	good.send(newCommand("idea.post", "title", "Wie gewoon doet, merkt niets"))
}
