package hub

import (
	"bytes"
	"context"
	"encoding/binary"
	"reflect"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/id"
)

// oracle is a machine that is watched while it replays: what it does is held against rules that are written down here once more, as simply as can be.
type oracle struct {
	*campaign.Machine
	s      *sim
	shadow *machine.Answers
	repair map[uint64]bool       // entries that were appended again
	first  map[id.ID]uint64      // the entry that did a command
	voters map[id.ID]id.ID       // pseudonym -> participant
	votes  map[[2]id.ID]int8     // voter, idea -> the newest choice
	newest map[[3]uint64]uint64  // voter and idea (hashed), lane -> highest number
	by     map[id.ID]*simCommand // not those whose id stands for two
}

func (s *sim) newOracle() *oracle {
	o := &oracle{
		Machine: campaign.New(), s: s, shadow: machine.NewAnswers(), repair: map[uint64]bool{}, first: map[id.ID]uint64{}, voters: map[id.ID]id.ID{},
		votes: map[[2]id.ID]int8{}, newest: map[[3]uint64]uint64{}, by: map[id.ID]*simCommand{},
	}
	for _, p := range append([]id.ID{s.world.organiser}, s.world.people...) {
		o.voters[s.blinder.Voter(p)] = p
	}
	for _, c := range s.commands {
		if !c.variant {
			o.by[c.id] = c
		}
	}
	return o
}

// rest is the digest without the memory of answers, which every command changes.
func (o *oracle) rest() (sum [4]uint64) {
	d, answers := o.Digest(), o.shadow.Digest()
	for i := range sum {
		sum[i] = binary.BigEndian.Uint64(d[8*i:]) - answers[i]
	}
	return sum
}

func (o *oracle) Apply(c *machine.Command, at machine.Stamp) machine.Outcome {
	s := o.s
	before := o.rest()
	_, known := o.shadow.Look(c)
	_, repeated := o.Machine.Look(c)
	out := o.Machine.Apply(c, at)
	if !repeated && !out.Stale {
		o.shadow.Put(c, at.Seq, out.Refusal)
	}
	if (out.Refusal != nil || known) && o.rest() != before {
		s.failf("entry %d: %s was refused (%v) and changed the state", at.Seq, c.Type, out.Refusal)
	}
	if out.Stale {
		s.stale++
	}
	if out.Refusal != nil || out.Seq != at.Seq {
		return out
	}
	if was := o.first[c.ID]; was != 0 && was != at.Seq && c.N == 0 {
		s.failf("%s %s was done in entry %d and again in %d", c.Type, c.ID, was, at.Seq)
	}
	if o.first[c.ID] == 0 {
		o.first[c.ID] = at.Seq
	}
	if d, ok := c.Data.(*campaign.SupportData); ok && !known {
		o.vote(c, d, at)
	}
	return out
}

// vote keeps the newest choice, and judges that it was the voter's to make.
func (o *oracle) vote(c *machine.Command, d *campaign.SupportData, at machine.Stamp) {
	s := o.s
	person := o.Person(o.voters[c.Actor])
	switch {
	case person == nil:
		s.failf("entry %d: a vote of nobody", at.Seq)
		return
	case o.repair[at.Seq]: // it was judged, and acknowledged, before
	case person.Removed, person.Erased, !person.Role.Holds(campaign.SupportSet):
		s.failf("entry %d: a vote of somebody who may not vote (any more), written on entry %d", at.Seq, at.Base)
	}
	if c.N > 0 {
		lane := [3]uint64{binary.BigEndian.Uint64(c.Actor[:]), binary.BigEndian.Uint64(d.Idea[:]), c.Lane}
		if c.N < o.newest[lane] {
			s.failf("entry %d: vote %d of a lane won over vote %d", at.Seq, c.N, o.newest[lane])
		}
		o.newest[lane] = c.N
	}
	o.votes[[2]id.ID{c.Actor, d.Idea}] = d.Value
}

// hashes is the chain of the log as it is stored now.
func (s *sim) hashes() []journal.Hash {
	at := journal.Chain{Hash: journal.Genesis(s.logName)}
	list := []journal.Hash{at.Hash}
	for _, stored := range s.stored() {
		_, next, err := at.NextStored(stored)
		if err != nil {
			s.failf("the log cannot be read: %v", err)
			return list
		}
		at = next
		list = append(list, at.Hash)
	}
	return list
}

func (s *sim) stored() (all []journal.Stored) {
	l, _ := s.disk.Open(memlog.Options{}).Open(context.Background(), s.logName)
	for {
		after := uint64(len(all))
		list, err := l.Read(context.Background(), after, ReadEntries)
		if err != nil {
			s.failf("the log cannot be read: %v", err)
		}
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
	}
}

// check holds the end of the simulation against what was promised.
func (s *sim) check() {
	ctx := context.Background()
	all := s.stored()
	s.entries = len(all)
	first := s.nodes[0].seq
	state := first.machine.Snapshot()
	for _, n := range s.nodes[1:] {
		if n.seq.pos != first.pos || n.seq.epoch != first.epoch || n.seq.machine.Digest() != first.machine.Digest() {
			s.failf("%s is at entry %d %s in epoch %d, node0 at entry %d %s in epoch %d", n.name, n.seq.pos.Seq, n.seq.pos.Hash, n.seq.epoch, first.pos.Seq, first.pos.Hash, first.epoch)
		}
		if !bytes.Equal(n.seq.machine.Snapshot(), state) {
			s.failf("the state of %s differs from that of node0", n.name)
		}
	}

	// A client goes on by number and epoch: in the last epoch one number had one history, on whatever node.
	hashes := s.hashes()
	for at, hash := range s.shown {
		if at[0] == first.epoch && hashes[at[1]] != hash {
			s.failf("entry %d of epoch %d was shown with another history", at[1], at[0])
		}
	}

	// Replay from the beginning, watched.
	o := s.newOracle()
	for _, stored := range all {
		e, err := journal.Decode(stored.Body)
		if err != nil {
			s.failf("entry %d: %v", stored.Seq, err)
			return
		}
		o.repair[stored.Seq] = e.Flags&journal.FlagRepair != 0
	}
	q := newSequencer(s.logName, o, &codec{scope: s.campaign, newData: campaign.NewData})
	q.every, q.window.keep = simCheckpointEvery, simLag
	q.emit = func(a applied) {
		s.see(q)
		if a.foreign {
			s.foreign++
		}
	}
	if err := q.follow(all); err != nil {
		s.failf("replay: %v", err)
		return
	}
	if q.pos != first.pos || !bytes.Equal(o.Snapshot(), state) {
		s.failf("replay from the beginning ends elsewhere")
	}

	// From every snapshot that is kept.
	for limit := first.pos.Seq; limit > 0; {
		l, _ := s.disk.Open(memlog.Options{}).Open(ctx, s.logName)
		snap, err := l.Snapshot(ctx, limit)
		if err != nil {
			break
		}
		limit = snap.Seq - 1
		blind := func() *sequencer { return s.nodes[0].fresh(&codec{scope: s.campaign, newData: campaign.NewData})() }
		if q, err = restore(ctx, l, blind, snap); err != nil {
			s.failf("snapshot of entry %d: %v", snap.Seq, err)
			return
		}
		if q == nil {
			if !s.loses {
				s.failf("the snapshot of entry %d is not used", snap.Seq)
			}
			continue
		}
		if err := q.follow(all[snap.Seq:]); err != nil {
			s.failf("replay from entry %d: %v", snap.Seq, err)
			return
		}
		if q.pos != first.pos || !bytes.Equal(q.machine.Snapshot(), state) {
			s.failf("replay from the snapshot of entry %d ends elsewhere", snap.Seq)
		}
	}
	s.checkRecount(all)
	s.checkCommands(o)
	s.checkVotes(o, first)
	s.checkRepeats(first)
}

// checkRecount verifies the log as `kiem verify` does: nothing is wrong with it, whatever happened to the nodes, and the recount has every figure that is shown.
func (s *sim) checkRecount(all []journal.Stored) {
	v := newVerifier(s.logName, true)
	v.seq.every, v.seq.window.keep = simCheckpointEvery, simLag
	if err := v.seq.follow(all); err != nil {
		v.stopped(err)
	}
	v.compare()
	for _, p := range v.report().Problems {
		s.failf("verify: %v", p)
	}
}

func (s *sim) checkCommands(o *oracle) {
	done := map[id.ID]*simCommand{}
	for _, c := range s.commands {
		if c.done != 0 && done[c.id] != nil && !s.loses && (c.actor != done[c.id].actor || !reflect.DeepEqual(c.data(), done[c.id].data())) {
			s.failf("%s was done as %s and as %s", c.id, c.kind, done[c.id].kind)
		}
		if c.done != 0 {
			done[c.id] = c
		}
	}
	for _, c := range s.commands {
		unknown := false
		for _, a := range c.sent {
			unknown = unknown || a.unknown
			if !a.answered {
				s.failf("%s %s was never answered", c.kind, c.id)
			}
		}
		did := o.first[c.id]
		switch {
		case c.variant:
		case c.done != 0 && did == 0 && !s.reported[c.id]:
			s.failf("%s %s was acknowledged as done in entry %d; the log has it not, and nobody reported it", c.kind, c.id, c.done)
		case c.done != 0 && did != c.done && !s.loses:
			s.failf("%s %s was acknowledged as done in entry %d; it was done in %d", c.kind, c.id, c.done, did)
		case c.done == 0 && did != 0 && !unknown:
			s.failf("%s %s was done in entry %d, and its sender was told that it was refused", c.kind, c.id, did)
		}
	}
}

// checkVotes compares the ballots that stand with the newest choices.
func (s *sim) checkVotes(o *oracle, q *sequencer) {
	me := map[id.ID]map[string]int{}
	m := q.machine.(*campaign.Machine)
	names := func(id.ID) (string, string) { return "", "" }
	live := 0
	for voter, person := range o.voters {
		me[voter] = m.View(machine.Moderators, names).Me(person, voter).Support
		live += len(me[voter])
	}
	want := 0
	for k, value := range o.votes {
		if value != 0 {
			want++
		}
		if got := me[k[0]][k[1].String()]; got != int(value) {
			s.failf("a voter's support for idea %s is %d, the newest in the log is %d", k[1], got, value)
		}
	}
	if live != want {
		s.failf("%d supports stand, the log has %d", live, want)
	}
}

// checkRepeats sends what was acknowledged once more: an answer comes from what the log has, and nothing is done again.
func (s *sim) checkRepeats(q *sequencer) {
	last := q.pos.Seq
	for _, c := range s.commands {
		if c.done != 0 && !c.variant && c.remembered() {
			s.send(s.nodes[0], c)
		}
	}
	s.settle()
	for _, c := range s.commands {
		if c.done == 0 {
			continue
		}
		if !c.sent[len(c.sent)-1].answered {
			s.failf("%s %s was not answered once more", c.kind, c.id)
		}
		if c.done > last && !s.reported[c.id] {
			s.failf("%s %s was done again", c.kind, c.id)
		}
	}
}
