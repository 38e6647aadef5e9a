package hub

import (
	"errors"
	"fmt"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Limits of a batch.
const (
	// MaxBatch is the number of commands in one entry.
	MaxBatch = 512
	// MaxBatchBytes is about how large an entry gets before the rest waits for the next one.
	MaxBatchBytes = 1 << 20
	// CheckpointEvery entries the digest is written into the log.
	CheckpointEvery = 1024
)

// Pending is a command on its way through a room. Whoever submits it gives it away: the room owns it until it is answered.
type Pending struct {
	Command *machine.Command
	From    id.ID    // who sent it; the command's actor becomes a pseudonym for votes
	To      Answerer // nil: nobody waits

	// Content is what the command says, for its keyed tag; nil: the JSON of its data.
	Content []byte

	// Of participant.rename: what goes into the vault.
	Name, Organisation string
	HasOrganisation    bool

	record journal.Record
	named  bool // the lane is blinded
	again  bool // was acknowledged before; stands as it is
	tries  int
}

// Answerer is told the outcome of a command, once, by the room's owner; it must not block.
type Answerer interface {
	Answer(p *Pending, o machine.Outcome)
}

// Applied says what one entry brought.
type applied struct {
	seq      uint64
	at       int64
	commands int // void ones included
	events   []machine.Event
	epoch    bool // a new epoch began
}

var (
	// errTail: the log is not the one that was applied: its tail was lost or replaced.
	errTail = errors.New("hub: the log lost entries that were applied")
	// errDiverged: this node's state differs from what another node wrote down for the same entry.
	errDiverged = errors.New("hub: the state differs from a checkpoint in the log")
)

// sequencer is the core of a room, without goroutines, clock or I/O: what arrives is queued, the queue becomes an entry, an entry that the log
// has is applied, and everybody who waits is answered. Whoever drives it (Room, or a simulation) appends the entries and
// reads the log. It has one owner.
//
//	submit -> queue -> next -> flight --appended--> apply -> answer, emit
//	                                  \--follow---> apply (the log had it before the append returned, or others' entries)
//	                                  \--failed---> answer unavailable
type sequencer struct {
	machine machine.Machine
	codec   *codec
	node    uint64
	answer  func(*Pending, machine.Outcome)
	emit    func(applied)

	pos     journal.Chain // the last entry that was applied
	epoch   uint64
	batches uint64
	queue   []*Pending
	redo    []*journal.Entry // what a lost tail held, to be appended before anything else
	redoes  Answerer         // is told what became of it
	flight  *flight
	recent  *recent
	digests map[uint64]machine.Digest // at the last checkpoints' numbers
	owes    *checkpointData           // a checkpoint this node has to write
	stats   *Stats
}

// flight is an entry being appended.
type flight struct {
	entry *journal.Entry
	body  []byte
	items []*Pending
	redo  bool // the first of sequencer.redo
}

// System commands are the sequencer's own: machines do not see them.
const (
	checkpointType = "checkpoint"
	epochType      = "epoch"
)

type checkpointData struct {
	Seq    uint64 `json:"seq"`
	Hash   string `json:"hash"`
	Digest string `json:"digest"`
}

type epochData struct {
	Epoch uint64 `json:"epoch"`
}

func newSystemData(kind string) any {
	switch kind {
	case checkpointType:
		return &checkpointData{}
	case epochType:
		return &epochData{}
	}
	return nil
}

// submit queues a command.
func (s *sequencer) submit(p *Pending) { s.queue = append(s.queue, p) }

// next makes an entry of what is queued, unless one is under way or nothing is left after refusing what must be refused.
func (s *sequencer) next(now int64) *flight {
	if s.flight != nil {
		return nil
	}
	if len(s.redo) > 0 {
		return s.again()
	}
	if s.owes != nil {
		s.queue = append(s.queue, &Pending{Command: &machine.Command{
			Type: checkpointType, ID: id.Derive(id.ID{}, checkpointType, s.owes.Hash), Data: s.owes,
		}})
		s.owes = nil
	}
	f := &flight{}
	size, taken := 0, 0
	for _, p := range s.queue {
		if len(f.items) >= MaxBatch || size >= MaxBatchBytes {
			break
		}
		taken++
		if !s.admit(p, now) {
			continue
		}
		f.items = append(f.items, p)
		size += len(p.record.Data) + 128
		for i := range p.record.Parts {
			size += len(p.record.Parts[i].Bytes)
		}
	}
	s.queue = append(s.queue[:0], s.queue[taken:]...)
	if len(f.items) == 0 {
		return nil
	}
	s.batches++
	f.entry = &journal.Entry{Rules: campaign.Rules, At: now, Records: make([]journal.Record, len(f.items))}
	for i, p := range f.items {
		f.entry.Records[i] = p.record
	}
	return s.fly(f)
}

// fly signs an entry with what this node has applied, and makes it the one under way.
func (s *sequencer) fly(f *flight) *flight {
	f.entry.Node, f.entry.Batch = s.node, s.batches
	f.entry.Base = journal.Base{Epoch: s.epoch, Chain: s.pos}
	body, err := f.entry.Encode()
	if err != nil { // limits on the way in make this impossible; whoever waits is told all the same
		for _, p := range f.items {
			s.answer(p, machine.Outcome{Refusal: machine.Refuse(wire.Internal, "", "internal")})
		}
		return nil
	}
	f.body = body
	s.flight = f
	return f
}

// again makes the next entry of what a lost tail held: the same commands with the same ids, lanes and time.
func (s *sequencer) again() *flight {
	e := *s.redo[0]
	e.Flags |= journal.FlagRepair
	f := &flight{entry: &e, redo: true}
	for i := range e.Records {
		c, err := s.codec.command(&e.Records[i])
		if err != nil { // cannot be: it was applied once
			s.redo = s.redo[1:]
			return nil
		}
		f.items = append(f.items, &Pending{Command: c, To: s.redoes, record: e.Records[i], again: true})
	}
	s.batches++
	return s.fly(f)
}

// admit prepares a command for the log, or answers it.
func (s *sequencer) admit(p *Pending, now int64) bool {
	c := p.Command
	if p.again {
		return true
	}
	if newSystemData(c.Type) == nil {
		if err := s.codec.name(p, s.machine); err != nil {
			s.answer(p, machine.Outcome{Refusal: machine.Refuse(wire.Forbidden, "", "not_joined")})
			return false
		}
		if o, done := s.machine.Look(c); done {
			s.answer(p, o)
			return false
		}
		// Checked as the participant, for a machine knows voters by pseudonym only.
		checked := *c
		checked.Actor = p.From
		if c.Actor.IsZero() {
			checked.Actor = id.ID{}
		}
		if r := s.machine.Check(&checked, now); r != nil {
			s.answer(p, machine.Outcome{Refusal: r})
			return false
		}
	}
	var err error
	if p.record, err = s.codec.record(c); err != nil {
		s.answer(p, machine.Outcome{Refusal: machine.Refuse(wire.Internal, "", "internal")})
		return false
	}
	return true
}

// appended is told the number that the flight got. False: it cannot be applied yet, because entries before it are missing; the log has to be read.
func (s *sequencer) appended(f *flight, seq uint64) (bool, error) {
	if s.flight != f {
		return true, nil // the log was read before the append returned
	}
	switch {
	case seq <= s.pos.Seq:
		return false, fmt.Errorf("%w: an append got number %d, %d was applied", errTail, seq, s.pos.Seq)
	case seq > s.pos.Seq+1:
		return false, nil
	}
	return true, s.apply(f.entry, f.body, f.items)
}

// failed is told that the append did not succeed as far as anybody knows. Should the entry turn up in the log all the same, it is applied like anybody's.
func (s *sequencer) failed(f *flight) {
	if s.flight != f {
		return
	}
	s.flight = nil
	if f.redo {
		return // it stays the first of redo
	}
	for _, p := range f.items {
		if p.Command.Type == checkpointType {
			s.owes = p.Command.Data.(*checkpointData)
			continue
		}
		s.answer(p, machine.Outcome{Refusal: machine.Refuse(wire.Unavailable, "", "unavailable")})
	}
}

// refuseAll answers everything that waits for an entry of its own.
func (s *sequencer) refuseAll(r *machine.Refusal) {
	queue := s.queue
	s.queue = nil
	for _, p := range queue {
		s.answer(p, machine.Outcome{Refusal: r})
	}
}

// follow applies entries that were read from the log. Those applied before are passed over.
func (s *sequencer) follow(list []journal.Stored) error {
	for _, stored := range list {
		if stored.Seq <= s.pos.Seq {
			continue
		}
		e, _, err := s.pos.NextStored(stored)
		if err != nil {
			return err
		}
		if err := s.witness(e); err != nil {
			return err
		}
		var items []*Pending
		if f := s.flight; f != nil && e.Node == s.node && e.Batch == f.entry.Batch {
			items = f.items
		}
		if err := s.apply(e, stored.Body, items); err != nil {
			return err
		}
	}
	return nil
}

// witness compares what the writer of an entry had applied with what was applied here.
func (s *sequencer) witness(e *journal.Entry) error {
	if e.Base.Epoch != s.epoch || e.Base.Seq > s.pos.Seq {
		return nil
	}
	if have, ok := s.recent.hash(e.Base.Seq); ok && have != e.Base.Hash {
		return fmt.Errorf("%w: entry %d rests on another entry %d", errTail, s.pos.Seq+1, e.Base.Seq)
	}
	return nil
}

// apply applies one entry. items are its commands if they are this node's own, and waiting.
func (s *sequencer) apply(e *journal.Entry, body []byte, items []*Pending) error {
	if s.flight != nil && items != nil {
		if s.flight.redo {
			s.redo = s.redo[1:]
		}
		s.flight = nil
	}
	at := s.pos.Next(e)
	stamp := machine.Stamp{Seq: at.Seq, Epoch: s.epoch, At: e.At, Rules: e.Rules, Base: e.Base.Seq}
	out := applied{seq: at.Seq, at: e.At, commands: len(e.Records)}
	var retry []*Pending
	for i := range e.Records {
		var p *Pending
		var c *machine.Command
		if items != nil {
			p = items[i]
			c = p.Command
		} else {
			var err error
			if c, err = s.codec.command(&e.Records[i]); err != nil {
				return fmt.Errorf("entry %d: %w", at.Seq, err)
			}
		}
		switch d := c.Data.(type) {
		case *checkpointData:
			if have, ok := s.digests[d.Seq]; ok && fmt.Sprintf("%x", have) != d.Digest {
				return fmt.Errorf("%w: entry %d says %s, this node has %x", errDiverged, d.Seq, d.Digest, have)
			}
			continue
		case *epochData:
			if d.Epoch == s.epoch+1 { // the first wins, others are void
				s.epoch = d.Epoch
				stamp.Epoch = d.Epoch
				out.epoch = true
			}
			continue
		}
		o := s.machine.Apply(c, stamp)
		out.events = append(out.events, o.Events...)
		switch {
		case p == nil:
		case o.Stale && p.tries < 8:
			p.tries++
			retry = append(retry, p)
		default:
			s.answer(p, o)
		}
	}
	s.pos = at
	s.stats.applied(len(e.Records))
	s.recent.add(at, body)
	if len(retry) > 0 {
		s.queue = append(retry, s.queue...)
	}
	if at.Seq%CheckpointEvery == 0 {
		d := s.machine.Digest()
		s.digests[at.Seq] = d
		delete(s.digests, at.Seq-8*CheckpointEvery)
		if items != nil { // one node writes it: the one whose entry it was
			s.owes = &checkpointData{Seq: at.Seq, Hash: at.Hash.String(), Digest: fmt.Sprintf("%x", d)}
		}
	}
	s.emit(out)
	return nil
}
