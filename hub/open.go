package hub

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
	"kiem/ideas"
)

// open makes a room of a log and starts it.
func (h *Hub) open(ctx context.Context, name string, create bool) (*Room, error) {
	log, err := h.journal.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	r, err := h.load(ctx, name, log, create)
	if err != nil {
		_ = log.Close()
		return nil, err
	}
	h.Stats.Rooms.Add(1)
	go r.run()
	return r, nil
}

// load replays a log into a room.
func (h *Hub) load(ctx context.Context, name string, log journal.Log, create bool) (*Room, error) {
	k := h.kind(name)
	r := &Room{
		hub: h, name: name, scope: k.scope, log: log, logger: h.Logger, stats: &h.Stats,
		byPerson: map[id.ID][]*Conn{}, tickEvery: MinTick, used: time.Now(), saved: -1, since: since{at: time.Now()},
		calls: make(chan func()), appends: make(chan appendResult, 1), reads: make(chan readResult, 1),
		delivered: make(chan time.Duration, 1), repaired: make(chan repairResult, 1), snapped: make(chan snapResult, 1), dued: make(chan dueResult, 1), asked: make(chan []*Pending, 1),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	c := newDirectoryCodec(newRandomness(fillRandom))
	isCampaign := name != directoryLog
	if isCampaign {
		switch head, err := log.Head(ctx); {
		case err != nil:
			return nil, err
		case head == 0 && !create:
			return nil, ErrNoCampaign
		}
		var votes *vault.Blinder
		switch key, err := h.Vault.VoteKey(ctx, k.scope); {
		case err == nil:
			votes = vault.NewBlinder(key)
		case !errors.Is(err, vault.ErrErased):
			return nil, fmt.Errorf("hub: vote key: %w", err)
		}
		var err error
		if r.people, err = loadPeople(ctx, h.Vault, k.scope); err != nil {
			return nil, fmt.Errorf("hub: load people: %w", err)
		}
		c = newCampaignCodec(k.scope, r.people, votes, newRandomness(fillRandom))
	}
	fresh, late, began := r.fresh(c), &lately{}, time.Now()
	s, err := replay(ctx, log, func() *sequencer {
		s := fresh()
		late = &lately{}
		s.emit = late.applied
		return s
	}, 0)
	if err != nil {
		return nil, fmt.Errorf("hub: open %s: %w", name, err)
	}
	h.Stats.Replay.Observe(time.Since(began))
	r.seq, r.verified = s, s.pos.Seq
	r.head.Store(s.pos.Seq)
	r.since.entries, r.since.commands = late.entries, late.commands
	r.open(s)
	s.node = randomNumber()
	s.stats, s.emit, s.redoes = &h.Stats, r.emit, redone{r}
	if h.journal.Shared() {
		s.doubt = r.doubt
	}
	s.answer = func(p *Pending, o machine.Outcome) {
		if p.To != nil {
			p.To.Answer(p, o)
		}
	}
	if isCampaign {
		if err := r.finishErasures(ctx); err != nil {
			return nil, err
		}
		r.feed = newFeed(r.machine(), r.people.names, s.pos.Seq, h.Logger)
		r.feed.moved = r.views.touched
		r.feed.recall(late)
		r.fan = &fanout{ring: r.feed.ring, stats: &h.Stats, pinged: time.Now()}
		r.joinPresence()
	}
	r.reindexDue()
	return r, nil
}

// fresh makes sequencers at the beginning of the room's log.
func (r *Room) fresh(c *codec) func() *sequencer {
	name, k, shared := r.name, r.hub.kind(r.name), r.hub.journal.Shared()
	return func() *sequencer {
		s := newSequencer(name, k.machine(), c)
		if shared {
			s.recent = &recent{keep: RecentBytes}
		}
		return s
	}
}

// open puts the words into every text of a restored state.
func (r *Room) open(s *sequencer) {
	if r.people == nil {
		return
	}
	s.machine.(*campaign.Machine).Texts(func(t *ideas.Text) {
		if !t.Readable() {
			s.codec.open(t)
		}
	})
}

func fillRandom(b []byte) { _, _ = rand.Read(b) } // never fails

func randomNumber() uint64 {
	var n [8]byte
	fillRandom(n[:])
	return binary.BigEndian.Uint64(n[:])
}

// finishErasures destroys the keys of people whose erasure is in the log, should a crash have come in between.
func (r *Room) finishErasures(ctx context.Context) error {
	for _, p := range r.machine().People() {
		if p.Erased && r.people.knows(p.ID) {
			if err := r.hub.Vault.Erase(ctx, r.scope, p.ID); err != nil {
				return fmt.Errorf("hub: finish an erasure: %w", err)
			}
			r.people.forget(p.ID)
			r.compact(ctx, p.ID)
		}
	}
	return nil
}
