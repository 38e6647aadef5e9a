// Package hub runs machines live: rooms, what they show, and the connections that follow.
//
// # One ballot from socket to screen
//
// A command comes in over a socket or HTTP (package web), is read strictly (wire), turned into a machine's command (intake) and submitted to the campaign's
// Room. The room's sequencer collects what arrives while the previous append is under way, checks it against the state, and makes an entry; the
// journal makes it durable and numbers it; the machine applies it; the sender is answered. The feed renders what changed once a tick for each audience, and the
// fan-out writes that one frame to everybody.
//
// # Who owns what
//
//   - A Room has one goroutine that owns machine, sequencer and feed. Everybody else passes functions to Room.Do.
//   - A Conn's writing side is guarded by its own lock; its cursor belongs to the fan-out; who reads the socket is package web.
//   - The Hub owns the rooms of this node: it opens them when somebody comes, and lets them go when nobody was there for IdleTime.
//
// There is no leader and no lock between nodes. Any node appends at any time; the journal orders.
package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
)

// Times of a hub.
const (
	// IdleTime is after how long without a client a room is let go. It wakes when somebody comes or the clock owes it something.
	IdleTime = 5 * time.Minute
	// sweepEvery is how often rooms and the due index are looked at.
	sweepEvery = time.Second
)

// Config is what a hub needs. All fields without a remark are required.
type Config struct {
	Journal  journal.Journal
	Vault    vault.Vault
	Bus      Bus
	Logger   *slog.Logger
	Sentence func(lang string, r *machine.Refusal) string // what people are told
	Clock    func() time.Time                             // stamps entries; nil: the system's
	Fail     func(error)                                  // the process must end: nothing it says can be trusted
	BaseURL  string                                       // of join addresses, without a slash at the end
	Idle     time.Duration                                // 0: IdleTime
	Stall    time.Duration                                // how long a client may accept nothing; 0: StallTime
	Version  string                                       // of the program, for the operator's page
	// SnapshotEntries is after how many entries a snapshot is made, with no pause between two; 0: as snapshotter.go says. For tests.
	SnapshotEntries int
}

// Bus carries what is ephemeral between nodes. Publishing never waits, and messages may be lost.
type Bus interface {
	Publish(topic string, message []byte)
	Subscribe(topic string, f func(message []byte)) (cancel func())
}

// Hub is the rooms of one node.
type Hub struct {
	Config
	Stats   Stats
	Started time.Time // by Clock
	journal journal.Journal
	node    uint64 // names this process to the others
	index   *Directory
	peers   peers
	unhear  func()    // ends listening to other nodes; nil: there are none
	told    time.Time // when they were told of this one; sweep's

	codes sync.Map // campaign -> its code, for those whose room was opened here; a code never changes

	mu      sync.Mutex
	rooms   map[string]*opening
	broken  map[string]error
	closed  bool
	stop    chan struct{}
	stopped chan struct{}
}

// opening is a room, or one that is being opened.
type opening struct {
	create bool // the log may be empty
	done   chan struct{}
	room   *Room
	err    error
}

// kind is what a log's name says about what runs on it.
type kind struct {
	machine func() machine.Machine
	scope   id.ID
}

// LogName is the name of a campaign's log.
func LogName(campaign id.ID) string { return "c:" + campaign.String() }

const directoryLog = "directory"

func (h *Hub) kind(name string) kind {
	if text, ok := strings.CutPrefix(name, "c:"); ok {
		scope, _ := id.Parse(text)
		return kind{func() machine.Machine { return campaign.New() }, scope}
	}
	return kind{newDirectory, vault.Directory}
}

// New starts a hub: it opens the directory and begins to watch the clock.
func New(ctx context.Context, c Config) (*Hub, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Idle == 0 {
		c.Idle = IdleTime
	}
	if c.Stall == 0 {
		c.Stall = StallTime
	}
	h := &Hub{
		Config: c, Started: c.Clock(), journal: c.Journal, node: randomNumber(),
		rooms: map[string]*opening{}, broken: map[string]error{}, stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	room, err := h.room(ctx, directoryLog, false)
	if err != nil {
		return nil, fmt.Errorf("hub: open the directory: %w", err)
	}
	h.index = &Directory{room: room, now: c.Clock}
	h.meetPeers()
	go h.sweep()
	return h, nil
}

func (h *Hub) clock() time.Time { return h.Clock() }
func (h *Hub) now() int64       { return h.Clock().UnixMilli() }

// Node names this process.
func (h *Hub) Node() string { return fmt.Sprintf("%016x", h.node) }

// Directory is the accounts, codes and links of this installation.
func (h *Hub) Directory() *Directory { return h.index }

func (h *Hub) fail(err error) {
	if h.Fail != nil {
		h.Fail(err)
	}
}

// broke notes that a room takes no commands, for Ready.
func (h *Hub) broke(room string, err error) {
	h.mu.Lock()
	h.broken[room] = err
	h.mu.Unlock()
}

// mended is told that it does again.
func (h *Hub) mended(room string) {
	h.mu.Lock()
	delete(h.broken, room)
	h.mu.Unlock()
}

// Ready is nil if commands are taken; else it says why not.
func (h *Hub) Ready(ctx context.Context) error {
	h.mu.Lock()
	closed := h.closed
	var broken []error
	for name, err := range h.broken {
		broken = append(broken, fmt.Errorf("%s: %w", name, err))
	}
	for _, r := range h.openLocked() {
		if took := r.slow.since(); took > SlowAppend {
			broken = append(broken, fmt.Errorf("%s: %w: %v so far", r.name, errSlow, took.Round(time.Millisecond)))
		}
	}
	h.mu.Unlock()
	if closed {
		return ErrClosed
	}
	return errors.Join(append(broken, h.journal.Ready(ctx), h.Vault.Ready(ctx))...)
}

// ErrNoCampaign: there is no campaign with that id.
var ErrNoCampaign = errors.New("hub: no such campaign")

// Room gives the room of a campaign, waking it if it sleeps.
func (h *Hub) Room(ctx context.Context, campaignID id.ID) (*Room, error) {
	r, err := h.room(ctx, LogName(campaignID), false)
	if err != nil {
		return nil, err
	}
	r.touch()
	if _, known := h.codes.Load(campaignID); !known {
		c, err := h.index.Campaign(ctx, campaignID)
		if err != nil {
			return nil, err
		}
		if c != nil {
			h.codes.Store(campaignID, c.Code)
		}
	}
	return r, nil
}

// ending says whether the room was told to close.
func (r *Room) ending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed && r.err == nil
}

func (r *Room) touch() {
	r.mu.Lock()
	r.used = time.Now()
	r.mu.Unlock()
}

// room gives the room of a log, opening it if need be. create allows a campaign whose log is empty.
func (h *Hub) room(ctx context.Context, name string, create bool) (*Room, error) {
	for {
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return nil, ErrClosed
		}
		o := h.rooms[name]
		if o == nil {
			o = &opening{create: create, done: make(chan struct{})}
			h.rooms[name] = o
			go h.openRoom(name, o)
		}
		h.mu.Unlock()
		select {
		case <-o.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch {
		case o.err == nil && !o.room.ending():
			return o.room, nil
		case o.err == nil: // is being let go
			select {
			case <-o.room.stopped:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			h.drop(name, o)
		case errors.Is(o.err, ErrNoCampaign) && create && !o.create: // somebody else looked for it before it is made
			h.drop(name, o)
		case errors.Is(o.err, ErrBroken): // reading the damaged log again at each request would help nobody
			return nil, o.err
		default:
			h.drop(name, o)
			return nil, o.err
		}
	}
}

func (h *Hub) drop(name string, o *opening) {
	h.mu.Lock()
	if h.rooms[name] == o {
		delete(h.rooms, name)
	}
	h.mu.Unlock()
}

// openTimeout bounds the opening of a room.
const openTimeout = 2 * time.Minute

func (h *Hub) openRoom(name string, o *opening) {
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	o.room, o.err = h.open(ctx, name, o.create)
	if errors.Is(o.err, journal.ErrCorrupt) || errors.Is(o.err, errDiverged) { // it stays so until an operator has looked
		h.Logger.Error("a room cannot be opened", "log", name, "err", o.err)
		h.broke(name, o.err)
		o.err = fmt.Errorf("%w: %w", ErrBroken, o.err)
	}
	close(o.done)
}

// sweep wakes rooms that the clock owes something, and lets idle ones go.
func (h *Hub) sweep() {
	defer close(h.stopped)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-h.stop:
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), AppendTimeout)
		names, err := h.journal.Due(ctx, h.now())
		if err != nil {
			h.Logger.Debug("the due index cannot be read", "err", err)
		}
		for _, name := range names {
			if _, err := h.room(ctx, name, false); err != nil {
				h.Logger.Warn("a room that is due cannot be opened", "log", name, "err", err)
			}
		}
		cancel()
		h.complain()
		h.letGo()
		h.tellPeers(time.Now())
	}
}

// letGo closes the rooms that nobody used for a while.
func (h *Hub) letGo() {
	h.mu.Lock()
	var open []*opening
	for name, o := range h.rooms {
		select {
		case <-o.done:
			if o.err == nil && name != directoryLog {
				open = append(open, o)
			}
		default:
		}
	}
	h.mu.Unlock()
	for _, o := range open {
		if o.room.idle(h.Idle) { // whoever got the room in this instant is told that it is closed, and asks again
			o.room.close()
			h.drop(o.room.name, o)
		}
	}
}

// idle says whether nobody used the room for so long and nothing is under way or due soon.
func (r *Room) idle(after time.Duration) bool {
	r.mu.Lock()
	unused := time.Since(r.used) > after && r.err == nil
	r.mu.Unlock()
	if !unused {
		return false
	}
	busy := true
	_ = r.Do(context.Background(), func() {
		busy = len(r.byPerson) > 0 || !r.settled() || r.snapping || r.lost ||
			r.due != 0 && r.due < r.hub.now()+after.Milliseconds()
	})
	return !busy
}

// Close lets every room finish what is under way and tells clients to come back elsewhere.
func (h *Hub) Close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	rooms := h.rooms
	h.rooms = map[string]*opening{}
	h.mu.Unlock()
	close(h.stop)
	<-h.stopped
	if h.unhear != nil {
		h.unhear()
	}
	var wait sync.WaitGroup
	for _, o := range rooms {
		wait.Go(func() {
			<-o.done
			if o.err == nil {
				o.room.close()
			}
		})
	}
	wait.Wait()
}

// Durability is what an acknowledgement is worth now.
func (h *Hub) Durability() journal.Durability { return h.journal.Durability() }
