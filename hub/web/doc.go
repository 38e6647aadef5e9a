// Package web is the edge between HTTP and the hub: routes, sessions, sockets, pages. It is the only importer of gin and gorilla.
//
// # One pipeline
//
// A command over a socket, over HTTP, alone or in a list takes the same way: wire reads it, intake gives it its meaning, the room judges and
// answers it (commands.go). Nothing here decides what anybody may do in a campaign.
//
// # Who calls
//
// A caller is a session (cookie or bearer token), or the operator's token. A session names the participant that somebody is in each campaign, and grants
// nothing: roles are read from the campaign at each command. A cookie counts only with proof that our own page sent it (origin.go); the socket
// never takes a token from the address.
//
// # Handlers
//
// Handlers return an error; one place (errors.go) turns it into the protocol's JSON in the caller's language and logs what people are not told.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kiem/hub"
	"kiem/hub/limit"
	"kiem/hub/session"
	"kiem/static"
)

// Limits of HTTP.
const (
	// MaxConnections is how many sockets one node takes.
	MaxConnections = 50_000
	// headerTime, idleTime and maxHeader bound requests.
	headerTime = 5 * time.Second
	bodyTime   = 20 * time.Second
	idleTime   = 90 * time.Second
	maxHeader  = 16 << 10
	// sessionTime is how long a session lasts: nobody is signed out within a day of work.
	sessionTime = 180 * 24 * time.Hour
	// signInTime is how long an organiser's session lasts.
	signInTime = 30 * 24 * time.Hour
)

// Config is what the edge needs. All fields without a remark are required.
type Config struct {
	Hub        *hub.Hub
	Sessions   session.Store
	Limits     limit.Limiter
	Logger     *slog.Logger
	Metrics    http.Handler        // nil: not served here
	AdminToken string              // ""; the operator signs in by a link
	Origins    []string            // scheme://host[:port] that pages are served under; empty: the host that is asked
	Proxies    []string            // addresses or networks of proxies whose word about the client's address counts
	RateScale  float64             // multiplies every rate; 0 is 1
	Guest      func(string) string // what somebody without a name is called in a language
	Warnings   func() []string     // unsafe settings in force, for readyz
	Clock      func() time.Time    // nil: the system's
	Dev        bool
}

// Server is the edge of one node.
type Server struct {
	Config
	engine *gin.Engine
	gates  *limit.Sessions
	seats  chan struct{} // a token for each socket that may still be opened
	shake  chan struct{} // handshakes under way
}

// handshakes is how many sockets are being attached at the same time: the others wait in line, and commands go first.
const handshakes = 64

// New makes the edge.
func New(c Config) (*Server, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.RateScale <= 0 {
		c.RateScale = 1
	}
	if c.Warnings == nil {
		c.Warnings = func() []string { return nil }
	}
	gin.SetMode(gin.ReleaseMode)
	s := &Server{Config: c, engine: gin.New(), seats: make(chan struct{}, MaxConnections), shake: make(chan struct{}, handshakes)}
	s.gates = limit.NewSessions(c.RateScale)
	if err := s.engine.SetTrustedProxies(c.Proxies); err != nil {
		return nil, err
	}
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.Use(s.recoverPanics, s.headers)
	s.routes()
	return s, nil
}

func (s *Server) routes() {
	e := s.engine
	e.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", s.readyz)
	if s.Metrics != nil {
		e.GET("/metrics", gin.WrapH(s.Metrics))
	}
	files := http.StripPrefix("/static", static.Handler())
	e.GET("/static/*path", gin.WrapH(files))
	e.HEAD("/static/*path", gin.WrapH(files))
	e.NoRoute(s.page)
	e.NoMethod(s.handle(func(*gin.Context) error { return errMethod }))

	v1 := e.Group("/api/v1", s.guardOrigin)
	v1.POST("/join", s.handle(s.join))
	v1.GET("/codes/:code", s.handle(s.code))
	v1.POST("/signin", s.handle(s.signIn))
	v1.POST("/signout", s.handle(s.signOut))
	v1.POST("/invite", s.handle(s.invite))
	v1.GET("/me", s.handle(s.myData))
	v1.DELETE("/me", s.handle(s.eraseMe))
	v1.POST("/campaigns", s.handle(s.createCampaign))
	v1.GET("/campaigns", s.handle(s.listCampaigns))
	v1.GET("/campaigns/:id", s.handle(s.snapshot))
	v1.GET("/campaigns/:id/me", s.handle(s.me))
	v1.GET("/campaigns/:id/live", s.handle(s.live))
	v1.POST("/campaigns/:id/commands", s.handle(s.commands))
	v1.GET("/campaigns/:id/results", s.handle(s.results))
	v1.GET("/campaigns/:id/export", s.handle(s.export))
	v1.GET("/campaigns/:id/participants", s.handle(s.participants))
	v1.POST("/campaigns/:id/links", s.handle(s.makeLink))
	v1.GET("/campaigns/:id/qr.svg", s.handle(s.qr))
}

// Handler is the edge as an http.Handler.
func (s *Server) Handler() http.Handler { return s.engine }

// HTTP is a server with the limits that keep slow and silent clients from holding connections.
func (s *Server) HTTP() *http.Server {
	return &http.Server{
		Handler: s.engine, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
}

// readyz says whether commands are taken, and under which unsafe settings.
func (s *Server) readyz(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), 5*time.Second)
	defer cancel()
	if err := s.Hub.Ready(ctx); err != nil {
		s.Logger.Warn("not ready", "err", err)
		c.String(http.StatusServiceUnavailable, "not ready\n")
		return
	}
	body := "ready\n"
	for _, w := range s.Warnings() {
		body += "warning: " + w + "\n"
	}
	c.String(http.StatusOK, body)
}
