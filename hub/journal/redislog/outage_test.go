package redislog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

func TestOutage(t *testing.T) {
	s := redistest.Start(t)
	j := open(t, Options{Address: s.URL()})
	l := journaltest.Open(t, j, "c:x")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)

	s.Kill()
	await(t, "a dead Redis is said to be unavailable", func() bool {
		// The first may meet a connection that was still open: that one is unknown.
		_, err := l.Append(t.Context(), journaltest.Make(t, 2, journal.Chain{}, 0))
		if !errors.Is(err, journal.ErrUnavailable) && !errors.Is(err, journal.ErrUnknown) {
			t.Fatalf("Append without Redis: %v", err)
		}
		return errors.Is(err, journal.ErrUnavailable)
	})
	if err := j.Ready(t.Context()); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("Ready without Redis: %v, want ErrUnavailable", err)
	}
	if _, err := l.Read(t.Context(), 0, 1); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("Read without Redis: %v, want ErrUnavailable", err)
	}
	start := time.Now()
	if _, err := l.Append(t.Context(), journaltest.Make(t, 2, journal.Chain{}, 0)); err == nil {
		t.Error("acknowledged by nobody")
	}
	if took := time.Since(start); took > Timeout {
		t.Errorf("a refused append took %v", took)
	}
	s.Restart()
	await(t, "the journal is ready again", func() bool { return j.Ready(t.Context()) == nil })
	journaltest.Append(t, l, journaltest.Make(t, 2, journal.Chain{}, 0), 2)

	// A Redis that hangs: the call ends after its deadline, and nobody knows.
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start = time.Now()
	if _, err := l.Append(ctx, journaltest.Make(t, 3, journal.Chain{}, 0)); !errors.Is(err, journal.ErrUnknown) || time.Since(start) > Timeout {
		t.Errorf("Append with a context to a Redis that hangs: %v after %v, want ErrUnknown after 100 ms", err, time.Since(start))
	}
	if _, err := l.Append(t.Context(), journaltest.Make(t, 4, journal.Chain{}, 0)); !errors.Is(err, journal.ErrUnknown) && !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("Append to a Redis that hangs: %v, want ErrUnknown", err)
	}
	s.Resume()
	await(t, "the journal is ready again", func() bool { return j.Ready(t.Context()) == nil })
	journaltest.Append(t, l, journaltest.Make(t, 5, journal.Chain{}, 0), 0)
	journaltest.Verify(t, l)
}

// TestKills kills Redis at random while rooms append, also so soon after its start that it flaps. Every acknowledged entry must be
// there, under its number, and no entry may be there that nobody sent.
func TestKills(t *testing.T) {
	s := redistest.Start(t)
	nodes := []*Journal{open(t, Options{Address: s.URL()}), open(t, Options{Address: s.URL()})}
	const logs = 4
	type ack struct{ seq, n uint64 }
	var mu sync.Mutex
	acks := map[string][]ack{}
	sent := map[string]map[uint64]int{}
	var acked, unknown, refused atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range logs {
		name := fmt.Sprintf("c:%d", i)
		sent[name] = map[uint64]int{}
		for k, node := range nodes {
			l := journaltest.Open(t, node, name)
			wg.Go(func() {
				for n := uint64(k) << 32; ; n++ {
					body := journaltest.Make(t, n, journal.Chain{}, 0)
					for { // the same entry until it is acknowledged, as a room does
						select {
						case <-stop:
							return
						default:
						}
						mu.Lock()
						sent[name][n]++
						mu.Unlock()
						seq, err := l.Append(context.Background(), body)
						if err == nil {
							acked.Add(1)
							mu.Lock()
							acks[name] = append(acks[name], ack{seq, n})
							mu.Unlock()
							break
						}
						switch {
						case errors.Is(err, journal.ErrUnknown):
							unknown.Add(1)
						case errors.Is(err, journal.ErrUnavailable):
							refused.Add(1)
							mu.Lock()
							sent[name][n]-- // certainly not stored
							mu.Unlock()
							select {
							case <-time.After(5 * time.Millisecond):
							case <-stop:
								return
							}
						default:
							t.Errorf("Append: %v", err)
							return
						}
					}
				}
			})
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	kills := 0
	for range journaltest.Rounds(t, 3, 12) {
		kills++
		before := acked.Load()
		if r.IntN(3) > 0 { // else it flaps
			await(t, "appends go on after a kill", func() bool { return acked.Load() > before+20 })
		}
		<-time.After(time.Duration(r.IntN(100)) * time.Millisecond)
		s.Kill()
		<-time.After(time.Duration(r.IntN(100)) * time.Millisecond)
		s.Restart()
	}
	before := acked.Load()
	await(t, "appends go on after the last kill", func() bool { return acked.Load() > before+20 })
	close(stop)
	wg.Wait()
	t.Logf("%d kills: %d acknowledged, %d unknown, %d refused", kills, acked.Load(), unknown.Load(), refused.Load())
	for i := range logs {
		l := journaltest.Open(t, nodes[0], fmt.Sprintf("c:%d", i))
		journaltest.Verify(t, l)
		all := journaltest.ReadAll(t, l, 0, 1000)
		found := map[uint64]int{}
		for _, st := range all {
			e, err := journal.Decode(st.Body)
			if err != nil {
				t.Fatal(err)
			}
			found[e.Batch]++
		}
		for _, a := range acks[l.Name()] {
			if a.seq > uint64(len(all)) {
				t.Fatalf("log %s: entry %d was acknowledged and is lost: the log has %d", l.Name(), a.seq, len(all))
			}
			if e, _ := journal.Decode(all[a.seq-1].Body); e.Batch != a.n {
				t.Fatalf("log %s, entry %d: acknowledged for %d, holds %d", l.Name(), a.seq, a.n, e.Batch)
			}
		}
		for n, times := range found {
			if times > sent[l.Name()][n] {
				t.Fatalf("log %s: entry %d stands there %d times, but was sent %d times", l.Name(), n, times, sent[l.Name()][n])
			}
		}
	}
}

func TestReplicas(t *testing.T) {
	master := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := strings.Cut(master.Addr, ":")
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	mr := raw(t, replica)
	await(t, "the replica is in sync", func() bool {
		text, _ := mr.Info(t.Context(), "replication").Result()
		return strings.Contains(text, "master_link_status:up")
	})
	j := open(t, Options{Address: master.URL(), Replicas: 1})
	l := journaltest.Open(t, j, "c:x")
	for n := uint64(1); n <= 20; n++ {
		journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
		if got, err := mr.XLen(t.Context(), keyLog("c:x")).Result(); err != nil || got < int64(n) {
			t.Fatalf("entry %d was acknowledged, and the replica has %d, %v", n, got, err)
		}
	}
	snap := journal.Snapshot{Seq: 20, State: []byte("state")}
	if err := l.SaveSnapshot(t.Context(), snap); err != nil {
		t.Errorf("SaveSnapshot: %v", err)
	}
	replica.Pause()
	if _, err := l.Append(t.Context(), journaltest.Make(t, 21, journal.Chain{}, 0)); !errors.Is(err, journal.ErrUnknown) {
		t.Errorf("Append while the replica hangs: %v, want ErrUnknown", err)
	}
	if got := journaltest.ReadAll(t, l, 20, 10); len(got) != 1 {
		t.Errorf("%d entries after 20, want the one of unknown outcome", len(got))
	}
	replica.Resume()
	await(t, "appends are acknowledged again", func() bool {
		_, err := l.Append(t.Context(), journaltest.Make(t, 22, journal.Chain{}, 0))
		return err == nil
	})
}

// TestLostTail puts an old file of Redis back. The room must be able to see it: it is woken, and the head is behind.
func TestLostTail(t *testing.T) {
	s := redistest.Start(t)
	j := open(t, Options{Address: s.URL()})
	l := journaltest.Open(t, j, "c:x")
	for n := uint64(1); n <= 5; n++ {
		journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
	}
	s.Kill()
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(s.Dir)); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	await(t, "ready", func() bool { return j.Ready(t.Context()) == nil })
	for n := uint64(6); n <= 9; n++ {
		journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
	}
	drain(l)
	s.Kill()
	if err := os.RemoveAll(filepath.Join(s.Dir, "appendonlydir")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(s.Dir, "appendonlydir"), os.DirFS(filepath.Join(old, "appendonlydir"))); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	select {
	case <-l.Changed():
	case <-time.After(journaltest.Patience):
		t.Fatal("the log was not woken")
	}
	await(t, "the head is seen to be behind", func() bool {
		n, err := l.Head(t.Context())
		return err == nil && n == 5
	})
	journaltest.Append(t, l, journaltest.Make(t, 60, journal.Chain{}, 0), 6) // a number it already had
}

func drain(l journal.Log) {
	for {
		select {
		case <-l.Changed():
		default:
			return
		}
	}
}

// TestLostMessages appends without a wake-up and cuts the subscription.
func TestLostMessages(t *testing.T) {
	s := redistest.Start(t)
	j := open(t, Options{Address: s.URL()})
	l := journaltest.Open(t, j, "c:x")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	c := raw(t, s)
	woken := func(what string) {
		t.Helper()
		select {
		case <-l.Changed():
		case <-time.After(journaltest.Patience):
			t.Fatalf("not woken after %s", what)
		}
	}
	await(t, "the sweeper has looked once", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.logs["c:x"].length == 1
	})
	drain(l)
	if err := c.Do(t.Context(), "xadd", keyLog("c:x"), "0-*", field, journaltest.Make(t, 2, journal.Chain{}, 0)).Err(); err != nil {
		t.Fatal(err)
	}
	woken("an append without a message")
	drain(l)
	if n, err := c.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Result(); err != nil || n != 1 {
		t.Fatalf("killing the subscription: %d, %v", n, err)
	}
	woken("the subscription was cut")
}
