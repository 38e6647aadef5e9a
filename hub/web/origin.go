package web

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"kiem/hub/wire"
	"kiem/static"
)

// headers that every answer carries.
func (s *Server) headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", static.Policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	if s.secure(c.Request) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	c.Next()
}

// secure says whether the client came over HTTPS: by itself, because a proxy that is trusted says so, or because our pages are served under https
// addresses only.
func (s *Server) secure(r *http.Request) bool {
	if r.TLS != nil || s.https {
		return true
	}
	peer, ok := parseHop(r.RemoteAddr)
	if !ok || !within(s.proxies, peer) {
		return false
	}
	lines := r.Header.Values("X-Forwarded-Proto")
	if len(lines) == 0 {
		return false
	}
	last := lines[len(lines)-1] // the nearest proxy's word
	return strings.EqualFold(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]), "https")
}

// sameOrigin says whether an Origin header names a page of ours.
func (s *Server) sameOrigin(r *http.Request, origin string) bool {
	if len(s.Origins) > 0 {
		return slices.Contains(s.Origins, origin)
	}
	scheme := "http://"
	if s.secure(r) {
		scheme = "https://"
	}
	own, ok := parseOrigin(scheme + r.Host)
	return ok && origin == own
}

// guardOrigin refuses what another site made a browser send. A bearer token is proof enough of the caller's will, for no browser adds it by itself; a
// cookie is not. Every browser names the origin of a socket and of an unsafe call; where that is another site's, not even a bearer token helps.
func (s *Server) guardOrigin(c *gin.Context) {
	r := c.Request
	socket := strings.HasSuffix(c.FullPath(), "/live")
	unsafe := r.Method != http.MethodGet && r.Method != http.MethodHead
	origins := r.Header.Values("Origin")
	_, bearer := bearerToken(r)
	switch {
	case !socket && !unsafe:
	case len(origins) > 1, len(origins) == 1 && !s.sameOrigin(r, origins[0]):
		s.fail(c, refuse(wire.Forbidden, "", "other_site"))
		return
	case len(origins) == 0 && !bearer && r.Header.Get("Sec-Fetch-Site") != "same-origin":
		if _, err := r.Cookie(s.cookieName(r)); err == nil {
			s.fail(c, refuse(wire.Forbidden, "", "other_site"))
			return
		}
	}
	if unsafe && r.ContentLength != 0 {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" {
			s.fail(c, refuse(wire.BadRequest, "", "not_json"))
			return
		}
	}
	c.Next()
}

// isProxy says whether a request's address, as far as it is known, is that of a proxy that is trusted.
func (s *Server) isProxy(r *http.Request) bool {
	a := clientAddress(r, s.proxies)
	return a.IsValid() && within(s.proxies, a)
}
