package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kiem/id"
)

// backend is a store of sessions, without memory of its own. Errors are ErrNotFound, ErrDamaged, or wrapped in ErrUnavailable.
type backend interface {
	create(ctx context.Context, d digest, s Session) error
	get(ctx context.Context, d digest) (Session, error)
	delete(ctx context.Context, d digest) error
	// cut takes an owner out of every session.
	cut(ctx context.Context, o owner) error
	// sweep removes up to sweepBatch sessions that end at or before that time.
	sweep(ctx context.Context, until time.Time) (int, error)
	// version is different after any delete or cut by any process. shared says whether there are other processes.
	version(ctx context.Context) (string, error)
	shared() bool
	ready(ctx context.Context) error
	close() error
}

// Sessions is a store of sessions with this node's memory before it. It may be used by many goroutines.
//
// What is remembered is good as long as the store's version has not changed since it was read; that is asked at most once in freshFor,
// by the call that finds the time come. A changed version makes everything remembered be read again when it is next used.
type Sessions struct {
	store backend
	now   func() time.Time

	mu      sync.Mutex
	entries map[digest]entry
	dead    map[digest]struct{} // cut here; the store may not know yet
	cuts    uint64              // counts cuts made here: what was read before one is not remembered after it
	epoch   uint64              // counts changes of version
	version string
	asked   time.Time     // when the question was put that gave version
	asking  chan struct{} // closed when the question under way is answered; nil: none is
	away    bool          // the last question was not answered
	closed  bool
	asks    sync.WaitGroup
}

type entry struct {
	session Session
	epoch   uint64
	read    time.Time
}

var _ Store = (*Sessions)(nil)

func newSessions(store backend, now func() time.Time) *Sessions {
	if now == nil {
		now = time.Now
	}
	return &Sessions{store: store, now: now, entries: map[digest]entry{}, dead: map[digest]struct{}{}, epoch: 1}
}

// Create implements Store.
func (s *Sessions) Create(ctx context.Context, session Session) (string, error) {
	if session.Created.IsZero() {
		session.Created = s.now()
	}
	if err := session.check(); err != nil {
		return "", err
	}
	token, d := newToken()
	if err := s.store.create(ctx, d, session); err != nil {
		return "", err
	}
	return token, nil
}

// Get implements Store.
func (s *Sessions) Get(ctx context.Context, token string) (Session, error) {
	d, ok := digestOf(token)
	if !ok {
		return Session{}, ErrNotFound
	}
	fresh := s.fresh(ctx)
	s.mu.Lock()
	known, ok := s.entries[d]
	_, dead := s.dead[d]
	epoch, cuts := s.epoch, s.cuts
	s.mu.Unlock()
	switch {
	case dead:
		return Session{}, ErrNotFound
	case ok && !fresh:
		return s.stale(known)
	case !fresh:
		return Session{}, fmt.Errorf("%w: the store does not answer", ErrUnavailable) // at once: a hung store must not pile up callers
	case ok && known.epoch == epoch:
		return s.alive(known.session)
	}
	began := s.now()
	session, err := s.store.get(ctx, d)
	switch {
	case errors.Is(err, ErrUnavailable) && ok:
		return s.stale(known)
	case errors.Is(err, ErrNotFound):
		s.forget(d)
		return Session{}, ErrNotFound
	case err != nil:
		return Session{}, err
	}
	s.remember(d, entry{session: session, epoch: epoch, read: began}, cuts)
	return s.alive(session)
}

// alive compares with the clock.
func (s *Sessions) alive(session Session) (Session, error) {
	if !s.now().Before(session.Expires) {
		return Session{}, ErrNotFound
	}
	return session, nil
}

func (s *Sessions) stale(e entry) (Session, error) {
	session, err := s.alive(e.session)
	if err != nil {
		return Session{}, err
	}
	s.mu.Lock()
	asked := s.asked
	s.mu.Unlock()
	if e.read.After(asked) {
		asked = e.read
	}
	if s.now().Sub(asked) > staleFor {
		return Session{}, ErrUnavailable
	}
	session.Stale = true
	return session, nil
}

func (s *Sessions) remember(d digest, e entry, cuts uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cuts != s.cuts {
		return // something was cut while it was read: perhaps this
	}
	for other := range s.entries {
		if len(s.entries) < maxCached {
			break
		}
		delete(s.entries, other)
	}
	s.entries[d] = e
}

func (s *Sessions) forget(d digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, d)
}

// fresh says whether what is remembered may be relied on, asking the store when it is time.
func (s *Sessions) fresh(ctx context.Context) bool {
	if !s.store.shared() {
		return true
	}
	s.mu.Lock()
	if since := s.now().Sub(s.asked); !s.away && since >= 0 && since < freshFor {
		s.mu.Unlock()
		return true
	}
	if s.asking == nil && !s.closed {
		done := make(chan struct{})
		s.asking = done
		s.asks.Go(func() { s.ask(done) })
	}
	done, away := s.asking, s.away
	s.mu.Unlock()
	if done == nil || away {
		return false // nobody waits for a store that is away; the answer under way will end that
	}
	select {
	case <-done:
	case <-ctx.Done():
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.away
}

// ask reads the version. The time is taken before: what was cut after that is found by the next question.
func (s *Sessions) ask(done chan struct{}) {
	began := s.now()
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	version, err := s.store.version(ctx)
	cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking, s.away = nil, err != nil
	if err == nil {
		s.asked = began
		if version != s.version {
			s.version = version
			s.epoch++
		}
	}
	close(done)
}

// Delete implements Store.
func (s *Sessions) Delete(ctx context.Context, token string) error {
	d, ok := digestOf(token)
	if !ok {
		return nil
	}
	s.mu.Lock()
	for other := range s.dead {
		if len(s.dead) < maxDead {
			break
		}
		delete(s.dead, other)
	}
	s.dead[d] = struct{}{}
	s.cuts++
	delete(s.entries, d)
	s.mu.Unlock()
	if err := s.store.delete(ctx, d); err != nil {
		return err // and it stays dead here
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cuts++ // whoever read it before the store deleted it must not remember it
	delete(s.dead, d)
	return nil
}

// DeleteParticipant implements Store.
func (s *Sessions) DeleteParticipant(ctx context.Context, campaign, participant id.ID) error {
	return s.cut(ctx, participantOwner(campaign, participant), func(e Session) bool { return e.Members[campaign] == participant })
}

// DeleteAccount implements Store.
func (s *Sessions) DeleteAccount(ctx context.Context, account string) error {
	return s.cut(ctx, accountOwner(account), func(e Session) bool { return e.Account == account })
}

// cut forgets the sessions concerned before and after the store changes them: what was read in between is not remembered.
func (s *Sessions) cut(ctx context.Context, o owner, concerned func(Session) bool) error {
	forget := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cuts++
		for d, e := range s.entries {
			if concerned(e.session) {
				delete(s.entries, d)
			}
		}
	}
	forget()
	err := s.store.cut(ctx, o)
	forget()
	return err
}

// Sweep implements Store.
func (s *Sessions) Sweep(ctx context.Context, now time.Time) (int, error) {
	total := 0
	for {
		n, err := s.store.sweep(ctx, now.Add(-SweepGrace))
		total += n
		if err != nil || n < sweepBatch {
			return total, err
		}
	}
}

// Ready implements Store.
func (s *Sessions) Ready(ctx context.Context) error { return s.store.ready(ctx) }

// Close implements Store.
func (s *Sessions) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.asks.Wait()
	return s.store.close()
}
