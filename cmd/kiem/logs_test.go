package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"kiem/hub/redisconn/redistest"
)

// TestLogsNameNobody is T34 and T13 for the whole program, on each store: the log at its finest, with a session of marked words, kills and an outage in it, has one JSON object in each line, and none of the
// marks: no name, organisation, text, reason, title, token, join code, secret of a link, password of Redis, address of a client, or kind of browser.
func TestLogsNameNobody(t *testing.T) {
	promise(t)
	const password = "kanariewachtwoord0123456789"
	for _, store := range []string{"embedded", "redis"} {
		t.Run(store, func(t *testing.T) {
			more := []string{"--log-level", "debug", "--log-format", "json", "--proxy", "127.0.0.1"}
			var redis *redistest.Server
			if store == "redis" {
				redis = redistest.Start(t)
				admin := goredis.NewClient(&goredis.Options{Addr: redis.Addr})
				if err := admin.Do(t.Context(), "acl", "setuser", "kiem", "on", ">"+password, "~*", "&*", "+@all").Err(); err != nil {
					t.Fatal(err)
				}
				_ = admin.Close() // it has done its work
				more = append(more, "--redis", strings.Replace(redis.URL(), "redis://", "redis://kiem:"+password+"@", 1))
			}
			server := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "data"), more...)
			server.start()
			marks := marked(t, server)
			if redis != nil { // what goes wrong is logged with its cause
				redis.Pause()
				until(t, "the outage to be noticed", func() bool { return ready(server.addr) == http.StatusServiceUnavailable })
				redis.Resume()
				until(t, "the end of the outage", func() bool { return ready(server.addr) == http.StatusOK })
			}
			server.kill()
			server.start()
			if code := server.terminate(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			marks["the password of Redis"] = password
			marks["the operator's token"] = adminToken
			log := server.log.all()
			low := strings.ToLower(log)
			for what, mark := range marks {
				if strings.Contains(low, strings.ToLower(mark)) {
					t.Errorf("the log has %s: %q", what, mark)
				}
			}
			lines, numbered := 0, 0
			for line := range strings.Lines(log) {
				var l struct {
					Time                time.Time
					Level, Msg, Request string
				}
				if err := json.Unmarshal([]byte(line), &l); err != nil || l.Time.IsZero() || l.Level == "" || l.Msg == "" {
					t.Errorf("a line in another form: %.200s", line)
				}
				lines++
				if l.Request != "" {
					numbered++
				}
			}
			if lines < 20 || numbered < 15 {
				t.Errorf("%d lines, %d with the number of a request: nothing was logged, so nothing was searched", lines, numbered)
			}
		})
	}
}

// marked is a session in which everything that people give is marked; it gives the marks.
func marked(t *testing.T, server *kiemProcess) map[string]string {
	t.Helper()
	s := &protoScript{server: server}
	campaign, code := s.create(t, "Kanarietitel", map[string]any{})
	marks := map[string]string{"the join code": code}
	header := []string{"X-Forwarded-For", "203.0.113.77", "User-Agent", "kanariebrowser", "Referer", "https://kanarie.example/", "X-Request-Id", "kanarienummer"}
	var session struct {
		Token       string
		Participant struct{ ID string }
	}
	call := func(want int, into any, method, path, token string, body any) {
		t.Helper()
		status, _, text := server.call(method, path, token, body, header...)
		if status != want {
			t.Fatalf("%s %s: %d %.200s", method, path, status, text)
		}
		if into != nil {
			if err := json.Unmarshal(text, into); err != nil {
				t.Fatal(err)
			}
		}
	}
	key := newUUID()
	call(201, &session, "POST", "/join", "", map[string]any{"code": code, "name": "Kanarienaam", "group": "firm", "organisation": "Kanariebedrijf", "channel": "kanariekanaal", "key": key})
	marks["a token"], marks["a key"] = session.Token, key
	c := newClient(t, server, campaign, session.Token).connect()
	idea := madeIdea(t, c.must(protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": "Kanarie-idee", "text": "Kanarietekst", "need": "Kanarienood"}}))
	c.must(setSupport(newUUID(), idea, 1))
	c.must(protoCommand{ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": idea, "kind": "question", "text": "Kanariereactie"}})
	c.must(protoCommand{ID: newUUID(), Type: "participant.rename", Data: map[string]any{"participant": session.Participant.ID, "name": "Kanarienaam twee"}})
	base := "/campaigns/" + campaign
	for _, method := range []string{"GET", "POST", "DELETE", "PATCH"} { // refusals of all kinds
		for _, path := range []string{"/codes/KANARIE", base + "/kanarie", base + "/commands", "/signin", "/invite", "/kanarie?kanarie=1", base + "?q=kanarie"} {
			for _, token := range []string{"", session.Token, "kanarie" + strings.Repeat("x", 36)} {
				_, _, _ = server.call(method, path, token, map[string]any{"token": "kanarie", "type": "kanarie"}, header...)
			}
		}
	}
	for n := range 12 { // one after the other too many
		_, _, _ = server.call("GET", fmt.Sprintf("/codes/KANAR%d", n%10), "", nil, header...)
	}
	var link struct{ URL string }
	call(201, &link, "POST", base+"/links", adminToken, map[string]any{"role": "facilitator"})
	_, secret, _ := strings.Cut(link.URL, "#")
	marks["the secret of an invitation"] = secret
	call(201, nil, "POST", "/invite", "", map[string]any{"token": secret, "name": "Kanariebegeleider"})
	call(200, nil, "GET", base+"/participants", adminToken, nil)
	call(200, nil, "GET", base+"/export", adminToken, nil)
	call(200, nil, "GET", "/admin/status", adminToken, nil)
	c.cut()
	call(204, nil, "DELETE", "/me", session.Token, nil)
	marks["a word that people wrote, or their browser said"] = "kanarie"
	marks["a client's address"] = "203.0.113"
	return marks
}
