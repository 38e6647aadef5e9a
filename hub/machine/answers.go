package machine

import (
	"kiem/hub/wire"
	"kiem/id"
)

// Window is how many commands of each actor are remembered with their answer. After that a repeated command is `duplicate` if it created
// something, and is decided by lane and n if it set something.
const Window = 256

// Answer is what a command got.
type Answer struct {
	Seq   uint64
	Tag   uint64
	actor uint32
	code  uint8 // index into reasons; 0: done
}

// Answers remembers the newest commands of each actor. It is part of a machine's state.
type Answers struct {
	byID    map[id.ID]Answer
	actors  map[id.ID]uint32
	rings   []ring
	refused []Refusal // distinct refusals that were answered; Answer.code-1 is the index
	sum     Sum
}

type ring struct {
	actor id.ID
	ids   []id.ID
	next  int // where the next one goes once the ring is full
}

// NewAnswers is an empty memory.
func NewAnswers() *Answers {
	return &Answers{byID: map[id.ID]Answer{}, actors: map[id.ID]uint32{}}
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
	case was.Tag != c.Tag:
		return Outcome{Refusal: Refuse(wire.Conflict, "id", "id_used")}, true
	case was.code > 0:
		r := a.refused[was.code-1]
		return Outcome{Refusal: &r, Seq: was.Seq}, true
	}
	return Outcome{Seq: was.Seq}, true
}

// Put remembers the outcome of a command. Stale outcomes are not to be put: the command will come again.
func (a *Answers) Put(c *Command, seq uint64, refusal *Refusal) {
	n, ok := a.actors[c.Actor]
	if !ok {
		n = uint32(len(a.rings))
		a.actors[c.Actor] = n
		a.rings = append(a.rings, ring{actor: c.Actor})
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
	answer := Answer{Seq: seq, Tag: c.Tag, actor: n, code: a.code(refusal)}
	a.byID[c.ID] = answer
	a.sum.Add(a.hash(c.ID, answer))
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
	if len(a.refused) == 255 { // more kinds than a machine has; the last stands for the rest
		return 255
	}
	a.refused = append(a.refused, Refusal{Code: r.Code, Field: r.Field, Reason: r.Reason})
	return uint8(len(a.refused))
}

func (a *Answers) hash(i id.ID, w Answer) Sum {
	return NewHasher('A').ID(i).ID(a.rings[w.actor].actor).Int(w.Seq).Int(w.Tag).Int(uint64(w.code)).Sum()
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
			e.Int(w.Seq)
			e.Int(w.Tag)
			e.Int(uint64(w.code))
		}
	}
}

// Restore reads what Snapshot wrote.
func (a *Answers) Restore(d *Decoder) {
	for range d.Len(3) {
		a.refused = append(a.refused, Refusal{Code: wire.Code(d.String()), Field: d.String(), Reason: d.String()})
	}
	for range d.Len(17) {
		r := ring{actor: d.ID()}
		n := uint32(len(a.rings))
		a.actors[r.actor] = n
		a.rings = append(a.rings, r)
		count := d.Len(19)
		if count > Window {
			d.Fail("an actor with %d answers", count)
			return
		}
		ids := make([]id.ID, 0, count)
		for range count {
			i := d.ID()
			w := Answer{Seq: d.Int(), Tag: d.Int(), actor: n, code: uint8(d.Int())}
			if int(w.code) > len(a.refused) {
				d.Fail("an answer of unknown kind %d", w.code)
				return
			}
			ids = append(ids, i)
			a.byID[i] = w
			a.sum.Add(a.hash(i, w))
		}
		a.rings[n].ids = ids
	}
}
