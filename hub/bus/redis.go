package bus

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/redisconn"
)

// channelPrefix stands before a topic in the names of Redis' channels. A message on a channel is the sender's name (nameSize bytes) and the
// message; who sent it passes over it, having delivered it by itself.
const (
	channelPrefix = "kiem:bus:"
	nameSize      = 8
)

// Times.
const (
	// checkEvery is how often a subscription that is silent is asked whether it is alive.
	checkEvery = 2 * time.Second
	// retryAfter is the pause before subscribing is tried again.
	retryAfter = 250 * time.Millisecond
)

// Redis is the form for several nodes: one subscription connection per node, whatever the number of topics, and one goroutine that publishes.
type Redis struct {
	local  *Local
	conn   *redisconn.Conn
	log    *slog.Logger
	name   [nameSize]byte
	out    chan outgoing // never closed
	pubsub *redis.PubSub // Receive belongs to receive; subscribing to reconcile
	ctx    context.Context
	cancel context.CancelFunc
	runs   sync.WaitGroup

	mu     sync.Mutex
	wanted map[string]struct{} // topics with subscriptions here
	change chan struct{}       // wanted changed
}

type outgoing struct {
	topic   string
	message []byte // with the sender's name
}

var _ Bus = (*Redis)(nil)

// OpenRedis uses a connection, which stays the caller's to close after the bus. It does not wait for Redis.
func OpenRedis(conn *redisconn.Conn, log *slog.Logger) *Redis {
	ctx, cancel := context.WithCancel(context.Background())
	b := &Redis{
		local: NewLocal(), conn: conn, log: log, out: make(chan outgoing, outQueue), pubsub: conn.Client().Subscribe(ctx),
		ctx: ctx, cancel: cancel, wanted: map[string]struct{}{}, change: make(chan struct{}, 1),
	}
	_, _ = rand.Read(b.name[:]) // never fails
	b.runs.Go(b.publish)
	b.runs.Go(b.reconcile)
	b.runs.Go(b.receive)
	return b
}

// Publish implements Bus.
func (b *Redis) Publish(topic string, message []byte) {
	b.local.Publish(topic, message)
	if !fits(topic, message) {
		return
	}
	select {
	case b.out <- outgoing{topic, append(bytes.Clone(b.name[:]), message...)}:
	default:
		b.local.dropped.Add(1)
	}
}

// Subscribe implements Bus. Messages of other nodes come from the moment that Redis knows of the subscription, some milliseconds later.
func (b *Redis) Subscribe(topic string, f func([]byte)) (cancel func()) {
	end := b.local.Subscribe(topic, f)
	b.look(topic)
	return func() {
		end()
		b.look(topic)
	}
}

// look brings wanted in line with the subscriptions of a topic, as they are now: calls that overlap agree, in whatever order they come.
func (b *Redis) look(topic string) {
	b.mu.Lock()
	is := b.local.followed(topic)
	_, was := b.wanted[topic]
	if is {
		b.wanted[topic] = struct{}{}
	} else {
		delete(b.wanted, topic)
	}
	b.mu.Unlock()
	if is != was {
		select {
		case b.change <- struct{}{}:
		default:
		}
	}
}

// reconcile keeps Redis' subscriptions what wanted says. The library repeats them by itself after a broken connection.
func (b *Redis) reconcile() {
	have := map[string]struct{}{}
	for {
		var retry <-chan time.Time
		if err := b.align(have); err != nil && b.ctx.Err() == nil {
			b.log.Debug("bus: subscribing must wait", "err", err)
			retry = time.After(retryAfter)
		}
		select {
		case <-b.ctx.Done():
			return
		case <-b.change:
		case <-retry:
		}
	}
}

func (b *Redis) align(have map[string]struct{}) error {
	var more, less []string
	b.mu.Lock()
	for topic := range b.wanted {
		if _, ok := have[topic]; !ok {
			more = append(more, topic)
		}
	}
	for topic := range have {
		if _, ok := b.wanted[topic]; !ok {
			less = append(less, topic)
		}
	}
	b.mu.Unlock()
	if len(more) > 0 {
		if err := b.pubsub.Subscribe(b.ctx, channels(more)...); err != nil {
			return err
		}
		for _, topic := range more {
			have[topic] = struct{}{}
		}
	}
	if len(less) > 0 {
		if err := b.pubsub.Unsubscribe(b.ctx, channels(less)...); err != nil {
			return err
		}
		for _, topic := range less {
			delete(have, topic)
		}
	}
	return nil
}

func channels(topics []string) []string {
	for n := range topics {
		topics[n] = channelPrefix + topics[n]
	}
	return topics
}

// receive passes on what other nodes published.
func (b *Redis) receive() {
	messages := b.pubsub.Channel(redis.WithChannelSize(Queue), redis.WithChannelHealthCheckInterval(checkEvery))
	for m := range messages {
		if len(m.Payload) < nameSize || m.Payload[:nameSize] == string(b.name[:]) {
			continue
		}
		b.local.Publish(m.Channel[len(channelPrefix):], []byte(m.Payload[nameSize:]))
	}
}

// publish sends what waits, many at a time. What cannot be sent is dropped: it would come too late.
func (b *Redis) publish() {
	for {
		var first outgoing
		select {
		case <-b.ctx.Done():
			return
		case first = <-b.out:
		}
		p := b.conn.Client().Pipeline()
		p.Publish(b.ctx, channelPrefix+first.topic, first.message)
		n := uint64(1)
	gather:
		for n < outBatch {
			select {
			case next := <-b.out:
				p.Publish(b.ctx, channelPrefix+next.topic, next.message)
				n++
			default:
				break gather
			}
		}
		if _, err := p.Exec(b.ctx); err != nil {
			b.local.dropped.Add(n)
		}
	}
}

// Dropped implements Bus. A batch whose outcome is unknown counts as dropped.
func (b *Redis) Dropped() uint64 { return b.local.Dropped() }

// Close implements Bus.
func (b *Redis) Close() error {
	b.cancel()
	err := b.pubsub.Close()
	b.runs.Wait()
	if lerr := b.local.Close(); err == nil {
		err = lerr
	}
	return err
}
