package hub

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/hub/wire"
	"kiem/id"
)

// The simulation drives the sequencers of a few nodes over one store, one step at a time, and a seed picks the steps: commands that come several times,
// over several nodes, late and in another order; appends that are refused, lost, kept without being told, or land long after; reads that are old
// when they arrive; crashes; partitions; clocks that jump; snapshots; and a store that loses its tail. There are no goroutines and no
// clocks in it, so a seed gives the same history each time. What must hold is in simcheck_test.go.
//
//	go test ./hub -run Simulation                    500 seeds, and those that failed once
//	go test ./hub -run Simulation -seed 4711 -v      one seed, with its history
//	KIEM_SEEDS=100000 go test ./hub -run Simulation  a soak
var (
	oneSeed   = flag.Uint64("seed", 0, "the one seed that the simulation runs, with its history")
	failedOne = []uint64{} // seeds that found a fault once
)

const (
	simSeeds           = 500
	simCheckpointEvery = 8
	simLag             = 48
)

func TestSimulation(t *testing.T) {
	if *oneSeed != 0 {
		simulate(t, *oneSeed, true)
		return
	}
	seeds := simSeeds
	if testing.Short() {
		seeds = 50
	}
	if s := os.Getenv("KIEM_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		seeds = n
	}
	start := uint64(1)
	if s := os.Getenv("KIEM_FIRST_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		start = n
	}
	var next atomic.Uint64
	var total simTotal
	run := func(seed uint64) {
		s := simulate(t, seed, false)
		total.add(s)
	}
	for _, seed := range failedOne {
		run(seed)
	}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= uint64(seeds) || t.Failed() {
					return
				}
				run(start + n)
			}
		})
	}
	workers.Wait()
	t.Log(total.String())
}

// simTotal adds up what seeds did, to show that they did it.
type simTotal struct {
	mu                                                               sync.Mutex
	seeds, commands, entries, starts, repairs, foreign, stale, drops int
	done, refused                                                    int
}

func (t *simTotal) add(s *sim) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seeds++
	t.commands += s.sent
	t.entries += s.entries
	t.starts += s.starts
	t.repairs += s.repairs
	t.foreign += s.foreign
	t.stale += s.stale
	t.drops += s.drops
	t.done += s.done
	t.refused += s.refused
}

func (t *simTotal) String() string {
	return fmt.Sprintf("%d seeds: %d commands sent (%d times done, %d times refused), %d entries, %d starts, %d tails lost, %d repairs, %d entries of another history, %d stale votes",
		t.seeds, t.commands, t.done, t.refused, t.entries, t.starts, t.drops, t.repairs, t.foreign, t.stale)
}

type sim struct {
	t       testing.TB
	seed    uint64
	verbose bool
	failed  bool
	rng     *rand.Rand
	now     int64

	campaign id.ID
	logName  string
	voteKey  [vault.KeySize]byte
	blinder  *vault.Blinder
	vault    *memVault
	disk     *memlog.Disk
	outcome  memlog.Outcome
	nodes    []*simNode
	world    *simWorld

	loses    bool // this seed's store may lose its tail
	wounded  bool // it did, and not all nodes have noticed and repaired
	digests  map[journal.Hash]machine.Digest
	bySeq    map[uint64]journal.Hash // in seeds that lose nothing
	commands []*simCommand
	retry    []*simCommand
	reported map[id.ID]bool // void after a repair
	order    map[orderKey]ordered
	shown    map[[2]uint64]journal.Hash // epoch, number -> the history that nodes had

	sent, entries, starts, repairs, foreign, stale, drops, done, refused int
}

func simulate(t testing.TB, seed uint64, verbose bool) *sim {
	s := &sim{
		t: t, seed: seed, verbose: verbose, rng: rand.New(rand.NewPCG(seed, 0x6b69656d)), now: 1_790_000_000_000,
		vault: newMemVault(), disk: memlog.NewDisk(), digests: map[journal.Hash]machine.Digest{}, bySeq: map[uint64]journal.Hash{},
		reported: map[id.ID]bool{}, shown: map[[2]uint64]journal.Hash{}, order: map[orderKey]ordered{},
	}
	s.campaign = id.Derive(id.ID{}, "simulation", fmt.Sprint(seed))
	s.logName = LogName(s.campaign)
	s.voteKey, _ = s.vault.VoteKey(context.Background(), s.campaign)
	s.blinder = vault.NewBlinder(s.voteKey)
	s.disk.OnAppend(func(memlog.Attempt) memlog.Outcome { return s.outcome })
	s.loses = s.rng.IntN(5) < 2
	s.world = newSimWorld(s)
	for i := range 2 + s.rng.IntN(3) {
		n := &simNode{sim: s, name: fmt.Sprintf("node%d", i)}
		s.nodes = append(s.nodes, n)
		n.start()
	}
	s.begin()
	target := 300 + s.rng.IntN(100)
	for step := 0; s.sent < target && step < 40*target && !s.failed; step++ {
		s.step()
	}
	s.heal()
	if !s.failed {
		s.check()
	}
	return s
}

func (s *sim) failf(format string, args ...any) {
	if !s.failed {
		s.failed = true
		s.t.Errorf("seed %d: %s\nrun it again: go test ./hub -run Simulation -seed %d -v", s.seed, fmt.Sprintf(format, args...), s.seed)
	}
}

func (s *sim) logf(format string, args ...any) {
	if s.verbose {
		s.t.Logf(format, args...)
	}
}

func (s *sim) fill(b []byte) {
	for i := range b {
		b[i] = byte(s.rng.Uint32())
	}
}

// see notes the digest after an entry, or compares it with what another node or replay had after the same history.
func (s *sim) see(q *sequencer) {
	got := q.machine.Digest()
	if want, ok := s.digests[q.pos.Hash]; ok && want != got {
		s.failf("after entry %d digests differ: %x, %x", q.pos.Seq, got, want)
	}
	s.digests[q.pos.Hash] = got
	if s.loses {
		return
	}
	if have, ok := s.bySeq[q.pos.Seq]; ok && have != q.pos.Hash {
		s.failf("two chains at entry %d", q.pos.Seq)
	}
	s.bySeq[q.pos.Seq] = q.pos.Hash
}

// show notes what clients of a node see.
func (s *sim) show(q *sequencer) {
	at := [2]uint64{q.epoch, q.pos.Seq}
	if have, ok := s.shown[at]; !ok || have == q.pos.Hash {
		s.shown[at] = q.pos.Hash
	} else {
		s.shown[at] = journal.Hash{} // two
	}
}

func (s *sim) watch(q *sequencer) { q.emit = func(applied) { s.see(q) } }

// begin creates the campaign and lets everybody join, without faults.
func (s *sim) begin() {
	s.send(s.nodes[0], s.world.create())
	s.settle()
	for _, p := range s.world.people {
		s.send(s.nodes[s.rng.IntN(len(s.nodes))], s.world.join(p))
	}
	s.settle()
	for _, c := range s.world.appoint() {
		s.send(s.nodes[0], c)
	}
	s.settle()
}

func (s *sim) pick() *simNode { return s.nodes[s.rng.IntN(len(s.nodes))] }

// step does one thing.
func (s *sim) step() {
	s.now += s.rng.Int64N(200)
	n := s.pick()
	switch k := s.rng.IntN(1000); {
	case k < 100:
		s.sendNew()
	case k < 125: // an old command once more, sometimes to several nodes
		if c := s.old(); c != nil {
			for range 1 + s.rng.IntN(3) {
				s.send(s.pick(), c)
			}
		}
	case k < 150:
		s.resend()
	case k < 740: // whatever is next
		switch {
		case n.landed != nil:
			n.deliver()
		case n.flight != nil:
			n.append(s.fate())
		case n.read != nil && s.rng.IntN(2) == 0:
			n.follow()
		default:
			n.pump()
		}
	case k < 850:
		n.fetch(false)
	case k < 890:
		n.fetch(true)
	case k < 967:
		n.follow()
	case k < 970:
		if !s.wounded && n.up() {
			s.logf("%s is killed at entry %d", n.name, n.seq.pos.Seq)
			n.stop()
		}
	case k < 976:
		if !n.up() {
			n.start()
		}
	case k < 979:
		s.cut(n, !n.cut)
	case k < 984:
		s.disk.Land()
	case k < 987:
		n.skew += []int64{-24 * 3600_000, 2 * 3600_000, 1000, -1000, -n.skew}[s.rng.IntN(5)]
	case k < 992:
		n.snapshot()
	case k < 995:
		s.world.burst()
	case k < 998:
		s.dropTail()
	}
	if n.lost {
		if n.rebuilt == nil {
			n.repair()
		} else {
			n.adopt()
		}
	}
	if s.wounded && s.rng.IntN(20) == 0 {
		s.woundHealed()
	}
}

// fate is what becomes of an append.
func (s *sim) fate() memlog.Outcome {
	switch k := s.rng.IntN(100); {
	case k < 82:
		return memlog.Store
	case k < 86:
		return memlog.Refuse
	case k < 90:
		return memlog.Lose
	case k < 96:
		return memlog.Keep
	}
	return memlog.Late
}

func (s *sim) cut(n *simNode, cut bool) {
	if !n.up() {
		return
	}
	n.cut = cut
	var err error
	if cut {
		err = fmt.Errorf("%w: cut off", journal.ErrUnavailable)
	}
	n.journal.Fail(err)
}

// dropTail makes the store forget its newest entries, while at least one node that runs remembers them.
func (s *sim) dropTail() {
	head := s.head()
	if !s.loses || head < 20 || s.wounded && s.rng.IntN(2) == 0 {
		return
	}
	after := head - uint64(1+s.rng.IntN(6))
	hash := s.hashes()[after]
	holder := false
	for _, n := range s.nodes {
		if n.up() && (n.seq.pos.Seq == head || s.wounded) { // while a tail is repaired nobody is killed: who appended has it
			_, remembers := n.seq.recent.after(after)
			have, _ := n.seq.hash(after)
			holder = holder || remembers && have == hash
		}
	}
	if !holder {
		return
	}
	s.logf("the store loses its entries %d to %d", after+1, head)
	s.disk.DropTail(s.logName, after)
	s.wounded = true
	s.drops++
}

func (s *sim) head() uint64 {
	l, _ := s.disk.Open(memlog.Options{}).Open(context.Background(), s.logName)
	head, _ := l.Head(context.Background())
	return head
}

// woundHealed looks whether every node that runs goes on from the log as it is now.
func (s *sim) woundHealed() {
	for _, n := range s.nodes {
		if n.up() && (n.lost || n.rebuilt != nil || len(n.seq.redo) > 0) {
			return
		}
	}
	hashes := s.hashes()
	for _, n := range s.nodes {
		if n.up() && (n.seq.pos.Seq >= uint64(len(hashes)) || n.seq.pos.Hash != hashes[n.seq.pos.Seq]) {
			return
		}
	}
	s.logf("every node goes on from the log")
	s.wounded = false
}

// killed is told that a node went down with whatever waited in it.
func (s *sim) killed(n *simNode) {
	for _, c := range s.commands {
		for i := range c.sent {
			if a := c.sent[i]; a.node == n && !a.answered {
				a.answered, a.unknown = true, true
				s.retry = append(s.retry, c)
			}
		}
	}
}

// settle lets everything finish, without faults.
func (s *sim) settle() {
	for round := 0; ; round++ {
		for _, n := range s.nodes {
			n.pump()
			n.append(memlog.Store)
			n.deliver()
			n.follow()
			n.fetch(true)
			n.follow()
			n.repair()
			n.adopt()
		}
		all := true
		for _, n := range s.nodes {
			all = all && n.settled()
		}
		if all || s.failed {
			return
		}
		if round > 1000 {
			s.failf("the nodes do not come to rest: %v", s.nodes)
			return
		}
	}
}

// heal ends every fault, sends again what nobody knows the outcome of, and lets everything finish.
func (s *sim) heal() {
	for range 8 {
		for _, n := range s.nodes {
			s.cut(n, false)
			if !n.up() {
				n.start()
			}
		}
		s.disk.Land()
		for len(s.retry) > 0 {
			s.resend()
		}
		down := false
		for _, n := range s.nodes {
			down = down || !n.up()
		}
		if down { // it cannot open the log before another has repaired it
			for range 50 {
				for _, n := range s.nodes {
					n.pump()
					n.append(memlog.Store)
					n.deliver()
					n.fetch(true)
					n.follow()
					n.repair()
					n.adopt()
				}
			}
			continue
		}
		s.settle()
		if s.failed || len(s.retry) == 0 {
			return
		}
	}
	s.failf("commands stay without an answer: %d, %v", len(s.retry), s.nodes)
}

type simRedone struct{ s *sim }

func (r simRedone) Answer(p *Pending, o machine.Outcome) {
	if o.Refusal != nil && !o.Stale {
		r.s.reported[p.Command.ID] = true
	}
}

// simAnswer takes the outcome of one sending.
type simAnswer struct {
	s        *sim
	c        *simCommand
	node     *simNode
	number   int // of the sending
	answered bool
	unknown  bool
}

func (a *simAnswer) Answer(_ *Pending, o machine.Outcome) {
	if a.answered {
		a.s.failf("%s %s was answered twice", a.c.kind, a.c.id)
	}
	a.answered = true
	if o.Refusal != nil && o.Refusal.Code == wire.Unavailable {
		a.unknown = true
		a.s.retry = append(a.s.retry, a.c)
		return
	}
	a.c.answer(a, o)
}

var _ = campaign.New
