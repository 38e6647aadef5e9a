package web

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"rsc.io/qr"

	"kiem/hub/wire"
	"kiem/static"
)

// page answers every path that no route does: with the shell of a page, or a page that says there is none.
func (s *Server) page(c *gin.Context) {
	switch {
	case c.Request.URL.Path == "/api" || strings.HasPrefix(c.Request.URL.Path, "/api/"):
		s.fail(c, refuse(wire.NotFound, "", "no_page"))
		return
	case c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead:
		c.Header("Allow", "GET, HEAD")
		s.fail(c, errMethod)
		return
	}
	status := http.StatusOK
	entry, ok := static.PageOf(c.Request.URL.Path)
	if !ok {
		status, entry = http.StatusNotFound, static.Citizen
	}
	html, err := static.Page(entry, language(c), nil)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Header("Cache-Control", "no-cache")
	c.Header("Vary", "Accept-Language")
	c.Data(status, "text/html; charset=utf-8", html)
}

// baseURL is how the caller reached us, or how the operator said that we are reached.
func (s *Server) baseURL(c *gin.Context) string {
	if s.Hub.BaseURL != "" {
		return s.Hub.BaseURL
	}
	scheme := "http://"
	if s.secure(c.Request) {
		scheme = "https://"
	}
	return scheme + c.Request.Host
}

// qr is GET /campaigns/{id}/qr.svg: the address to join, as a code to scan.
func (s *Server) qr(c *gin.Context) error {
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	if _, _, err := place(c, v); err != nil {
		return err
	}
	found, err := s.Hub.Directory().Campaign(c.Request.Context(), v.campaign)
	if err != nil {
		return err
	}
	if found == nil {
		return refuse(wire.NotFound, "", "no_campaign")
	}
	svg, err := qrSVG(s.baseURL(c) + "/j/" + found.Code)
	if err != nil { // a host's name that fits in no code
		return refuse(wire.BadRequest, "", "no_page")
	}
	c.Header("Cache-Control", "private, max-age=3600")
	c.Data(http.StatusOK, "image/svg+xml", svg)
	return nil
}

// quietZone is the white border of a QR code, in modules, as the standard asks.
const quietZone = 4

// qrSVG draws a QR code at level M: black on white whatever the theme, for scanners want it so.
func qrSVG(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, err
	}
	size := strconv.Itoa(code.Size + 2*quietZone)
	var b bytes.Buffer
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ` + size + ` ` + size + `" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h` + size + `v` + size + `H0z"/><path fill="#000" d="`)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			run := 1
			for x+run < code.Size && code.Black(x+run, y) {
				run++
			}
			b.WriteString("M" + strconv.Itoa(x+quietZone) + " " + strconv.Itoa(y+quietZone) + "h" + strconv.Itoa(run) + "v1h-" + strconv.Itoa(run) + "z")
			x += run
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}

func organiserName(lang string) string { return static.Sentence(lang, "name.organiser") }

// GuestName is what somebody without a name is called.
func GuestName(lang string) string { return static.Sentence(lang, "name.guest") }
