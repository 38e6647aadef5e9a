// Package limit counts how often things happen and says when it is too often.
//
// A limit that vanishes when its store does is no limit, and one that trusts every clock is none either. So:
//
//   - Everything is counted in this process (Local). Redis only adds what other nodes counted: it can refuse what the local count allows, never
//     the other way round. While it is away the local count holds alone.
//   - A limit is a rate with a burst (GCRA: one time per key, which no clock need tick). The clock comes in with each call. A clock that jumps back
//     costs at most one burst's time of waiting; nobody is shut out until it has caught up.
//   - Memory is bounded. A key is forgotten when its bucket is full again, which changes nothing. If there is no room for a new key, limits that
//     guard a door (Closed: sign-in, join) refuse it, others let it pass.
//   - What a connection asks at every command costs no look-up: it holds its session's Bucket (session.go).
//   - Keys are addresses and names of sessions. In Redis they stand as HMACs under a key of the day.
//
// All limits stand in limits.go, and nowhere else. Scaling them (for load tests) multiplies rates and bursts, never sizes and counts.
package limit

import (
	"context"
	"crypto/sha256"
	"hash/maphash"
	"sync"
	"time"
)

// Limit is a rate with a name.
type Limit struct {
	// Name tells limits apart; the same key under two names is counted twice.
	Name string
	// Every is the time after which one more is allowed.
	Every time.Duration
	// Burst is how many are allowed at once after a pause; at least 1.
	Burst int
	// Closed limits refuse what they cannot count.
	Closed bool
	// Shared limits are counted over all nodes together.
	Shared bool
}

// Factors beyond these are taken as these.
const (
	minFactor = 1e-3
	maxFactor = 1e6
)

// Times is the limit with rate and burst multiplied; factors below or equal to 0 change nothing.
func (l Limit) Times(factor float64) Limit {
	if !(factor > 0) || factor == 1 { // NaN, too
		return l
	}
	factor = min(max(factor, minFactor), maxFactor)
	l.Every = max(time.Duration(float64(l.Every)/factor), time.Microsecond)
	l.Burst = max(int(float64(l.Burst)*factor), 1)
	return l
}

// window is how much time may be owed.
func (l Limit) window() int64 { return int64(l.Every) * int64(max(l.Burst, 1)) }

// Limiter is the contract of both forms. It may be used by many goroutines.
type Limiter interface {
	// Allow counts one of that key and says whether that is still allowed; if not, it was not counted, and retryAfter is when the next one is.
	Allow(ctx context.Context, l Limit, key string, now time.Time) (ok bool, retryAfter time.Duration)
	// Peek says what Allow would say, without counting. For limits on failures: peek before, allow after a failure.
	Peek(ctx context.Context, l Limit, key string, now time.Time) (ok bool, retryAfter time.Duration)
}

// Bounds of the memory of Local.
const (
	// MaxKeys is how many keys are counted at the same time.
	MaxKeys = 1 << 16
	// maxKey is the length of a key in bytes; longer ones are hashed.
	maxKey  = 64
	shards  = 16
	perPart = MaxKeys / shards
	// looks is how many keys are looked at to make room for a new one.
	looks = 64
)

// Local counts in this process.
type Local struct {
	scale float64
	seed  maphash.Seed
	parts [shards]part
}

type part struct {
	mu    sync.Mutex
	owes  map[entry]int64 // until when the key has used up its rate, Unix nanoseconds
	swept int64           // when all keys were last looked at
}

type entry struct{ name, key string }

var _ Limiter = (*Local)(nil)

// NewLocal makes a Limiter whose limits are all multiplied by scale (0: 1).
func NewLocal(scale float64) *Local {
	c := &Local{scale: scale, seed: maphash.MakeSeed()}
	for n := range c.parts {
		c.parts[n].owes = map[entry]int64{}
	}
	return c
}

// Scale is what all limits are multiplied by.
func (c *Local) Scale() float64 {
	if c.scale <= 0 {
		return 1
	}
	return c.scale
}

// Allow implements Limiter.
func (c *Local) Allow(_ context.Context, l Limit, key string, now time.Time) (bool, time.Duration) {
	return c.count(l.Times(c.scale), key, now.UnixNano(), true)
}

// Peek implements Limiter.
func (c *Local) Peek(_ context.Context, l Limit, key string, now time.Time) (bool, time.Duration) {
	return c.count(l.Times(c.scale), key, now.UnixNano(), false)
}

func (c *Local) count(l Limit, key string, now int64, take bool) (bool, time.Duration) {
	if len(key) > maxKey {
		sum := sha256.Sum256([]byte(key))
		key = string(sum[:])
	}
	e := entry{l.Name, key}
	p := &c.parts[maphash.Comparable(c.seed, e)%shards]
	p.mu.Lock()
	defer p.mu.Unlock()
	owed, known := p.owes[e]
	next, wait := gcra(owed, int64(l.Every), l.window(), now)
	if wait > 0 {
		if known {
			p.owes[e] = min(owed, now+l.window()) // a clock that jumped back must not shut anybody out
		}
		return false, time.Duration(wait)
	}
	if !known && len(p.owes) >= perPart && !p.room(now) {
		if l.Closed {
			return false, l.Every
		}
		return true, 0
	}
	if take {
		p.owes[e] = next
	}
	return true, 0
}

// gcra gives until when a key owes if one more is counted now, or how long that must wait.
func gcra(owed, every, window, now int64) (next, wait int64) {
	next = min(max(owed, now), now+window) + every
	return next, max(next-now-window, 0)
}

// room drops keys that owe nothing, and says whether there is room for one more.
func (p *part) room(now int64) bool {
	seen := 0
	all := now-p.swept >= int64(time.Second) || now < p.swept
	if all {
		p.swept = now
	}
	for e, owed := range p.owes {
		if owed <= now {
			delete(p.owes, e)
		}
		if seen++; seen >= looks && !all {
			break
		}
	}
	return len(p.owes) < perPart
}

// Keys is how many keys are counted now.
func (c *Local) Keys() int {
	n := 0
	for i := range c.parts {
		p := &c.parts[i]
		p.mu.Lock()
		n += len(p.owes)
		p.mu.Unlock()
	}
	return n
}
