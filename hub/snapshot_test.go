package hub

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// snapshotAt waits until the log has a snapshot of that entry or a later one.
func (s *stand) snapshotAt(seq uint64) journal.Snapshot {
	s.t.Helper()
	l, err := s.disk.Open(memlog.Options{}).Open(s.t.Context(), s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	for start := time.Now(); ; <-time.After(time.Millisecond) { // of the bubble
		snap, err := l.Snapshot(s.t.Context(), 1<<40)
		if err == nil && snap.Seq >= seq {
			return snap
		}
		if err != nil && !errors.Is(err, journal.ErrNotFound) {
			s.t.Fatal(err)
		}
		if time.Since(start) > time.Hour {
			s.t.Fatalf("no snapshot of entry %d: %v", seq, err)
		}
	}
}

func (s *stand) reopen(o memlog.Options) *Room {
	s.t.Helper()
	s.hub.Close()
	_, h := s.node(o, nil)
	r, err := h.Room(s.t.Context(), campaignID)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// A room opens from a snapshot: entries before it are not even read.
func TestOpensFromSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, func(c *Config) { c.SnapshotEntries = 6 })
		ana := s.join("Ana")
		for n := range 20 {
			s.must(vote(ana, s.post(ana, fmt.Sprint("Idee ", n)), 1))
		}
		snap := s.snapshotAt(s.head() - 6)
		state := see(t, s.room)
		for seq := uint64(1); seq < snap.Seq-1; seq++ {
			s.disk.Damage(s.log, seq, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}
		if got := see(t, s.reopen(memlog.Options{})); got != state {
			t.Errorf("opened from a snapshot of entry %d:\n%s\nbefore:\n%s", snap.Seq, got, state)
		}
	})
}

// A damaged snapshot is passed over; so is one that a newer version wrote.
func TestUnreadableSnapshot(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"damaged": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, memlog.Options{}, func(c *Config) { c.SnapshotEntries = 6 })
				ana := s.join("Ana")
				for n := range 20 {
					s.post(ana, fmt.Sprint("Idee ", n))
				}
				snap := s.snapshotAt(s.head() - 6)
				state := see(t, s.room)
				if !s.disk.DamageSnapshot(s.log, snap.Seq, change) {
					t.Fatal("no snapshot")
				}
				if got := see(t, s.reopen(memlog.Options{})); got != state {
					t.Errorf("opened without its snapshot:\n%s\nbefore:\n%s", got, state)
				}
			})
		})
	}
	t.Run("newer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStand(t, memlog.Options{}, nil)
			ana := s.join("Ana")
			s.post(ana, "Een buurttuin")
			state := see(t, s.room)
			l, err := s.journal.Open(t.Context(), s.log)
			if err != nil {
				t.Fatal(err)
			}
			var at journal.Chain
			_ = s.room.Do(t.Context(), func() { at = s.room.seq.pos })
			if err := l.SaveSnapshot(t.Context(), journal.Snapshot{Seq: at.Seq, Epoch: 1, Hash: at.Hash, State: []byte{99, 1, 2, 3}}); err != nil {
				t.Fatal(err)
			}
			if got := see(t, s.reopen(memlog.Options{})); got != state {
				t.Errorf("opened:\n%s\nbefore:\n%s", got, state)
			}
		})
	})
}

// corrupt changes the state of a room behind the log's back.
func corrupt(t *testing.T, r *Room, who id.ID) {
	t.Helper()
	if err := r.Do(t.Context(), func() {
		c := post(who, "buiten het log om", "Buiten het log om")
		if o := r.seq.machine.Apply(c, machine.Stamp{Seq: r.seq.pos.Seq, Epoch: 1, Base: r.seq.pos.Seq}); o.Refusal != nil {
			t.Error(o.Refusal)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// stopped waits until a room has stopped by itself, and holds what that means.
func stopped(t *testing.T, h *Hub, r *Room, who id.ID, c *client) {
	t.Helper()
	c.closedWith(wire.CloseRestart)
	if err := h.Ready(t.Context()); !errors.Is(err, errDiverged) {
		t.Errorf("Ready: %v", err)
	}
	o, err := r.Execute(t.Context(), &Pending{From: who, Command: post(who, "daarna", "Daarna")})
	if err != nil || o.Refusal == nil || o.Refusal.Code != wire.Unavailable {
		t.Errorf("a stopped room: %+v %v", o, err)
	}
	if _, err := h.Directory().Campaign(t.Context(), campaignID); err != nil {
		t.Errorf("another room: %v", err)
	}
}

// A state that differs from what the log gives stops the room, loudly, when a snapshot is made.
func TestSnapshotFindsDivergence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, func(c *Config) { c.SnapshotEntries = 10 })
		ana := s.join("Ana")
		c := connect(t, s.room, ana, Resume{}, pipe)
		corrupt(t, s.room, ana)
		for n := range 10 {
			if o := do(t, s.room, post(ana, fmt.Sprint("idee ", n), "Idee")); o.Refusal != nil && o.Refusal.Code != wire.Unavailable {
				t.Fatal(o.Refusal)
			}
		}
		stopped(t, s.hub, s.room, ana, c)
		l, err := s.journal.Open(t.Context(), s.log)
		if err != nil {
			t.Fatal(err)
		}
		if snap, err := l.Snapshot(t.Context(), 1<<40); err == nil {
			t.Errorf("a snapshot of entry %d was saved", snap.Seq)
		}
	})
}

// A node whose state differs from a checkpoint of another stops; the other goes on.
func TestCheckpointFindsDivergence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, openShared, nil)
		_, h := s.node(memlog.Options{Shared: true, Node: "b"}, nil)
		far, err := h.Room(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		ana := s.join("Ana")
		if err := far.current(t.Context()); err != nil {
			t.Fatal(err)
		}
		c := connect(t, far, ana, Resume{}, pipe)
		for _, r := range []*Room{s.room, far} {
			_ = r.Do(t.Context(), func() { r.seq.every = 8 })
		}
		corrupt(t, far, ana)
		for n := range 12 {
			s.must(post(ana, fmt.Sprint("idee ", n), "Idee"))
		}
		stopped(t, h, far, ana, c)
		if err := s.hub.Ready(t.Context()); err != nil {
			t.Errorf("the other node: %v", err)
		}
		s.must(post(ana, "verder", "Verder"))
	})
}

// A log that is damaged is not served.
func TestDamagedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, nil)
		ana := s.join("Ana")
		s.post(ana, "Een buurttuin")
		s.hub.Close()
		s.disk.Damage(s.log, 2, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		_, h := s.node(memlog.Options{}, nil)
		if _, err := h.Room(t.Context(), campaignID); !errors.Is(err, journal.ErrCorrupt) {
			t.Errorf("a room over a damaged log: %v", err)
		}
		if err := h.Ready(t.Context()); !errors.Is(err, journal.ErrCorrupt) {
			t.Errorf("Ready: %v", err)
		}
	})
}
