package redislog

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// BenchmarkAppend measures an append as a room makes it: 1, 16 and 64 logs with one appender each. p50 and p99 are what an appender waits.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{200, 40 << 10} {
		for _, logs := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%dB/%dlogs", size, logs), func(b *testing.B) {
				j := open(b, Options{Address: redistest.Start(b).URL()})
				var mu sync.Mutex
				var waited []time.Duration
				var wg sync.WaitGroup
				b.SetBytes(int64(size))
				b.ReportAllocs()
				body := journaltest.Make(b, 2, journal.Chain{}, size)
				ready := make([]journal.Log, logs)
				for i := range ready {
					ready[i] = journaltest.Open(b, j, fmt.Sprintf("c:%d", i))
					journaltest.Append(b, ready[i], body, 1)
				}
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
				b.ReportMetric(float64(waited[len(waited)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(waited[len(waited)*99/100].Microseconds()), "p99-µs")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			})
		}
	}
}
