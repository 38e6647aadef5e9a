package journaltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kiem/hub/journal"
)

// restart is Close and Reopen.
func (s *suite) restart(t *testing.T) {
	t.Helper()
	if err := s.Journal.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	s.Journal = s.Reopen(t)
	j := s.Journal
	t.Cleanup(func() { j.Close() })
}

// kill is Kill, and goes on with what it gives.
func (s *suite) kill(t *testing.T) {
	t.Helper()
	next := s.Kill(t)
	if next != s.Journal {
		s.Journal.Close()
		t.Cleanup(func() { next.Close() })
	}
	s.Journal = next
}

func testReopen(t *testing.T, s *suite) {
	s.need(t, "restart", s.Reopen != nil)
	for round := range uint64(3) {
		for _, name := range []string{"c:one", "c:two"} {
			l := Open(t, s.Journal, name)
			if n := head(t, l); n != round*10 {
				t.Fatalf("round %d: head is %d, want %d", round, n, round*10)
			}
			for i := range uint64(10) {
				n := round*10 + i + 1
				Append(t, l, Make(t, n, journal.Chain{}, 0), n)
			}
		}
		s.restart(t)
		for _, name := range []string{"c:one", "c:two"} {
			l := Open(t, s.Journal, name)
			Verify(t, l)
			for i, st := range ReadAll(t, l, 0, 100) {
				if n := number(t, st); n != uint64(i+1) {
					t.Fatalf("round %d: entry %d holds %d", round, st.Seq, n)
				}
			}
		}
	}
}

func testKill(t *testing.T, s *suite) {
	s.need(t, "kill", s.Kill != nil)
	n := uint64(0)
	for round := range 3 {
		l := Open(t, s.Journal, "c:kill")
		for range 10 {
			n++
			appendKilled(t, l, n)
		}
		s.kill(t)
		l = Open(t, s.Journal, "c:kill")
		if got := head(t, l); got != n {
			t.Fatalf("round %d: head is %d after a kill, acknowledged were %d", round, got, n)
		}
		Verify(t, l)
	}
}

// appendKilled appends through what a kill leaves behind: refusals are tried again.
func appendKilled(t *testing.T, l journal.Log, n uint64) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		seq, err := l.Append(t.Context(), Make(t, n, journal.Chain{}, 0))
		switch {
		case err == nil && seq == n:
			return
		case err == nil:
			t.Fatalf("Append gave number %d, want %d", seq, n)
		case !errors.Is(err, journal.ErrUnavailable) || time.Now().After(deadline):
			t.Fatalf("Append: %v", err)
		}
	}
}

func testKillDuring(t *testing.T, s *suite) {
	s.need(t, "kill", s.Kill != nil)
	const logs = 4
	type ack struct{ seq, n uint64 }
	var mu sync.Mutex
	acks := make([][]ack, logs)
	enough := make(chan struct{})
	stop := make(chan struct{})
	total := 0
	var wg sync.WaitGroup
	for i := range logs {
		l := Open(t, s.Journal, fmt.Sprintf("c:during-%d", i))
		wg.Go(func() {
			for n := uint64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				seq, err := l.Append(context.Background(), Make(t, n, journal.Chain{}, 0))
				if err != nil { // the kill: this append's outcome is unknown, or it was refused
					if errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrTooLarge) {
						t.Errorf("Append: %v", err)
					}
					return
				}
				mu.Lock()
				acks[i] = append(acks[i], ack{seq, n})
				if total++; total == 100 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(Patience):
		t.Fatal("no 100 appends in time")
	}
	// What was acknowledged before the kill began must be there after it; what came later may be, for a kill that copies files.
	mu.Lock()
	due := make([]int, logs)
	for i := range acks {
		due[i] = len(acks[i])
	}
	mu.Unlock()
	old := s.Journal
	next := s.Kill(t)
	close(stop)
	wg.Wait()
	if next != old {
		old.Close()
		t.Cleanup(func() { next.Close() })
	}
	s.Journal = next
	for i := range logs {
		l := Open(t, s.Journal, fmt.Sprintf("c:during-%d", i))
		Verify(t, l)
		got := ReadAll(t, l, 0, 1000)
		for _, a := range acks[i][:due[i]] {
			if a.seq > uint64(len(got)) {
				t.Fatalf("log %d: acknowledged %d, but there are %d entries", i, a.seq, len(got))
			}
			if n := number(t, got[a.seq-1]); n != a.n {
				t.Fatalf("log %d, entry %d: acknowledged for %d, holds %d", i, a.seq, a.n, n)
			}
		}
	}
}

func testUnknown(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:unknown")
	Append(t, l, Make(t, 1, journal.Chain{}, 0), 1)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	sent := map[uint64]bool{1: true}
	for n := uint64(2); n <= 20; n++ {
		_, err := l.Append(ctx, Make(t, n, journal.Chain{}, 0))
		sent[n] = true
		if err != nil && !errors.Is(err, journal.ErrUnknown) {
			t.Fatalf("Append with a context that has ended: error %v, want ErrUnknown", err)
		}
	}
	// Whatever became of them, the log is sound, holds each at most once, and takes more.
	last := Append(t, l, Make(t, 100, journal.Chain{}, 0), 0)
	Verify(t, l)
	seen := map[uint64]bool{}
	for _, st := range ReadAll(t, l, 0, 100) {
		n := number(t, st)
		if seen[n] || !sent[n] && n != 100 {
			t.Fatalf("entry %d holds %d, twice or never sent", st.Seq, n)
		}
		seen[n] = true
		if n == 100 && st.Seq != last {
			t.Fatalf("the acknowledged entry %d is found at %d", last, st.Seq)
		}
	}
	if !seen[100] || !seen[1] {
		t.Error("an acknowledged entry is missing")
	}
	if _, err := s.Journal.Names(s.ctx); err != nil {
		t.Errorf("Names: %v", err)
	}
}

func testCloseDuring(t *testing.T, s *suite) {
	s.need(t, "restart", s.Reopen != nil)
	const writers = 8
	acked := make([]uint64, writers)
	var wg, going sync.WaitGroup
	going.Add(writers)
	for w := range writers {
		l := Open(t, s.Journal, fmt.Sprintf("c:close-%d", w))
		wg.Go(func() {
			first := sync.OnceFunc(going.Done)
			defer first()
			for n := uint64(1); ; n++ {
				seq, err := l.Append(context.Background(), Make(t, n, journal.Chain{}, 0))
				if err != nil {
					if !errors.Is(err, journal.ErrClosed) && !errors.Is(err, journal.ErrUnknown) && !errors.Is(err, journal.ErrUnavailable) {
						t.Errorf("Append while closing: %v", err)
					}
					return
				}
				acked[w] = seq
				first()
			}
		})
	}
	going.Wait()
	var closers sync.WaitGroup
	for range 3 { // several at once, and with logs being closed too
		closers.Go(func() {
			if err := s.Journal.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	closers.Wait()
	wg.Wait()
	s.Journal = s.Reopen(t)
	j := s.Journal
	t.Cleanup(func() { j.Close() })
	for w := range writers {
		l := Open(t, s.Journal, fmt.Sprintf("c:close-%d", w))
		Verify(t, l)
		if n := head(t, l); n < acked[w] {
			t.Errorf("log %d: acknowledged %d, head %d", w, acked[w], n)
		}
	}
}

func testClosed(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:closed")
	Append(t, l, Make(t, 1, journal.Chain{}, 0), 1)
	one := Open(t, s.Journal, "c:closed")
	changed := one.Changed()
	if err := one.Close(); err != nil {
		t.Errorf("Log.Close: %v", err)
	}
	if err := one.Close(); err != nil {
		t.Errorf("a second Log.Close: %v", err)
	}
	if changed != nil {
		waitClosed(t, changed)
	}
	if _, err := one.Append(s.ctx, Make(t, 2, journal.Chain{}, 0)); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Append to a closed log: %v", err)
	}
	Append(t, l, Make(t, 2, journal.Chain{}, 0), 2)
	for range 2 {
		if err := s.Journal.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if c := l.Changed(); c != nil {
		waitClosed(t, c)
	}
	_, err := l.Append(s.ctx, Make(t, 3, journal.Chain{}, 0))
	wantErr(t, "Append", err, journal.ErrClosed)
	_, err = l.Read(s.ctx, 0, 1)
	wantErr(t, "Read", err, journal.ErrClosed)
	_, err = l.Head(s.ctx)
	wantErr(t, "Head", err, journal.ErrClosed)
	_, err = l.Snapshot(s.ctx, 1)
	wantErr(t, "Snapshot", err, journal.ErrClosed)
	wantErr(t, "SaveSnapshot", l.SaveSnapshot(s.ctx, journal.Snapshot{Seq: 1}), journal.ErrClosed)
	_, err = s.Journal.Open(s.ctx, "c:closed")
	wantErr(t, "Open", err, journal.ErrClosed)
	_, err = s.Journal.Names(s.ctx)
	wantErr(t, "Names", err, journal.ErrClosed)
	_, err = s.Journal.Due(s.ctx, 1)
	wantErr(t, "Due", err, journal.ErrClosed)
	wantErr(t, "SetDue", s.Journal.SetDue(s.ctx, "c:closed", 1), journal.ErrClosed)
	wantErr(t, "Ready", s.Journal.Ready(s.ctx), journal.ErrClosed)
}

func waitClosed(t *testing.T, c <-chan struct{}) {
	t.Helper()
	deadline := time.After(Patience)
	for {
		select {
		case _, open := <-c:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("Changed was not closed")
		}
	}
}
