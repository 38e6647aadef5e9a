package meter

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestBuckets: every value falls into the first bucket whose bound it does not exceed, at the bounds themselves too.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Short
		base := int64(leastShort) << rapid.IntRange(0, Buckets).Draw(t, "power")
		value := max(base+rapid.Int64Range(-2, 2).Draw(t, "off"), 0)
		if rapid.Bool().Draw(t, "any") {
			value = rapid.Int64().Draw(t, "value")
		}
		h.Observe(time.Duration(value))
		r := h.Read()
		want := Buckets
		for n := range Buckets {
			if value <= int64(leastShort)<<n {
				want = n
				break
			}
		}
		if got := slices.Index(r.Counts[:], 1); got != want || r.Count() != 1 {
			t.Fatalf("%d is in bucket %d, want %d", value, got, want)
		}
	})
}

// TestQuantile: an estimate lies in the bucket of the true value, so it is at most twice or half of it.
func TestQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Sizes
		values := rapid.SliceOfN(rapid.IntRange(1, 1<<Buckets/2), 1, 200).Draw(t, "values")
		for _, v := range values {
			h.Observe(v)
		}
		r := h.Read()
		slices.Sort(values)
		q := rapid.SampledFrom([]float64{0.5, 0.9, 0.99, 1}).Draw(t, "q")
		want := float64(values[int(math.Ceil(q*float64(len(values))))-1])
		if got := r.Quantile(q); got > 2*want || got < want/2 {
			t.Fatalf("quantile %g of %v is %g, want about %g", q, values, got, want)
		}
		sum := 0
		for _, v := range values {
			sum += v
		}
		if r.Sum != float64(sum) || r.Count() != uint64(len(values)) {
			t.Fatalf("sum %g of %d, want %d of %d", r.Sum, r.Count(), sum, len(values))
		}
	})
	var none Reading
	if none.Quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	var beyond Long
	beyond.Observe(time.Hour)
	if r := beyond.Read(); r.Quantile(0.5) != r.Bound(Buckets-1) {
		t.Errorf("beyond the last bound: %g", r.Quantile(0.5))
	}
}

// TestConcurrent: no observation is lost.
func TestConcurrent(t *testing.T) {
	var h Bytes
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 1000 {
				h.Observe(n)
			}
		})
	}
	all.Wait()
	if r := h.Read(); r.Count() != 8000 || r.Sum != 8*999*1000/2 {
		t.Errorf("%d observations, sum %g", r.Count(), r.Sum)
	}
}

// TestWindow: what happened longer ago than the span no longer counts, and a clock that jumps back fills no memory.
func TestWindow(t *testing.T) {
	var h Short
	var w Window
	start := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	now := start
	second := func() { now = now.Add(time.Second); w.Mark(now, h.Read()) }
	w.Mark(now, h.Read())
	for range 100 {
		h.Observe(time.Second)
		second()
	}
	if r, over := w.Lately(now, h.Read()); r.Count() != 100 || over != 100*time.Second {
		t.Errorf("%d in %v, want 100 in 100 s", r.Count(), over)
	}
	for range 1000 {
		h.Observe(time.Millisecond)
		second()
	}
	r, over := w.Lately(now, h.Read())
	if over < Span || over > Span+2*step || r.Count() != uint64(over/time.Second) || r.Quantile(0.99) > 0.01 {
		t.Errorf("%d in %v, 99 %% up to %g s", r.Count(), over, r.Quantile(0.99))
	}
	for n := range 5000 {
		w.Mark(start.Add(-time.Duration(n)*time.Hour), h.Read())
	}
	if len(w.marks) > int(2*Span/step) {
		t.Errorf("%d marks are remembered", len(w.marks))
	}
}
