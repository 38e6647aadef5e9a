package web

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"kiem/hub/limit"
	"kiem/hub/meter"
)

// classes of status, as metrics name them.
var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// counts is what the edge counts itself.
type counts struct {
	requests [len(classes)]atomic.Uint64
	took     meter.Short
	panics   atomic.Uint64
	limited  map[string]*atomic.Uint64 // by limit.Names; the map does not change
}

func newCounts() *counts {
	k := &counts{limited: map[string]*atomic.Uint64{}}
	for _, name := range limit.Names {
		k.limited[name] = new(atomic.Uint64)
	}
	return k
}

// refused counts a request or a command that was too fast for a limit.
func (k *counts) refused(name string) {
	if n := k.limited[name]; n != nil {
		n.Add(1)
	}
}

// total is how many were too fast, whatever the limit.
func (k *counts) total() (total uint64) {
	for _, n := range k.limited {
		total += n.Load()
	}
	return total
}

// count is a middleware: it counts a request and, at the finest level, logs it. The log has the route's pattern, never the address that was asked for: that
// may hold a code, and names campaigns and ideas.
func (s *Server) count(c *gin.Context) {
	began := time.Now()
	c.Next()
	status, took := c.Writer.Status(), time.Since(began)
	if isSocket(c) {
		status = http.StatusSwitchingProtocols
	} else {
		s.Metrics.edge.took.Observe(took)
	}
	s.Metrics.edge.requests[min(max(status/100, 1), len(classes))-1].Add(1)
	s.logger(c).Debug("a request", "method", method(c), "route", c.FullPath(), "status", status, "took", took)
}

// isSocket says whether a request became a socket.
func isSocket(c *gin.Context) bool { return c.GetBool(socketKey) }

// method is the request's method if it is a usual one: any word may be sent.
func method(c *gin.Context) string {
	switch m := c.Request.Method; m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
