package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kiem/hub/journal"
)

func testDue(t *testing.T, s *suite) {
	due := func(until int64, want ...string) {
		t.Helper()
		got, err := s.Journal.Due(s.ctx, until)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("Due(%d) = %q, %v; want %q", until, got, err, want)
		}
	}
	set := func(name string, at int64) {
		t.Helper()
		if err := s.Journal.SetDue(s.ctx, name, at); err != nil {
			t.Fatalf("SetDue(%q, %d): %v", name, at, err)
		}
	}
	const now = 1_790_000_000_123 // milliseconds need more than 32 bits
	due(math.MaxInt64)
	set("c:b", now)
	set("c:a", now)
	set("c:c", now-5)
	due(now - 6)
	due(now-5, "c:c")
	due(now-1, "c:c")
	due(now, "c:c", "c:a", "c:b") // earliest first, then by name
	set("c:c", now+1)             // replaces
	due(now, "c:a", "c:b")
	set("c:a", 0) // forgets
	set("c:a", 0)
	due(now+1, "c:b", "c:c")
	if s.Reopen != nil {
		s.restart(t)
		due(now+1, "c:b", "c:c")
	}
}

func testDamage(t *testing.T, s *suite) {
	s.need(t, "way to damage an entry", s.Damage != nil)
	const n = 9
	changes := map[string]func([]byte) []byte{
		"flip":  func(b []byte) []byte { b[len(b)/3] ^= 0x20; return b },
		"cut":   func(b []byte) []byte { return b[:len(b)-3] },
		"zero":  func(b []byte) []byte { return make([]byte, len(b)) },
		"empty": func([]byte) []byte { return []byte{} },
		"twice": func(b []byte) []byte { return append(b, b...) },
	}
	for name, change := range changes {
		l := Open(t, s.Journal, "c:damage-"+name)
		fill(t, l, n)
		s.Damage(t, l.Name(), 5, change)
		got, err := l.Read(s.ctx, 0, 100)
		if err != nil || len(got) != 4 {
			t.Errorf("%s: Read gave %d entries, %v; want the four before the damage", name, len(got), err)
		}
		if got, err := l.Read(s.ctx, 4, 100); !errors.Is(err, journal.ErrCorrupt) {
			t.Errorf("%s: reading the damaged entry gave %d entries, error %v; want ErrCorrupt", name, len(got), err)
		}
		if h, err := l.Head(s.ctx); err != nil || h != n {
			t.Errorf("%s: Head() = %d, %v; damage does not shorten a log", name, h, err)
		}
	}
}

func testCompact(t *testing.T, s *suite) {
	c, ok := s.Journal.(journal.Compacter)
	if !ok {
		t.Skip("SKIPPED: this backend does not compact (optional)")
	}
	l := Open(t, s.Journal, "c:compact")
	fill(t, l, 30)
	want := Verify(t, l)
	blank := func(st journal.Stored) ([]byte, bool, error) {
		e, err := journal.Decode(st.Body)
		if err != nil || st.Seq%3 != 0 {
			return nil, false, err
		}
		e.Records[0].Parts[0] = e.Records[0].Parts[0].Blank()
		b, err := e.Encode()
		return b, true, err
	}
	if err := c.Compact(s.ctx, l.Name(), blank); err != nil {
		t.Fatalf("Compact: %v", err)
	}
	if got := Verify(t, l); got != want {
		t.Errorf("after Compact the chain is %v, was %v", got, want)
	}
	for _, st := range ReadAll(t, l, 0, 100) {
		if has := bytes.Contains(st.Body, fmt.Appendf(nil, "sealed %d", st.Seq)); has == (st.Seq%3 == 0) {
			t.Errorf("entry %d: sealed bytes there: %v", st.Seq, has)
		}
	}
	Append(t, l, Make(t, 31, journal.Chain{}, 0), 31)
	err := c.Compact(s.ctx, l.Name(), func(st journal.Stored) ([]byte, bool, error) {
		if st.Seq != 7 {
			return nil, false, nil
		}
		return Make(t, 1000, journal.Chain{}, 0), true, nil // another history
	})
	if !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("Compact with an entry of another hash: error %v, want ErrCorrupt", err)
	}
	if got := Verify(t, l); got.Seq != 31 {
		t.Errorf("after the refused Compact the head is %d, want 31", got.Seq)
	}
}

// testForgotten opens many logs that do not exist, also while others append to them with contexts that end.
func testForgotten(t *testing.T, s *suite) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for k := range 100 {
				l, err := s.Journal.Open(s.ctx, fmt.Sprintf("c:none-%d", k))
				if err != nil {
					t.Errorf("Open: %v", err)
					return
				}
				if k%10 == w {
					ctx, cancel := context.WithCancel(s.ctx)
					cancel()
					if _, err := l.Append(ctx, Make(t, 1, journal.Chain{}, 0)); err != nil && !errors.Is(err, journal.ErrUnknown) {
						t.Errorf("Append: %v", err)
					}
				}
				l.Close()
			}
		})
	}
	wg.Wait()
	for k := range 100 {
		l := Open(t, s.Journal, fmt.Sprintf("c:none-%d", k))
		n := head(t, l)
		Append(t, l, Make(t, 2, journal.Chain{}, 0), 0)
		if at := Verify(t, l); at.Seq <= n {
			t.Fatalf("log %d: %d entries after an append to %d", k, at.Seq, n)
		}
	}
}

// testModel makes random calls and compares with slices in memory.
func testModel(t *testing.T, s *suite) {
	names := []string{"c:m0", "c:m1", "c:m2"}
	model := map[string][][]byte{}
	n := uint64(0)
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 12).Draw(r, "calls") {
			name := rapid.SampledFrom(names).Draw(r, "log")
			l, err := s.Journal.Open(s.ctx, name)
			if err != nil {
				r.Fatal(err)
			}
			switch rapid.IntRange(0, 7).Draw(r, "call") {
			case 0, 1, 2, 3:
				n++
				b := Make(t, n, journal.Chain{}, 0)
				seq, err := l.Append(s.ctx, bytes.Clone(b))
				model[name] = append(model[name], b)
				if err != nil || seq != uint64(len(model[name])) {
					r.Fatalf("Append: %d, %v; want %d", seq, err, len(model[name]))
				}
			case 4, 5:
				after, most := rapid.IntRange(0, len(model[name])+2).Draw(r, "after"), rapid.IntRange(1, 20).Draw(r, "most")
				want := model[name][min(after, len(model[name])):]
				want = want[:min(most, len(want))]
				got, err := l.Read(s.ctx, uint64(after), most)
				if err != nil || len(got) != len(want) {
					r.Fatalf("Read(%d, %d): %d entries, %v; want %d", after, most, len(got), err, len(want))
				}
				for i := range got {
					if got[i].Seq != uint64(after+i+1) || !bytes.Equal(got[i].Body, want[i]) {
						r.Fatalf("Read(%d, %d): entry %d differs", after, most, i)
					}
				}
			case 6:
				if h, err := l.Head(s.ctx); err != nil || h != uint64(len(model[name])) {
					r.Fatalf("Head: %d, %v; want %d", h, err, len(model[name]))
				}
			case 7:
				if s.Reopen != nil && rapid.IntRange(0, 9).Draw(r, "restart") == 0 {
					if err := s.Journal.Close(); err != nil {
						r.Fatal(err)
					}
					s.Journal = s.Reopen(t)
				}
			}
			l.Close()
		}
	})
	s.Journal.Close()
}

func testShared(t *testing.T, s *suite) {
	s.shared(t)
	other := s.Another(t)
	t.Cleanup(func() { other.Close() })
	mine, theirs := Open(t, s.Journal, "c:shared"), Open(t, other, "c:shared")
	unrelated := Open(t, other, "c:unrelated")
	_ = unrelated
	for n := uint64(1); n <= 5; n++ {
		Append(t, mine, Make(t, n, journal.Chain{}, 0), n)
		wait(t, theirs, n)
		if got := ReadAll(t, theirs, n-1, 10); len(got) != 1 || number(t, got[0]) != n {
			t.Fatalf("the other process reads %d entries after %d, want one", len(got), n-1)
		}
	}
	Append(t, theirs, Make(t, 6, journal.Chain{}, 0), 6)
	wait(t, mine, 6)
	if err := s.Journal.SetDue(s.ctx, "c:shared", 77); err != nil {
		t.Fatal(err)
	}
	if due, err := other.Due(s.ctx, 77); err != nil || !slices.Equal(due, []string{"c:shared"}) {
		t.Errorf("the other process sees due %q, %v", due, err)
	}
	snap := snapshotAt(Verify(t, mine), 5000)
	save(t, mine, snap)
	wantSnapshot(t, theirs, 6, snap)
}

// wait follows Changed until the log has that many entries.
func wait(t *testing.T, l journal.Log, n uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for {
		h, err := l.Head(ctx)
		if err != nil {
			t.Fatalf("Head: %v", err)
		}
		if h >= n {
			return
		}
		select {
		case <-l.Changed():
		case <-ctx.Done():
			t.Fatalf("no wake-up: head is %d, want %d", h, n)
		}
	}
}

func testSharedWriters(t *testing.T, s *suite) {
	s.shared(t)
	nodes := []journal.Journal{s.Journal, s.Another(t), s.Another(t)}
	for _, n := range nodes[1:] {
		t.Cleanup(func() { n.Close() })
	}
	const each = 40
	acks := make([]map[uint64]uint64, len(nodes))
	var wg sync.WaitGroup
	for i, node := range nodes {
		acks[i] = map[uint64]uint64{}
		l := Open(t, node, "c:writers")
		wg.Go(func() {
			for k := range uint64(each) {
				n := uint64(i)*1000 + k
				seq, err := l.Append(s.ctx, Make(t, n, journal.Chain{}, 0))
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				acks[i][seq] = n
			}
		})
	}
	wg.Wait()
	var first []journal.Stored
	for i, node := range nodes {
		l := Open(t, node, "c:writers")
		got := ReadAll(t, l, 0, 17)
		if len(got) != each*len(nodes) {
			t.Fatalf("node %d reads %d entries, want %d", i, len(got), each*len(nodes))
		}
		if i == 0 {
			first = got
		}
		for k := range got {
			if !bytes.Equal(got[k].Body, first[k].Body) {
				t.Fatalf("node %d reads another entry %d", i, k+1)
			}
		}
		for seq, n := range acks[i] {
			if got := number(t, got[seq-1]); got != n {
				t.Fatalf("entry %d was acknowledged for %d and holds %d", seq, n, got)
			}
		}
	}
	// Followers are woken while others write.
	follower, writer := Open(t, nodes[1], "c:woken"), Open(t, nodes[0], "c:woken")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := uint64(1); n <= 20; n++ {
			if _, err := writer.Append(s.ctx, Make(t, n, journal.Chain{}, 0)); err != nil {
				t.Errorf("Append: %v", err)
				return
			}
		}
	}()
	start := time.Now()
	wait(t, follower, 20)
	<-done
	t.Logf("20 entries followed in %v", time.Since(start).Round(time.Millisecond))
}
