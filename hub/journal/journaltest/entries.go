package journaltest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"kiem/hub/journal"
)

func testEmpty(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:empty")
	if n := head(t, l); n != 0 {
		t.Errorf("head of an empty log is %d", n)
	}
	if got := ReadAll(t, l, 0, 10); len(got) != 0 {
		t.Errorf("an empty log has %d entries", len(got))
	}
	if got := ReadAll(t, l, 17, 10); len(got) != 0 {
		t.Errorf("an empty log has %d entries after 17", len(got))
	}
	if _, err := l.Snapshot(s.ctx, 1<<62); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("snapshot of an empty log: error %v, want ErrNotFound", err)
	}
	names, err := s.Journal.Names(s.ctx)
	if err != nil || len(names) != 0 {
		t.Errorf("Names() = %q, %v; a log exists from its first entry on", names, err)
	}
	if err := s.Journal.Ready(s.ctx); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if l.Name() != "c:empty" {
		t.Errorf("Name() = %q", l.Name())
	}
	if (l.Changed() != nil) != s.Journal.Shared() {
		t.Errorf("Shared() = %v, Changed() is nil: %v", s.Journal.Shared(), l.Changed() == nil)
	}
}

func testOrder(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:order")
	var want [][]byte
	for n := uint64(1); n <= 50; n++ {
		b := Make(t, n, journal.Chain{}, 0)
		want = append(want, bytes.Clone(b))
		Append(t, l, b, n)
		if h := head(t, l); h != n {
			t.Fatalf("head is %d after append %d", h, n)
		}
	}
	again := Open(t, s.Journal, "c:order") // opening twice is allowed
	for i, st := range ReadAll(t, again, 0, 7) {
		if !bytes.Equal(st.Body, want[i]) {
			t.Fatalf("entry %d came back as other bytes", st.Seq)
		}
	}
	Append(t, again, Make(t, 51, journal.Chain{}, 0), 51)
	Append(t, l, Make(t, 52, journal.Chain{}, 0), 52)

	// An entry takes its number from the log alone: the same bytes twice are two entries.
	b := Make(t, 53, journal.Chain{}, 0)
	Append(t, l, bytes.Clone(b), 53)
	Append(t, l, bytes.Clone(b), 54)

	other := Open(t, s.Journal, "c:other")
	Append(t, other, Make(t, 1, journal.Chain{}, 0), 1)
	names, err := s.Journal.Names(s.ctx)
	if want := []string{"c:order", "c:other"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("Names() = %q, %v; want %q", names, err, want)
	}
}

func testRefused(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:refused")
	good := Make(t, 1, journal.Chain{}, 0)
	for name, b := range map[string][]byte{
		"nothing":          nil,
		"four bytes":       {1, 2, 3, 4},
		"a flipped bit":    flip(good, 40),
		"one byte short":   good[:len(good)-1],
		"one byte more":    append(bytes.Clone(good), 0),
		"another version":  append([]byte{9}, good[1:]...),
		"all zero":         make([]byte, 100),
		"two in one entry": append(bytes.Clone(good), good...),
	} {
		if _, err := l.Append(s.ctx, b); !errors.Is(err, journal.ErrCorrupt) {
			t.Errorf("%s: error %v, want ErrCorrupt", name, err)
		}
	}
	if n := head(t, l); n != 0 {
		t.Errorf("%d refused entries were stored", n)
	}
	Append(t, l, good, 1)
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 4
	return b
}

func testLimits(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:limits")
	most := Make(t, 1, journal.Chain{}, journal.MaxEntry)
	if len(most) != journal.MaxEntry {
		t.Fatalf("made %d bytes", len(most))
	}
	Append(t, l, bytes.Clone(most), 1)
	if _, err := l.Append(s.ctx, append(bytes.Clone(most), 0)); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("one byte over the limit: error %v, want ErrTooLarge", err)
	}
	e := entry(2, journal.Chain{}, 0)
	e.Records = slices.Repeat(e.Records, journal.MaxRecords)
	many := Encode(t, e)
	Append(t, l, bytes.Clone(many), 2)
	got := ReadAll(t, l, 0, 10)
	if len(got) != 2 || !bytes.Equal(got[0].Body, most) || !bytes.Equal(got[1].Body, many) {
		t.Error("entries at the limits did not come back as they were given")
	}
	e.Records = append(e.Records, e.Records[0])
	if _, err := e.Encode(); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("one record over the limit: error %v, want ErrTooLarge", err)
	}
}

func testNames(t *testing.T, s *suite) {
	longest := "c:" + strings.Repeat("x", journal.MaxName-2)
	for _, good := range []string{"directory", "c:0198c0de-0000-7000-8000-00000000000a", "A_z-9:", longest} {
		l := Open(t, s.Journal, good)
		Append(t, l, Make(t, 1, journal.Chain{}, 0), 1)
		if got := ReadAll(t, l, 0, 10); len(got) != 1 {
			t.Errorf("log %q has %d entries", good, len(got))
		}
		if err := s.Journal.SetDue(s.ctx, good, 5); err != nil {
			t.Errorf("SetDue(%q): %v", good, err)
		}
	}
	if _, err := s.Journal.Open(s.ctx, longest+"x"); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("a name one byte too long: error %v, want ErrTooLarge", err)
	}
	for _, bad := range []string{"", " ", "a b", "a/b", "a{b}", "é", "a\x00", "a\n", "a*", "a.b", "a'b"} {
		if _, err := s.Journal.Open(s.ctx, bad); !errors.Is(err, journal.ErrName) {
			t.Errorf("name %q: error %v, want ErrName", bad, err)
		}
		if err := s.Journal.SetDue(s.ctx, bad, 5); !errors.Is(err, journal.ErrName) {
			t.Errorf("SetDue(%q): error %v, want ErrName", bad, err)
		}
	}
	names, err := s.Journal.Names(s.ctx)
	if err != nil || len(names) != 4 || !slices.IsSorted(names) {
		t.Errorf("Names() = %q, %v; want four, sorted", names, err)
	}
}

func testFollow(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:follow")
	const n = 40
	for i := range uint64(n) {
		Append(t, l, Make(t, i+1, journal.Chain{}, 0), i+1)
	}
	for after := range uint64(n + 5) {
		for _, most := range []int{1, 2, 3, n, n + 1} {
			got, err := l.Read(s.ctx, after, most)
			if err != nil {
				t.Fatalf("Read(%d, %d): %v", after, most, err)
			}
			want := max(0, min(most, n-int(after)))
			if len(got) != want {
				t.Fatalf("Read(%d, %d) gave %d entries, want %d", after, most, len(got), want)
			}
			for i, st := range got {
				if st.Seq != after+1+uint64(i) || number(t, st) != st.Seq {
					t.Fatalf("Read(%d, %d): entry %d has number %d and says %d", after, most, i, st.Seq, number(t, st))
				}
			}
		}
	}
}

func testReadSize(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:size")
	const n, size = 12, 1 << 20
	for i := range uint64(n) {
		Append(t, l, Make(t, i+1, journal.Chain{}, size), i+1)
	}
	got, err := l.Read(s.ctx, 0, 1000)
	if err != nil || len(got) == 0 || len(got)*size > journal.ReadSize+size {
		t.Errorf("Read gave %d entries of 1 MiB, error %v; want 1 to %d", len(got), err, journal.ReadSize/size+1)
	}
	if got := ReadAll(t, l, 0, 1000); len(got) != n {
		t.Errorf("reading on gave %d entries, want %d", len(got), n)
	}
}

func testConcurrent(t *testing.T, s *suite) {
	const logs, writers, each = 8, 4, 15
	type ack struct {
		seq uint64
		n   uint64
	}
	acks := make([][]ack, logs)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range logs {
		l := Open(t, s.Journal, fmt.Sprintf("c:many-%d", i))
		for w := range writers {
			wg.Go(func() {
				var last uint64
				for k := range each {
					n := uint64(w*each + k + 1)
					seq, err := l.Append(s.ctx, Make(t, n, journal.Chain{}, 0))
					if err != nil {
						t.Errorf("Append: %v", err)
						return
					}
					if seq <= last {
						t.Errorf("number %d after %d from the same writer", seq, last)
					}
					last = seq
					if _, err := l.Read(s.ctx, seq-1, 1); err != nil {
						t.Errorf("reading entry %d just after its append: %v", seq, err)
					}
					mu.Lock()
					acks[i] = append(acks[i], ack{seq, n})
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	for i := range logs {
		l := Open(t, s.Journal, fmt.Sprintf("c:many-%d", i))
		got := ReadAll(t, l, 0, 100)
		if len(got) != writers*each {
			t.Fatalf("log %d has %d entries, want %d", i, len(got), writers*each)
		}
		for _, a := range acks[i] {
			if n := number(t, got[a.seq-1]); n != a.n {
				t.Fatalf("log %d, entry %d: acknowledged for %d, holds %d", i, a.seq, a.n, n)
			}
		}
	}
}

func testChain(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:chain")
	at := journal.Chain{Hash: journal.Genesis(l.Name())}
	var chain []journal.Chain
	for n := uint64(1); n <= 20; n++ {
		e := entry(n, at, 0)
		Append(t, l, Encode(t, e), n)
		chain = append(chain, at)
		at = at.Next(e)
	}
	for i, st := range ReadAll(t, l, 0, 6) {
		e, err := journal.Decode(st.Body)
		if err != nil {
			t.Fatal(err)
		}
		if e.Base.Epoch != 1 || e.Base.Chain != chain[i] {
			t.Fatalf("entry %d: base %v, want %v", st.Seq, e.Base.Chain, chain[i])
		}
	}
	if got := Verify(t, l); got != at {
		t.Errorf("the chain as read is %v, as written %v", got, at)
	}
	if journal.Genesis("c:chain") == journal.Genesis("c:other") {
		t.Error("two logs begin with the same hash")
	}
}

func testCheckpoint(t *testing.T, s *suite) {
	l := Open(t, s.Journal, "c:checkpoint")
	Append(t, l, Make(t, 1, journal.Chain{}, 0), 1)
	e := entry(2, journal.Chain{}, 0)
	e.Records = []journal.Record{{Type: "checkpoint", Data: []byte(`{"seq":1,"digest":"00"}`)}}
	Append(t, l, Encode(t, e), 2)
	Append(t, l, Make(t, 3, journal.Chain{}, 0), 3)
	got := ReadAll(t, l, 0, 10)
	if len(got) != 3 {
		t.Fatalf("%d entries, want 3", len(got))
	}
	c, err := journal.Decode(got[1].Body)
	if err != nil || c.Records[0].Type != "checkpoint" || string(c.Records[0].Data) != `{"seq":1,"digest":"00"}` {
		t.Errorf("the checkpoint came back as %+v, %v", c, err)
	}
}
