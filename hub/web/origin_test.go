package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestOrigins is T5 and T26 for sockets and unsafe calls: what another site makes a browser send is refused, with a cookie and with a bearer token;
// with a cookie also what does not say where it comes from.
func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		name    string
		public  string // --public-url
		allowed func(host string) string
	}{
		{"the host that is asked", "", func(host string) string { return "http://" + host }},
		{"a public address", "http://Kiem.Example:80", func(string) string { return "http://kiem.example" }},
	} {
		t.Run(at.name, func(t *testing.T) {
			w := newWorld(t, func(c *Config) {
				if at.public != "" {
					c.Origins = []string{at.public}
				}
			})
			campaign := w.create("Oorsprong", nil)
			ana := w.join(campaign, "Ana")
			host := w.http.Listener.Addr().String()
			own := at.allowed(host)
			_, port, _ := strings.Cut(host, ":")
			evil := []string{
				"null", "http://evil.example", "https://evil.example", own + ".evil.example", "http://evil.example/?" + own, "http://evil" + strings.TrimPrefix(own, "http://"),
				strings.Replace(own, "http:", "https:", 1), strings.Replace(own, "http:", "ws:", 1), own + "/", own + "/path", own + "#", own + "?",
				"http://user@" + strings.TrimPrefix(own, "http://"), strings.TrimPrefix(own, "http://"), "", " ", "file://", "*", own + " http://evil.example", own + ", " + own,
				"http://" + strings.TrimSuffix(host, port) + "1", "http://[::1]:" + port, "http://localhost:" + port, "chrome-extension://abcdef", own + ":8443", "HTTP:" + strings.TrimPrefix(own, "http:") + "%00",
			}
			if at.public != "" {
				evil = append(evil, "http://"+host, "http://kiem.example:80", "http://KIEM.example", "http://kiem.example.")
			}
			for _, credentials := range []string{"Cookie", "Bearer"} {
				for _, origin := range evil {
					if s, a := w.dial(campaign, credentials, ana.token, "Origin", origin); s != nil || a.status != http.StatusForbidden {
						t.Errorf("a socket from %q with a %s: %v", origin, credentials, a)
					}
					for _, call := range [][2]string{
						{"POST", "/api/v1/campaigns/" + campaign + "/commands"}, {"DELETE", "/api/v1/me"}, {"POST", "/api/v1/signout"}, {"POST", "/api/v1/join"},
						{"POST", "/api/v1/signin"}, {"POST", "/api/v1/invite"}, {"POST", "/api/v1/campaigns"}, {"POST", "/api/v1/campaigns/" + campaign + "/links"},
					} {
						if a := w.do(call[0], call[1], newCommand("idea.post", "title", "Van elders"), credentials, ana.token, "Origin", origin); a.status != http.StatusForbidden || a.code() != "forbidden" {
							t.Errorf("%s %s from %q with a %s: %v", call[0], call[1], origin, credentials, a)
						}
					}
				}
				s, a := w.dial(campaign, credentials, ana.token, "Origin", own)
				if s == nil {
					t.Fatalf("a socket from our own page with a %s: %v", credentials, a)
				}
				if r := w.do("POST", "/api/v1/campaigns/"+campaign+"/commands", newCommand("idea.post", "title", "Van hier"), credentials, ana.token, "Origin", own); r.status != http.StatusOK {
					t.Errorf("a command from our own page with a %s: %v", credentials, r)
				}
				if s, a := w.dial(campaign, credentials, ana.token, "Origin", own, "Origin", own); s != nil || a.status != http.StatusForbidden {
					t.Errorf("two Origin headers with a %s: %v", credentials, a)
				}
			}
			// Without an Origin: a program with a token of its own is welcome, a cookie is not.
			if s, a := w.dial(campaign, "Cookie", ana.token); s != nil || a.status != http.StatusForbidden {
				t.Errorf("a socket with a cookie and no Origin: %v", a)
			}
			if s, a := w.dial(campaign, "Bearer", ana.token); s == nil {
				t.Errorf("a socket with a token and no Origin: %v", a)
			}
			for site, status := range map[string]int{"": 403, "none": 403, "cross-site": 403, "same-site": 403, "same-origin": 200} {
				a := w.do("POST", "/api/v1/campaigns/"+campaign+"/commands", newCommand("idea.post", "title", "Zonder"), "Cookie", ana.token, "Sec-Fetch-Site", site)
				if a.status != status {
					t.Errorf("a cookie without Origin and Sec-Fetch-Site %q: %v, want %d", site, a, status)
				}
			}
			// A token in the address is no credential, wherever it stands.
			for _, query := range []string{"token=" + ana.token, "access_token=" + ana.token, "session=" + ana.token} {
				if s, a := w.dial(campaign, "Query", query); s != nil || a.status != http.StatusUnauthorized {
					t.Errorf("a socket with a token in its address: %v", a)
				}
				w.refused(401, "unauthorised", "GET", "/api/v1/campaigns/"+campaign+"?"+query, nil)
			}
			// Nothing of all this was done.
			if text := string(w.do("GET", "/api/v1/campaigns/"+campaign, nil, "Bearer", ana.token).body); strings.Contains(text, "Van elders") {
				t.Error("a command from another site was done")
			}
		})
	}
}

// TestForms is T26: what a form or a fetch without CORS can send is refused by its content type even where no origin is known, and no answer invites
// other sites.
func TestForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	campaign := w.create("Formulieren", nil)
	ana := w.join(campaign, "Ana")
	body := `{"type":"idea.post","data":{"title":"Vervalst"}}`
	own := "http://" + w.http.Listener.Addr().String()
	for _, kind := range []string{
		"text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/jsonx", "text/json",
		"application/json-patch+json", "text/plain; application/json", "application/json, text/plain", ";application/json",
	} {
		for _, path := range []string{"/api/v1/campaigns/" + campaign + "/commands", "/api/v1/join", "/api/v1/signin", "/api/v1/campaigns"} {
			for _, credentials := range []string{"Cookie", "Bearer"} {
				if a := w.do("POST", path, body, credentials, ana.token, "Origin", own, "Content-Type", kind); a.status != http.StatusBadRequest {
					t.Errorf("POST %s as %q: %v", path, kind, a)
				}
			}
		}
	}
	// A form posted from elsewhere: the browser adds the cookie, and where the form stands.
	form := url.Values{"type": {"idea.post"}, `{"type":"idea.post","data":{"title":"Vervalst`: {`"}}`}}.Encode()
	for _, origin := range []string{"https://evil.example", "null"} {
		w.refused(403, "forbidden", "POST", "/api/v1/campaigns/"+campaign+"/commands", form, "Cookie", ana.token, "Origin", origin, "Content-Type", "text/plain", "Sec-Fetch-Site", "cross-site")
	}
	for _, method := range []string{"GET", "POST", "OPTIONS", "DELETE"} {
		a := w.do(method, "/api/v1/me", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "DELETE", "Access-Control-Request-Headers", "authorization")
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s /api/v1/me answers %s", method, name)
			}
		}
		if method == "OPTIONS" && a.status/100 == 2 {
			t.Errorf("a preflight is answered with %v", a)
		}
	}
	// GET changes nothing.
	for _, path := range []string{"/api/v1/signout", "/api/v1/join", "/api/v1/signin", "/api/v1/invite", "/api/v1/campaigns/" + campaign + "/commands", "/api/v1/campaigns/" + campaign + "/links"} {
		if a := w.do("GET", path, nil, "Cookie", ana.token); a.status != http.StatusMethodNotAllowed || a.code() != "not_found" {
			t.Errorf("GET %s: %v", path, a)
		}
	}
	if text := string(w.do("GET", "/api/v1/campaigns/"+campaign, nil, "Bearer", ana.token).body); strings.Contains(text, "Vervalst") {
		t.Error("a forged command was done")
	}
}
