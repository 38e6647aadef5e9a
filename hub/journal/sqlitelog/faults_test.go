package sqlitelog

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
)

// TestPowerCuts cuts the power at random moments under load, several times each. Nothing acknowledged may be missing, and the witness must
// never raise a false alarm.
func TestPowerCuts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range journaltest.Rounds(t, 2, 6) {
		d := newDisk()
		o := small
		o.faults = d.faults()
		dir := t.TempDir()
		j := open(t, dir, o)
		w := startLoad(t, j, never)
		for range 4 {
			w.await(t, w.total.Load()+int64(1+r.IntN(40)))
			switch r.IntN(3) {
			case 0:
				j.truncate.Store(true) // a checkpoint is under way
				j.wakeKeeper()
			case 1:
				j.witness.mu.Lock()
				j.witness.written -= witnessEntries
				j.witness.mu.Unlock()
			}
			acked := w.snapshot()
			verifyAcked(t, d.cut(t, r), acked)
		}
		w.end()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailedFsync makes one fsync fail at a random moment. From then on nothing may be acknowledged or written, and after a power cut everything
// that was acknowledged must be there.
func TestFailedFsync(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range journaltest.Rounds(t, 5, 10) {
		d := newDisk()
		o := small
		o.faults = d.faults()
		j := open(t, t.TempDir(), o)
		fail := atomic.Int64{}
		fail.Store(int64(5 + r.IntN(60)))
		kind := []fileKind{kindWAL, kindWAL, kindWAL, kindWitness, kindDatabase}[round%5]
		d.mu.Lock()
		d.beforeSync = func(k fileKind) error {
			if fail.Add(-1) <= 0 && k == kind && fail.Load() > -1e6 {
				fail.Store(-1e9) // once
				return syscall.EIO
			}
			return nil
		}
		d.mu.Unlock()
		w := startLoad(t, j, never)
		if kind != kindWAL {
			w.await(t, 70)
			j.truncate.Store(true)
			j.wakeKeeper()
		}
		w.wg.Wait()
		for name, err := range w.last {
			if !errors.Is(err, journal.ErrPoisoned) {
				t.Errorf("log %s: %v, want ErrPoisoned", name, err)
			}
		}
		if err := j.Ready(t.Context()); !errors.Is(err, journal.ErrPoisoned) {
			t.Errorf("Ready: %v, want ErrPoisoned", err)
		}
		if err := j.SetDue(t.Context(), "c:1", 5); !errors.Is(err, journal.ErrPoisoned) {
			t.Errorf("SetDue: %v, want ErrPoisoned", err)
		}
		d.mu.Lock()
		before := len(d.file(kindWAL).all) + len(d.file(kindDatabase).all)
		d.mu.Unlock()
		l := journaltest.Open(t, j, "c:0")
		for n := uint64(1); n < 5; n++ {
			if _, err := l.Append(t.Context(), journaltest.Make(t, n, journal.Chain{}, 0)); !errors.Is(err, journal.ErrPoisoned) {
				t.Fatalf("after the failure: %v, want ErrPoisoned", err)
			}
		}
		d.mu.Lock()
		after := len(d.file(kindWAL).all) + len(d.file(kindDatabase).all)
		d.mu.Unlock()
		if before != after {
			t.Error("a poisoned journal went on writing")
		}
		if at := journaltest.Verify(t, l); at.Seq < w.acked["c:0"] { // reading goes on
			t.Errorf("%d entries can be read, acknowledged were %d", at.Seq, w.acked["c:0"])
		}
		verifyAcked(t, d.cut(t, r), w.acked)
		j.Close()
		d.mu.Lock()
		if closed := len(d.file(kindWAL).all) + len(d.file(kindDatabase).all); closed != before {
			t.Error("closing a poisoned journal wrote to it")
		}
		d.mu.Unlock()
		verifyAcked(t, d.cut(t, r), w.acked)
	}
}

// TestLyingFsync: the WAL's fsync is answered and not done. What was lost in a power cut must be noticed as far as the witness saw it.
func TestLyingFsync(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	lost, cuts := 0, 0
	for range journaltest.Rounds(t, 2, 4) {
		cuts++
		d := newDisk()
		o := small
		o.faults = d.faults()
		j := open(t, t.TempDir(), o)
		w := startLoad(t, j, never)
		w.await(t, 20)
		d.mu.Lock()
		d.lie[kindWAL] = true
		d.mu.Unlock()
		w.await(t, 200)
		acked := w.snapshot()
		if err := j.witness.write(); err != nil {
			t.Fatal(err)
		}
		dir := d.cut(t, r)
		after, err := Open(t.Context(), dir, small)
		if err == nil {
			for name, want := range acked {
				if at := journaltest.Verify(t, journaltest.Open(t, after, name)); at.Seq < want {
					t.Fatalf("log %s: %d acknowledged and witnessed entries were lost, and nothing was said", name, want-at.Seq)
				}
			}
			after.Close()
		} else if errors.Is(err, journal.ErrCorrupt) {
			lost++
		} else {
			t.Fatalf("Open: %v, want ErrCorrupt", err)
		}
		w.end()
		j.Close()
	}
	if lost == 0 {
		t.Error("no cut lost anything: the lie was none")
	}
	t.Logf("%d of %d cuts lost entries, all noticed", lost, cuts)
}

func TestSuspicious(t *testing.T) {
	for _, tt := range []struct {
		median time.Duration
		ram    bool
		want   bool
	}{{2 * time.Microsecond, false, true}, {19 * time.Microsecond, false, true}, {20 * time.Microsecond, false, false}, {2 * time.Microsecond, true, false}} {
		if got := suspicious(tt.median, tt.ram); got != tt.want {
			t.Errorf("suspicious(%v, in RAM %v) = %v", tt.median, tt.ram, got)
		}
	}
	var out bytes.Buffer
	o := small
	o.Log = slog.New(slog.NewTextHandler(&out, nil))
	open(t, t.TempDir(), o)
	if !strings.Contains(out.String(), "median=") {
		t.Errorf("the disk's fsync is not reported: %s", out.String())
	}
}

// TestSlowFsync: appends wait, contexts end, nothing is lost and nothing is reordered.
func TestSlowFsync(t *testing.T) {
	d := newDisk()
	var fsyncs atomic.Int64
	o := small
	o.faults = d.faults()
	o.Observe.Fsync = func(time.Duration) { fsyncs.Add(1) }
	dir := t.TempDir()
	j := open(t, dir, o)
	slow := make(chan struct{})
	d.mu.Lock()
	d.beforeSync = func(k fileKind) error {
		if k == kindWAL {
			<-slow
		}
		return nil
	}
	d.mu.Unlock()
	l := journaltest.Open(t, j, "c:0")
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := l.Append(ctx, journaltest.Make(t, 1, journal.Chain{}, 0))
		result <- err
	}()
	select {
	case err := <-result:
		t.Fatalf("acknowledged before the fsync returned: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	if err := <-result; !errors.Is(err, journal.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that was given up: %v, want ErrUnknown", err)
	}
	if h, _ := l.Head(t.Context()); h != 0 {
		t.Errorf("the head is %d before the fsync returned", h)
	}
	for n := uint64(2); n < 50; n++ { // they queue up and share the next fsync
		go func() {
			_, err := l.Append(t.Context(), journaltest.Make(t, n, journal.Chain{}, 0))
			result <- err
		}()
	}
	close(slow)
	before := fsyncs.Load()
	for range 48 {
		if err := <-result; err != nil {
			t.Errorf("Append: %v", err)
		}
	}
	if n := fsyncs.Load() - before; n > 30 {
		t.Errorf("48 waiting appends took %d fsyncs", n)
	}
	if at := journaltest.Verify(t, l); at.Seq != 49 {
		t.Errorf("%d entries, want 49: the one given up too", at.Seq)
	}
}

// TestDiskFull fills the disk at random writes and frees it again.
func TestDiskFull(t *testing.T) {
	d := newDisk()
	f := d.faults()
	var full atomic.Bool
	record := f.write
	f.write = func(k fileKind, at int64, b []byte) error {
		if full.Load() && k != kindWitness { // the witness is written in place
			return syscall.ENOSPC
		}
		return record(k, at, b)
	}
	o := small
	o.faults = f
	dir := t.TempDir()
	j := open(t, dir, o)
	refused := atomic.Int64{}
	w := startLoad(t, j, func(err error) bool {
		if !errors.Is(err, journal.ErrFull) || !errors.Is(err, journal.ErrUnavailable) {
			return false
		}
		refused.Add(1)
		<-time.After(time.Millisecond)
		return true
	})
	r := rand.New(rand.NewPCG(1, 1))
	for range journaltest.Rounds(t, 4, 10) {
		w.await(t, w.total.Load()+5)
		before := refused.Load()
		full.Store(true)
		for refused.Load() < before+3 {
			<-time.After(time.Millisecond)
			if len(w.last) > 0 {
				break
			}
		}
		verifyAcked(t, d.cut(t, r), w.snapshot())
		full.Store(false)
	}
	w.await(t, w.total.Load()+10) // no restart was needed
	w.end()
	for name, err := range w.last {
		t.Errorf("log %s: %v", name, err)
	}
	if err := j.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	verifyAcked(t, dir, w.acked)
}

func TestLowWater(t *testing.T) {
	var free atomic.Int64
	free.Store(10 << 20)
	o := Options{Reserve: 1 << 20, LowWater: 2 << 20, faults: &faults{free: func() (int64, error) { return free.Load(), nil }}}
	j := open(t, t.TempDir(), o)
	l := journaltest.Open(t, j, "c:0")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	refused := func(when string) {
		t.Helper()
		if _, err := l.Append(t.Context(), journaltest.Make(t, 2, journal.Chain{}, 0)); !errors.Is(err, journal.ErrFull) || !errors.Is(err, journal.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrFull and ErrUnavailable", when, err)
		}
		if err := j.Ready(t.Context()); !errors.Is(err, journal.ErrFull) {
			t.Errorf("%s: Ready: %v, want ErrFull", when, err)
		}
	}
	room := func(need int64) {
		t.Helper()
		if gotFree, gotNeed, err := j.Space(); gotFree != free.Load() || gotNeed != need || err != nil {
			t.Errorf("Space: %d free, %d needed, %v; want %d, %d", gotFree, gotNeed, err, free.Load(), need)
		}
	}
	room(2 << 20)
	free.Store(2<<20 - 1)
	refused("below the low-water mark")
	if got := journaltest.ReadAll(t, l, 0, 10); len(got) != 1 {
		t.Errorf("%d entries can be read, want 1", len(got))
	}
	free.Store(2 << 20)
	journaltest.Append(t, l, journaltest.Make(t, 2, journal.Chain{}, 0), 2)
	j.space.ranOut() // the reserve was given up: its share must be free too before entries are taken
	refused("without the reserve")
	room(3 << 20)
	free.Store(3 << 20)
	journaltest.Append(t, l, journaltest.Make(t, 3, journal.Chain{}, 0), 3)
	if !j.space.reserved {
		t.Error("the reserve was not taken back")
	}
}

func TestWitnessCadence(t *testing.T) {
	j := open(t, t.TempDir(), small)
	l := journaltest.Open(t, j, "c:0")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	deadline := time.Now().Add(journaltest.Patience)
	for {
		m, err := readWitness(j.dir)
		if err != nil {
			t.Fatal(err)
		}
		if m.pos == 1 && m.log == "c:0" && m.chain.Seq == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the witness has %d entries, want 1", m.pos)
		}
		<-time.After(10 * time.Millisecond)
	}
}
