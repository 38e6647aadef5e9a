package hub

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"kiem/hub/bus"
)

// Nodes tell each other how they are, for whoever looks at one of them. Nothing depends on it: rooms need only the journal. A node that is silent for
// bus.Silence is no longer listed.

// topicNodes is where nodes say how they are, every tellEvery.
const (
	topicNodes = "nodes"
	tellEvery  = 3 * time.Second
	// maxPeers and maxPeer bound what is remembered: the number of nodes, and the bytes of what one says.
	maxPeers = 256
	maxPeer  = 1024
)

// Peer is another node as it said last.
type Peer struct {
	Node        string    `json:"node"`
	Version     string    `json:"version"`
	Started     time.Time `json:"started"`
	Connections int64     `json:"connections"`
	Rooms       int64     `json:"rooms"`
	Ready       bool      `json:"ready"`

	Heard time.Time `json:"-"` // by the clock of this node
}

// peers remembers what other nodes said.
type peers struct {
	mu  sync.Mutex
	all map[string]Peer
}

// heard takes a message in. Whatever is no peer is passed over: messages come from whoever may publish in Redis.
func (p *peers) heard(self string, message []byte, now time.Time) {
	var one Peer
	if len(message) > maxPeer || json.Unmarshal(message, &one) != nil || one.Node == "" || one.Node == self {
		return
	}
	one.Heard = now
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.all[one.Node]; !known && len(p.all) >= maxPeers {
		return
	}
	p.all[one.Node] = one
}

// list gives those who spoke lately, by name, and forgets the others.
func (p *peers) list(now time.Time) (list []Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, one := range p.all {
		if now.Sub(one.Heard) >= bus.Silence {
			delete(p.all, name)
			continue
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Peer) int { return strings.Compare(a.Node, b.Node) })
	return list
}

// Peers lists the other nodes that spoke lately, by name.
func (h *Hub) Peers() []Peer { return h.peers.list(time.Now()) }

// meetPeers begins to listen.
func (h *Hub) meetPeers() {
	h.peers.all = map[string]Peer{}
	if !h.journal.Shared() {
		return
	}
	self := h.Node()
	h.unhear = h.Bus.Subscribe(topicNodes, func(message []byte) { h.peers.heard(self, message, time.Now()) })
}

// tellPeers says how this node is, if it is time.
func (h *Hub) tellPeers(now time.Time) {
	if !h.journal.Shared() || now.Sub(h.told) < tellEvery {
		return
	}
	h.told = now
	ctx, cancel := context.WithTimeout(context.Background(), sweepEvery)
	defer cancel()
	ready := h.Ready(ctx) == nil
	message, err := json.Marshal(Peer{
		Node: h.Node(), Version: h.Version, Started: h.Started.UTC(), Ready: ready,
		Connections: h.Stats.Connections.Load(), Rooms: h.Stats.Rooms.Load(),
	})
	if err == nil && len(message) <= maxPeer {
		h.Bus.Publish(topicNodes, message)
	}
}
