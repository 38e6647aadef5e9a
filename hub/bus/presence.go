package bus

import (
	"encoding/binary"
	"errors"
	"time"
)

// Silence is after how long a node that says nothing no longer counts; nodes say their numbers a few times in it.
const Silence = 10 * time.Second

// maxNodes and maxTopics bound what Presence remembers.
const (
	maxNodes  = 1024
	maxTopics = 1 << 16
)

// Presence adds up what nodes say about how many people each of them has in a topic. It reads no clock: at is when the message arrived here, by this node's clock,
// so that the clocks of others do not matter. It belongs to one owner.
type Presence struct {
	topics map[string]map[string]said
}

type said struct {
	n  int
	at time.Time
}

// NewPresence makes an empty one.
func NewPresence() *Presence { return &Presence{topics: map[string]map[string]said{}} }

// Set notes what a node said. What arrived before what is known is passed over; 0 forgets the node.
func (p *Presence) Set(node, topic string, n int, at time.Time) {
	nodes := p.topics[topic]
	if was, ok := nodes[node]; ok && at.Before(was.at) {
		return
	}
	if n <= 0 {
		delete(nodes, node)
		if len(nodes) == 0 {
			delete(p.topics, topic)
		}
		return
	}
	if nodes == nil {
		if len(p.topics) >= maxTopics {
			return
		}
		nodes = map[string]said{}
		p.topics[topic] = nodes
	}
	if _, ok := nodes[node]; ok || len(nodes) < maxNodes {
		nodes[node] = said{n, at}
	}
}

// Total is how many people all nodes together have in a topic.
func (p *Presence) Total(topic string, now time.Time) int {
	total := 0
	for _, s := range p.topics[topic] {
		if now.Sub(s.at) < Silence {
			total += s.n
		}
	}
	return total
}

// Sweep forgets the nodes that fell silent.
func (p *Presence) Sweep(now time.Time) {
	for topic, nodes := range p.topics {
		for node, s := range nodes {
			if now.Sub(s.at) >= Silence {
				delete(nodes, node)
			}
		}
		if len(nodes) == 0 {
			delete(p.topics, topic)
		}
	}
}

// ErrBadPresence: bytes that are no message of presence.
var ErrBadPresence = errors.New("bus: not a message of presence")

// maxCount is the largest number that a message of presence carries.
const maxCount = 1 << 30

// AppendPresence writes the message by which a node says how many people it has in the topic that the message goes to.
func AppendPresence(b []byte, node string, n int) []byte {
	return append(binary.AppendUvarint(b, uint64(min(max(n, 0), maxCount))), node...)
}

// ReadPresence is the inverse of AppendPresence.
func ReadPresence(b []byte) (node string, n int, err error) {
	v, size := binary.Uvarint(b)
	if size <= 0 || v > maxCount || len(b) == size || len(b)-size > MaxTopic {
		return "", 0, ErrBadPresence
	}
	return string(b[size:]), int(v), nil
}
