// Package bus carries what is ephemeral between nodes: how many people are present, cursors, wake-ups. Whatever must not be lost goes through the journal.
//
// A message that comes too late is worth nothing, and whoever sends one is in the middle of something that matters more. So:
//
//   - Publish never waits and never fails. A message is dropped when the way is full or broken; Dropped counts them.
//   - A message goes at most once to every subscription of its topic, on this node and on all others. Those of one publisher and topic arrive in order.
//   - A slow subscriber loses its own messages (the newest, beyond Queue), never those of others.
//   - Here it arrives even when the store is away; elsewhere from the moment that the store is back, without anybody doing anything.
//
// Forms: Local (one process) and Redis. Presence (presence.go) is what most of it is used for.
package bus

import (
	"sync"
	"sync/atomic"
)

// Limits.
const (
	// MaxTopic is the length of a topic in bytes.
	MaxTopic = 128
	// MaxMessage is the size of a message in bytes.
	MaxMessage = 64 << 10
	// Queue is how many messages wait for one subscriber.
	Queue = 256
	// outQueue is how many messages wait for the store.
	outQueue = 4096
	// outBatch is how many are sent to the store in one go.
	outBatch = 64
)

// Bus is the contract of both forms. It may be used by many goroutines.
type Bus interface {
	// Publish sends a message. The bus keeps the bytes: the caller must not change them afterwards. One that is too long, or to a topic that is, is dropped.
	Publish(topic string, message []byte)
	// Subscribe has f called for every message of a topic, one after the other, on a goroutine of the subscription. f must not change the
	// message, which others get as well. After cancel has returned no call of f begins; one that is under way may go on. Cancelling twice is allowed.
	Subscribe(topic string, f func(message []byte)) (cancel func())
	// Dropped is how many messages were lost on this node.
	Dropped() uint64
	// Close ends all subscriptions and waits until no f runs; so f must not call it.
	Close() error
}

// Local is the form for one process.
type Local struct {
	dropped atomic.Uint64

	mu     sync.RWMutex
	topics map[string]map[*subscription]struct{}
	closed bool
	runs   sync.WaitGroup
}

type subscription struct {
	f        func([]byte)
	messages chan []byte // never closed
	stop     chan struct{}
}

var _ Bus = (*Local)(nil)

// NewLocal makes a bus that ends at this process.
func NewLocal() *Local { return &Local{topics: map[string]map[*subscription]struct{}{}} }

// fits says whether a message may travel.
func fits(topic string, message []byte) bool {
	return topic != "" && len(topic) <= MaxTopic && len(message) <= MaxMessage
}

// Publish implements Bus.
func (l *Local) Publish(topic string, message []byte) {
	if !fits(topic, message) {
		l.dropped.Add(1)
		return
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	for s := range l.topics[topic] {
		select {
		case s.messages <- message:
		default:
			l.dropped.Add(1)
		}
	}
}

// Subscribe implements Bus.
func (l *Local) Subscribe(topic string, f func([]byte)) (cancel func()) {
	s := &subscription{f: f, messages: make(chan []byte, Queue), stop: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return func() {}
	}
	all := l.topics[topic]
	if all == nil {
		all = map[*subscription]struct{}{}
		l.topics[topic] = all
	}
	all[s] = struct{}{}
	l.runs.Go(s.run)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if _, ok := l.topics[topic][s]; !ok {
			return
		}
		close(s.stop)
		delete(l.topics[topic], s)
		if len(l.topics[topic]) == 0 {
			delete(l.topics, topic)
		}
	}
}

// followed says whether a topic has subscriptions.
func (l *Local) followed(topic string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.topics[topic]) > 0
}

func (s *subscription) run() {
	for {
		select {
		case <-s.stop:
			return
		case message := <-s.messages:
			select {
			case <-s.stop: // both were ready: stopping goes first
				return
			default:
				s.f(message)
			}
		}
	}
}

// Dropped implements Bus.
func (l *Local) Dropped() uint64 { return l.dropped.Load() }

// Close implements Bus.
func (l *Local) Close() error {
	l.mu.Lock()
	l.closed = true
	for topic, all := range l.topics {
		for s := range all {
			close(s.stop)
		}
		delete(l.topics, topic)
	}
	l.mu.Unlock()
	l.runs.Wait()
	return nil
}
