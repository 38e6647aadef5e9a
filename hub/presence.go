package hub

import (
	"time"

	"kiem/hub/bus"
)

// joinPresence lets this node know how many people have the campaign open on the others. Each node says its number when it changes and every few
// seconds; one that is silent for bus.Silence no longer counts.
func (r *Room) joinPresence() {
	r.others = bus.NewPresence()
	r.unsubscribe = r.hub.Bus.Subscribe(r.name, func(message []byte) {
		node, n, err := bus.ReadPresence(message)
		if err != nil || node == r.hub.Node() {
			return
		}
		note := func() {
			r.others.Set(node, r.name, n, time.Now())
			r.feed.crowd = true
		}
		select {
		case r.calls <- note:
		case <-r.stopped:
		}
	})
	r.feed.elsewhere = func() int { return r.others.Total(r.name, time.Now()) }
}

// sayPresence tells the other nodes how many are here.
func (r *Room) sayPresence() {
	if r.hub.journal.Shared() {
		r.hub.Bus.Publish(r.name, bus.AppendPresence(nil, r.hub.Node(), len(r.feed.present)))
	}
}

// keepPresence says it again, and forgets nodes that are silent.
func (r *Room) keepPresence(now time.Time) {
	before := r.others.Total(r.name, now)
	r.others.Sweep(now)
	if before != r.others.Total(r.name, now) || r.feed.count() != r.feed.online {
		r.feed.crowd = true
	}
	r.sayPresence()
}
