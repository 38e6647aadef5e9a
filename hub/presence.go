package hub

import (
	"encoding/binary"
	"time"
)

// joinPresence lets this node know how many people have the campaign open on the others. Each node says its number when it changes and every few
// seconds; one that is silent for presenceTime no longer counts.
func (r *Room) joinPresence() {
	r.others = map[uint64]heard{}
	r.unsubscribe = r.hub.Bus.Subscribe(r.name, func(message []byte) {
		if len(message) != 12 {
			return
		}
		node, n := binary.BigEndian.Uint64(message), int(binary.BigEndian.Uint32(message[8:]))
		if node == r.hub.node {
			return
		}
		f := func() {
			if have := r.others[node]; have.people != n {
				r.feed.dirty = true
			}
			r.others[node] = heard{n, time.Now()}
		}
		select {
		case r.calls <- f:
		case <-r.stopped:
		}
	})
	r.feed.elsewhere = func() int {
		n := 0
		for _, h := range r.others {
			n += h.people
		}
		return n
	}
}

// heard is what another node said last.
type heard struct {
	people int
	at     time.Time
}

// sayPresence tells the other nodes how many are here.
func (r *Room) sayPresence() {
	if !r.hub.journal.Shared() {
		return
	}
	b := binary.BigEndian.AppendUint64(nil, r.hub.node)
	r.hub.Bus.Publish(r.name, binary.BigEndian.AppendUint32(b, uint32(len(r.feed.present))))
}

// keepPresence says it again, and forgets nodes that are silent.
func (r *Room) keepPresence(now time.Time) {
	for node, h := range r.others {
		if now.Sub(h.at) > presenceTime {
			delete(r.others, node)
			r.feed.dirty = true
		}
	}
	r.sayPresence()
}
