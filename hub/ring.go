package hub

import (
	"sync"

	"kiem/hub/machine"
	"kiem/id"
)

// Limits of the ring of one room.
const (
	MaxRingEvents  = 16384
	MaxRingBytes   = 16 << 20
	MaxRingTouched = 65536 // idea ids in moments
	// MaxCatchUp is the size of one message that brings a client what it missed. Beyond that the snapshot is cheaper for both.
	MaxCatchUp = 1 << 20
)

// ring holds what was shown lately, so that a client can resume, and the newest tallies of the ideas that moved. There is no queue per client:
// each connection has a cursor into the ring. The room's owner writes it once a tick; the fan-out reads it. Guarded by mu.
type ring struct {
	mu      sync.Mutex
	events  []shownEvent // ascending by seq
	bytes   int
	moments []moment
	touched int
	tallies map[id.ID][]byte // newest, as JSON
	floor   uint64           // nobody may resume from below
	to      uint64           // the last tick's seq
}

// moment says which tallies moved in the tick that ended at `to`.
type moment struct {
	to    uint64
	ideas []id.ID
}

// shownEvent is an event as each audience may see it.
type shownEvent struct {
	seq  uint64
	json [len(machine.Audiences)][]byte // nil where it is not shown
	self id.ID                          // who is shown `own` instead of its audience's form
	own  []byte
}

func (e *shownEvent) size() int {
	n := len(e.own)
	for _, b := range e.json {
		n += len(b)
	}
	return n
}

// index of a single audience in shownEvent.json.
func index(a machine.Audience) int {
	if a == machine.Moderators {
		return 1
	}
	return 0
}

func newRing(at uint64) *ring { return &ring{tallies: map[id.ID][]byte{}, floor: at, to: at} }

// restart forgets everything: nobody resumes from before `at`.
func (r *ring) restart(at uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events, r.bytes, r.moments, r.touched = nil, 0, nil, 0
	clear(r.tallies)
	r.floor, r.to = at, at
}

// raise forgets what was shown up to `floor`: nobody resumes from before it.
func (r *ring) raise(floor uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.floor = max(r.floor, floor)
	r.trim()
}

// push adds what a tick brought.
func (r *ring) push(to uint64, events []shownEvent, touched []id.ID, tallies [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, events...)
	for i := range events {
		r.bytes += events[i].size()
	}
	if len(touched) > 0 {
		r.moments = append(r.moments, moment{to, touched})
		r.touched += len(touched)
		for i, idea := range touched {
			r.tallies[idea] = tallies[i]
		}
	}
	r.to = to
	r.trim()
}

// trim drops what is below the floor, and raises the floor as far as the limits ask for.
func (r *ring) trim() {
	drop := 0
	for drop < len(r.events) && (len(r.events)-drop > MaxRingEvents || r.bytes > MaxRingBytes || r.events[drop].seq <= r.floor) {
		r.floor = max(r.floor, r.events[drop].seq)
		r.bytes -= r.events[drop].size()
		r.events[drop] = shownEvent{}
		drop++
	}
	r.events = r.events[drop:]
	old := 0
	for old < len(r.moments) && (r.touched > MaxRingTouched || r.moments[old].to <= r.floor) {
		r.floor = max(r.floor, r.moments[old].to)
		r.touched -= len(r.moments[old].ideas)
		old++
	}
	r.moments = r.moments[old:]
}

// covers says whether somebody who has everything up to `after` can go on from there.
func (r *ring) covers(after uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return after >= r.floor
}

// compose appends the message for (after, r.to] as one client may see it; false if the ring does not reach back that far, or it would be too much. extra is appended inside the
// object (presence).
func (r *ring) compose(b []byte, after uint64, audience machine.Audience, self id.ID, extra []byte) ([]byte, uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if after < r.floor {
		return b, r.to, false
	}
	to := max(after, r.to)
	b = appendEventsHead(b, after, to)
	first, which := true, index(audience)
	for i := range r.events {
		e := &r.events[i]
		if e.seq <= after {
			continue
		}
		data := e.json[which]
		if e.own != nil && e.self == self {
			data = e.own
		}
		if data == nil {
			continue
		}
		if b = appendItem(b, &first, `,"events":[`, data); len(b) > MaxCatchUp {
			return b, r.to, false
		}
	}
	if !first {
		b = append(b, ']')
	}
	first = true
	seen := map[id.ID]struct{}{}
	for _, m := range r.moments {
		if m.to <= after {
			continue
		}
		for _, idea := range m.ideas {
			if _, twice := seen[idea]; twice || r.tallies[idea] == nil {
				continue
			}
			seen[idea] = struct{}{}
			b = appendItem(b, &first, `,"tallies":{`, r.tallies[idea])
		}
	}
	if !first {
		b = append(b, '}')
	}
	b = append(b, extra...)
	return append(b, '}'), to, true
}

func appendItem(b []byte, first *bool, open string, item []byte) []byte {
	if *first {
		b = append(b, open...)
		*first = false
	} else {
		b = append(b, ',')
	}
	return append(b, item...)
}
