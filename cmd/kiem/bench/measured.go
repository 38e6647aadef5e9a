package bench

import (
	"fmt"
	"time"
)

// fanned is one measurement of fan-out.
type fanned struct {
	deliveries uint64
	bytes      uint64 // of frames, headers included
	ticks      uint64
	took       time.Duration
	cpu        time.Duration // of the server; 0: not known
	own        time.Duration // of the bench
}

func (f fanned) perDelivery() float64 { return float64(f.cpu.Nanoseconds()) / float64(f.deliveries) }

// message is the mean size of a message without the frame's header.
func (f fanned) message() int {
	n := int(f.bytes / max(f.deliveries, 1))
	if n > 127 {
		return n - 4
	}
	return n - 2
}

// taken is one measurement of intake.
type taken struct {
	acks    uint64
	all     uint64 // acks, and those before the measurement
	refused uint64
	took    time.Duration
	cpu     time.Duration // of the server; 0: not known
	own     time.Duration // of the bench
	wait    latencies
}

func (t *taken) perSecond() float64 { return float64(t.acks) / t.took.Seconds() }
func (t *taken) String() string {
	return fmt.Sprintf("%.0f/s, %.1f µs of the server and %.1f of the clients each, p50 %v, p99 %v", t.perSecond(), t.perAck()/1000,
		float64(t.own.Nanoseconds())/1000/float64(t.acks), t.wait.quantile(0.5).Round(10*time.Microsecond), t.wait.quantile(0.99).Round(10*time.Microsecond))
}

func (t *taken) perAck() float64 { return float64(t.cpu.Nanoseconds()) / float64(t.acks) }

// arrived is one measurement of a storm.
type arrived struct {
	took  time.Duration
	cpu   time.Duration
	bytes int // of the last snapshot, as it was sent
	wait  latencies
	votes uint64
}

// idled is one measurement of connections that do nothing.
type idled struct {
	memory float64 // bytes of resident memory for each
	core   float64 // share of one core that all take together
}
