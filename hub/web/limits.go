package web

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Limits of HTTP. Rates are in hub/limit.
const (
	// MaxConnections is how many sockets one node takes, and MaxRequests how many other connections: browsers keep some open for a while, and a hall of
	// thousands shares an address.
	MaxConnections = 50_000
	MaxRequests    = 60_000
	// headerTime, bodyTime, writeTime and idleTime bound requests, maxHeader their head in bytes.
	headerTime = 5 * time.Second
	bodyTime   = 20 * time.Second
	writeTime  = 60 * time.Second
	idleTime   = 90 * time.Second
	maxHeader  = 16 << 10
	// commandTime is how long a command over HTTP is waited for; it is executed whether or not its client still waits.
	commandTime = 30 * time.Second
	// sessionTime is how long a session lasts: nobody is signed out within a day of work.
	sessionTime = 180 * 24 * time.Hour
	// signInTime is how long an organiser's session lasts.
	signInTime = 30 * 24 * time.Hour
	// handshakes is how many sockets are being attached at the same time: the others wait in line, and commands go first. ahead is how many of those that
	// have seen more than this node, and may have to wait for it.
	handshakes = 64
	ahead      = 64
)

// take uses up one of a limit.
func (s *Server) take(c *gin.Context, l limit.Limit, key string) error {
	if ok, wait := s.Limits.Allow(c.Request.Context(), l, key, s.Clock()); !ok {
		s.Metrics.edge.refused(l.Name)
		return tooFast(c, wait)
	}
	return nil
}

// peek says whether a limit is used up, without using it.
func (s *Server) peek(c *gin.Context, l limit.Limit, key string) error {
	if ok, wait := s.Limits.Peek(c.Request.Context(), l, key, s.Clock()); !ok {
		s.Metrics.edge.refused(l.Name)
		return tooFast(c, wait)
	}
	return nil
}

// spend counts a read that costs the room work as a command of the caller's session: what everybody gets is encoded once and free.
func (s *Server) spend(c *gin.Context, who *caller) error {
	if ok, wait := s.allowed(s.gates.Get(who.key, s.Clock())); !ok {
		return tooFast(c, wait)
	}
	return nil
}

// allowed counts a command of a session. Without a count there are too many sessions, and nothing is allowed.
func (s *Server) allowed(session *limit.Session) (bool, time.Duration) {
	ok, wait := false, time.Second
	if session != nil {
		ok, wait = session.Allow(s.Clock())
	}
	if !ok {
		s.Metrics.edge.refused(limit.Commands.Name)
	}
	return ok, wait
}

// address is the caller's: what a trusted proxy says, else where the connection comes from. All that cannot be told apart share one.
func (s *Server) address(c *gin.Context) netip.Addr {
	if a := clientAddress(c.Request, s.proxies); a.IsValid() {
		return a
	}
	return netip.IPv4Unspecified()
}

func (s *Server) addressKey(c *gin.Context) string { return limit.AddressKey(s.address(c)) }

// limitJoin bounds the joins of a campaign, and those from one address, by the attendance it expects.
func (s *Server) limitJoin(c *gin.Context, campaignID id.ID, attendance int) error {
	if err := s.take(c, limit.JoinAddress(attendance), limit.JoinAddressKey(campaignID.String(), s.address(c))); err != nil {
		return err
	}
	return s.take(c, limit.JoinCode(attendance), campaignID.String())
}

func tooFast(c *gin.Context, wait time.Duration) error {
	seconds := int64(wait/time.Second) + 1
	c.Header("Retry-After", strconv.FormatInt(seconds, 10))
	return failure{machine.Refuse(wire.RateLimited, "", "too_fast")}
}

// Sweep forgets sessions that ended long ago.
func (s *Server) Sweep(ctx context.Context) {
	n, err := s.Sessions.Sweep(ctx, s.Clock())
	if err != nil {
		s.Logger.Warn("old sessions were not removed", "err", err)
		return
	}
	s.Logger.Debug("old sessions were removed", "number", n)
}
