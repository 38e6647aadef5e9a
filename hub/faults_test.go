package hub

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/hub/wire"
	"kiem/id"
)

// votersOver makes 64 people vote at once for the same idea, over the given rooms, each many times and in conflict with themselves, and then holds what
// stands against one vote each.
func votersOver(t *testing.T, organiser id.ID, rooms ...*Room) {
	t.Helper()
	const voters, each = 64, 40
	people := make([]id.ID, voters)
	for n := range people {
		people[n] = join(t, rooms[0], fmt.Sprint("Stemmer ", n))
	}
	c := post(people[0], "idee", "Een buurttuin")
	if o := do(t, rooms[0], c); o.Refusal != nil {
		t.Fatal(o.Refusal)
	}
	_, idea := campaign.Made(c)
	last := make([]int8, voters)
	var all sync.WaitGroup
	for n, who := range people {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(3, uint64(n)))
			for k := range each {
				value := int8(rng.IntN(2))
				v := func() *machine.Command {
					return &machine.Command{Type: campaign.SupportSet, ID: id.Derive(who, "vote", fmt.Sprint(k)), Actor: who, Lane: 7, N: uint64(k + 1),
						Data: &campaign.SupportData{Idea: idea, Value: value}}
				}
				var same sync.WaitGroup // the same command over every room at once, twice
				answers := make([]machine.Outcome, 2*len(rooms))
				for i := range answers {
					same.Go(func() {
						o, err := rooms[i%len(rooms)].Execute(t.Context(), &Pending{From: who, Command: v()})
						if err != nil {
							t.Error(err)
						}
						answers[i] = o
					})
				}
				same.Wait()
				for _, o := range answers {
					if o.Refusal != nil || o.Seq != answers[0].Seq {
						t.Errorf("one command got %+v and %+v", answers[0], o)
					}
				}
				last[n] = value
			}
		})
	}
	all.Wait()
	want := 0
	for _, v := range last {
		want += int(v)
	}
	for _, r := range rooms {
		if err := r.current(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := r.Campaign(t.Context(), func(m *campaign.Machine) {
			if got := m.View(machine.Moderators, r.people.names).Tally(idea).Support; got != want {
				t.Errorf("%d supporters, %d people support it", got, want)
			}
			for n, p := range people {
				if got := r.me(p).Support[idea.String()]; got != int(last[n]) {
					t.Errorf("voter %d: %d stands, %d was last", n, got, last[n])
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneVoteEach(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		s := newStand(t, memlog.Options{}, nil)
		votersOver(t, s.organiser, s.room)
	})
	t.Run("sqlite", func(t *testing.T) {
		j, err := sqlitelog.Open(t.Context(), t.TempDir(), sqlitelog.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		v, err := vault.OpenLite(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		h := newHub(t, j, v, &localBus{})
		defer h.Close()
		votersOver(t, id.ID{}, create(t, h))
	})
	t.Run("two nodes", func(t *testing.T) {
		s := newStand(t, memlog.Options{Shared: true, Node: "a"}, nil)
		_, other := s.node(memlog.Options{Shared: true, Node: "b"}, nil)
		far, err := other.Room(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		votersOver(t, s.organiser, s.room, far)
	})
}

// A journal that refuses, loses, or stores without saying so: senders are told "unavailable", may send again, and get one effect and one answer.
func TestJournalErrors(t *testing.T) {
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprint("shared ", shared), func(t *testing.T) {
			s := newStand(t, memlog.Options{Shared: shared}, nil)
			people := make([]id.ID, 8)
			for n := range people {
				people[n] = s.join(fmt.Sprint("Persoon ", n))
			}
			var mu sync.Mutex
			rng := rand.New(rand.NewPCG(4, 4))
			outcomes := []memlog.Outcome{memlog.Refuse, memlog.Full, memlog.Lose, memlog.Keep, memlog.Store, memlog.Store}
			if shared {
				outcomes = append(outcomes, memlog.Late)
			}
			s.disk.OnAppend(func(memlog.Attempt) memlog.Outcome {
				mu.Lock()
				defer mu.Unlock()
				return outcomes[rng.IntN(len(outcomes))]
			})
			const each = 25
			var failed atomic.Int64
			var all sync.WaitGroup
			for _, who := range people {
				all.Go(func() {
					for k := range each {
						for try := 0; ; try++ {
							o := do(t, s.room, post(who, fmt.Sprint("idee ", k), fmt.Sprint("Idee ", k)))
							if o.Refusal == nil {
								again := do(t, s.room, post(who, fmt.Sprint("idee ", k), fmt.Sprint("Idee ", k)))
								if again.Refusal != nil && again.Refusal.Code != wire.Unavailable || again.Refusal == nil && again.Seq != o.Seq {
									t.Errorf("first %+v, then %+v", o, again)
								}
								break
							}
							if o.Refusal.Code != wire.Unavailable {
								t.Errorf("refused: %v", o.Refusal)
								return
							}
							failed.Add(1)
							if try > 1000 {
								t.Error("never stored")
								return
							}
						}
					}
				})
			}
			all.Wait()
			s.disk.OnAppend(nil)
			s.disk.Land()
			s.must(post(people[0], "laatste", "Het laatste")) // everything before it is applied
			err := s.room.Campaign(t.Context(), func(m *campaign.Machine) {
				if got, want := len(m.Board().All()), each*len(people)+1; got != want {
					t.Errorf("%d ideas, %d were posted", got, want)
				}
			})
			if err != nil || failed.Load() == 0 {
				t.Errorf("%d failed: %v", failed.Load(), err)
			}
		})
	}
}

// After a failed fsync nothing is acknowledged any more, and the process is told to end.
func TestPoison(t *testing.T) {
	failed := make(chan error, 16)
	s := newStand(t, memlog.Options{}, func(c *Config) { c.Fail = func(err error) { failed <- err } })
	ana := s.join("Ana")
	s.disk.OnAppend(func(memlog.Attempt) memlog.Outcome { return memlog.Poison })
	for n := range 5 {
		o := do(t, s.room, post(ana, fmt.Sprint(n), "Een idee"))
		if o.Refusal == nil || o.Refusal.Code != wire.Unavailable {
			t.Errorf("after a failed fsync: %+v", o)
		}
		s.disk.OnAppend(nil)
	}
	if err := <-failed; !errors.Is(err, journal.ErrPoisoned) {
		t.Errorf("Fail was told %v", err)
	}
	if err := s.hub.Ready(t.Context()); !errors.Is(err, journal.ErrPoisoned) {
		t.Errorf("Ready: %v", err)
	}
}

// A store that is out of reach: commands are refused, who watches stays connected, and it goes on by itself.
func TestOutOfReach(t *testing.T) {
	s := newStand(t, memlog.Options{Shared: true}, nil)
	ana := s.join("Ana")
	c := connect(t, s.room, ana, Resume{}, pipe)
	s.journal.Fail(fmt.Errorf("%w: gone", journal.ErrUnavailable))
	if err := s.hub.Ready(t.Context()); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("Ready: %v", err)
	}
	lost := post(ana, "weg", "Weg")
	c.send(lost)
	if r := c.reply(lost.ID); r.Error == nil || r.Error.Code != wire.Unavailable {
		t.Errorf("reply %+v", r)
	}
	if page, err := s.room.Snapshot(t.Context(), machine.Public, Page{}); err != nil || len(page.JSON) == 0 {
		t.Errorf("nothing can be read meanwhile: %v", err)
	}
	s.journal.Fail(nil)
	again := post(ana, "weg", "Weg")
	s.must(again)
	c.seen(s.head())
	if !c.saw("Weg") {
		t.Error("the client does not see what was sent again")
	}
	if err := s.hub.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
}
