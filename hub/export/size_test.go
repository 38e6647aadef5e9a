package export

import (
	"context"
	"encoding/binary"
	"io"
	"runtime"
	"testing"

	"kiem/hub/journal"
	"kiem/hub/wire"
	"kiem/id"
)

// endless is a log of that many votes, made as it is read. Every entry is the same but for its base's number, as a lonely vote's is.
type endless struct {
	size uint64
	head journal.Chain
}

func (l *endless) Name() string { return "c:" + campaignID.String() }

// body is an entry.
func (l *endless) body(seq uint64) *journal.Entry {
	var command id.ID
	binary.BigEndian.PutUint64(command[:], seq)
	return &journal.Entry{At: madeAt.UnixMilli(), Batch: seq, Base: journal.Base{Epoch: 1, Chain: journal.Chain{Seq: seq - 1}}, Records: []journal.Record{{
		Type: "support.set", ID: command, Parts: []journal.Part{journal.NewPart(journal.Vote, [16]byte{1}, command[:])},
	}}}
}

// end runs through the log for its head.
func (l *endless) end() *endless {
	l.head = journal.Chain{Hash: journal.Genesis(l.Name())}
	for l.head.Seq < l.size {
		l.head = l.head.Next(l.body(l.head.Seq + 1))
	}
	return l
}

func (l *endless) Read(_ context.Context, after uint64, most int) (list []journal.Stored, err error) {
	for seq := after + 1; seq <= min(l.size, after+uint64(most)); seq++ {
		body, err := l.body(seq).Encode()
		if err != nil {
			return nil, err
		}
		list = append(list, journal.Stored{Seq: seq, Body: body})
	}
	return list, nil
}

// large is a report of that many ideas with so much support each.
func large(l *endless, ideas, support int) *Report {
	list := make([]wire.Idea, ideas)
	for n := range list {
		list[n] = newIdea(n, support, "citizen", support/10*5, "firm", support/20*5)
	}
	r := newReport(&entries{head: l.head}, list...)
	return r
}

// heap is what is in use after a collection, in bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// mostHeap bounds what writing may hold beside the report, whatever is written.
const mostHeap = 16 << 20

// TestMemoryIsBounded: a zip with 16,000 entries of a log and 300,000 ballots, and a workbook of 6,000 rows, are written without holding them: what is in use
// on the way never grows by more than a bound that does not depend on their size.
func TestMemoryIsBounded(t *testing.T) {
	l := (&endless{size: 16_000}).end()
	r := large(l, 300, 1000)
	before := heap()
	most := uint64(0)
	look := func() { most = max(most, heap()) }
	written := &sampled{look: look, every: 2 << 20}
	if err := Write(t.Context(), written, r, Options{Format: Zip}, l, func(done, _ uint64) {
		if done%5120 == 0 {
			look()
		}
	}); err != nil {
		t.Fatal(err)
	}
	r = large(l, 6_000, 20)
	before = max(before, heap())
	if err := Write(t.Context(), written, r, Options{Format: XLSX}, nil, nil); err != nil {
		t.Fatal(err)
	}
	look()
	if most > before+mostHeap {
		t.Errorf("%d MiB in use while writing, %d before", most>>20, before>>20)
	}
	if written.n < 2<<20 {
		t.Errorf("%d bytes were written: this proves nothing", written.n)
	}
}

// sampled takes what is written, and looks now and then.
type sampled struct {
	n, next, every int
	look           func()
}

func (s *sampled) Write(b []byte) (int, error) {
	if s.n += len(b); s.n >= s.next {
		s.next = s.n + s.every
		s.look()
	}
	return len(b), nil
}

// BenchmarkZip writes a zip of 10,000 ideas, a million ballots and a log of a million entries, a lonely vote each: as large as the log of such a campaign can be.
//
//	go test -run '^$' -bench Zip -benchtime 1x ./hub/export
func BenchmarkZip(b *testing.B) {
	l := (&endless{size: 1_000_000}).end()
	r := large(l, 10_000, 100)
	for b.Loop() {
		if err := Write(b.Context(), io.Discard, r, Options{Format: Zip}, l, nil); err != nil {
			b.Fatal(err)
		}
	}
}
