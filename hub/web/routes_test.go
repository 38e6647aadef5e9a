package web

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMethodsAndPaths: every path answers every method sanely: what is not there is 404 in JSON under /api/ and a page elsewhere, a method that a path does not have
// is 405 with what it has, and HEAD has no body.
func TestMethodsAndPaths(t *testing.T) {
	w := newWorld(t)
	c := w.create("Paden", nil)
	ana := w.join(c, "Ana")
	for _, path := range []string{"/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/join", "/api/v1/nothing", "/api/v1/campaigns/" + c + "/nothing", "/api/v1/campaigns/" + c + "/", "/api/v1/join/x"} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			w.refused(404, "not_found", method, path, nil, "Bearer", ana.token)
		}
	}
	for _, path := range []string{"/nothing", "/c/", "/c/x/y/z/w", "/index.html", "/favicon.ico", "/robots.txt"} {
		a := w.do("GET", path, nil)
		if a.status != http.StatusNotFound || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("GET %s: %v", path, a)
		}
		a = w.do("POST", path, nil)
		if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" || inert(a) != nil {
			t.Errorf("POST %s: %v", path, a)
		}
	}
	for path, allow := range map[string]string{
		"/api/v1/join": "POST", "/api/v1/campaigns/" + c + "/commands": "POST", "/api/v1/signin": "POST", "/api/v1/campaigns/" + c + "/me": "GET", "/readyz": "GET, HEAD", "/api/v1/me": "GET, DELETE",
	} {
		for _, method := range []string{"PUT", "PATCH", "OPTIONS", "TRACE", "BREW"} {
			a := w.refused(405, "not_found", method, path, nil, "Bearer", ana.token)
			for _, one := range strings.Split(allow, ", ") {
				if !strings.Contains(a.header.Get("Allow"), one) {
					t.Errorf("%s %s: Allow is %q", method, path, a.header.Get("Allow"))
				}
			}
		}
	}
	for path, status := range map[string]int{"/": 200, "/c/" + c: 200, "/healthz": 200, "/readyz": 200, "/static/manifest.json": 200, "/nothing": 404, "/api/v1/nothing": 404, "/api/v1/me": 405} {
		if a := w.do("HEAD", path, nil, "Bearer", ana.token); a.status != status || len(a.body) > 0 {
			t.Errorf("HEAD %s: %v", path, a)
		}
	}
	// A socket's address without a socket.
	for _, header := range [][]string{nil, {"Upgrade", "websocket"}, {"Upgrade", "h2c", "Connection", "Upgrade"}, {"Upgrade", "websocket", "Connection", "Upgrade"}, {"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "12", "Sec-WebSocket-Key", "x"}} {
		w.refused(400, "bad_request", "GET", "/api/v1/campaigns/"+c+"/live", nil, append(header, "Bearer", ana.token)...)
	}
	w.refused(401, "unauthorised", "GET", "/api/v1/campaigns/"+c+"/live", nil, "Upgrade", "websocket", "Connection", "Upgrade")
}

// TestSnapshotEncoding: the ETag, what it spares, and gzip only for those who take it.
func TestSnapshotEncoding(t *testing.T) {
	w := newWorld(t)
	c := w.create("Momentopname", nil)
	ana, fay := w.join(c, "Ana"), w.invite(c, "facilitator", "Fay")
	path := "/api/v1/campaigns/" + c
	plain := w.must(http.StatusOK, nil, "GET", path, nil, "Bearer", ana.token, "Accept-Encoding", "identity")
	etag := plain.header.Get("ETag")
	if plain.header.Get("Content-Encoding") != "" || !strings.HasPrefix(etag, `"public-1-`) || !strings.Contains(plain.header.Get("Cache-Control"), "private") || !strings.Contains(plain.header.Get("Vary"), "Cookie") {
		t.Errorf("%v", plain.header)
	}
	for header, zipped := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "*": true, "GZIP": true, "gzip;q=0": false, "br": false, "xgzip": false, "deflate, gzip; q=0": false} {
		a := w.must(http.StatusOK, nil, "GET", path, nil, "Bearer", ana.token, "Accept-Encoding", header)
		if got := a.header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q", header, a.header.Get("Content-Encoding"))
			continue
		}
		if body := a.body; zipped {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil || !bytes.Equal(body, plain.body) {
				t.Errorf("Accept-Encoding %q: another body, %v", header, err)
			}
		}
	}
	for header, status := range map[string]int{etag: 304, "W/" + etag: 304, `"x", ` + etag: 304, "*": 304, `"x"`: 200, strings.Trim(etag, `"`): 200, `"public-1-9999"`: 200, "": 200} {
		a := w.do("GET", path, nil, "Bearer", ana.token, "If-None-Match", header)
		if a.status != status || status == 304 && (len(a.body) > 0 || a.header.Get("ETag") != etag) {
			t.Errorf("If-None-Match %q: %v", header, a)
		}
	}
	// Another audience has another tag: what one may keep is not what the other sees.
	if a := w.do("GET", path, nil, "Bearer", fay.token, "If-None-Match", etag); a.status != 200 || a.header.Get("ETag") == etag {
		t.Errorf("a moderator with the public's tag: %v", a)
	}
	w.post(c, ana, "Iets nieuws")
	await(t, "a new tag", func() bool { return w.do("GET", path, nil, "Bearer", ana.token, "If-None-Match", etag).status == 200 })
	for query, field := range map[string]string{"limit=0": "limit", "limit=501": "limit", "limit=1e2": "limit", "offset=-1": "offset", "sort=old": "sort", "node=x": "node", "q=" + strings.Repeat("x", 201): "q", "theme=" + strings.Repeat("x", 201): "theme"} {
		a := w.do("GET", path+"?"+query, nil, "Bearer", ana.token)
		var e struct {
			Error struct{ Field, Message string }
		}
		if json.Unmarshal(a.body, &e) != nil || a.status/100 != 4 || e.Error.Field != field || strings.Contains(e.Error.Message, "{") {
			t.Errorf("?%s: %v", query, a)
		}
	}
}

// TestUnsafeSettingsAreShown is T32 at the edge: what New takes, and what readyz says of it.
func TestUnsafeSettingsAreShown(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Warnings = func() []Warning { return []Warning{{Code: "rate_scale", Args: []string{"n", "7"}}} }
	})
	if a := w.must(http.StatusOK, nil, "GET", "/readyz", nil); string(a.body) != "ready\nwarning: All rate limits are multiplied by 7.\n" {
		t.Errorf("readyz: %s", a.body)
	}
	for _, bad := range []Config{
		{Proxies: []string{"everywhere"}}, {Proxies: []string{"10.0.0.0/99"}}, {Proxies: []string{"10.0.0.1:80"}}, {Origins: []string{"kiem.example"}}, {Origins: []string{"https://kiem.example/path"}},
		{Origins: []string{"ftp://kiem.example"}}, {Origins: []string{"https://u:p@kiem.example"}}, {Origins: []string{"https://"}}, {Origins: []string{"*"}},
	} {
		bad.Hub, bad.Sessions, bad.Limits, bad.Logger = w.server.Hub, w.server.Sessions, w.server.Limits, w.server.Logger
		if _, err := New(bad); err == nil {
			t.Errorf("New took %v %v", bad.Proxies, bad.Origins)
		}
	}
}

// TestProtocolListsCalls: docs/protocol.md has a row for every call there is, and none for another.
func TestProtocolListsCalls(t *testing.T) {
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for _, m := range regexp.MustCompile("`(GET|POST|PUT|DELETE|PATCH) (/[^`]*)`").FindAllStringSubmatch(cells[1], -1) {
				listed[m[1]+" "+regexp.MustCompile(`\{(\w+)\}`).ReplaceAllString(m[2], ":$1")] = true
			}
		}
	}
	w := newWorld(t)
	served := map[string]bool{}
	for _, r := range w.server.engine.Routes() {
		if path, ok := strings.CutPrefix(r.Path, "/api/v1"); ok {
			served[r.Method+" "+path] = true
		}
	}
	if diff := cmp.Diff(served, listed); diff != "" {
		t.Errorf("served -, listed +:\n%s", diff)
	}
}
