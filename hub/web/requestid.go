package web

import (
	"fmt"
	"log/slog"
	"math/rand/v2"

	"github.com/gin-gonic/gin"
)

// Keys of what a request carries through its handlers.
const (
	numberKey = "kiem/number"
	socketKey = "kiem/socket"
)

// number is a middleware: it gives a request a number by which the log's lines about it, the answer, and a proxy's log are brought together. It says nothing about
// the caller. What a client sends under that name is not taken over: it would stand in our log.
func (s *Server) number(c *gin.Context) {
	number := fmt.Sprintf("%016x", rand.Uint64())
	c.Set(numberKey, number)
	c.Header("X-Request-Id", number)
	c.Next()
}

// logger is the log for what concerns one request.
func (s *Server) logger(c *gin.Context) *slog.Logger {
	return s.Logger.With("request", c.GetString(numberKey))
}
