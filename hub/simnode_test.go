package hub

import (
	"context"
	"errors"
	"fmt"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/hub/vault"
)

// simNode is one process of the simulation: what Room does around a sequencer, with every wait turned into a step that the seed picks.
type simNode struct {
	sim     *sim
	name    string
	skew    int64 // of its clock
	journal *memlog.Journal
	log     journal.Log
	seq     *sequencer // nil: down
	people  *people

	cut      bool // the journal is out of reach
	lost     bool
	broken   error
	verified uint64
	history  int
	flight   *flight // to be appended
	landed   *appendResult
	read     *simRead
	rebuilt  *rebuilt
	snapping *simSnapshot
}

type simRead struct {
	history int
	seen    uint64
	entries []journal.Stored
	err     error
}

type simSnapshot struct {
	history int
	at      journal.Chain
	epoch   uint64
	digest  machine.Digest
}

func (n *simNode) up() bool { return n.seq != nil }

func (n *simNode) now() int64 { return n.sim.now + n.skew }

func (n *simNode) fresh(c *codec) func() *sequencer {
	return func() *sequencer {
		s := newSequencer(n.sim.logName, campaign.New(), c)
		s.every, s.window.keep = simCheckpointEvery, simLag
		s.recent = &recent{keep: 1 << 20}
		n.sim.watch(s)
		return s
	}
}

// start opens the log as Hub.open does. It may fail while the store is out of reach or the log lost what a snapshot knows.
func (n *simNode) start() {
	ctx := context.Background()
	s := n.sim
	*n = simNode{sim: s, name: n.name, skew: n.skew, journal: s.disk.Open(memlog.Options{Shared: true, Node: n.name})}
	n.log, _ = n.journal.Open(ctx, s.logName)
	var err error
	if n.people, err = loadPeople(ctx, s.vault, s.campaign); err != nil {
		s.failf("people: %v", err)
	}
	c := newCampaignCodec(s.campaign, n.people, vault.NewBlinder(s.voteKey), newRandomness(s.fill))
	seq, err := replay(ctx, n.log, n.fresh(c), 0)
	if err != nil {
		if !errors.Is(err, errTail) || s.drops == 0 {
			s.failf("%s opens the log: %v", n.name, err)
		}
		s.logf("%s cannot open the log: %v", n.name, err)
		return
	}
	s.starts++
	s.logf("%s starts at entry %d", n.name, seq.pos.Seq)
	n.seq, n.verified = seq, seq.pos.Seq
	seq.node = uint64(s.starts)
	seq.redoes = simRedone{s}
	seq.answer = func(p *Pending, o machine.Outcome) {
		if p.To != nil {
			p.To.Answer(p, o)
		}
	}
	seq.emit = func(a applied) {
		s.see(n.seq)
		n.emit(a)
	}
}

func (n *simNode) emit(a applied) {
	n.sim.show(n.seq)
	n.sim.logf("%s applied entry %d %.8s epoch %d foreign %v", n.name, a.seq, n.seq.pos.Hash, n.seq.epoch, a.foreign)
	for _, e := range a.events {
		if e.Type == campaign.PersonErased {
			n.people.forget(e.Subject)
		}
	}
}

// stop kills the process: what it had under way is gone, and whoever waited gets no answer.
func (n *simNode) stop() {
	if n.up() {
		n.seq, n.flight, n.landed, n.read, n.rebuilt, n.snapping = nil, nil, nil, nil, nil, nil
		n.lost = false
		n.sim.killed(n)
	}
}

// pump makes the next entry, and what the clock owes.
func (n *simNode) pump() {
	if !n.up() || n.broken != nil {
		return
	}
	if n.lost {
		n.seq.refuseAll()
		return
	}
	if n.flight != nil || n.landed != nil {
		return
	}
	if owed, _ := n.seq.machine.Due(n.now()); len(owed) > 0 && n.sim.rng.IntN(4) == 0 {
		for _, c := range owed {
			n.seq.submit(&Pending{Command: c})
		}
	}
	n.flight = n.seq.next(n.now())
}

// append hands the entry to the store.
func (n *simNode) append(outcome memlog.Outcome) {
	f := n.flight
	if f == nil {
		return
	}
	n.flight = nil
	n.sim.outcome = outcome
	seq, err := n.log.Append(context.Background(), f.body)
	n.landed = &appendResult{flight: f, seq: seq, err: err}
}

// deliver tells the sequencer what became of the append.
func (n *simNode) deliver() {
	res := n.landed
	if res == nil {
		return
	}
	n.landed = nil
	switch {
	case res.err != nil:
		n.seq.failed(res.flight)
	case !n.lost:
		if _, err := n.seq.appended(res.flight, res.seq); err != nil {
			n.trouble(err)
		}
	}
}

func (n *simNode) fetch(verify bool) {
	if !n.up() || n.read != nil || n.lost {
		return
	}
	pos := n.seq.pos.Seq
	known, seen := n.seq.recent.from(pos), n.verified
	if verify {
		known, seen = n.seq.recent.from(n.verified), pos
	}
	list, _, err := fetch(context.Background(), n.log, known, pos, n.seq.expects())
	if err == nil {
		err = n.people.meet(context.Background(), list)
	}
	n.read = &simRead{n.history, seen, list, err}
}

func (n *simNode) follow() {
	res := n.read
	n.read = nil
	if res == nil || n.lost || res.history != n.history {
		return
	}
	if res.err != nil {
		if !errors.Is(res.err, journal.ErrUnavailable) {
			n.trouble(res.err)
		}
		return
	}
	n.verified = res.seen
	if err := n.seq.follow(res.entries); err != nil {
		n.trouble(err)
	}
}

func (n *simNode) trouble(err error) {
	if n.lost {
		return
	}
	if !errors.Is(err, errTail) || n.sim.drops == 0 {
		n.broken = err
		n.sim.failf("%s at entry %d: %v", n.name, n.seq.pos.Seq, err)
		return
	}
	n.sim.logf("%s at entry %d: %v", n.name, n.seq.pos.Seq, err)
	n.lost = true
	n.seq.lose()
}

func (n *simNode) repair() {
	if !n.lost || n.rebuilt != nil || n.cut {
		return
	}
	p, err := rebuild(context.Background(), n.log, n.fresh(n.seq.codec.reader()), n.seq)
	if err != nil {
		if !errors.Is(err, errGap) {
			n.sim.failf("%s cannot repair: %v", n.name, err)
		}
		return // another node will
	}
	n.rebuilt = p
}

func (n *simNode) adopt() {
	p := n.rebuilt
	if p == nil {
		return
	}
	n.rebuilt, n.lost = nil, false
	n.history++
	if p.same {
		return
	}
	p.seq.succeed(n.seq, p.lost, n.now())
	n.seq = p.seq
	n.verified = n.seq.pos.Seq
	n.sim.repairs++
	n.sim.logf("%s goes on from entry %d with %d entries to append again", n.name, n.seq.pos.Seq, len(n.seq.redo))
}

func (n *simNode) snapshot() {
	if !n.up() || n.lost || n.cut {
		return
	}
	if n.snapping == nil {
		n.snapping = &simSnapshot{n.history, n.seq.pos, n.seq.epoch, n.seq.machine.Digest()}
		return
	}
	at := n.snapping
	n.snapping = nil
	blind := &codec{scope: n.sim.campaign, newData: campaign.NewData}
	if err := snapshot(context.Background(), n.log, n.fresh(blind), at.at, at.epoch, at.digest); err != nil && at.history == n.history {
		n.trouble(err)
	}
}

// settled says whether nothing is under way and the node has all of the log.
func (n *simNode) settled() bool {
	head, _ := n.log.Head(context.Background())
	return n.up() && !n.lost && n.flight == nil && n.landed == nil && n.read == nil && n.seq.flight == nil &&
		len(n.seq.queue) == 0 && len(n.seq.redo) == 0 && n.seq.owes == nil && n.verified == head && n.seq.pos.Seq == head
}

func (n *simNode) String() string {
	if !n.up() {
		return n.name + " is down"
	}
	head, _ := n.log.Head(context.Background())
	return fmt.Sprintf("%s: entry %d of %d, epoch %d, verified %d, lost %v, queue %d, redo %d, flight %v", n.name, n.seq.pos.Seq, head, n.seq.epoch, n.verified, n.lost, len(n.seq.queue), len(n.seq.redo), n.seq.flight != nil)
}
