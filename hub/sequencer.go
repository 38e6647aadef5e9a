package hub

import (
	"errors"
	"fmt"
	"slices"

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
	space  voteSpace
	named  bool // the lane is blinded
	again  bool // was acknowledged before; stands as it is
	sure   bool // a refusal is not for want of news
	tries  int
}

// Answerer is told the outcome of a command, once, by the room's owner; it must not block.
type Answerer interface {
	Answer(p *Pending, o machine.Outcome)
}

// applied says what one entry brought.
type applied struct {
	seq      uint64
	at       int64
	commands int // void ones included
	events   []machine.Event
	epoch    bool // a new epoch began
	foreign  bool // it rests on another history than the log's, so it is void: its writer does not know yet that the log lost its tail
}

// errDiverged: this node's state differs from what another node wrote down for the same entry.
var errDiverged = errors.New("hub: the state differs from a checkpoint in the log")

// sequencer is the core of a room, without goroutines, clock or I/O: what arrives is queued, the queue becomes an entry, an entry that the log
// has is applied, and everybody who waits is answered. Whoever drives it (Room, or a simulation) appends the entries and
// reads the log. It has one owner.
//
//	submit -> queue -> next -> flight --appended--> apply -> answer, emit
//	                                  \--follow---> apply (the log had it before the append returned, or others' entries)
//	                                  \--failed---> answer unavailable
//
// An entry counts only if it rests on this log: if the base that its writer noted is one of the log's last MaxLag entries. Otherwise its writer had
// applied something that the log lost since, and judged and answered by that; all of it is void, and the writer, once it
// knows, repairs the log and appends it again.
type sequencer struct {
	machine machine.Machine
	codec   *codec
	node    uint64
	answer  func(*Pending, machine.Outcome)
	doubt   func(*Pending) bool // takes what would be refused, and submits it again when it is sure that this node is not behind; nil: it never is
	emit    func(applied)
	watch   func(seq uint64, c *machine.Command, o machine.Outcome) // is told of each command that was applied and not a repetition, and of system commands; nil: nobody is

	pos     journal.Chain // the last entry that was applied
	epoch   uint64
	window  *window
	batches uint64
	queue   []*Pending
	redo    []*journal.Entry // what a lost tail held, to be appended before anything else
	redoes  Answerer         // is told of what stood in it and is void now
	flight  *flight
	recent  *recent
	every   uint64                // CheckpointEvery, the same on all nodes
	digests map[uint64]checkpoint // of the last checkpoints' numbers
	owes    *checkpointData       // a checkpoint this node has to write
	checked machine.Command       // scratch
	stats   *Stats
}

// checkpoint is what this node had after an entry.
type checkpoint struct {
	hash   journal.Hash
	digest machine.Digest
}

// flight is an entry being appended.
type flight struct {
	entry *journal.Entry
	body  []byte
	items []*Pending
	redo  bool   // the first of sequencer.redo
	seq   uint64 // the number it got, while entries before it have to be read; 0: not known
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
	if f := s.again(); f != nil {
		return f
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
	s.queue = slices.Delete(s.queue, 0, taken)
	if len(f.items) == 0 {
		return nil
	}
	f.entry = &journal.Entry{Rules: campaign.Rules, At: now, Records: make([]journal.Record, len(f.items))}
	for i, p := range f.items {
		f.entry.Records[i] = p.record
	}
	return s.fly(f)
}

// fly signs an entry with what this node has applied, and makes it the one under way.
func (s *sequencer) fly(f *flight) *flight {
	s.batches++
	f.entry.Node, f.entry.Batch = s.node, s.batches
	f.entry.Base = journal.Base{Epoch: s.epoch, Chain: s.pos}
	body, err := f.entry.Encode()
	if err != nil { // limits on the way in make this impossible; whoever waits is told all the same
		if f.redo {
			s.redo = s.redo[1:]
		}
		for _, p := range f.items {
			s.answer(p, machine.Outcome{Refusal: machine.Refuse(wire.Internal, "", "internal")})
		}
		return nil
	}
	f.body = body
	s.flight = f
	return f
}

// again makes the next entry of what a lost tail held: the same commands with the same ids, lanes and time. What the log has by now, because another node
// brought it, is left out.
func (s *sequencer) again() *flight {
	for len(s.redo) > 0 {
		e := *s.redo[0]
		e.Flags |= journal.FlagRepair
		e.Records = nil
		f := &flight{entry: &e, redo: true}
		for _, r := range s.redo[0].Records {
			c, err := s.codec.command(&r)
			if err != nil {
				continue // cannot be: it was applied once
			}
			p := &Pending{Command: c, To: s.redoes, record: r, again: true}
			if d, ok := c.Data.(*epochData); ok {
				if d.Epoch <= s.epoch {
					continue
				}
			} else if o, done := s.machine.Look(c); done {
				s.answer(p, o)
				continue
			}
			e.Records = append(e.Records, r)
			f.items = append(f.items, p)
		}
		if len(f.items) > 0 {
			return s.fly(f)
		}
		s.redo = s.redo[1:]
	}
	return nil
}

// admit prepares a command for the log, or answers it.
func (s *sequencer) admit(p *Pending, now int64) bool {
	c := p.Command
	if p.again {
		return true
	}
	if newSystemData(c.Type) == nil {
		switch err := s.codec.name(p, s.machine); {
		case errors.Is(err, errNoVotes):
			s.answer(p, machine.Outcome{Refusal: machine.Refuse(wire.PhaseClosed, "", "stage_closed")})
			return false
		case err != nil:
			s.answer(p, machine.Outcome{Refusal: machine.Refuse(wire.Forbidden, "", "not_joined")})
			return false
		}
		if o, done := s.machine.Look(c); done {
			s.answer(p, o)
			return false
		}
		// Checked as the participant, for a machine knows voters by pseudonym only.
		s.checked = *c
		if !c.Actor.IsZero() {
			s.checked.Actor = p.From
		}
		if r := s.machine.Check(&s.checked, now); r != nil {
			if s.doubt != nil && !p.sure && hasty(r) && s.doubt(p) {
				p.sure = true
				return false
			}
			s.answer(p, machine.Outcome{Refusal: r})
			return false
		}
	}
	var err error
	if p.record, err = s.codec.record(c, &p.space); err != nil {
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
		f.seq = seq
		return false, nil
	}
	return true, s.apply(s.pos.Next(f.entry), f.entry, f.body, f.items)
}

// expects is the number up to which the log has to have entries.
func (s *sequencer) expects() uint64 {
	if s.flight != nil {
		return max(s.pos.Seq, s.flight.seq)
	}
	return s.pos.Seq
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
		s.answer(p, unavailable())
	}
}

// lose answers what is under way when the log turns out not to be the one that was applied: nobody knows what became of it.
func (s *sequencer) lose() {
	if s.flight != nil {
		s.failed(s.flight)
	}
}

// unavailable says that nothing was stored as far as anybody knows.
func unavailable() machine.Outcome {
	return machine.Outcome{Refusal: machine.Refuse(wire.Unavailable, "", "unavailable")}
}

// refuseAll answers everything that waits for an entry of its own.
func (s *sequencer) refuseAll() {
	queue := s.queue
	s.queue = nil
	for _, p := range queue {
		s.answer(p, unavailable())
	}
}
