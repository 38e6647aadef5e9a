package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gin-gonic/gin"

	"kiem/hub"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/session"
	"kiem/hub/vault"
	"kiem/hub/wire"
	"kiem/static"
)

// failure is a refusal on its way out of a handler.
type failure struct{ *machine.Refusal }

func (f failure) Error() string { return f.Refusal.Error() }

func refuse(code wire.Code, field, reason string) error {
	return failure{machine.Refuse(code, field, reason)}
}

// refused makes an error of a refusal, if there is one.
func refused(r *machine.Refusal, err error) error {
	if err != nil {
		return err
	}
	if r != nil {
		return failure{r}
	}
	return nil
}

// answered: the handler wrote its own answer.
var answered = errors.New("answered")

var errMethod = refuse(wire.NotFound, "", "no_page")

// handle is the one place where errors of handlers are written, and logged.
func (s *Server) handle(h func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		err := h(c)
		if err == nil || errors.Is(err, answered) {
			return
		}
		s.fail(c, err)
	}
}

func (s *Server) fail(c *gin.Context, err error) {
	refusal := s.refusalOf(err)
	if refusal.Code == wire.Internal {
		s.logger(c).Error("a request failed", "route", c.FullPath(), "err", err)
	}
	retryAfter(c, refusal)
	status := refusal.Code.Status()
	if errors.Is(err, errMethod) {
		status = http.StatusMethodNotAllowed
	}
	c.Header("Cache-Control", "no-store")
	c.AbortWithStatusJSON(status, gin.H{"error": wire.Error{
		Code: refusal.Code, Message: Sentence(language(c), refusal), Field: refusal.Field,
	}})
}

// retryAfter says when to come back, unless somebody who knows better has said so.
func retryAfter(c *gin.Context, r *machine.Refusal) {
	if (r.Code == wire.RateLimited || r.Code == wire.Unavailable) && c.Writer.Header().Get("Retry-After") == "" {
		c.Header("Retry-After", "1")
	}
}

// refusalOf gives what a caller is told about an error.
func (s *Server) refusalOf(err error) *machine.Refusal {
	var f failure
	switch {
	case errors.As(err, &f):
		return f.Refusal
	case errors.Is(err, hub.ErrNoCampaign):
		return machine.Refuse(wire.NotFound, "", "no_campaign")
	case errors.Is(err, hub.ErrClosed), errors.Is(err, hub.ErrBroken), errors.Is(err, session.ErrUnavailable), errors.Is(err, vault.ErrUnavailable),
		errors.Is(err, journal.ErrUnavailable), errors.Is(err, journal.ErrUnknown), errors.Is(err, journal.ErrPoisoned),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return machine.Refuse(wire.Unavailable, "", "unavailable")
	}
	return machine.Refuse(wire.Internal, "", "internal")
}

// Sentence is what people are told about a refusal: the closest sentence there is, of those for which the refusal has every detail. (One that is answered
// again, because its command was sent again, has lost its details.)
func Sentence(lang string, r *machine.Refusal) string {
	args := make([]string, 0, 2*len(r.Args))
	for name, value := range r.Args {
		args = append(args, name, value)
	}
	if key := "refusal." + r.Reason; static.Has(key) {
		if text := static.Sentence(lang, key, args...); !strings.Contains(text, "{") {
			return text
		}
	}
	return static.Sentence(lang, "error."+string(r.Code), args...)
}

func language(c *gin.Context) string {
	return static.Language(c.Query("lang"), c.GetHeader("Accept-Language"))
}

// recoverPanics keeps one bad request from ending the process, and says nothing of the cause to the caller.
func (s *Server) recoverPanics(c *gin.Context) {
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) { // a file that was not made to its end
				panic(http.ErrAbortHandler) // net/http ends the connection
			}
			s.Metrics.edge.panics.Add(1)
			s.logger(c).Error("a handler panicked", "route", c.FullPath(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			s.fail(c, refuse(wire.Internal, "", "internal"))
		}
	}()
	c.Next()
}
