package web

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kiem/hub"
)

// Metrics is what an operator watches. No label has personal data or ids.
type Metrics struct {
	registry *prometheus.Registry
	fsync    prometheus.Histogram
	entries  prometheus.Histogram
}

// NewMetrics makes the metrics that are told; Watch adds those that are asked for.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		fsync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kiem_journal_fsync_seconds", Help: "How long the journal's writes to stable storage take (with Redis: one append, its fsync included).",
			Buckets: prometheus.ExponentialBuckets(0.00005, 2, 16),
		}),
		entries: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "kiem_journal_commit_entries", Help: "Entries in one group commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
	}
	m.registry.MustRegister(m.fsync, m.entries, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Fsync is told of a write to stable storage.
func (m *Metrics) Fsync(took time.Duration) { m.fsync.Observe(took.Seconds()) }

// Commit is told of a group commit.
func (m *Metrics) Commit(entries int) { m.entries.Observe(float64(entries)) }

// Watch adds a hub's counters.
func (m *Metrics) Watch(s *hub.Stats) {
	counter := func(name, help string, load func() uint64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(load()) }))
	}
	gauge := func(name, help string, load func() int64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(load()) }))
	}
	gauge("kiem_connections", "Open sockets.", s.Connections.Load)
	gauge("kiem_rooms", "Open rooms, the directory included.", s.Rooms.Load)
	counter("kiem_commands_total", "Commands applied on this node, void ones included.", s.Commands.Load)
	counter("kiem_entries_total", "Journal entries applied on this node.", s.Entries.Load)
	counter("kiem_refusals_total", "Commands answered with an error.", s.Refused.Load)
	counter("kiem_frames_sent_total", "Frames written to sockets.", s.Frames.Load)
	counter("kiem_frame_bytes_total", "Bytes of frames written to sockets.", s.FrameBytes.Load)
	counter("kiem_resets_total", "Clients told to fetch the snapshot again.", s.Resets.Load)
	counter("kiem_slow_closed_total", "Connections closed because they accepted nothing.", s.SlowClosed.Load)
	counter("kiem_snapshots_encoded_total", "Snapshots encoded for reading; how often they were served does not matter.", s.Snapshots.Load)
	counter("kiem_repairs_total", "Lost tails that this node appended again.", s.Repairs.Load)
	counter("kiem_witnesses_total", "Clients that had seen more than the log has.", s.Witnesses.Load)
}

// Handler serves the metrics as text.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
