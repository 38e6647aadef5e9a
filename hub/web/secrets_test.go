package web

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"kiem/hub"
	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
)

// TestLogKeepsSecrets is T13, T23 and T34 for the log: at its finest level it holds no token, no secret of a link, no name, organisation, or word that anybody
// wrote, and no vote; and nothing that anybody sends makes a line of its own or colours a terminal.
func TestLogKeepsSecrets(t *testing.T) {
	w := newWorld(t)
	c := w.create("Kanarie-titel", nil)
	evil := "kanarie\r\ntime=2026-01-01 level=ERROR msg=vervalst\x1b[31mrood\x1b]0;titel\x07\u2028\u0085"
	secrets := map[string]string{"operator token": operatorToken, "title": "Kanarie-titel", "evil": "kanarie"}
	signIn := w.signInSecret(time.Minute)
	invitation := w.invitation(c, "facilitator")
	secrets["sign-in link"], secrets["invitation"] = signIn, invitation
	body := joinBody(w.codes[c], "Kanarienaam")
	body["organisation"], body["channel"] = "Kanarie-organisatie", "kanarie-kanaal"
	joined := w.must(http.StatusCreated, nil, "POST", "/api/v1/join", body)
	ana := person{token: cookieOf(t, joined).Value}
	ana.id = w.me(c, ana)
	secrets["key"], secrets["session"] = body["key"].(string), ana.token
	w.must(http.StatusOK, nil, "POST", "/api/v1/signin", map[string]any{"token": signIn})
	w.must(http.StatusCreated, nil, "POST", "/api/v1/invite", map[string]any{"token": invitation, "name": "Kanarienaam"})
	idea := w.post(c, ana, "Kanarie-idee")
	s := w.open(c, ana)
	for _, kind := range []string{"support.set", evil} {
		for _, value := range []any{1, 0, evil} {
			cmd := newCommand(kind, "idea", idea, "value", value)
			w.send(c, ana, cmd)
			s.attempt(cmd)
		}
	}
	for _, field := range []string{"title", "text", "need", "themes", evil} {
		w.send(c, ana, newCommand("idea.post", "title", "Gewoon", field, evil))
	}
	w.send(c, ana, newCommand("comment.post", "idea", idea, "kind", "question", "text", "Kanarie-reactie"))
	w.send(c, ana, newCommand("participant.rename", "name", "Kanarienaam twee"))
	w.send(c, organiser, newCommand("participant.mute", "participant", ana.id, "reason", "Kanarie-reden"))
	w.send(c, organiser, newCommand("campaign.edit", "title", "Kanarie-titel twee"))
	for _, header := range []string{"User-Agent", "Referer", "Accept-Language", "X-Request-Id", "X-Forwarded-For", "If-None-Match", "Origin", "Accept"} {
		_, _ = w.try("GET", "/api/v1/campaigns/"+c, nil, "Bearer", ana.token, header, strings.NewReplacer("\r", " ", "\n", " ", "\x07", "").Replace(evil)) // a client may refuse to send it
		_, _ = w.try("POST", "/api/v1/campaigns/"+c+"/commands", "{", "Bearer", ana.token, header, "kanarie")
	}
	for _, path := range []string{"/api/v1/campaigns/" + percent(evil), "/" + percent(evil), "/api/v1/codes/" + percent(evil), "/api/v1/campaigns/" + c + "?q=" + percent(evil), "/api/v1/campaigns/" + c + "/export?format=" + percent(evil)} {
		w.do("GET", path, nil, "Bearer", ana.token)
		w.do("GET", path, nil, "Bearer", "kanarie"+strings.Repeat("x", 36), "Cookie", "kanarie")
	}
	for _, raw := range []string{"GET /kanarie\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n", "kanarie\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nKanarie\x1b: y\r\n\r\n", "GET /api/v1/campaigns/" + c + "/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: kanarie\x1b\r\nAuthorization: Bearer " + ana.token + "\r\n\r\n"} {
		w.rawRequest(raw)
	}
	w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/participants", nil, "Bearer", operatorToken)
	w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/export", nil, "Bearer", operatorToken)
	w.must(http.StatusNoContent, nil, "DELETE", "/api/v1/me", nil, "Bearer", ana.token)

	log := w.log.String()
	for _, read := range []string{"the list of participants was read", "an export was made", "a campaign was created", "signed in by a link"} { // what has to be there
		if !strings.Contains(log, read) {
			t.Errorf("the log does not say that %s", read)
		}
	}
	low := strings.ToLower(log)
	for what, secret := range secrets {
		if strings.Contains(low, strings.ToLower(secret)) {
			t.Errorf("the log holds the %s", what)
		}
	}
	for n, line := range strings.Split(strings.TrimSuffix(log, "\n"), "\n") {
		if !strings.HasPrefix(line, "time=") || strings.ContainsAny(line, "\r\x1b\x07\u2028\u0085") {
			t.Errorf("line %d is not the server's own: %q", n, line)
		}
		if strings.Contains(line, ana.id) && strings.Contains(line, idea) {
			t.Errorf("line %d joins a person and an idea: %q", n, line)
		}
	}
}

// rawRequest sends bytes to the server and waits for its answer.
func (w *world) rawRequest(text string) string {
	w.t.Helper()
	return rawExchange(w.t, w.http.Listener.Addr().String(), text)
}

// TestJournalJoinsNobodyWithAChoice is T34 for the journal: in all that is stored, no record that holds a choice holds its voter's id, and none that holds the id
// holds the pseudonym; the events that others are shown do not say who voted, nor how.
func TestJournalJoinsNobodyWithAChoice(t *testing.T) {
	w := newWorld(t)
	c := w.create("Stemmen", nil)
	watch := w.open(c, w.join(c, "Kijker"))
	var voters []person
	for n := range 12 {
		voters = append(voters, w.join(c, fmt.Sprint("Stemmer ", n)))
	}
	idea := w.post(c, voters[0], "Doel")
	var last uint64
	for n, who := range voters {
		last = w.send(c, who, newCommand("support.set", "idea", idea, "value", 1)).Seq
		if n%3 == 0 {
			last = w.send(c, who, newCommand("support.set", "idea", idea, "value", 0)).Seq
		}
	}
	watch.seen(last)
	log, err := w.disk.Open(memlog.Options{}).Open(t.Context(), hub.LogName(mustID(t, c)))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := log.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	ideaID := mustID(t, idea)
	votes, pseudonyms := 0, map[string]bool{}
	for _, one := range stored {
		e, err := journal.Decode(one.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range e.Records {
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			all := append(text, r.Data...)
			for _, p := range r.Parts {
				all = append(all, p.Bytes...)
			}
			if r.Type == campaign.SupportSet {
				votes++
				pseudonyms[string(r.Parts[0].Bytes[:16])] = true
				if !bytes.Contains(all, ideaID[:]) {
					t.Fatal("a vote does not name its idea: this test would find nothing")
				}
			}
			for _, who := range voters {
				i := mustID(t, who.id)
				named := bytes.Contains(all, i[:]) || bytes.Contains(all, []byte(who.id)) || bytes.Contains(all, []byte(hex.EncodeToString(i[:]))) || r.Actor == i
				if named && r.Type == campaign.SupportSet {
					t.Errorf("entry %d joins a voter and a choice", one.Seq)
				}
			}
		}
	}
	if votes != 16 || len(pseudonyms) != len(voters) {
		t.Fatalf("%d votes under %d pseudonyms", votes, len(pseudonyms))
	}
	for _, one := range stored {
		e, err := journal.Decode(one.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range e.Records {
			for pseudonym := range pseudonyms {
				if r.Type != campaign.SupportSet && (bytes.Contains(r.Data, []byte(pseudonym)) || string(r.Actor[:]) == pseudonym) {
					t.Errorf("entry %d (%s) holds the pseudonym of a voter", one.Seq, r.Type)
				}
			}
		}
	}
	shown := watch.text() + w.do("GET", "/api/v1/campaigns/"+c, nil, "Bearer", operatorToken).all() + w.do("GET", "/api/v1/campaigns/"+c+"/export", nil, "Bearer", operatorToken).all() +
		w.do("GET", "/api/v1/campaigns/"+c+"/participants", nil, "Bearer", operatorToken).all()
	for pseudonym := range pseudonyms {
		if strings.Contains(shown, hex.EncodeToString([]byte(pseudonym))) || strings.Contains(shown, pseudonym) {
			t.Error("a pseudonym is shown")
		}
	}
	if strings.Contains(watch.text(), `"type":"support.set"`) || strings.Contains(watch.text(), `"choice"`) {
		t.Error("an event says how somebody voted")
	}
}

// inside are traces of what only the server may know: Go's errors, source files, paths of the machine, names of libraries and stores.
var inside = regexp.MustCompile(`(?i)\.go\b|goroutine|runtime error|panic|stack|/root/|/home/|/tmp/|/work/|/usr/|sqlite|redis|gorilla|gin-gonic|strconv|json:|invalid character|unexpected end|unmarshal|\bEOF\b|\bnil\b|hub:|journal:|vault:|session:|directory:|kiem/|context deadline|context canceled|websocket:|http:|tcp|0x[0-9a-f]{6}|no such file|permission denied|select |insert into`)

// TestErrorsSayNothing is T35: whatever comes in at whatever address, the answer is a code and a sentence, never an error of Go, a path or a name from inside;
// and it is never the server's fault.
func TestErrorsSayNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create("Rommel", nil)
	ana := w.join(c, "Ana")
	idea := w.post(c, ana, "Goed")
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	junk := func() string {
		switch random.IntN(4) {
		case 0:
			return vectors[random.IntN(len(vectors))]
		case 1:
			b := make([]byte, random.IntN(40))
			for n := range b {
				b[n] = byte(random.IntN(256))
			}
			return string(b)
		case 2:
			return pick(c, idea, ana.id, newUUID(), "", "0", "-1", "99999999999999999999", "null", "%", "\x00")
		}
		return strings.Repeat(pick("a", "[", "{", "\"", "é", "\xff"), random.IntN(300))
	}
	value := func() any {
		switch random.IntN(7) {
		case 0:
			return random.IntN(100) - 50
		case 1:
			return nil
		case 2:
			return []any{junk(), random.IntN(3)}
		case 3:
			return map[string]any{junk(): junk()}
		case 4:
			return random.IntN(2) == 0
		}
		return junk()
	}
	routes := []string{
		"/api/v1/join", "/api/v1/codes/*", "/api/v1/signin", "/api/v1/signout", "/api/v1/invite", "/api/v1/me", "/api/v1/campaigns", "/api/v1/campaigns/*", "/api/v1/campaigns/*/me", "/api/v1/campaigns/*/live",
		"/api/v1/campaigns/*/commands", "/api/v1/campaigns/*/results", "/api/v1/campaigns/*/export", "/api/v1/campaigns/*/participants", "/api/v1/campaigns/*/links", "/api/v1/campaigns/*/qr.svg", "/api/v1/*", "/api/*", "/readyz", "/*",
	}
	kinds := []string{"idea.post", "idea.edit", "support.set", "comment.post", "comment.moderate", "stage.set", "role.grant", "campaign.edit", "participant.rename", "idea.moderate", "idea.answer", "campaign.create", "epoch", "checkpoint", ""}
	s := w.open(c, ana)
	statuses := map[int]int{}
	for range 2500 {
		path := pick(routes...)
		for strings.Contains(path, "*") {
			part := c
			if random.IntN(3) == 0 {
				part = percent(junk())
			}
			path = strings.Replace(path, "*", part, 1)
		}
		for n := random.IntN(3); n > 0; n-- {
			path += pick("?", "&") + pick("q", "limit", "offset", "sort", "node", "theme", "after", "epoch", "top", "format", "measure", "lang", "x") + "=" + percent(junk())
		}
		body := any(nil)
		if random.IntN(2) == 0 {
			object := map[string]any{}
			for n := random.IntN(5); n > 0; n-- {
				object[pick("type", "data", "id", "code", "name", "group", "key", "token", "title", "settings", "challenge", "languages", "role", "n", "lane", junk())] = value()
			}
			if random.IntN(2) == 0 {
				object = map[string]any{"type": pick(kinds...), "data": map[string]any{pick("idea", "title", "text", "value", "kind", "comment", "action", "participant", "role", "stage", "settings"): value(), pick("idea", "text", "reason", "name"): value()}}
			}
			body = object
			if random.IntN(8) == 0 {
				body = junk()
			}
		}
		header := []string{"Bearer", pick(ana.token, operatorToken, ana.token, "", junk())}
		if random.IntN(4) == 0 {
			header = append(header, pick("If-None-Match", "Accept-Encoding", "Accept-Language", "Origin", "Sec-Fetch-Site", "Content-Type", "Content-Encoding", "Range", "X-Forwarded-For", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Transfer-Encoding", "Expect"), junk())
		}
		method := pick("GET", "GET", "GET", "POST", "POST", "POST", "POST", "DELETE", "HEAD", "PATCH")
		if strings.Contains(path, "signout") || method == "DELETE" && strings.HasPrefix(path, "/api/v1/me") {
			header[1] = w.leaver(c) // who goes this way is gone
		}
		a, err := w.try(method, path, body, header...)
		if err != nil {
			continue // the client would not send it, or the server ended it
		}
		statuses[a.status]++
		page := strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
		if a.status >= 400 && !page && inside.Match(a.body) || a.status >= 500 {
			t.Errorf("%s %s: %v", path, inside.Find(a.body), a)
		}
		if body != nil && strings.HasSuffix(path, "/commands") {
			if text, err := json.Marshal(body); err == nil {
				if s.write(string(text)) != nil {
					s = w.open(c, ana)
				}
			}
		}
	}
	t.Logf("answers: %v", statuses)
	if found := inside.FindString(strings.ReplaceAll(s.text(), "sqlite", "")); found != "" {
		t.Errorf("a socket was told %q", found)
	}
	if log := w.log.String(); strings.Contains(log, "level=ERROR") {
		at := strings.Index(log, "level=ERROR")
		t.Errorf("the server found a fault of its own: %.600s", log[at:])
	}
	w.send(c, ana, newCommand("support.set", "idea", idea, "value", 1))
}

// leaver is somebody who may sign out or be erased.
func (w *world) leaver(campaignID string) string { return w.join(campaignID, "Vertrekker").token }

// TestPanicsSayNothing is T35 for what nobody thought of: a handler that panics is answered like any fault, and the next request is served.
func TestPanicsSayNothing(t *testing.T) {
	w := newWorld(t)
	w.server.engine.GET("/panics", w.server.handle(func(*gin.Context) error { panic("secret of /root/x.go") }))
	w.server.engine.GET("/fails", w.server.handle(func(*gin.Context) error { return fmt.Errorf("sqlite: /root/x.db: %w", errors.ErrUnsupported) }))
	for _, path := range []string{"/panics", "/fails"} {
		a := w.refused(500, "internal", "GET", path, nil)
		if inside.Match(a.body) || strings.Contains(a.all(), "secret") {
			t.Errorf("%s: %v", path, a)
		}
	}
	if log := w.log.String(); !strings.Contains(log, "secret of /root/x.go") || !strings.Contains(log, "x.db") {
		t.Error("the operator is not told either")
	}
	w.must(http.StatusOK, nil, "GET", "/readyz", nil)
}
