package limit

import (
	"sync"
	"sync/atomic"
	"time"
)

// Bucket is the count of one limit for one key, held by whoever is limited. It may be used by many goroutines.
type Bucket struct {
	owes          atomic.Int64 // Unix nanoseconds
	every, window int64
}

// NewBucket makes a full one.
func NewBucket(l Limit) *Bucket {
	b := &Bucket{}
	b.init(l)
	return b
}

func (b *Bucket) init(l Limit) { b.every, b.window = int64(l.Every), l.window() }

// Allow counts one and says whether that is still allowed; if not, it was not counted, and retryAfter is when the next one is.
func (b *Bucket) Allow(now time.Time) (ok bool, retryAfter time.Duration) {
	at := now.UnixNano()
	for {
		owed := b.owes.Load()
		next, wait := gcra(owed, b.every, b.window, at)
		if wait > 0 {
			if owed > at+b.window { // a clock that jumped back must not shut anybody out
				b.owes.CompareAndSwap(owed, at+b.window)
			}
			return false, time.Duration(wait)
		}
		if b.owes.CompareAndSwap(owed, next) {
			return true, 0
		}
	}
}

// idle says whether forgetting the bucket changes nothing.
func (b *Bucket) idle(at int64) bool { return b.owes.Load() <= at }

// Bounds of Sessions.
const (
	// maxSessions is how many sessions are counted at the same time on one node.
	maxSessions = 1 << 18
	// sweepEvery is how often sessions that are gone are looked for when there are many.
	sweepEvery = 10 * time.Second
	// sweepAbove is how many sessions are kept without looking.
	sweepAbove = 1 << 12
)

// Sessions holds what each session may do on this node: a rate of commands and a number of sockets.
type Sessions struct {
	limit Limit

	mu    sync.Mutex
	all   map[string]*Session
	swept int64
}

// Session is one session's share. A connection keeps it, so that a command costs no look-up.
type Session struct {
	Bucket  // of commands, over all connections
	of      *Sessions
	sockets int // guarded by of.mu
}

// NewSessions makes an empty one; scale multiplies the rate of commands.
func NewSessions(scale float64) *Sessions {
	return &Sessions{limit: Commands.Times(scale), all: map[string]*Session{}}
}

// Get gives a session's share without taking a socket, for commands over HTTP. The key is session.Key of the token. It is nil when too many sessions
// are counted: then refuse.
func (s *Sessions) Get(key string, now time.Time) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(key, now.UnixNano())
}

// Open takes one of a session's sockets, to be given back by Close. It says false if all are taken.
func (s *Sessions) Open(key string, now time.Time) (*Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.get(key, now.UnixNano())
	if one == nil || one.sockets >= SocketsPerSession {
		return nil, false
	}
	one.sockets++
	return one, true
}

// Close gives a socket back. Call it once for each Open.
func (one *Session) Close() {
	one.of.mu.Lock()
	defer one.of.mu.Unlock()
	if one.sockets > 0 {
		one.sockets--
	}
}

func (s *Sessions) get(key string, at int64) *Session {
	if one := s.all[key]; one != nil {
		return one
	}
	if len(s.all) >= sweepAbove && (at-s.swept >= int64(sweepEvery) || at < s.swept) {
		s.swept = at
		for k, one := range s.all {
			if one.sockets == 0 && one.idle(at) {
				delete(s.all, k)
			}
		}
	}
	if len(s.all) >= maxSessions {
		return nil
	}
	one := &Session{of: s}
	one.init(s.limit)
	s.all[key] = one
	return one
}

// Len is how many sessions are counted now.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}
