package bench

import (
	"math/bits"
	"slices"
	"time"
)

// spread is what repeated measurements of one thing gave.
type spread struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	All    []float64 `json:"all"` // in the order of the repeats
}

func spreadOf(all []float64) spread {
	if len(all) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(all))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], All: all}
}

// ratios divides repeat by repeat: what disturbed one repeat disturbed both sides of it.
func ratios(a, b []float64) []float64 {
	out := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		if b[i] > 0 {
			out = append(out, a[i]/b[i])
		}
	}
	return out
}

// latencies counts durations in buckets about 3 % wide, so that millions cost no memory.
type latencies struct {
	counts [64 << subBits]uint64
	n      uint64
	max    time.Duration
}

// subBits is how many bits below the first one are told apart.
const subBits = 5

func bucket(d time.Duration) int {
	v := uint64(max(d, 0))
	if v < 1<<subBits {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)<<subBits | int(v>>shift&(1<<subBits-1))
}

// upper is the largest duration of a bucket.
func upper(i int) time.Duration {
	if i < 1<<subBits {
		return time.Duration(i)
	}
	shift := i>>subBits - 1
	return time.Duration((1<<subBits|uint64(i&(1<<subBits-1)))<<shift + 1<<shift - 1)
}

func (l *latencies) add(d time.Duration) {
	l.counts[bucket(d)]++
	l.n++
	l.max = max(l.max, d)
}

// quantile is the least duration that a share q of all did not exceed, at most 3 % too long.
func (l *latencies) quantile(q float64) time.Duration {
	rank := uint64(q * float64(l.n))
	seen := uint64(0)
	for i, c := range l.counts {
		if seen += c; c > 0 && seen >= rank {
			return min(upper(i), l.max)
		}
	}
	return l.max
}
