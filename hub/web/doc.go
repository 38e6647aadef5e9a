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
// never takes a token from the address. Whose session ends loses its sockets (sockets.go); while the session store is away, known sessions read and
// do not write.
//
// # Handlers
//
// Handlers return an error; one place (errors.go) turns it into the protocol's JSON in the caller's language and logs what people are not told.
//
// # What is told about it
//
// Every request gets a number of its own: in the answer's X-Request-Id, and in each line that the log has about it. A number that a client sends is not believed.
// The log holds ids of campaigns and of accounts; of a participant only where somebody read what is personal. It never holds a name, a text, a vote, a token, a code,
// a secret, a network address, or the path or query of a request: routes are logged by their pattern. Metrics have no label whose values
// somebody outside could choose.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"kiem/hub"
	"kiem/hub/limit"
	"kiem/hub/meter"
	"kiem/hub/session"
	"kiem/hub/wire"
	"kiem/static"
)

// Config is what the edge needs. All fields without a remark are required.
type Config struct {
	Hub        *hub.Hub
	Sessions   session.Store
	Limits     limit.Limiter
	Logger     *slog.Logger
	Metrics    *Metrics            // nil: counted for the operator's page, and served nowhere
	Apart      bool                // the metrics have a listener of their own: none are served here
	AdminToken string              // ""; the operator signs in by a link
	Origins    []string            // scheme://host[:port] that pages are served under; empty: the host that is asked
	Proxies    []string            // addresses or networks of proxies whose word about the client's address counts
	RateScale  float64             // multiplies every rate; 0 is 1
	Guest      func(string) string // what somebody without a name is called in a language
	Warnings   func() []Warning    // unsafe settings in force; nil: there are none
	Store      Store               // nil: nothing is known of the store
	Clock      func() time.Time    // nil: the system's
}

// Server is the edge of one node.
type Server struct {
	Config
	engine   *gin.Engine
	upgrader websocket.Upgrader
	gates    *limit.Sessions
	sockets  *sockets
	readers  sync.Pool // of *wire.Reader: who only listens needs none
	seats    *seats    // of sockets
	requests *seats    // of other connections
	proxies  []netip.Prefix
	https    bool // our pages are served under https addresses only

	exports exporting

	shake chan struct{} // handshakes under way
	ahead chan struct{} // those of clients that have seen more than this node
}

// New makes the edge. An error says which setting makes no sense.
func New(c Config) (*Server, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.RateScale <= 0 {
		c.RateScale = 1
	}
	if c.Warnings == nil {
		c.Warnings = func() []Warning { return nil }
	}
	if c.Metrics == nil {
		c.Metrics, c.Apart = NewMetrics(), true
	}
	gin.SetMode(gin.ReleaseMode)
	s := &Server{
		Config: c, engine: gin.New(), upgrader: newUpgrader(), gates: limit.NewSessions(c.RateScale), sockets: newSockets(),
		readers: sync.Pool{New: func() any { return new(wire.Reader) }},
		seats:   newSeats(MaxConnections), requests: newSeats(MaxRequests),
		exports: newExporting(), shake: make(chan struct{}, handshakes), ahead: make(chan struct{}, ahead),
	}
	s.Origins = nil
	s.https = len(c.Origins) > 0
	for _, text := range c.Origins {
		origin, ok := parseOrigin(text)
		if !ok {
			return nil, fmt.Errorf("web: %q is not an address like https://host", text)
		}
		s.Origins = append(s.Origins, origin)
		s.https = s.https && strings.HasPrefix(origin, "https:")
	}
	for _, text := range c.Proxies {
		p, err := parseProxy(text)
		if err != nil {
			return nil, fmt.Errorf("web: %q is neither an address nor a network of proxies", text)
		}
		s.proxies = append(s.proxies, p)
	}
	s.engine.ForwardedByClientIP = false // clientAddress reads what proxies say
	if err := s.engine.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.Use(s.number, s.count, s.recoverPanics, s.headers)
	s.routes()
	s.watch()
	s.Metrics.fsync.Mark(time.Now(), meter.Reading{}) // until there is a mark as old as the page looks back, it shows all since the start
	s.Metrics.append.Mark(time.Now(), meter.Reading{})
	return s, nil
}

func (s *Server) routes() {
	e := s.engine
	look := []string{http.MethodGet, http.MethodHead}
	e.Match(look, "/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	e.Match(look, "/readyz", s.readyz)
	if !s.Apart {
		e.GET("/metrics", gin.WrapH(s.Metrics.Handler()))
	}
	e.Match(look, "/static/*path", gin.WrapH(http.StripPrefix("/static", static.Handler())))
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
	v1.POST("/campaigns/:id/similar", s.handle(s.similar))
	v1.GET("/campaigns/:id/export", s.handle(s.export))
	v1.GET("/campaigns/:id/participants", s.handle(s.participants))
	v1.POST("/campaigns/:id/links", s.handle(s.makeLink))
	v1.GET("/campaigns/:id/qr.svg", s.handle(s.qr))
	v1.GET("/admin/status", s.handle(s.adminStatus))
}

// Handler is the edge as an http.Handler.
func (s *Server) Handler() http.Handler { return s.engine }

// HTTP is a server with the limits that keep slow and silent clients from holding connections.
func (s *Server) HTTP() *http.Server {
	door := &doorkeeper{seats: s.requests, inside: map[net.Conn]string{}, key: func(conn net.Conn) string {
		peer, ok := parseHop(conn.RemoteAddr().String())
		if !ok || within(s.proxies, peer) {
			return ""
		}
		return limit.AddressKey(peer)
	}}
	return &http.Server{
		Handler: s.engine, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ConnState: door.changed, ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
}

// readyz says whether commands are taken, and under which unsafe settings.
func (s *Server) readyz(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), 5*time.Second)
	defer cancel()
	if err := s.Hub.Ready(ctx); err != nil {
		s.logger(c).Warn("not ready", "err", err)
		c.String(http.StatusServiceUnavailable, "not ready\n")
		return
	}
	body := "ready\n"
	for _, w := range s.Warnings() {
		body += "warning: " + w.String() + "\n"
	}
	c.String(http.StatusOK, body)
}
