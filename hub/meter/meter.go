// Package meter counts durations and sizes where nothing may be slowed down: an observation is two atomic adds, without a lock, an allocation or a
// search. What is counted is read by others: the metrics as it is, the operator's page as the difference to some minutes ago (Window).
//
// Buckets double: the first holds everything up to the type's least value, the next up to twice that, and so on; the last has no bound. The zero value of
// each type is ready for use, and safe for concurrent use.
package meter

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Buckets is the number of bounded buckets.
const Buckets = 20

// The upper bounds of the first buckets.
const (
	leastShort = 50 * time.Microsecond // to 26 s: fsyncs, appends, ticks, requests
	leastLong  = time.Millisecond      // to 9 min: replays, snapshots
	leastSize  = 1                     // to 524,288: numbers of things, and bytes in units of leastBytes
	leastBytes = 256                   // to 128 MiB
)

type histogram struct {
	counts [Buckets + 1]atomic.Uint64
	sum    atomic.Uint64
}

func (h *histogram) add(least, value int64) {
	value = max(value, 0)
	n := 0
	if value > least {
		n = min(bits.Len64(uint64((value-1)/least)), Buckets)
	}
	h.counts[n].Add(1)
	h.sum.Add(uint64(value))
}

func (h *histogram) read(least int64, unit float64) Reading {
	r := Reading{Least: float64(least) * unit}
	for n := range h.counts {
		r.Counts[n] = h.counts[n].Load()
	}
	r.Sum = float64(h.sum.Load()) * unit
	return r
}

// Short counts short durations, in seconds when read.
type Short struct{ histogram }

// Observe counts one.
func (h *Short) Observe(d time.Duration) { h.add(int64(leastShort), int64(d)) }

// Read gives what was counted so far.
func (h *Short) Read() Reading { return h.read(int64(leastShort), 1e-9) }

// Long counts durations that may take minutes, in seconds when read.
type Long struct{ histogram }

// Observe counts one.
func (h *Long) Observe(d time.Duration) { h.add(int64(leastLong), int64(d)) }

// Read gives what was counted so far.
func (h *Long) Read() Reading { return h.read(int64(leastLong), 1e-9) }

// Sizes counts how many of something there were at a time.
type Sizes struct{ histogram }

// Observe counts one.
func (h *Sizes) Observe(n int) { h.add(leastSize, int64(n)) }

// Read gives what was counted so far.
func (h *Sizes) Read() Reading { return h.read(leastSize, 1) }

// Bytes counts sizes in bytes.
type Bytes struct{ histogram }

// Observe counts one.
func (h *Bytes) Observe(n int) { h.add(leastBytes, int64(n)) }

// Read gives what was counted so far.
func (h *Bytes) Read() Reading { return h.read(leastBytes, 1) }

// Reading is what a meter had counted at some moment. While others count, its parts may be some observations apart.
type Reading struct {
	Least  float64 // the bound of the first bucket
	Counts [Buckets + 1]uint64
	Sum    float64
}

// Bound is the upper bound of the nth bucket, n below Buckets.
func (r *Reading) Bound(n int) float64 { return r.Least * float64(uint64(1)<<n) }

// Count is the number of observations.
func (r *Reading) Count() (total uint64) {
	for _, n := range r.Counts {
		total += n
	}
	return total
}

// Since is what was counted after an earlier reading of the same meter.
func (r Reading) Since(earlier Reading) Reading {
	for n := range r.Counts {
		r.Counts[n] -= earlier.Counts[n]
	}
	r.Sum -= earlier.Sum
	return r
}

// Quantile estimates the value that a share q of the observations does not exceed, by a straight line inside the bucket that it falls in; 0 if there are none.
// What is beyond the last bound counts as that bound.
func (r *Reading) Quantile(q float64) float64 {
	total := r.Count()
	if total == 0 {
		return 0
	}
	rank, below := q*float64(total), 0.0
	for n := range Buckets {
		in := float64(r.Counts[n])
		if in > 0 && below+in >= rank {
			from := 0.0
			if n > 0 {
				from = r.Bound(n - 1)
			}
			return from + (r.Bound(n)-from)*max(rank-below, 0)/in
		}
		below += in
	}
	return r.Bound(Buckets - 1)
}
