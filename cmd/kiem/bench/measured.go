package bench

import "time"

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
	refused uint64
	took    time.Duration
	cpu     time.Duration // of the server; 0: not known
	own     time.Duration // of the bench
	wait    latencies
}

func (t *taken) perSecond() float64 { return float64(t.acks) / t.took.Seconds() }
func (t *taken) perAck() float64    { return float64(t.cpu.Nanoseconds()) / float64(t.acks) }
