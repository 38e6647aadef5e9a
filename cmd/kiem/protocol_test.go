package main_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kiem/hub/redisconn/redistest"
)

// TestProtocol is a client that knows the protocol's description and nothing of the server. It starts the program as an operator would and goes through a
// campaign: create, join, follow, post, support, be refused, be cut and resume, kill -9 in a burst, restart, export. Once for each store.
func TestProtocol(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills servers")
	}
	binary := kiemBinary(t)
	t.Run("refuses a short admin token", func(t *testing.T) { shortToken(t, binary) })
	t.Run("sqlite", func(t *testing.T) { protocol(t, serveKiem(t, binary, filepath.Join(t.TempDir(), "data"))) })
	t.Run("redis", func(t *testing.T) {
		redis := redistest.Start(t)
		protocol(t, serveKiem(t, binary, filepath.Join(t.TempDir(), "data"), "--redis", redis.URL()))
	})
}

func protocol(t *testing.T, server *kiemProcess) {
	server.start()
	s := &protoScript{server: server}
	steps := []struct {
		name string
		run  func(*testing.T)
	}{
		{"operator addresses", s.operator},
		{"create and join", s.createAndJoin},
		{"hello", s.helloMessage},
		{"post, events and tallies", s.postAndFollow},
		{"group figures fold small groups", s.groupFigures},
		{"a repeated command counts once", s.repeated},
		{"lanes", s.lanes},
		{"comments", s.comments},
		{"commands over HTTP", s.overHTTP},
		{"refusals", s.refusals},
		{"protocol errors", s.protocolErrors},
		{"moderation before publication", s.preModeration},
		{"cut and resume", s.cutAndResume},
		{"kill -9 in a burst", s.killInBurst},
		{"export", s.export},
		{"phase closed", s.phaseClosed},
		{"erasure", s.erasure},
		{"going away", s.goingAway},
	}
	for _, step := range steps {
		ok := t.Run(step.name, func(t *testing.T) { server.t = t; step.run(t) })
		server.t = t
		if !ok && (step.name == "create and join" || server.cmd == nil) {
			t.Fatal("the rest needs what failed")
		}
	}
}

// protoScript is the state of one run.
type protoScript struct {
	server   *kiemProcess
	campaign string
	code     string
	ana, ben protoSession
	posted   map[string]string // ideas that were acknowledged, id to title
	support  map[string]int    // how many support an idea, as acknowledged
}

// protoSession is the answer to a join.
type protoSession struct {
	Token       string `json:"token"`
	Participant struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Group string `json:"group"`
		Role  string `json:"role"`
	} `json:"participant"`
	Campaign struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	} `json:"campaign"`
	key string
}

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func postIdea(id, title string) protoCommand {
	return protoCommand{ID: id, Type: "idea.post", Data: map[string]any{
		"title": title, "text": "Wat we willen doen: " + title, "themes": []string{"Wonen"}, "innovation": []string{"service"},
		"need": "Een thuis, voor wie er geen heeft.",
	}}
}

func setSupport(id, idea string, value int) protoCommand {
	return protoCommand{ID: id, Type: "support.set", Data: map[string]any{"idea": idea, "value": value}}
}

func madeIdea(t *testing.T, f protoFrame) string {
	t.Helper()
	var data struct {
		Idea string `json:"idea"`
	}
	if err := json.Unmarshal(f.Data, &data); err != nil || !uuidForm.MatchString(data.Idea) {
		t.Fatalf("the reply to idea.post has no idea: %s", f.Data)
	}
	return data.Idea
}

func (s *protoScript) create(t *testing.T, title string, settings map[string]any) (id, code string) {
	t.Helper()
	var made struct {
		ID      string `json:"id"`
		Code    string `json:"code"`
		JoinURL string `json:"join_url"`
	}
	s.server.want(http.StatusCreated, &made, "POST", "/campaigns", adminToken, map[string]any{
		"title": title, "template": "campaign", "languages": []string{"nl"}, "settings": settings,
		"challenge": map[string]any{"title": "Hoe wonen we samen?", "text": "De stad groeit. Hoe blijft er plaats voor iedereen?",
			"nodes": []string{"social_innovation"}, "themes": []string{"Wonen", "Samenleven"}},
	})
	if !uuidForm.MatchString(made.ID) || made.Code == "" || !strings.Contains(made.JoinURL, made.Code) {
		t.Fatalf("POST /campaigns answered %+v", made)
	}
	return made.ID, made.Code
}

func (s *protoScript) join(t *testing.T, code, name, group string) protoSession {
	t.Helper()
	session := protoSession{key: newUUID()}
	s.server.want(http.StatusCreated, &session, "POST", "/join", "", joinBody(code, name, group, session.key))
	if session.Token == "" || !uuidForm.MatchString(session.Participant.ID) {
		t.Fatalf("POST /join answered %+v", session)
	}
	return session
}

func joinBody(code, name, group, key string) map[string]any {
	return map[string]any{"code": code, "name": name, "group": group, "organisation": "", "channel": "affiche", "key": key}
}

func (s *protoScript) client(t *testing.T, session protoSession) *protoClient {
	return newClient(t, s.server, session.Campaign.ID, session.Token)
}

// remember notes an acknowledged idea for the export.
func (s *protoScript) remember(id, title string) {
	if s.posted == nil {
		s.posted, s.support = map[string]string{}, map[string]int{}
	}
	s.posted[id] = title
}

func shortToken(t *testing.T, binary string) {
	cmd := exec.Command(binary, "serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	cmd.Env = append(cleanEnv(), "KIEM_ADMIN_TOKEN="+strings.Repeat("x", 31))
	ended := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("ended without an error")
		}
	case <-time.After(patience):
		_ = cmd.Process.Kill() // the test has failed already
		t.Error("the server runs with an admin token of 31 characters")
	}
}

func (s *protoScript) operator(t *testing.T) {
	for _, path := range []string{"/healthz", "/readyz"} {
		resp, err := http.Get(s.server.url(path))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func (s *protoScript) createAndJoin(t *testing.T) {
	s.server.refused(http.StatusUnauthorized, "unauthorised", "POST", "/campaigns", "", map[string]any{"title": "x"})
	s.campaign, s.code = s.create(t, "Samen wonen", map[string]any{})
	status, _, list := s.server.call("GET", "/campaigns", adminToken, nil)
	if status != http.StatusOK || !strings.Contains(string(list), s.campaign) {
		t.Errorf("GET /campaigns: %d %.200s", status, list)
	}

	s.ana = s.join(t, s.code, "Ana", "citizen")
	s.ben = s.join(t, s.code, "Ben", "firm")
	if p := s.ana.Participant; p.Name != "Ana" || p.Group != "citizen" || p.Role != "participant" {
		t.Errorf("joined as %+v", p)
	}
	if s.ana.Campaign.ID != s.campaign || s.ana.Campaign.Title != "Samen wonen" {
		t.Errorf("joined %+v", s.ana.Campaign)
	}
	s.sameKey(t)

	// Over plain HTTP the cookie has the plain name.
	_, header, _ := s.server.call("POST", "/join", "", joinBody(s.code, "Ana", "citizen", s.ana.key))
	if cookie := header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "kiem_session=") || !strings.Contains(cookie, "HttpOnly") {
		t.Errorf("Set-Cookie: %q", cookie)
	}
	s.server.refused(http.StatusBadRequest, "bad_request", "POST", "/join", "", joinBody(s.code, "Cas", "martians", newUUID()))
	s.server.refused(http.StatusNotFound, "not_found", "POST", "/join", "", joinBody("ZZZZZZ", "Cas", "citizen", newUUID()))

	s.server.refused(http.StatusUnauthorized, "unauthorised", "GET", "/campaigns/"+s.campaign, "", nil)
	s.server.refused(http.StatusUnauthorized, "unauthorised", "GET", "/campaigns/"+s.campaign+"/me", "", nil)
	var me map[string]any
	s.server.want(http.StatusOK, &me, "GET", "/campaigns/"+s.campaign+"/me", s.ana.Token, nil)

	status, header, _ = s.server.call("GET", "/campaigns/"+s.campaign, s.ana.Token, nil)
	etag := header.Get("ETag")
	if status != http.StatusOK || etag == "" {
		t.Fatalf("snapshot: %d, ETag %q", status, etag)
	}
	if status, _, _ = s.server.call("GET", "/campaigns/"+s.campaign, s.ana.Token, nil, "If-None-Match", etag); status != http.StatusNotModified {
		t.Errorf("the same snapshot again: %d, want 304", status)
	}
}

// sameKey joins with Ana's key again: the same person, also after a restart.
func (s *protoScript) sameKey(t *testing.T) {
	t.Helper()
	status, _, text := s.server.call("POST", "/join", "", joinBody(s.code, "Ana", "citizen", s.ana.key))
	var again protoSession
	if err := json.Unmarshal(text, &again); err != nil || status/100 != 2 {
		t.Fatalf("joining with the same key: %d %.200s", status, text)
	}
	if again.Participant != s.ana.Participant {
		t.Errorf("joining with the same key gave %+v, want %+v", again.Participant, s.ana.Participant)
	}
}
