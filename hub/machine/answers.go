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
	seq   uint64
	tag   uint64
	actor uint32 // index into rings
	code  uint8  // 1 + index into refused; 0: done
}

// Answers remembers the newest commands of each actor. It is part of a machine's state.
type Answers struct {
	byID    map[id.ID]answer
	actors  map[id.ID]uint32
	rings   []ring
	refused []Refusal // the kinds of refusal that were answered, in the order of their first
	sum     Sum
}

type ring struct {
	actor id.ID
	ids   []id.ID
	next  int // where the next one goes once the ring is full
}

// NewAnswers is an empty memory.
func NewAnswers() *Answers {
	return &Answers{byID: map[id.ID]answer{}, actors: map[id.ID]uint32{}}
}

// Look gives the first outcome of a command with c's id, if it is remembered. The same id from another actor is forbidden, with another
// content a conflict.
func (a *Answers) Look(c *Command) (Outcome, bool) {
	was, ok := a.byID[c.ID]
	switch {
	case !ok:
		return Outcome{}, false
	case a.rings[was.actor].actor != c.Actor:
		return Outcome{Refusal: Refuse(wire.Forbidden, "id", "id_of_another")}, true
	case was.tag != c.Tag:
		return Outcome{Refusal: Refuse(wire.Conflict, "id", "id_used")}, true
	case was.code > 0:
		r := a.refused[was.code-1]
		return Outcome{Refusal: &r, Seq: was.seq}, true
	}
	return Outcome{Seq: was.seq}, true
}

// Put remembers the outcome of a command. Stale outcomes are not to be put: the command will come again.
func (a *Answers) Put(c *Command, seq uint64, refusal *Refusal) {
	n, ok := a.actors[c.Actor]
	if !ok {
		n = a.add(c.Actor)
	}
	r := &a.rings[n]
	if len(r.ids) < Window {
		r.ids = append(r.ids, c.ID)
	} else {
		old := r.ids[r.next]
		a.sum.Remove(a.hash(old, a.byID[old]))
		delete(a.byID, old)
		r.ids[r.next] = c.ID
		r.next = (r.next + 1) % Window
	}
	w := answer{seq: seq, tag: c.Tag, actor: n, code: a.code(refusal)}
	a.byID[c.ID] = w
	a.sum.Add(a.hash(c.ID, w))
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

// add gives a new actor the next number.
func (a *Answers) add(actor id.ID) uint32 {
	n := uint32(len(a.rings))
	a.actors[actor] = n
	a.rings = append(a.rings, ring{actor: actor})
	a.sum.Add(NewHasher('a').Int(uint64(n)).ID(actor).Sum())
	return n
}

// hash names the actor by number, so that an answer fits into one block of SHA-256.
func (a *Answers) hash(i id.ID, w answer) Sum {
	return NewHasher('A').ID(i).Int(uint64(w.actor)<<8 | uint64(w.code)).Int(w.seq).Int(w.tag).Sum()
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
		e.Int(uint64(len(r.ids)))
		for n := range r.ids { // oldest first, so that next is 0 after Restore
			i := r.ids[(r.next+n)%len(r.ids)]
			w := a.byID[i]
			e.ID(i)
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
	a.rings[n].ids = make([]id.ID, 0, count)
	for range count {
		i := d.ID()
		w := answer{seq: d.Int(), tag: d.Int(), actor: n, code: uint8(d.AtMost(uint64(len(a.refused))))}
		if _, twice := a.byID[i]; twice {
			d.Fail("a command twice")
			return
		}
		a.rings[n].ids = append(a.rings[n].ids, i)
		a.byID[i] = w
		a.sum.Add(a.hash(i, w))
	}
}
