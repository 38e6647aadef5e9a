package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kiem/hub"
	"kiem/hub/directory"
	"kiem/hub/session"
)

// signInSecret makes a link that signs the operator in, and gives its secret.
func (w *world) signInSecret(valid time.Duration) string {
	w.t.Helper()
	secret, refusal, err := w.hub.Directory().MakeLink(w.t.Context(), hub.NewLink{
		Kind: directory.SignIn, By: directory.Admin, Account: directory.Admin, Valid: valid, Uses: 1,
	})
	if err != nil || refusal != nil {
		w.t.Fatal(refusal, err)
	}
	return secret
}

// TestLinkWorksOnce is T13: of a hundred who redeem one link at the same moment one succeeds; before that no scanner that follows it uses it up, and after it
// nobody can.
func TestLinkWorksOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create("Links", nil)
	for _, kind := range []struct {
		path, secret string
		body         func(secret string) map[string]any
	}{
		{"/api/v1/signin", w.signInSecret(time.Minute), func(s string) map[string]any { return map[string]any{"token": s} }},
		{"/api/v1/invite", w.invitation(c, "facilitator"), func(s string) map[string]any { return map[string]any{"token": s, "name": "Fay"} }},
	} {
		page := strings.TrimPrefix(kind.path, "/api/v1")
		// A scanner opens addresses. The secret stands after the #, which is not sent; but suppose it were.
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT"} {
			for _, path := range []string{page, page + "?token=" + kind.secret, page + "/" + kind.secret, kind.path, kind.path + "?token=" + kind.secret, kind.path + "/" + kind.secret} {
				a := w.do(method, path, nil)
				if len(a.header.Values("Set-Cookie")) > 0 || a.header.Get("Referrer-Policy") != "no-referrer" || strings.Contains(a.all(), kind.secret) {
					t.Errorf("%s %s: %v %v", method, path, a.header, a)
				}
			}
		}
		for _, body := range []map[string]any{{"token": kind.secret + "x"}, {"token": kind.secret[1:]}, {"token": strings.ToLower(kind.secret)}, {"token": ""}, {}} {
			if a := w.do("POST", kind.path, body); a.status/100 == 2 {
				t.Errorf("POST %s %v: %v", kind.path, body, a)
			}
		}
		// Each kind opens its own door only.
		other := map[string]string{"/api/v1/signin": "/api/v1/invite", "/api/v1/invite": "/api/v1/signin"}[kind.path]
		w.refused(404, "not_found", "POST", other, map[string]any{"token": kind.secret})

		var won []answer
		var mu sync.Mutex
		var all sync.WaitGroup
		start := make(chan struct{})
		for range 100 {
			all.Go(func() {
				<-start
				a, err := w.try("POST", kind.path, kind.body(kind.secret))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				} else if a.status/100 == 2 {
					won = append(won, a)
				} else if a.code() != "conflict" || len(a.header.Values("Set-Cookie")) > 0 {
					t.Errorf("a link that is used up: %v", a)
				}
			})
		}
		close(start)
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%s: %d of 100 redeemed one link", kind.path, len(won))
		}
		cookieOf(t, won[0])
		w.refused(409, "conflict", "POST", kind.path, kind.body(kind.secret))
	}
	late := w.signInSecret(15 * time.Minute)
	w.wait(15*time.Minute + time.Second)
	w.refused(403, "forbidden", "POST", "/api/v1/signin", map[string]any{"token": late})
}

// TestLinkIsNotWasted is T13: while sessions cannot be stored, a link is not used up for nothing.
func TestLinkIsNotWasted(t *testing.T) {
	store := &fault{}
	w := newWorld(t, func(c *Config) { store.Store, c.Sessions = c.Sessions, store })
	secret := w.signInSecret(time.Minute)
	store.set(session.ErrUnavailable)
	a := w.refused(503, "unavailable", "POST", "/api/v1/signin", map[string]any{"token": secret})
	if a.header.Get("Retry-After") == "" {
		t.Error("unavailable without Retry-After")
	}
	store.set(nil)
	w.must(http.StatusOK, nil, "POST", "/api/v1/signin", map[string]any{"token": secret})
}

// fault is a session store that fails when told to.
type fault struct {
	session.Store
	mu    sync.Mutex
	err   error
	stale bool
}

func (f *fault) set(err error) { f.mu.Lock(); defer f.mu.Unlock(); f.err = err }

func (f *fault) setStale(stale bool) { f.mu.Lock(); defer f.mu.Unlock(); f.stale = stale }

func (f *fault) failing() error { f.mu.Lock(); defer f.mu.Unlock(); return f.err }

func (f *fault) Create(ctx context.Context, s session.Session) (string, error) {
	if err := f.failing(); err != nil {
		return "", err
	}
	return f.Store.Create(ctx, s)
}

func (f *fault) Get(ctx context.Context, token string) (session.Session, error) {
	if err := f.failing(); err != nil {
		return session.Session{}, err
	}
	s, err := f.Store.Get(ctx, token)
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Stale = f.stale
	return s, err
}

func (f *fault) Ready(ctx context.Context) error { return errors.Join(f.failing(), f.Store.Ready(ctx)) }

// TestNewSessionAtEachStep is T25: no session is raised in rank. Each step gives a new token and ends the one before, so a token that somebody planted in a
// browser never gains anything.
func TestNewSessionAtEachStep(t *testing.T) {
	w := newWorld(t)
	own := "http://" + w.http.Listener.Addr().String()
	first, second := w.create("Eerste", nil), w.create("Tweede", nil)
	planted := w.join(first, "Aanvaller").token
	alive := func(token string) bool {
		return w.do("GET", "/api/v1/me", nil, "Bearer", token).status == http.StatusOK
	}
	joined := cookieOf(t, w.must(http.StatusCreated, nil, "POST", "/api/v1/join", joinBody(w.codes[second], "Slachtoffer"), "Cookie", planted, "Origin", own)).Value
	if joined == planted || alive(planted) || !alive(joined) {
		t.Error("joining another campaign went on with the session that was there")
	}
	both := w.do("GET", "/api/v1/me", nil, "Bearer", joined).all()
	if !strings.Contains(both, first) || !strings.Contains(both, second) {
		t.Error("joining another campaign lost the first one")
	}
	invited := cookieOf(t, w.must(http.StatusCreated, nil, "POST", "/api/v1/invite", map[string]any{"token": w.invitation(first, "facilitator"), "name": "Fay"}, "Cookie", joined, "Origin", own)).Value
	if invited == joined || alive(joined) {
		t.Error("an invitation raised the session that was there")
	}
	signed := cookieOf(t, w.must(http.StatusOK, nil, "POST", "/api/v1/signin", map[string]any{"token": w.signInSecret(time.Minute)}, "Cookie", invited, "Origin", own)).Value
	if signed == invited {
		t.Error("signing in raised the session that was there")
	}
	w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+second, nil, "Bearer", signed)
	for _, token := range []string{planted, joined, invited} {
		if a := w.do("POST", "/api/v1/campaigns", map[string]any{"title": "Van een gast"}, "Bearer", token); a.status != 401 && a.status != 403 {
			t.Errorf("an earlier session gained the operator's rights: %v", a)
		}
	}
	for _, nonsense := range []string{"", "x", planted + "=", strings.Repeat("A", 43), strings.Repeat("A", 5000), operatorToken} {
		a := w.must(http.StatusCreated, nil, "POST", "/api/v1/join", joinBody(w.codes[first], "Nieuw"), "Cookie", nonsense, "Origin", own)
		if cookieOf(t, a).Value == nonsense {
			t.Errorf("the cookie %q was taken over", nonsense)
		}
	}
	// The operator's token is no cookie.
	w.refused(401, "unauthorised", "GET", "/api/v1/campaigns", nil, "Cookie", operatorToken)
	out := w.must(http.StatusNoContent, nil, "POST", "/api/v1/signout", nil, "Cookie", signed, "Origin", own)
	if c := out.header.Get("Set-Cookie"); !strings.Contains(c, "kiem_session=;") || !strings.Contains(c, "Max-Age=0") || alive(signed) {
		t.Errorf("signing out: %q", c)
	}
	w.must(http.StatusNoContent, nil, "POST", "/api/v1/signout", nil)
}

// TestCookieFlags is T25: what the cookie says for itself, over plain HTTP, behind a proxy that is trusted, and where somebody only says that they are one.
func TestCookieFlags(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		name   string
		config func(*Config)
		header []string
		secure bool
	}{
		{"plain", func(*Config) {}, nil, false},
		{"a proxy nobody trusts", func(c *Config) { c.Proxies = []string{"10.0.0.0/8"} }, []string{"X-Forwarded-Proto", "https"}, false},
		{"a trusted proxy", func(c *Config) { c.Proxies = []string{"127.0.0.0/8"} }, []string{"X-Forwarded-Proto", "https"}, true},
		{"a trusted proxy by its address", func(c *Config) { c.Proxies = []string{"127.0.0.1"} }, []string{"X-Forwarded-Proto", "HTTPS"}, true},
		{"a trusted proxy over http", func(c *Config) { c.Proxies = []string{"127.0.0.1"} }, []string{"X-Forwarded-Proto", "http"}, false},
		{"a client's word before the proxy's", func(c *Config) { c.Proxies = []string{"127.0.0.1"} }, []string{"X-Forwarded-Proto", "https", "X-Forwarded-Proto", "http"}, false},
		{"a public address", func(c *Config) { c.Origins = []string{"https://kiem.example"} }, nil, true},
	} {
		t.Run(at.name, func(t *testing.T) {
			w := newWorld(t, at.config)
			a := w.must(http.StatusCreated, nil, "POST", "/api/v1/join", joinBody(w.codes[w.create("Koekjes", nil)], "Ana"), at.header...)
			c := cookieOf(t, a)
			name := "kiem_session"
			if at.secure {
				name = "__Host-kiem_session"
			}
			if c.Name != name || c.Secure != at.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(c.Value) != session.TokenLength {
				t.Errorf("the cookie is %q", a.header.Get("Set-Cookie"))
			}
			if hsts := a.header.Get("Strict-Transport-Security") != ""; hsts != at.secure {
				t.Errorf("Strict-Transport-Security: %q", a.header.Get("Strict-Transport-Security"))
			}
			if a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("an answer with a token may be kept: %q", a.header.Get("Cache-Control"))
			}
			// Only the name that belongs to the way is read.
			for cookie, status := range map[string]int{"kiem_session": 401, "__Host-kiem_session": 401} {
				if cookie == name {
					status = 200
				}
				r, err := http.NewRequest("GET", w.http.URL+"/api/v1/me", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Cookie", cookie+"="+c.Value)
				for i := 0; i < len(at.header); i += 2 {
					r.Header.Add(at.header[i], at.header[i+1])
				}
				res, err := w.client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != status {
					t.Errorf("%s: %d, want %d", cookie, res.StatusCode, status)
				}
			}
		})
	}
}

// TestNoRedirects is T25 and T24: the server never sends anybody elsewhere, whatever the path says, and serves no file but the page's own.
func TestNoRedirects(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"//evil.example", "//evil.example/%2e%2e", "/%2f%2fevil.example", "/%5cevil.example", "/\\evil.example", "/signin?next=https://evil.example", "/signin?next=//evil.example", "/j/../..//evil.example",
		"/api/v1/signin/", "/api/v1/me/", "/static", "/static/", "/c", "/c/", "/j", "/./", "/../", "/..%2f..%2fetc/passwd", "/static/../embed.go", "/static/%2e%2e/embed.go", "/static/..%2fembed.go",
		"/static/..%5cembed.go", "/static//etc/passwd", "/static/dist/manifest.json", "/static/%00", "/static/manifest.json%00.js", "/.git/config", "/.env", "/admin.sock", "/vault.db", "/static/.",
		"/api/v1/campaigns/../../../etc/passwd", "/api/v1/campaigns/x/export?format=../../etc/passwd", "/API/V1/me", "/api/v1//me", "/api/v1/%6de",
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			a, err := w.try(method, path, nil)
			if err != nil {
				continue // the client would not send it
			}
			if a.status/100 == 3 || a.header.Get("Location") != "" || a.header.Get("Refresh") != "" {
				t.Errorf("%s %s leads to %q (%d)", method, path, a.header.Get("Location"), a.status)
			}
			if strings.Contains(string(a.body), "root:") || strings.Contains(string(a.body), "package static") {
				t.Errorf("%s %s serves a file: %v", method, path, a)
			}
			if a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s has no nosniff", method, path)
			}
			if a.status >= 500 {
				t.Errorf("%s %s: %v", method, path, a)
			}
		}
	}
}

// TestExportName is T24: the name of a file that is sent says nothing that anybody chose, and the file is never shown in place.
func TestExportName(t *testing.T) {
	w := newWorld(t)
	c := w.create(`../../x"; filename=evil.html; filename*=UTF-8''evil.html`, nil)
	for _, query := range []string{"", "?format=json", "?format=json&filename=evil.html", "?format=json&lang=../x", "?lang=%22%0d%0aX-Evil:1"} {
		a := w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/export"+query, nil, "Bearer", operatorToken)
		if got, want := a.header.Get("Content-Disposition"), `attachment; filename="kiem-`+c+`.json"`; got != want || a.header.Get("X-Evil") != "" {
			t.Errorf("Content-Disposition is %q, want %q", got, want)
		}
		if err := inert(a); err != nil {
			t.Error(err)
		}
	}
	for _, format := range []string{"csv", "xlsx", "zip"} {
		a := w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/export?filename=evil.html&format="+format, nil, "Bearer", operatorToken)
		if got, want := a.header.Get("Content-Disposition"), `attachment; filename="kiem-`+c+`.`+format+`"`; got != want {
			t.Errorf("Content-Disposition is %q, want %q", got, want)
		}
	}
	for _, format := range []string{"pb", "html", "../json", "JSON", "json\x00", "exe", "zip "} {
		if a := w.do("GET", "/api/v1/campaigns/"+c+"/export?format="+percent(format), nil, "Bearer", operatorToken); a.status != 400 || a.header.Get("Content-Disposition") != "" {
			t.Errorf("export as %q: %v", format, a)
		}
	}
}
