package web

import (
	"context"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"kiem/hub"
	"kiem/hub/journal"
	"kiem/hub/wire"
)

// durabilities are the values of a label.
var durabilities = []journal.Durability{journal.Durable, journal.Relaxed, journal.Asserted}

// watchRooms adds rooms and how far their logs have come.
func (s *Server) watchRooms(stats *hub.Stats) {
	m := s.Metrics
	const rooms = "Campaigns by whether their room is open on this node."
	m.gauge("kiem_rooms", rooms, prometheus.Labels{"state": "awake"}, func() float64 { return float64(awake(stats)) })
	var known atomic.Int64 // when the directory last answered
	m.gauge("kiem_rooms", rooms, prometheus.Labels{"state": "asleep"}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		if n, err := s.Hub.Campaigns(ctx); err == nil {
			known.Store(int64(n))
		}
		return float64(max(known.Load()-awake(stats), 0))
	})
	const applied = "Number of the last entry applied here: of the directory, and the sum over the campaigns that are awake."
	m.gauge("kiem_applied_entries", applied, prometheus.Labels{"log": "directory"}, func() float64 { n, _ := s.Hub.Applied(); return float64(n) })
	m.gauge("kiem_applied_entries", applied, prometheus.Labels{"log": "campaigns"}, func() float64 { _, n := s.Hub.Applied(); return float64(n) })
}

// awake is how many campaigns have a room here; the directory is one more.
func awake(stats *hub.Stats) int64 { return max(stats.Rooms.Load()-1, 0) }

// watchReplies adds the answers to commands, by outcome.
func (s *Server) watchReplies(stats *hub.Stats) {
	const help = "Answers to commands by outcome; ok: done, else the error code."
	s.Metrics.counter("kiem_replies_total", help, prometheus.Labels{"code": "ok"}, func() uint64 { return stats.Replies.Load("") })
	for _, code := range wire.Codes {
		s.Metrics.counter("kiem_replies_total", help, prometheus.Labels{"code": string(code)}, func() uint64 { return stats.Replies.Load(code) })
	}
}

// watchStore adds what the store says of itself, asked once for each reading.
func (s *Server) watchStore() {
	disk, redis := s.store(context.Background())
	c := &storeMetrics{server: s}
	describe := func(name, help string) *prometheus.Desc {
		d := prometheus.NewDesc(name, help, nil, nil)
		c.all = append(c.all, d)
		return d
	}
	if disk != nil {
		c.free = describe("kiem_disk_free_bytes", "Free space on the disk of the data directory.")
		c.need = describe("kiem_disk_needed_bytes", "With less free space, commands are refused.")
	}
	if redis != nil {
		c.up = describe("kiem_redis_up", "1 if the last check reached Redis.")
		c.durable = describe("kiem_redis_durable", "1 if appends are sent: the last check found Redis keeping what it acknowledges.")
		c.writes = describe("kiem_redis_write_ok", "1 if the last write of every Redis to its file succeeded.")
		c.replicas = describe("kiem_redis_replicas", "Connected replicas, of the Redis that has the fewest.")
		c.checked = describe("kiem_redis_checked_timestamp_seconds", "When Redis was last checked.")
	}
	if len(c.all) > 0 {
		s.Metrics.registry.MustRegister(c)
	}
}

type storeMetrics struct {
	server     *Server
	all        []*prometheus.Desc
	free, need *prometheus.Desc // nil: no disk of ours

	up, durable, writes, replicas, checked *prometheus.Desc // nil: no Redis
}

// Describe is prometheus.Collector's.
func (c *storeMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.all {
		out <- d
	}
}

// Collect is prometheus.Collector's.
func (c *storeMetrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	disk, redis := c.server.store(ctx)
	gauge := func(d *prometheus.Desc, value float64) {
		if d != nil {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
		}
	}
	if disk != nil {
		gauge(c.free, float64(disk.Free))
		gauge(c.need, float64(disk.Need))
	}
	if redis == nil {
		return
	}
	writes, replicas := true, -1
	for _, one := range redis.Servers {
		writes = writes && one.WriteOK
		if replicas < 0 || one.Replicas < replicas {
			replicas = one.Replicas
		}
	}
	gauge(c.up, truth(redis.Up))
	gauge(c.durable, truth(redis.Durable))
	gauge(c.writes, truth(writes))
	gauge(c.replicas, float64(max(replicas, 0)))
	gauge(c.checked, float64(redis.CheckedAt.UnixMilli())/1000)
}

// store asks the store how it is.
func (s *Server) store(ctx context.Context) (*wire.AdminDisk, *wire.AdminRedis) {
	if s.Store == nil {
		return nil, nil
	}
	return s.Store(ctx)
}
