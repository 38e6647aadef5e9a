package sqlitelog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

// load appends to a few logs from several goroutines until stop is closed or an append fails for good, and keeps what was acknowledged.
type load struct {
	wg    sync.WaitGroup
	stop  chan struct{}
	mu    sync.Mutex
	acked map[string]uint64
	total atomic.Int64
	last  map[string]error
}

func startLoad(t *testing.T, j *Journal, again func(error) bool) *load {
	t.Helper()
	w := &load{stop: make(chan struct{}), acked: map[string]uint64{}, last: map[string]error{}}
	for i := range 3 {
		l := journaltest.Open(t, j, fmt.Sprintf("c:%d", i))
		w.wg.Go(func() {
			for n := uint64(1); ; {
				select {
				case <-w.stop:
					return
				default:
				}
				seq, err := l.Append(context.Background(), journaltest.Make(t, n, journal.Chain{}, 0))
				if err != nil {
					if again(err) {
						continue
					}
					w.mu.Lock()
					w.last[l.Name()] = err
					w.mu.Unlock()
					return
				}
				if seq != n {
					t.Errorf("log %s: number %d for entry %d", l.Name(), seq, n)
					return
				}
				n++
				w.mu.Lock()
				w.acked[l.Name()] = seq
				w.mu.Unlock()
				w.total.Add(1)
			}
		})
	}
	return w
}

func (w *load) end() {
	close(w.stop)
	w.wg.Wait()
}

func (w *load) snapshot() map[string]uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := map[string]uint64{}
	for k, v := range w.acked {
		m[k] = v
	}
	return m
}

func (w *load) await(t *testing.T, n int64) {
	t.Helper()
	deadline := time.Now().Add(journaltest.Patience)
	for w.total.Load() < n {
		if time.Now().After(deadline) {
			t.Fatalf("%d appends in time, want %d", w.total.Load(), n)
		}
		<-time.After(time.Millisecond)
	}
}

func never(error) bool { return false }

// verifyAcked opens a directory and expects what was acknowledged.
func verifyAcked(t *testing.T, dir string, acked map[string]uint64) {
	t.Helper()
	// Who only looks raises no alarm either, and changes nothing.
	r, wrong, err := Inspect(t.Context(), dir, nil)
	switch {
	case errors.Is(err, journal.ErrNotFound): // a cut before the file's name was on the disk
	case err != nil:
		t.Fatalf("Inspect: %v", err)
	default:
		for _, err := range append(r.Check(t.Context()), wrong...) {
			t.Errorf("Inspect: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	j, err := Open(t.Context(), dir, small)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer j.Close()
	for name, want := range acked {
		if at := journaltest.Verify(t, journaltest.Open(t, j, name)); at.Seq < want {
			t.Fatalf("log %s: entry %d was acknowledged, the log has %d", name, want, at.Seq)
		}
	}
}
