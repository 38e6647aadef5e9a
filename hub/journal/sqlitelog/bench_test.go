package sqlitelog

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

// BenchmarkAppend measures an append as a room makes it: 1, 16 and 64 logs with one appender each. p50 and p99 are what an appender
// waits; ratio is p50 against the same bytes appended to a bare file and synced, measured beside it.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{200, 40 << 10} {
		bare := bareAppend(b, size)
		for _, logs := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%dB/%dlogs", size, logs), func(b *testing.B) {
				j := open(b, b.TempDir(), small)
				var mu sync.Mutex
				var waited []time.Duration
				var wg sync.WaitGroup
				b.SetBytes(int64(size))
				b.ReportAllocs()
				ready := make([]journal.Log, logs)
				for i := range ready {
					ready[i] = journaltest.Open(b, j, fmt.Sprintf("c:%d", i))
					journaltest.Append(b, ready[i], journaltest.Make(b, 1, journal.Chain{}, size), 1)
				}
				body := journaltest.Make(b, 2, journal.Chain{}, size)
				b.ResetTimer()
				for i, l := range ready {
					wg.Go(func() {
						mine := make([]time.Duration, 0, b.N/logs+1)
						for k := i; k < b.N; k += logs {
							start := time.Now()
							if _, err := l.Append(b.Context(), body); err != nil {
								b.Error(err)
								return
							}
							mine = append(mine, time.Since(start))
						}
						mu.Lock()
						waited = append(waited, mine...)
						mu.Unlock()
					})
				}
				wg.Wait()
				b.StopTimer()
				slices.Sort(waited)
				p50, p99 := waited[len(waited)/2], waited[len(waited)*99/100]
				b.ReportMetric(float64(p50.Microseconds()), "p50-µs")
				b.ReportMetric(float64(p99.Microseconds()), "p99-µs")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
				b.ReportMetric(float64(bare.Microseconds()), "bare-µs")
				b.ReportMetric(float64(p50)/float64(bare), "ratio")
			})
		}
	}
}

// bareAppend is the median of write and fsync at the end of a growing file.
func bareAppend(b *testing.B, size int) time.Duration {
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	body := make([]byte, size)
	var took []time.Duration
	for range 300 {
		start := time.Now()
		if _, err := f.Write(body); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

func BenchmarkRead(b *testing.B) {
	j := open(b, b.TempDir(), small)
	l := journaltest.Open(b, j, "c:x")
	var wg sync.WaitGroup
	const n = 4096
	for i := range n {
		wg.Go(func() {
			if _, err := l.Append(b.Context(), journaltest.Make(b, uint64(i), journal.Chain{}, 1000)); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.SetBytes(n * 1000)
	for b.Loop() {
		for after := uint64(0); after < n; {
			got, err := l.Read(b.Context(), after, 512)
			if err != nil {
				b.Fatal(err)
			}
			after += uint64(len(got))
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "entries/s")
}
