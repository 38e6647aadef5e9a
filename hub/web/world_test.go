package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiem/hub"
	"kiem/hub/bus"
	"kiem/hub/journal/memlog"
	"kiem/hub/limit"
	"kiem/hub/session"
	"kiem/hub/vault"
	"kiem/id"
)

// operatorToken is KIEM_ADMIN_TOKEN of the servers in these tests.
const operatorToken = "operator-token-of-the-tests-0123456789abcdef"

// world is a server with everything that it stands on, answering on a loopback port. Its log, at the finest level, is kept: tests search it.
type world struct {
	t      *testing.T
	hub    *hub.Hub
	server *Server
	http   *httptest.Server
	client *http.Client
	log    *logText
	disk   *memlog.Disk
	codes  map[string]string // of campaigns
	ahead  atomic.Int64      // how far the server's clock is ahead, in nanoseconds
	frozen atomic.Pointer[time.Time]
}

// now is the clock of everything in the server.
func (w *world) now() time.Time {
	if at := w.frozen.Load(); at != nil {
		return *at
	}
	return time.Now().Add(time.Duration(w.ahead.Load()))
}

// freeze stops the server's clock.
func (w *world) freeze() {
	at := w.now()
	w.frozen.Store(&at)
}

// wait lets time pass on the server's clock.
func (w *world) wait(d time.Duration) { w.ahead.Add(int64(d)) }

// newWorld starts a server; change may replace anything in its configuration but the hub. Rates are out of the way unless a test sets them.
func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, log: &logText{}, disk: memlog.NewDisk(), codes: map[string]string{}}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dir := t.TempDir()
	names, err := vault.OpenLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = names.Close() })
	sessions, err := session.OpenLite(t.Context(), dir, w.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sessions.Close() })
	local := bus.NewLocal()
	t.Cleanup(func() { _ = local.Close() })
	w.hub, err = hub.New(t.Context(), hub.Config{
		Journal: w.disk.Open(memlog.Options{}), Vault: names, Bus: local, Logger: logger, Sentence: Sentence, Clock: w.now,
		Fail: func(err error) { t.Errorf("the hub failed: %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.hub.Close)
	c := Config{
		Hub: w.hub, Sessions: sessions, Logger: logger, AdminToken: operatorToken, RateScale: 1000, Guest: GuestName, Metrics: NewMetrics(),
		Clock: w.now,
	}
	for _, f := range change {
		f(&c)
	}
	if c.Limits == nil {
		c.Limits = limit.NewLocal(c.RateScale)
	}
	if w.server, err = New(c); err != nil {
		t.Fatal(err)
	}
	w.http = httptest.NewUnstartedServer(nil)
	w.http.Config = w.server.HTTP()
	w.http.Start()
	t.Cleanup(w.http.Close)
	w.client = &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

// logText keeps what was logged.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is the error code of an answer, "" if it is none.
func (a answer) code() string {
	var e struct {
		Error struct{ Code, Message, Field string }
	}
	if json.Unmarshal(a.body, &e) != nil {
		return ""
	}
	return e.Error.Code
}

func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// all is every byte that somebody could read in the answer.
func (a answer) all() string { return fmt.Sprint(a.header) + string(a.body) }

// do makes a request; header are pairs, and a pair with the name Bearer or Cookie is the caller. A body that is no string or bytes is sent as JSON.
func (w *world) do(method, path string, body any, header ...string) answer {
	w.t.Helper()
	a, err := w.try(method, path, body, header...)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (w *world) try(method, path string, body any, header ...string) (answer, error) {
	var content io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
		kind = ""
	case string:
		content = strings.NewReader(b)
	case []byte:
		content = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequest(method, w.http.URL+path, content)
	if err != nil {
		return answer{}, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		switch header[i] {
		case "Bearer":
			r.Header.Set("Authorization", "Bearer "+header[i+1])
		case "Cookie":
			r.Header.Set("Cookie", "kiem_session="+header[i+1])
		case "Host":
			r.Host = header[i+1]
		case "Content-Type":
			r.Header.Set("Content-Type", header[i+1])
		default:
			r.Header.Add(header[i], header[i+1])
		}
	}
	res, err := w.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, text}, err
}

// must makes a request that has to have that status, and reads its JSON.
func (w *world) must(status int, into any, method, path string, body any, header ...string) answer {
	w.t.Helper()
	a := w.do(method, path, body, header...)
	if a.status != status {
		w.t.Fatalf("%s %s: %v, want %d", method, path, a, status)
	}
	if into != nil {
		if err := json.Unmarshal(a.body, into); err != nil {
			w.t.Fatalf("%s %s: %v: %.300s", method, path, err, a.body)
		}
	}
	return a
}

// refused makes a request that has to be refused with that status and code, in JSON, with a sentence.
func (w *world) refused(status int, code, method, path string, body any, header ...string) answer {
	w.t.Helper()
	a := w.do(method, path, body, header...)
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(a.body, &e); err != nil || a.status != status || e.Error.Code != code || e.Error.Message == "" {
		w.t.Errorf("%s %s: %v, want %d %s with a message", method, path, a, status, code)
	}
	return a
}

// create makes a campaign of the operator.
func (w *world) create(title string, settings map[string]any) (campaign string) {
	w.t.Helper()
	if settings == nil {
		settings = map[string]any{}
	}
	var made struct{ ID, Code string }
	w.must(http.StatusCreated, &made, "POST", "/api/v1/campaigns", map[string]any{
		"title": title, "settings": settings, "languages": []string{"nl", "en"},
		"challenge": map[string]any{"title": "Vraag", "text": "Wat doen we samen?", "themes": []string{"Wonen"}, "nodes": []string{"care"}},
	}, "Bearer", operatorToken)
	w.codes[made.ID] = made.Code
	return made.ID
}

// reply is the answer to a command.
type reply struct {
	Type  string          `json:"type"`
	ID    string          `json:"id"`
	Seq   uint64          `json:"seq"`
	Data  json.RawMessage `json:"data"`
	Error *replyError     `json:"error"`
}

type replyError struct{ Code, Message, Field string }

// code is the error code, or "" of a command that was done.
func (r reply) code() string {
	if r.Error == nil {
		return ""
	}
	return r.Error.Code
}

type command struct {
	ID   string         `json:"id,omitempty"`
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

func newCommand(kind string, pairs ...any) command {
	data := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[pairs[i].(string)] = pairs[i+1]
	}
	return command{ID: newUUID(), Type: kind, Data: data}
}

// send does one command over HTTP.
func (w *world) send(campaign string, who person, c command) reply {
	w.t.Helper()
	a := w.do("POST", "/api/v1/campaigns/"+campaign+"/commands", c, "Bearer", who.token)
	var r reply
	if err := json.Unmarshal(a.body, &r); err != nil {
		w.t.Fatalf("%s: %v", c.Type, a)
	}
	return r
}

// did does a command that must succeed, and gives the id of what it made.
func (w *world) did(campaign string, who person, c command) (made string) {
	w.t.Helper()
	r := w.send(campaign, who, c)
	if r.Error != nil || r.Seq == 0 {
		w.t.Fatalf("%s as %s: %+v", c.Type, who.role, r.Error)
	}
	return r.made()
}

// made is the id of what a command made, if it made anything.
func (r reply) made() string {
	var data struct{ Idea, Comment string }
	_ = json.Unmarshal(r.Data, &data) // absent for most commands
	if data.Comment != "" {
		return data.Comment
	}
	return data.Idea
}

// post posts an idea.
func (w *world) post(campaign string, who person, title string) string {
	w.t.Helper()
	return w.did(campaign, who, newCommand("idea.post", "title", title, "text", "Over "+title))
}

func newUUID() string {
	var s Server
	s.Clock = time.Now
	return s.newID().String()
}

// await waits until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// mustID reads an id.
func mustID(t *testing.T, text string) id.ID {
	t.Helper()
	i, err := id.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return i
}
