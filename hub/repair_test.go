package hub

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/journal/memlog"
	"kiem/id"
)

// pair is two nodes over one store.
type pair struct {
	*stand
	hubs  []*Hub
	rooms []*Room
	who   id.ID
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{stand: newStand(t, openShared, nil)}
	_, h := p.node(memlog.Options{Shared: true, Node: "b"}, nil)
	r, err := h.Room(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	p.hubs, p.rooms = []*Hub{p.hub, h}, []*Room{p.room, r}
	p.who = p.join("Ana")
	p.current()
	return p
}

// current waits until both nodes have applied the whole log.
func (p *pair) current() {
	p.t.Helper()
	for _, r := range p.rooms {
		if err := r.current(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
	}
}

// posts posts ideas over both nodes in turn, and gives the commands, which are acknowledged.
func (p *pair) posts(from, n int) (names []string) {
	p.t.Helper()
	for k := from; k < from+n; k++ {
		name := fmt.Sprint("Idee ", k)
		if o := do(p.t, p.rooms[k%2], post(p.who, name, name)); o.Refusal != nil {
			p.t.Fatal(o.Refusal)
		}
		names = append(names, name)
	}
	return names
}

// whole waits until both nodes are ready again, and holds that they agree and have every idea once.
func (p *pair) whole(names []string, epoch uint64) {
	p.t.Helper()
	for start := time.Now(); ; <-time.After(100 * time.Millisecond) { // of the bubble
		if p.hubs[0].Ready(p.t.Context()) == nil && p.hubs[1].Ready(p.t.Context()) == nil {
			p.current()
			if see(p.t, p.rooms[0]) == see(p.t, p.rooms[1]) {
				break
			}
		}
		if time.Since(start) > time.Hour {
			p.t.Fatalf("the nodes do not agree: %v, %v", p.hubs[0].Ready(p.t.Context()), p.hubs[1].Ready(p.t.Context()))
		}
	}
	for n, r := range p.rooms {
		if err := r.Campaign(p.t.Context(), func(m *campaign.Machine) {
			var titles []string
			for _, i := range m.Board().All() {
				titles = append(titles, i.Current.Title.Words())
			}
			slices.Sort(titles)
			want := slices.Sorted(slices.Values(names))
			if !slices.Equal(titles, want) {
				p.t.Errorf("node %d has %q, acknowledged were %q", n, titles, want)
			}
			if r.seq.epoch != epoch {
				p.t.Errorf("node %d is in epoch %d, want %d", n, r.seq.epoch, epoch)
			}
		}); err != nil {
			p.t.Fatal(err)
		}
	}
	h := newHub(p.t, p.disk.Open(memlog.Options{Shared: true, Node: "c"}), p.vault, p.bus)
	defer h.Close()
	r, err := h.Room(p.t.Context(), campaignID)
	if err != nil {
		p.t.Fatal(err)
	}
	if fresh, live := see(p.t, r), see(p.t, p.rooms[0]); fresh != live {
		p.t.Errorf("a node that opens the log has\n%s\nthe others\n%s", fresh, live)
	}
}

// A store that loses its tail: what was acknowledged is appended again, under a new epoch, and clients start anew.
func TestLostTail(t *testing.T) {
	for _, idle := range []bool{false, true} {
		t.Run(fmt.Sprint("idle ", idle), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t)
				names := p.posts(0, 10)
				p.current()
				clients := []*client{connect(t, p.rooms[0], p.who, Resume{}, pipe), connect(t, p.rooms[1], p.who, Resume{}, pipe)}
				for _, c := range clients {
					c.until("hello", func() bool { return c.hello != nil })
				}
				head := p.head()
				p.disk.DropTail(p.log, head-4)
				if !idle { // it is noticed by an append
					for _, r := range p.rooms {
						for range 1000 {
							o := do(t, r, post(p.who, "daarna", "daarna"))
							if o.Refusal == nil {
								break
							}
							if o.Refusal.Code != "unavailable" {
								t.Fatal(o.Refusal)
							}
							<-time.After(10 * time.Millisecond)
						}
					}
					names = append(names, "daarna")
				}
				for _, c := range clients {
					c.closedWith(closeReset)
					if !slices.Contains(c.resets, "epoch") {
						t.Errorf("resets %v", c.resets)
					}
				}
				p.whole(names, 2)
				if n := p.hubs[0].Stats.Repairs.Load() + p.hubs[1].Stats.Repairs.Load(); n == 0 {
					t.Error("no repair is counted")
				}
				// Who comes from the old epoch starts anew; who comes from the new one goes on.
				old := connect(t, p.rooms[0], p.who, Resume{Given: true, After: head, Epoch: 1}, pipe)
				old.closedWith(closeReset)
				c := connect(t, p.rooms[1], p.who, Resume{Given: true, After: p.head(), Epoch: 2}, pipe)
				c.until("hello", func() bool { return c.hello != nil })
				if !c.hello.Resumed || c.hello.Epoch != 2 {
					t.Errorf("hello %+v", c.hello)
				}
			})
		})
	}
}

// The store loses its tail and others append over it, up to the same number, before anybody looks: it is noticed all the same, within a second or so, and what
// was acknowledged meanwhile, on the wrong history, is not lost either.
func TestLostTailOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		names := p.posts(0, 10)
		p.current()
		head := p.head()
		p.disk.DropTail(p.log, head-2)
		// A node that opens now knows nothing of it, and writes two entries; the others are not told.
		l := p.disk.Open(memlog.Options{Shared: true, Node: "x"})
		h := newHub(t, l, p.vault, &localBus{})
		r, err := h.Room(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"nieuw een", "nieuw twee"} {
			if o := do(t, r, post(p.who, name, name)); o.Refusal != nil {
				t.Fatal(o.Refusal)
			}
			names = append(names, name)
		}
		for n, room := range p.rooms {
			name := fmt.Sprint("op het verkeerde been ", n)
			if o := do(t, room, post(p.who, name, name)); o.Refusal == nil {
				names = append(names, name)
			} else if o.Refusal.Code != "unavailable" {
				t.Fatal(o.Refusal)
			}
		}
		<-time.After(5 * time.Second)
		if err := p.hubs[0].Ready(t.Context()); err != nil {
			t.Errorf("after five seconds: %v", err)
		}
		h.Close()
		var epoch uint64
		_, epoch, _ = p.rooms[0].Position(t.Context())
		if epoch < 2 {
			t.Error("no new epoch")
		}
		p.whole(names, epoch)
	})
}

// A node that has just started remembers nothing of what is lost; it waits until the other has repaired the log.
func TestForgetfulNodeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, openShared, func(c *Config) { c.SnapshotEntries = 5 })
		ana := s.join("Ana")
		for n := range 12 {
			s.post(ana, fmt.Sprint("Idee ", n))
		}
		snap := s.snapshotAt(s.head() - 4)
		_, h := s.node(memlog.Options{Shared: true, Node: "b"}, nil)
		r, err := h.Room(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		state := see(t, r)
		_ = s.room.Do(t.Context(), func() {}) // it is awake
		s.disk.DropTail(s.log, snap.Seq-3)
		<-time.After(10 * time.Second)
		for _, one := range []*Hub{s.hub, h} {
			if err := one.Ready(t.Context()); err != nil {
				t.Errorf("after ten seconds: %v", err)
			}
		}
		if a, b := see(t, s.room), see(t, r); a != b || len(a) != len(state) {
			t.Errorf("one node has\n%s\nthe other\n%s", a, b)
		}
	})
}

// A tail that nobody remembers is not passed over in silence.
func TestNobodyRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, openShared, func(c *Config) { c.SnapshotEntries = 5 })
		ana := s.join("Ana")
		for n := range 12 {
			s.post(ana, fmt.Sprint("Idee ", n))
		}
		snap := s.snapshotAt(s.head() - 4)
		s.hub.Close()
		_, h := s.node(memlog.Options{Shared: true, Node: "b"}, nil)
		r, err := h.Room(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		s.disk.DropTail(s.log, snap.Seq-3)
		<-time.After(10 * time.Second)
		if err := h.Ready(t.Context()); !errors.Is(err, errGap) {
			t.Errorf("Ready: %v", err)
		}
		if o := do(t, r, post(ana, "daarna", "Daarna")); o.Refusal == nil || o.Refusal.Code != "unavailable" {
			t.Errorf("a command: %+v", o)
		}
		if page, err := r.Snapshot(t.Context(), 1, Page{}); err != nil || len(page.JSON) == 0 {
			t.Errorf("it cannot be read either: %v", err)
		}
		h.Close()
		_, h = s.node(memlog.Options{Shared: true, Node: "c"}, nil)
		if _, err := h.Room(t.Context(), campaignID); !errors.Is(err, errTail) {
			t.Errorf("a node that starts: %v", err)
		}
	})
}

// A journal that says for a moment that entries are gone, and has them after all, costs nothing but that moment.
func TestFalseAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		names := p.posts(0, 6)
		p.current()
		if err := p.room.Do(t.Context(), func() { p.room.trouble(fmt.Errorf("%w: or so it seemed", errTail)) }); err != nil {
			t.Fatal(err)
		}
		p.whole(names, 1)
		if n := p.hub.Stats.Repairs.Load(); n != 0 {
			t.Errorf("%d repairs", n)
		}
	})
}

// In the embedded journal nobody else writes: a tail that is gone is damage.
func TestLostTailEmbedded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, nil)
		ana := s.join("Ana")
		s.post(ana, "Een buurttuin")
		s.disk.DropTail(s.log, s.head()-1)
		o := do(t, s.room, post(ana, "daarna", "Daarna"))
		if o.Refusal == nil || o.Refusal.Code != "unavailable" {
			t.Errorf("a command after the loss: %+v", o)
		}
		if err := s.hub.Ready(t.Context()); !errors.Is(err, errTail) {
			t.Errorf("Ready: %v", err)
		}
	})
}
