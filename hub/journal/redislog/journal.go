package redislog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
)

const (
	keyNames    = "kiem:names"
	keyDue      = "kiem:due"
	channelWake = "kiem:wake"
	field       = "b" // of an entry in its stream
)

func keyLog(log string) string  { return "{" + log + "}:log" }
func keySnap(log string) string { return "{" + log + "}:snap" }

// Journal is the journal on Redis. It implements journal.Journal.
type Journal struct {
	// Static after Open.
	o        Options
	log      *slog.Logger
	node     string // names this process in wake-ups
	client   redis.UniversalClient
	cluster  *redis.ClusterClient // client, if it is one
	standing standing
	queue    chan *request
	reads    chan struct{} // a token for each reading call
	stop     context.CancelFunc
	stopped  context.Context
	workers  sync.WaitGroup // checker, follower, sweeper
	sending  sync.WaitGroup

	keepingUp atomic.Int64 // replicas, when last asked

	mu     sync.Mutex
	logs   map[string]*state
	closed bool
	under  sync.WaitGroup // calls under way; none starts once closed is set
	once   sync.Once
	end    error
}

// state is what the handles of one log share.
type state struct {
	name string
	// Guarded by Journal.mu.
	handles map[*Log]struct{}
	named   bool  // kiem:names has it, and this process saw to it
	length  int64 // of the stream, when the sweeper last looked; -1: never
}

// Open connects, checks the durability and follows the wake-ups. A Redis that does not keep what it acknowledges is
// ErrNotDurable, one out of reach ErrUnavailable.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	j := &Journal{
		o: o, log: o.Log, node: strconv.FormatUint(rand.Uint64(), 36),
		standing: standing{runs: map[string]string{}, seen: map[string]Server{}},
		queue:    make(chan *request, queueLength),
		reads:    make(chan struct{}, maxReads),
		logs:     map[string]*state{},
	}
	j.stopped, j.stop = context.WithCancel(context.Background())
	var err error
	if j.client, err = newClient(o.Address, j.onConnect); err != nil {
		return nil, err
	}
	j.cluster, _ = j.client.(*redis.ClusterClient)
	if err := j.check(ctx); err != nil {
		j.stop()
		return nil, errors.Join(err, j.client.Close())
	}
	for range senders {
		j.sending.Go(j.send)
	}
	j.workers.Go(j.keepChecking)
	j.workers.Go(j.follow)
	j.workers.Go(j.sweep)
	return j, nil
}

func (j *Journal) keepChecking() {
	for {
		wait := checkEvery
		if j.standing.get() != nil {
			wait = sweepEvery // it may have been put right
		}
		select {
		case <-time.After(wait):
		case <-j.stopped.Done():
			return
		}
		if err := j.check(j.stopped); err != nil && !errors.Is(err, journal.ErrNotDurable) {
			j.log.Debug("checking Redis", "err", err)
		}
	}
}

// enter says whether a call may go on; if so the caller must call under.Done.
func (j *Journal) enter() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return journal.ErrClosed
	}
	j.under.Add(1)
	return nil
}

// read runs a reading call, a few at a time, and gives its error the contract's words.
func (j *Journal) read(ctx context.Context, f func(context.Context) error) error {
	if err := j.enter(); err != nil {
		return err
	}
	defer j.under.Done()
	select {
	case j.reads <- struct{}{}:
		defer func() { <-j.reads }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", journal.ErrUnavailable, ctx.Err())
	}
	return unreadable(f(ctx))
}

// Open is journal.Journal's.
func (j *Journal) Open(_ context.Context, name string) (journal.Log, error) {
	if err := journal.CheckName(name); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, journal.ErrClosed
	}
	s := j.logs[name]
	if s == nil {
		s = &state{name: name, handles: map[*Log]struct{}{}, length: -1}
		j.logs[name] = s
	}
	l := &Log{j: j, s: s, changed: make(chan struct{}, 1)}
	s.handles[l] = struct{}{}
	return l, nil
}

// Names is journal.Journal's.
func (j *Journal) Names(ctx context.Context) (names []string, err error) {
	err = j.read(ctx, func(ctx context.Context) error {
		all, err := j.client.SMembers(ctx, keyNames).Result()
		if err != nil {
			return err
		}
		for part := range slices.Chunk(all, namesChunk) {
			// A log is named before its first entry is sent, so the name of one that never came may be there.
			p := j.client.Pipeline()
			var there []*redis.IntCmd
			for _, name := range part {
				there = append(there, p.Exists(ctx, keyLog(name)))
			}
			if _, err := p.Exec(ctx); err != nil {
				return err
			}
			for i, name := range part {
				if there[i].Val() == 1 && journal.CheckName(name) == nil {
					names = append(names, name)
				}
			}
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// write runs a small write that is not an append. The context bounds the wait.
func (j *Journal) write(ctx context.Context, f func(context.Context) error) error {
	if err := j.enter(); err != nil {
		return err
	}
	defer j.under.Done()
	if err := j.refused(); err != nil {
		return err
	}
	return classify(f(ctx))
}

// refused is nil if something may be written.
func (j *Journal) refused() error {
	err := j.standing.get()
	if err == nil || errors.Is(err, journal.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
}

// SetDue is journal.Journal's.
func (j *Journal) SetDue(ctx context.Context, name string, at int64) error {
	if err := journal.CheckName(name); err != nil {
		return err
	}
	return j.write(ctx, func(ctx context.Context) error {
		if at == 0 {
			return j.client.ZRem(ctx, keyDue, name).Err()
		}
		return j.client.ZAdd(ctx, keyDue, redis.Z{Score: float64(at), Member: name}).Err()
	})
}

// Due is journal.Journal's: earliest first, then by name.
func (j *Journal) Due(ctx context.Context, until int64) (names []string, err error) {
	err = j.read(ctx, func(ctx context.Context) (err error) {
		names, err = j.client.ZRangeArgs(ctx, redis.ZRangeArgs{
			Key: keyDue, Start: "-inf", Stop: strconv.FormatInt(until, 10), ByScore: true,
		}).Result()
		return err
	})
	return names, err
}

// Ready is journal.Journal's.
func (j *Journal) Ready(ctx context.Context) error {
	return j.read(ctx, func(ctx context.Context) error {
		if err := j.standing.get(); err != nil {
			return &refusal{err}
		}
		return j.client.Ping(ctx).Err()
	})
}

// Durability is journal.Journal's.
func (j *Journal) Durability() journal.Durability {
	j.standing.mu.Lock()
	defer j.standing.mu.Unlock()
	switch {
	case j.o.Relaxed:
		return journal.Relaxed
	case j.standing.asserted:
		return journal.Asserted
	}
	return journal.Durable
}

// Shared is journal.Journal's.
func (j *Journal) Shared() bool { return true }

// Close is journal.Journal's.
func (j *Journal) Close() error {
	j.once.Do(func() {
		j.mu.Lock()
		j.closed = true
		j.mu.Unlock()
		j.under.Wait()
		close(j.queue)
		j.sending.Wait()
		j.stop()
		j.workers.Wait()
		j.mu.Lock()
		for _, s := range j.logs {
			for l := range s.handles {
				l.closeLocked()
			}
		}
		j.mu.Unlock()
		j.end = j.client.Close()
	})
	return j.end
}
