package web

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"kiem/hub"
	"kiem/hub/wire"
)

// FuzzQuery reads queries of snapshots and sockets: whatever comes, a page that is in bounds or a refusal with a code. T21.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{"", "limit=10&offset=5&sort=top&q=huis&node=care&theme=Wonen", "limit=-1", "limit=9999999999999999999999", "after=1&epoch=1", "after=-1", "q=%ff", "limit=1&limit=900", "a;b", "%zz", "after=18446744073709551615"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, _ := url.ParseQuery(text) // as net/http does: what can be read counts
		page, err := readPage(q)
		if isRefusal(t, err) {
			if page != (hub.Page{}) {
				t.Errorf("a refused query gave %+v", page)
			}
		} else if page.Limit < 0 || page.Limit > MaxPage || page.Offset < 0 || page.Offset > maxOffset || len(page.Query) > hub.MaxQuery || len(page.Theme) > hub.MaxQuery {
			t.Errorf("%q gave %+v", text, page)
		}
		from, err := readResume(q)
		if isRefusal(t, err) {
			if from != (hub.Resume{}) {
				t.Errorf("a refused query gave %+v", from)
			}
		} else if from.After > 1<<63-1 || from.Epoch > 1<<63-1 || !from.Given && from != (hub.Resume{}) {
			t.Errorf("%q gave %+v", text, from)
		}
	})
}

// isRefusal says whether an error is a refusal; any other error fails.
func isRefusal(t *testing.T, err error) bool {
	t.Helper()
	var r failure
	if err == nil {
		return false
	}
	if !errors.As(err, &r) || r.Code != wire.BadRequest && r.Code != wire.TooLarge || r.Field == "" {
		t.Errorf("not a refusal of a field: %v", err)
	}
	return true
}

// FuzzCredentials reads Authorization and Cookie headers: nothing but "Bearer" is a bearer token, and what is given is what stood there. T17, T25.
func FuzzCredentials(f *testing.F) {
	for _, h := range []string{"", "Bearer x", "bearer  x ", "Basic eDp5", "Bearer", "Bearer\tx", "Bearer x y", "Token x", "Bearer \x00"} {
		f.Add(h, "kiem_session=abc; __Host-kiem_session=def")
	}
	s := &Server{Config: Config{AdminToken: operatorToken}}
	f.Fuzz(func(t *testing.T, authorization, cookie string) {
		r := &http.Request{Header: http.Header{"Authorization": {authorization}, "Cookie": {cookie}}, RemoteAddr: "127.0.0.1:1"}
		token, ok := bearerToken(r)
		if ok != (len(authorization) > 6 && strings.EqualFold(authorization[:7], "bearer ")) || !strings.Contains(authorization, token) {
			t.Errorf("%q is %q, %v", authorization, token, ok)
		}
		if s.isAdmin(token) != (token == operatorToken) {
			t.Errorf("%q passes for the operator's token", token)
		}
		if c, err := r.Cookie(s.cookieName(r)); err == nil && (c.Name != "kiem_session" || !strings.Contains(cookie, c.Value)) {
			t.Errorf("%q is %v", cookie, c)
		}
	})
}

// FuzzForwarded reads what proxies say: the address that is given stood in the header or is the peer's, and nothing that a client writes before what its proxy adds
// changes it. T15.
func FuzzForwarded(f *testing.F) {
	for _, h := range []string{"", "1.2.3.4", "1.2.3.4, 5.6.7.8", "garbage, 1.2.3.4:80", "[2001:db8::1]:443", "::ffff:1.2.3.4", ",,,", "127.0.0.1", "unknown", "fe80::1%eth0"} {
		f.Add(h, "192.0.2.1")
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	f.Fuzz(func(t *testing.T, before, added string) {
		ask := func(peer string, lines ...string) netip.Addr {
			return clientAddress(&http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": lines}}, trusted)
		}
		if got := ask("198.51.100.1:5", before); got != netip.MustParseAddr("198.51.100.1") {
			t.Errorf("somebody who is no proxy passes for %v", got)
		}
		a, err := netip.ParseAddr(added)
		if err != nil || a.Zone() != "" {
			return
		}
		a = a.Unmap()
		for _, got := range []netip.Addr{ask("127.0.0.1:5", before, a.String()), ask("[::1]:5", before+", "+a.String())} {
			if !within(trusted, a) && got != a {
				t.Errorf("%q before %v gave %v", before, a, got)
			}
			if !got.IsValid() || got.Zone() != "" || got.Is4In6() {
				t.Errorf("%q gave %v", before, got)
			}
		}
	})
}

// FuzzOrigin reads Origin headers: exactly our own is ours. T5.
func FuzzOrigin(f *testing.F) {
	for _, o := range []string{"", "null", "http://kiem.example", "http://kiem.example:80", "https://kiem.example", "http://kiem.example.", "http://KIEM.example", "http://kiem.example#", "//kiem.example", "http://kiem.example@evil.example"} {
		f.Add(o, "kiem.example")
	}
	s := &Server{}
	f.Fuzz(func(t *testing.T, origin, host string) {
		r := &http.Request{Host: host, RemoteAddr: "127.0.0.1:1", Header: http.Header{}}
		if s.sameOrigin(r, origin) {
			own := strings.TrimSuffix("http://"+strings.ToLower(host), ":80")
			if origin != own {
				t.Errorf("%q passes for %q", origin, host)
			}
		}
		if got, ok := parseOrigin(origin); ok {
			if again, ok := parseOrigin(got); !ok || again != got || strings.Count(got, "/") != 2 {
				t.Errorf("%q became %q, and that %q", origin, got, again)
			}
		}
	})
}

// FuzzEncoding reads If-None-Match and Accept-Encoding: nothing matches but the tag itself, and nothing that says no to gzip gets it.
func FuzzEncoding(f *testing.F) {
	for _, h := range []string{"", "*", `"public-1-7"`, `W/"public-1-7"`, `"x", "public-1-7"`, "gzip", "gzip;q=0", "gzip;q=0.0, br", "GZIP ; Q=1", "identity"} {
		f.Add(h)
	}
	const tag = `"public-1-7"`
	f.Fuzz(func(t *testing.T, header string) {
		if knownBy(header, tag) && !strings.Contains(header, tag) && !strings.Contains(header, "*") {
			t.Errorf("%q names %s", header, tag)
		}
		if knownBy(header, "") && !slices.ContainsFunc(strings.Split(header, ","), func(s string) bool { return strings.TrimSpace(s) == "*" }) {
			t.Errorf("%q names nothing", header)
		}
		if takesGzip(header) && !strings.Contains(strings.ToLower(header), "gzip") && !strings.Contains(header, "*") {
			t.Errorf("%q takes gzip", header)
		}
		if !utf8.ValidString(header) && takesGzip(header+", gzip;q=0") && !strings.Contains(strings.ToLower(header), "gzip") && !strings.Contains(header, "*") {
			t.Errorf("%q takes gzip", header)
		}
	})
}
