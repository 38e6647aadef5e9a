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

// take uses up one of a limit.
func (s *Server) take(c *gin.Context, l limit.Limit, key string) error {
	if ok, wait := s.Limits.Allow(c.Request.Context(), l, key, s.Clock()); !ok {
		return tooFast(c, wait)
	}
	return nil
}

// peek says whether a limit is used up, without using it.
func (s *Server) peek(c *gin.Context, l limit.Limit, key string) error {
	if ok, wait := s.Limits.Peek(c.Request.Context(), l, key, s.Clock()); !ok {
		return tooFast(c, wait)
	}
	return nil
}

// count uses up one of a limit for something that has happened.
func (s *Server) count(c *gin.Context, l limit.Limit, key string) {
	_, _ = s.Limits.Allow(c.Request.Context(), l, key, s.Clock()) // the next peek refuses
}

// address is the caller's as a key: what a trusted proxy says, else where the connection comes from.
func (s *Server) address(c *gin.Context) netip.Addr {
	a, err := netip.ParseAddr(c.ClientIP())
	if err != nil {
		return netip.IPv4Unspecified() // all that cannot be told apart share one bucket
	}
	return a
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
