package machine

import (
	"kiem/hub/wire"
	"kiem/id"
)

// Window is how many commands of each actor are remembered with their answer. After that a repeated command is `duplicate` if it created
// something, and is decided by lane and n if it set something.
const Window = 256

// maxKinds of refusal are told apart.
const maxKinds = 255

// answer is what a command got.
type answer struct {
	id   id.ID
	seq  uint64
	tag  uint64
	code uint8 // 1 + index into refused; 0: done
}

// place says where an answer is: the number of its actor, and its place among that actor's.
type place struct {
	actor uint32
	at    uint32
}

// Answers remembers the newest commands of each actor. It is part of a machine's state.
type Answers struct {
	byID    map[id.ID]place
	actors  map[id.ID]uint32
	rings   []ring
	refused []Refusal // the kinds of refusal that were answered, in the order of their first
	sum     Sum
}

type ring struct {
	actor   id.ID
	answers []answer
	next    int // where the next one goes once the ring is full
}

// NewAnswers is an empty memory.
func NewAnswers() *Answers {
	return &Answers{byID: map[id.ID]place{}, actors: map[id.ID]uint32{}}
}

// Look gives the first outcome of a command with c's id, if it is remembered. The same id from another actor is forbidden, with another
// content a conflict.
func (a *Answers) Look(c *Command) (Outcome, bool) {
	p, ok := a.byID[c.ID]
	if !ok {
		return Outcome{}, false
	}
	switch was := &a.rings[p.actor].answers[p.at]; {
	case a.rings[p.actor].actor != c.Actor:
		return Outcome{Refusal: Refuse(wire.Forbidden, "id", "id_of_another")}, true
	case was.tag != c.Tag:
		return Outcome{Refusal: Refuse(wire.Conflict, "id", "id_used")}, true
	case was.code > 0:
		r := a.refused[was.code-1]
		return Outcome{Refusal: &r, Seq: was.seq}, true
	default:
		return Outcome{Seq: was.seq}, true
	}
}

// Put remembers the outcome of a command that Look does not know. Stale outcomes are not to be put: the command will come again.
func (a *Answers) Put(c *Command, seq uint64, refusal *Refusal) {
	n, ok := a.actors[c.Actor]
	if !ok {
		n = a.add(c.Actor)
	}
	a.put(n, answer{id: c.ID, seq: seq, tag: c.Tag, code: a.code(refusal)})
}

// add gives a new actor the next number.
func (a *Answers) add(actor id.ID) uint32 {
	n := uint32(len(a.rings))
	a.actors[actor] = n
	a.rings = append(a.rings, ring{actor: actor})
	a.sum.Add(NewHasher('a').Int(uint64(n)).ID(actor).Sum())
	return n
}

func (a *Answers) put(actor uint32, w answer) {
	r := &a.rings[actor]
	at := len(r.answers)
	if at < Window {
		r.answers = append(r.answers, w)
	} else {
		at = r.next
		r.next = (r.next + 1) % Window
		a.sum.Remove(hashAnswer(actor, &r.answers[at]))
		delete(a.byID, r.answers[at].id)
		r.answers[at] = w
	}
	a.byID[w.id] = place{actor, uint32(at)}
	a.sum.Add(hashAnswer(actor, &w))
}

// hashAnswer names the actor by number, so that an answer fits into one block of SHA-256.
func hashAnswer(actor uint32, w *answer) Sum {
	return NewHasher('A').ID(w.id).Int(uint64(actor)<<8 | uint64(w.code)).Int(w.seq).Int(w.tag).Sum()
}

func (a *Answers) code(r *Refusal) uint8 {
	if r == nil {
		return 0
	}
	for i := range a.refused {
		if a.refused[i].Code == r.Code && a.refused[i].Field == r.Field && a.refused[i].Reason == r.Reason {
			return uint8(i + 1)
		}
	}
	if len(a.refused) == maxKinds { // more than a machine has; the last stands for the rest
		return maxKinds
	}
	a.refused = append(a.refused, Refusal{Code: r.Code, Field: r.Field, Reason: r.Reason})
	return uint8(len(a.refused))
}

// Digest is the part of a machine's digest that the memory accounts for.
func (a *Answers) Digest() Sum { return a.sum }

// Snapshot writes the memory.
func (a *Answers) Snapshot(e *Encoder) {
	e.Int(uint64(len(a.refused)))
	for _, r := range a.refused {
		e.String(string(r.Code))
		e.String(r.Field)
		e.String(r.Reason)
	}
	e.Int(uint64(len(a.rings)))
	for i := range a.rings {
		r := &a.rings[i]
		e.ID(r.actor)
		e.Int(uint64(len(r.answers)))
		for n := range r.answers { // oldest first, so that next is 0 after Restore
			w := &r.answers[(r.next+n)%len(r.answers)]
			e.ID(w.id)
			e.Int(w.seq)
			e.Int(w.tag)
			e.Int(uint64(w.code))
		}
	}
}

// Restore reads what Snapshot wrote into an empty memory.
func (a *Answers) Restore(d *Decoder) {
	if n := d.Len(3); n > maxKinds {
		d.Fail("%d kinds of refusal", n)
	} else {
		for range n {
			a.refused = append(a.refused, Refusal{Code: wire.Code(d.String()), Field: d.String(), Reason: d.String()})
		}
	}
	for range d.Len(17) {
		a.restoreRing(d)
		if d.Err() != nil {
			return
		}
	}
}

func (a *Answers) restoreRing(d *Decoder) {
	actor, count := d.ID(), d.Len(19)
	if _, twice := a.actors[actor]; twice || count == 0 || count > Window {
		d.Fail("an actor twice, or with %d answers", count)
		return
	}
	n := a.add(actor)
	a.rings[n].answers = make([]answer, 0, count)
	for range count {
		w := answer{id: d.ID(), seq: d.Int(), tag: d.Int(), code: uint8(d.AtMost(uint64(len(a.refused))))}
		if _, twice := a.byID[w.id]; twice {
			d.Fail("a command twice")
			return
		}
		a.put(n, w)
	}
}
