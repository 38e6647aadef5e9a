package bench

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		all            []float64
		median, lo, hi float64
	}{
		{nil, 0, 0, 0}, {[]float64{3}, 3, 3, 3}, {[]float64{5, 1}, 3, 1, 5}, {[]float64{9, 1, 2}, 2, 1, 9}, {[]float64{4, 1, 3, 2}, 2.5, 1, 4},
	} {
		before := slices.Clone(c.all)
		s := spreadOf(c.all)
		if s.Median != c.median || s.Min != c.lo || s.Max != c.hi || !slices.Equal(s.All, before) {
			t.Errorf("%v: %+v", before, s)
		}
	}
}

func TestRatios(t *testing.T) {
	if got := ratios([]float64{2, 9, 5}, []float64{1, 3, 0}); !slices.Equal(got, []float64{2, 3}) {
		t.Errorf("%v", got)
	}
	if got := ratios([]float64{2, 9}, nil); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// TestQuantile: a quantile is never below the exact one, and at most a bucket above it.
func TestQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 200).Draw(t, "durations")
		q := rapid.SampledFrom([]float64{0.5, 0.9, 0.99, 1}).Draw(t, "q")
		var l latencies
		for _, d := range all {
			l.add(time.Duration(d))
		}
		slices.Sort(all)
		exact := time.Duration(all[max(int(q*float64(len(all))), 1)-1])
		if got := l.quantile(q); got < exact || got > exact+exact/32+1 {
			t.Fatalf("quantile %g of %v: %v, exactly %v", q, all, got, exact)
		}
	})
}

func TestQuantileOfNothing(t *testing.T) {
	var l latencies
	if got := l.quantile(0.99); got != 0 {
		t.Errorf("%v", got)
	}
}

// TestBuckets: every duration is in the bucket whose bounds it lies within.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Min(0).Draw(t, "duration"))
		i := bucket(d)
		if d > upper(i) || i > 0 && d <= upper(i-1) {
			t.Fatalf("%d is in bucket %d: above %d, up to %d", d, i, upper(i-1), upper(i))
		}
	})
}
