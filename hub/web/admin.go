package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"kiem/hub/directory"
	"kiem/hub/meter"
	"kiem/hub/wire"
	"kiem/static"
)

// The operator of the server has no role in any campaign: the page shows how the server is, campaigns by their ids, and nobody at all.

// Warning is an unsafe setting that is in force: a key of the catalogue below "warning.", and its arguments.
type Warning struct {
	Code string
	Args []string // pairs of a name and a value
}

// In is the warning in a language.
func (w Warning) In(lang string) string { return static.Sentence(lang, "warning."+w.Code, w.Args...) }

// String is the warning in the language of the log.
func (w Warning) String() string { return w.In("en") }

// Store says how the store is: the embedded one has a disk, the shared one Redis; the other is nil. It asks nothing that takes long.
type Store func(context.Context) (*wire.AdminDisk, *wire.AdminRedis)

// maxHeads is how many rooms the operator's page lists, and headsTime how long they have to answer.
const (
	maxHeads  = 200
	headsTime = 2 * time.Second
)

// adminStatus is GET /admin/status, for the account of the operator and nobody else: an organiser has no business with the server.
func (s *Server) adminStatus(c *gin.Context) error {
	who, err := s.caller(c)
	switch {
	case err != nil:
		return err
	case who.account != directory.Admin:
		return refuse(wire.Forbidden, "", "operator_only")
	}
	if err := s.spend(c, who); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), headsTime)
	defer cancel()
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, s.status(ctx, language(c)))
	return nil
}

// status is how this node is.
func (s *Server) status(ctx context.Context, lang string) wire.AdminStatus {
	now, stats := time.Now(), &s.Hub.Stats
	out := wire.AdminStatus{
		Node: s.Hub.Node(), Version: s.Hub.Version, StartedAt: s.Hub.Started.UTC(), Now: s.Clock().UTC(), Ready: true,
		Durability: string(s.Hub.Durability()), Warnings: []wire.Warning{}, Connections: stats.Connections.Load(), Awake: awake(stats),
		Commands: stats.Commands.Load(), Entries: stats.Entries.Load(), Refused: stats.Replies.Failed(), RateLimited: s.Metrics.edge.total(),
		Fsync:  latency(now, &s.Metrics.fsync, s.Metrics.Fsync.Read()),
		Append: latency(now, &s.Metrics.append, stats.Append.Read()),
		Heads:  []wire.AdminHead{}, Nodes: []wire.AdminNode{},
	}
	if err := s.Hub.Ready(ctx); err != nil {
		out.Ready, out.Trouble = false, err.Error()
	}
	for _, w := range s.Warnings() {
		out.Warnings = append(out.Warnings, wire.Warning{Code: w.Code, Message: w.In(lang)})
	}
	if n, err := s.Hub.Campaigns(ctx); err == nil {
		out.Asleep = max(int64(n)-out.Awake, 0)
	}
	out.Disk, out.Redis = s.store(ctx)
	for _, h := range s.Hub.Heads(ctx, maxHeads) {
		out.Heads = append(out.Heads, wire.AdminHead{Log: h.Log, Entry: h.Entry, Epoch: h.Epoch, Head: h.Hash, Connections: h.Connections})
	}
	for _, p := range s.Hub.Peers() {
		out.Nodes = append(out.Nodes, wire.AdminNode{
			Node: p.Node, Version: p.Version, StartedAt: p.Started.UTC(), HeardAt: p.Heard.UTC(), Ready: p.Ready, Connections: p.Connections, Rooms: p.Rooms,
		})
	}
	return out
}

// latency is what a meter counted lately.
func latency(now time.Time, w *meter.Window, r meter.Reading) wire.AdminLatency {
	lately, over := w.Lately(now, r)
	return wire.AdminLatency{Count: lately.Count(), P50: lately.Quantile(0.5), P99: lately.Quantile(0.99), Seconds: max(over.Seconds(), 0)}
}
