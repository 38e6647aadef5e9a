package web

import (
	"mime"
	"net/http"
	"net/url"
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

// secure says whether the client came over HTTPS, by itself or through a proxy that is trusted.
func (s *Server) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return s.trustedProxy(r) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// sameOrigin says whether an Origin header names a page of ours.
func (s *Server) sameOrigin(r *http.Request, origin string) bool {
	if len(s.Origins) > 0 {
		return slices.Contains(s.Origins, origin)
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return false
	}
	scheme := "http"
	if s.secure(r) {
		scheme = "https"
	}
	return u.Scheme == scheme && strings.EqualFold(u.Host, r.Host)
}

// guardOrigin refuses what another site made a browser send. A bearer token is proof enough of the caller's will, for no browser adds it by itself; a cookie is not.
func (s *Server) guardOrigin(c *gin.Context) {
	r := c.Request
	socket := strings.HasSuffix(c.FullPath(), "/live")
	unsafe := r.Method != http.MethodGet && r.Method != http.MethodHead
	origin := r.Header.Get("Origin")
	if origin != "" && (socket || unsafe) && !s.sameOrigin(r, origin) {
		s.fail(c, refuse(wire.Forbidden, "", "other_site"))
		return
	}
	if _, bearer := bearerToken(r); !bearer && (socket || unsafe) && origin == "" && r.Header.Get("Sec-Fetch-Site") != "same-origin" {
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
