// Package journaltest is the one conformance suite for all journals. What the contract (package journal) promises is
// tried here, once, against every backend; a backend's own tests hold only what is particular to it.
//
// A backend hands over a Backend: the open journal and the doors through which the suite can do what the contract cannot: restart,
// kill, damage. A door that is nil skips its tests, loudly.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kiem/hub/journal"
	"kiem/id"
)

// Patience is how long the suite waits for what must come. It is generous: a loaded machine is no failure.
const Patience = 20 * time.Second

// Backend is a journal under test and what can be done to it from outside.
type Backend struct {
	// Journal is open and empty. The suite closes it.
	Journal journal.Journal
	// Reopen opens the store again after Journal was closed: a restart.
	Reopen func(t *testing.T) journal.Journal
	// Kill gives what a process finds that starts after the present one (or, for a store with a process of its own, that one)
	// was killed at this instant. Journal may still be open.
	Kill func(t *testing.T) journal.Journal
	// Another opens a second handle on the same store, as another process has it. Only for shared journals.
	Another func(t *testing.T) journal.Journal
	// Damage changes the stored bytes of an entry, behind the journal's back.
	Damage func(t *testing.T, log string, seq uint64, change func([]byte) []byte)
	// DamageSnapshot changes the stored state of a snapshot.
	DamageSnapshot func(t *testing.T, log string, seq uint64, change func([]byte) []byte)
}

// Run tries every promise. open is called for each subtest; what it opens beside the journal it must release with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"an empty log", testEmpty},
		{"numbers are dense and bytes come back as given", testOrder},
		{"bytes that Encode did not make are refused", testRefused},
		{"an entry of exactly the limit is written and read back", testLimits},
		{"names of logs have limits", testNames},
		{"a log can be followed from any position", testFollow},
		{"a read stops when a few MiB are gathered", testReadSize},
		{"many appenders on many logs", testConcurrent},
		{"base and chain come back", testChain},
		{"checkpoints ride as ordinary entries", testCheckpoint},
		{"what was acknowledged is there after a restart", testReopen},
		{"what was acknowledged is there after a kill", testKill},
		{"a kill during appends", testKillDuring},
		{"a context that ends leaves the outcome unknown", testUnknown},
		{"snapshots: the newest two are kept", testSnapshots},
		{"snapshots: what is not newer is ignored", testSnapshotOld},
		{"snapshots: a large one", testSnapshotLarge},
		{"snapshots: over the limit", testSnapshotLimit},
		{"snapshots: a damaged one is passed over", testSnapshotDamaged},
		{"snapshots: they survive a restart", testSnapshotReopen},
		{"due index", testDue},
		{"damage is found and not served", testDamage},
		{"erased parts leave the chain as it was", testCompact},
		{"close during appends", testCloseDuring},
		{"a closed journal says so", testClosed},
		{"logs that do not exist are forgotten", testForgotten},
		{"random calls against a model", testModel},
		{"shared: appends of others are seen, and wake", testShared},
		{"shared: many writers make one order", testSharedWriters},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { // registered first, so it runs after the backend's own clean-up
				goleak.VerifyNone(t, before)
			})
			b := open(t)
			s := &suite{Backend: b, ctx: t.Context()}
			t.Cleanup(func() { b.Journal.Close() })
			tt.run(t, s)
		})
	}
}

type suite struct {
	Backend
	ctx context.Context
}

func (s *suite) need(t *testing.T, door string, there bool) {
	t.Helper()
	if !there {
		t.Skipf("SKIPPED: this backend has no %s", door)
	}
}

// shared is what need asks for where several processes write.
func (s *suite) shared(t *testing.T) {
	t.Helper()
	if s.Journal.Shared() != (s.Another != nil) {
		t.Fatalf("Shared() = %v, but Backend.Another is there: %v", s.Journal.Shared(), s.Another != nil)
	}
	s.need(t, "second process", s.Another != nil)
}

// Make gives an encoded entry of one record that says n, padded to size bytes in all (0: as it comes). at is what the writer had applied.
func Make(t testing.TB, n uint64, at journal.Chain, size int) []byte {
	t.Helper()
	return Encode(t, entry(n, at, size))
}

// Encode is Entry.Encode for tests.
func Encode(t testing.TB, e *journal.Entry) []byte {
	t.Helper()
	b, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func entry(n uint64, at journal.Chain, size int) *journal.Entry {
	e := &journal.Entry{
		Rules: 1, At: 1_700_000_000_000 + int64(n), Node: 7, Batch: n,
		Base: journal.Base{Epoch: 1, Chain: at},
		Records: []journal.Record{{
			Type: "idea.post", ID: id.ID{1, byte(n >> 8), byte(n)}, Actor: id.ID{2}, Lane: 3, N: n, Tag: n * 7,
			Data:  fmt.Appendf(nil, `{"n":%d}`, n),
			Parts: []journal.Part{journal.NewPart(journal.Sealed, [16]byte{byte(n)}, fmt.Appendf(nil, "sealed %d", n))},
		}},
	}
	if size == 0 {
		return e
	}
	// A varint grows with what it counts, so fit the padding by trying.
	for pad := max(0, size-len(must(e.Encode()))); pad >= 0; pad-- {
		e.Records[0].Data = append(fmt.Appendf(nil, `{"n":%d}`, n), bytes.Repeat([]byte{'x'}, pad)...)
		if b, err := e.Encode(); err == nil && len(b) == size {
			return e
		}
	}
	panic(fmt.Sprintf("no entry of exactly %d bytes", size))
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// number is the n that entry was given.
func number(t testing.TB, st journal.Stored) uint64 {
	t.Helper()
	e, err := journal.Decode(st.Body)
	if err != nil {
		t.Fatalf("entry %d: %v", st.Seq, err)
	}
	return e.Batch
}

// Open opens a log that the test's end closes.
func Open(t testing.TB, j journal.Journal, name string) journal.Log {
	t.Helper()
	l, err := j.Open(t.Context(), name)
	if err != nil {
		t.Fatalf("Open(%q): %v", name, err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Append appends and expects the number want (0: any).
func Append(t testing.TB, l journal.Log, body []byte, want uint64) uint64 {
	t.Helper()
	seq, err := l.Append(t.Context(), body)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	if want != 0 && seq != want {
		t.Fatalf("Append gave number %d, want %d", seq, want)
	}
	return seq
}

// ReadAll reads a log from after to its end, and checks what every reader may rely on: numbers without a gap, decodable
// bytes, bases that name the chain.
func ReadAll(t testing.TB, l journal.Log, after uint64, step int) []journal.Stored {
	t.Helper()
	var all []journal.Stored
	for {
		part, err := l.Read(t.Context(), after, step)
		if err != nil {
			t.Fatalf("Read(after %d): %v", after, err)
		}
		if len(part) > step {
			t.Fatalf("Read(after %d, at most %d) gave %d", after, step, len(part))
		}
		if len(part) == 0 {
			return all
		}
		for _, st := range part {
			if st.Seq != after+1 {
				t.Fatalf("entry %d follows %d", st.Seq, after)
			}
			if _, err := journal.Decode(st.Body); err != nil {
				t.Fatalf("entry %d: %v", st.Seq, err)
			}
			after = st.Seq
		}
		all = append(all, part...)
	}
}

// Verify reads a whole log and gives its chain.
func Verify(t testing.TB, l journal.Log) journal.Chain {
	t.Helper()
	at := journal.Chain{Hash: journal.Genesis(l.Name())}
	for _, st := range ReadAll(t, l, 0, 256) {
		_, next, err := at.NextStored(st)
		if err != nil {
			t.Fatalf("log %s: %v", l.Name(), err)
		}
		at = next
	}
	return at
}

func head(t testing.TB, l journal.Log) uint64 {
	t.Helper()
	n, err := l.Head(t.Context())
	if err != nil {
		t.Fatalf("Head: %v", err)
	}
	return n
}

func wantErr(t testing.TB, what string, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if errors.Is(err, w) {
			return
		}
	}
	t.Fatalf("%s: error %v, want one of %v", what, err, want)
}

func randomBytes(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
