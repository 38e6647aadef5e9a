package web

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kiem/hub/limit"
	"kiem/hub/meter"
)

// Metrics is what an operator watches. No label has personal data, ids, or a value that somebody outside chose: each has a short list of values, all of which
// are shown from the start. What is counted on the way of a request is counted with atomic adds; the rest is asked for when somebody reads the metrics.
// docs/operations.md has the list.
type Metrics struct {
	// Told by the journal.
	Fsync         meter.Short // each write to stable storage; with Redis one append, its fsync included
	CommitEntries meter.Sizes // entries in one group commit
	CommitBytes   meter.Bytes

	registry      *prometheus.Registry
	edge          *counts
	fsync, append meter.Window
}

// Commit is told of a group commit.
func (m *Metrics) Commit(entries, bytes int) {
	m.CommitEntries.Observe(entries)
	m.CommitBytes.Observe(bytes)
}

// NewMetrics makes the metrics of a process; the server that they are given to adds what it knows.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), edge: newCounts()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.histogram("kiem_journal_fsync_seconds", "How long the journal's writes to stable storage take (with Redis: one append, its fsync included).", m.Fsync.Read)
	m.histogram("kiem_journal_commit_entries", "Entries in one group commit.", m.CommitEntries.Read)
	m.histogram("kiem_journal_commit_bytes", "Bytes of entries in one group commit.", m.CommitBytes.Read)
	return m
}

// Handler serves the metrics as text.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Mark remembers what was counted so far, so that the operator's page can tell the last minutes apart. It is called about once a second.
func (s *Server) Mark(now time.Time) {
	s.Metrics.fsync.Mark(now, s.Metrics.Fsync.Read())
	s.Metrics.append.Mark(now, s.Hub.Stats.Append.Read())
}

func (m *Metrics) counter(name, help string, labels prometheus.Labels, load func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return float64(load()) }))
}

func (m *Metrics) gauge(name, help string, labels prometheus.Labels, load func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, load))
}

func (m *Metrics) histogram(name, help string, read func() meter.Reading) {
	m.registry.MustRegister(&histogram{prometheus.NewDesc(name, help, nil, nil), read})
}

// histogram shows a meter.
type histogram struct {
	desc *prometheus.Desc
	read func() meter.Reading
}

// Describe is prometheus.Collector's.
func (h *histogram) Describe(out chan<- *prometheus.Desc) { out <- h.desc }

// Collect is prometheus.Collector's.
func (h *histogram) Collect(out chan<- prometheus.Metric) {
	r := h.read()
	buckets := make(map[float64]uint64, meter.Buckets)
	var below uint64
	for n := range meter.Buckets {
		below += r.Counts[n]
		buckets[r.Bound(n)] = below
	}
	out <- prometheus.MustNewConstHistogram(h.desc, r.Count(), r.Sum, buckets)
}

// scrapeTime bounds what is asked when the metrics are read.
const scrapeTime = 2 * time.Second

// watch adds what a server and its hub know.
func (s *Server) watch() {
	m, stats := s.Metrics, &s.Hub.Stats
	one := func() float64 { return 1 }
	m.gauge("kiem_build_info", "Always 1; the labels say which program this is.", prometheus.Labels{"version": s.Hub.Version, "go_version": runtime.Version()}, one)
	m.gauge("kiem_ready", "1 if commands are taken.", nil, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		return truth(s.Hub.Ready(ctx) == nil)
	})
	m.gauge("kiem_warnings", "Unsafe settings in force; /readyz lists them.", nil, func() float64 { return float64(len(s.Warnings())) })
	for _, level := range durabilities {
		m.gauge("kiem_durability", "1 for what an acknowledgement is worth now.", prometheus.Labels{"level": string(level)}, func() float64 { return truth(s.Hub.Durability() == level) })
	}
	m.gauge("kiem_nodes", "Nodes that are known to be there, this one included.", nil, func() float64 { return float64(1 + len(s.Hub.Peers())) })
	s.watchRooms(stats)
	m.counter("kiem_commands_total", "Commands applied on this node, void ones included.", nil, stats.Commands.Load)
	m.counter("kiem_entries_total", "Journal entries applied on this node.", nil, stats.Entries.Load)
	m.histogram("kiem_entry_commands", "Commands in one entry.", stats.Batch.Read)
	s.watchReplies(stats)
	m.counter("kiem_append_failures_total", "Appends that failed, or of which nobody knows whether they did.", nil, stats.AppendFailures.Load)
	m.histogram("kiem_append_seconds", "How long an append takes, from asking the journal to its answer.", stats.Append.Read)
	m.gauge("kiem_connections", "Open sockets.", nil, func() float64 { return float64(stats.Connections.Load()) })
	m.counter("kiem_connections_total", "Sockets that were opened.", nil, stats.Attached.Load)
	m.counter("kiem_frames_sent_total", "Frames written to sockets.", nil, stats.Frames.Load)
	m.counter("kiem_frame_bytes_total", "Bytes of frames written to sockets.", nil, stats.FrameBytes.Load)
	m.histogram("kiem_tick_seconds", "How long it takes to write one tick to everybody in a room.", stats.Tick.Read)
	m.histogram("kiem_tick_delay_seconds", "How long a change waits for the tick that shows it.", stats.TickDelay.Read)
	m.counter("kiem_resets_total", "Clients told to fetch the snapshot again.", nil, stats.Resets.Load)
	m.counter("kiem_slow_closed_total", "Connections closed because they accepted nothing.", nil, stats.SlowClosed.Load)
	m.counter("kiem_snapshots_encoded_total", "Snapshots encoded for reading; how often they were served does not matter.", nil, stats.Snapshots.Load)
	m.counter("kiem_snapshots_saved_total", "Snapshots of rooms that were stored.", nil, stats.Saved.Load)
	m.counter("kiem_snapshot_failures_total", "Snapshots of rooms that could not be stored.", nil, stats.SaveFailures.Load)
	m.histogram("kiem_snapshot_seconds", "How long making a snapshot takes: replay, comparison, storing.", stats.Snapshot.Read)
	m.histogram("kiem_replay_seconds", "How long a room takes to open: its snapshot and every entry after it.", stats.Replay.Read)
	m.counter("kiem_repairs_total", "Lost tails that this node appended again.", nil, stats.Repairs.Load)
	m.counter("kiem_epochs_total", "New epochs that began in open rooms: a log lost its tail and was repaired.", nil, stats.Epochs.Load)
	m.counter("kiem_witnesses_total", "Clients that had seen more than the log has.", nil, stats.Witnesses.Load)
	if bus, ok := s.Hub.Bus.(interface{ Dropped() uint64 }); ok {
		m.counter("kiem_bus_dropped_total", "Ephemeral messages between nodes that were dropped.", nil, bus.Dropped)
	}
	s.watchEdge()
	s.watchStore()
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// watchEdge adds what is counted here.
func (s *Server) watchEdge() {
	m := s.Metrics
	for n, class := range classes {
		m.counter("kiem_http_requests_total", "Requests by class of status; 1xx are sockets.", prometheus.Labels{"class": class}, m.edge.requests[n].Load)
	}
	m.histogram("kiem_http_request_seconds", "How long requests take, sockets excepted.", m.edge.took.Read)
	m.counter("kiem_http_panics_total", "Requests that ended in a fault of the program.", nil, m.edge.panics.Load)
	m.gauge("kiem_http_connections", "Connections that are no sockets.", nil, func() float64 { return float64(s.requests.number()) })
	for _, name := range limit.Names {
		m.counter("kiem_rate_limited_total", "Requests and commands refused as too fast, by limit.", prometheus.Labels{"limit": name}, m.edge.limited[name].Load)
	}
	m.gauge("kiem_sessions", "Sessions that were active lately on this node.", nil, func() float64 { return float64(s.gates.Len()) })
}
