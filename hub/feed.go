package hub

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Ticks.
const (
	// MinTick is the shortest time between two ticks: many votes in one tick are one tally.
	MinTick = 50 * time.Millisecond
	// MaxTick is the longest. In between a tick is twice as long as the fan-out took, so that fan-out takes at most half of the processor.
	MaxTick = time.Second
	// PresenceEvery is how often a tick is made only because people came or went. A hall that comes in would otherwise be a frame for everybody with
	// everybody who comes.
	PresenceEvery = time.Second
)

// feed turns what was applied into what clients are shown. It belongs to the room's owner, but for the fan-out, which a goroutine does (fanout.go) while
// the room goes on.
type feed struct {
	machine *campaign.Machine
	names   campaign.Names
	log     *slog.Logger

	ring    *ring
	pending []pendingEvent
	last    uint64 // seq of the last tick
	head    uint64 // applied
	dirty   bool   // there is something to tick for
	crowd   bool   // people came or went

	present   map[id.ID]int // connections by participant, observers apart
	online    int           // as shown
	elsewhere func() int    // people on other nodes
	moved     func([]id.ID) // is told whose tally moved
}

type pendingEvent struct {
	machine.Event
	seq uint64
	at  int64
}

func newFeed(m *campaign.Machine, names campaign.Names, at uint64, log *slog.Logger) *feed {
	return &feed{
		machine: m, names: names, log: log, ring: newRing(at), last: at, head: at,
		present: map[id.ID]int{}, elsewhere: func() int { return 0 }, moved: func([]id.ID) {},
	}
}

// restart goes on from another state, as after a repair. Clients are told to fetch it.
func (f *feed) restart(m *campaign.Machine, at uint64) {
	f.machine, f.pending, f.last, f.head = m, nil, at, at
	f.ring.restart(at)
}

// applied takes note of an entry.
func (f *feed) applied(a applied) {
	f.head = a.seq
	f.dirty = true
	for _, e := range a.events {
		f.pending = append(f.pending, pendingEvent{e, a.seq, a.at})
		if e.Hides { // what was shown of it until now is shown to nobody any more, from this moment on
			f.ring.raise(f.last)
		}
	}
}

// maxRecalled is how many events of a replay clients can resume over.
const maxRecalled = 2000

// lately is what a replay brought last.
type lately struct {
	from   uint64 // nothing before is known
	began  bool
	events []pendingEvent

	entries, commands int
}

func (l *lately) applied(a applied) {
	if !l.began {
		l.from, l.began = a.seq-1, true
	}
	l.entries++
	l.commands += a.commands
	for _, e := range a.events {
		l.events = append(l.events, pendingEvent{e, a.seq, a.at})
	}
	if drop := len(l.events) - maxRecalled; drop > maxRecalled {
		l.from = l.events[drop-1].seq
		l.events = append(l.events[:0], l.events[drop:]...)
	}
}

// recall lets clients resume over what was replayed, as after a restart or on another node. Events are rendered from the state as it is now, so nothing
// that was hidden since is shown.
func (f *feed) recall(l *lately) {
	if !l.began {
		return
	}
	f.ring.restart(l.from)
	f.last, f.pending = l.from, l.events
	f.makeTick()
}

// tick is what one tick shows to everybody.
type tick struct {
	from, to uint64
	shared   [len(machine.Audiences)][]byte // framed, for those whose cursor is `from`
	own      map[id.ID]bool                 // who has something of their own in (from, to]
	presence []byte                         // as a member of an events object, or nil
}

// makeTick renders everything since the last tick from the state as it is now: an idea that was posted and hidden within one tick is shown to nobody.
func (f *feed) makeTick() *tick {
	t := &tick{from: f.last, to: f.head, own: map[id.ID]bool{}}
	events := make([]shownEvent, 0, len(f.pending))
	for i := range f.pending {
		e := f.render(&f.pending[i])
		if e.own != nil {
			t.own[e.self] = true
		}
		events = append(events, e)
	}
	public := f.machine.View(machine.Public, f.names)
	touched := f.machine.TakeTouched()
	f.moved(touched)
	tallies := make([][]byte, 0, len(touched))
	visible := touched[:0]
	for _, idea := range touched {
		if i := f.machine.Board().Idea(idea); i == nil || !public.Sees(i) {
			continue
		}
		visible = append(visible, idea)
		tallies = append(tallies, appendTally(make([]byte, 0, 128), idea, public.Tally(idea)))
	}
	if n := f.count(); n != f.online {
		f.online = n
		t.presence = append(strconv.AppendInt([]byte(`,"presence":{"online":`), int64(n), 10), '}')
	}
	for n := range machine.Audiences {
		t.shared[n] = textFrame(f.message(t, n, events, tallies))
	}
	f.ring.push(t.to, events, visible, tallies)
	f.pending, f.dirty, f.crowd, f.last = f.pending[:0], false, false, f.head
	return t
}

func (f *feed) render(p *pendingEvent) shownEvent {
	out := shownEvent{seq: p.seq}
	for n, audience := range machine.Audiences {
		if data, shown := f.machine.View(audience, f.names).Event(&p.Event); shown {
			out.json[n] = f.event(p, data)
		}
	}
	if !p.To.IsZero() {
		if who := f.machine.Person(p.To); who != nil && !who.Role.Moderates() {
			if data, shown := f.machine.View(machine.Public, f.names).As(p.To).Event(&p.Event); shown {
				if own := f.event(p, data); !bytes.Equal(own, out.json[index(machine.Public)]) {
					out.self, out.own = p.To, own
				}
			}
		}
	}
	return out
}

func (f *feed) event(p *pendingEvent, data any) []byte {
	raw, err := json.Marshal(data)
	if err != nil {
		f.log.Error("an event cannot be encoded", "type", p.Type, "err", err)
		return nil
	}
	e := wire.Event{Seq: p.seq, Type: p.Type, At: time.UnixMilli(p.at).UTC(), Data: raw}
	if !p.By.IsZero() {
		e.By = p.By.String()
	}
	b, err := json.Marshal(e)
	if err != nil {
		f.log.Error("an event cannot be encoded", "type", p.Type, "err", err)
		return nil
	}
	return b
}

func (f *feed) message(t *tick, audience int, events []shownEvent, tallies [][]byte) []byte {
	b := appendEventsHead(make([]byte, 0, 256+64*len(tallies)), t.from, t.to)
	first := true
	for i := range events {
		if data := events[i].json[audience]; data != nil {
			b = appendItem(b, &first, `,"events":[`, data)
		}
	}
	if !first {
		b = append(b, ']')
	}
	first = true
	for _, tally := range tallies {
		b = appendItem(b, &first, `,"tallies":{`, tally)
	}
	if !first {
		b = append(b, '}')
	}
	b = append(b, t.presence...)
	return append(b, '}')
}

// count is how many people have the campaign open, on all nodes.
func (f *feed) count() int { return len(f.present) + f.elsewhere() }

func appendEventsHead(b []byte, from, to uint64) []byte {
	b = strconv.AppendUint(append(b, `{"type":"events","from":`...), from, 10)
	return strconv.AppendUint(append(b, `,"to":`...), to, 10)
}

// appendTally appends `"<idea>":{…}`, as encoding/json would write wire.Tally.
func appendTally(b []byte, idea id.ID, t wire.Tally) []byte {
	b = append(idea.Append(append(b, '"')), `":`...)
	data, err := json.Marshal(t)
	if err != nil {
		return append(b, '{', '}') // a struct of numbers always encodes
	}
	return append(b, data...)
}
