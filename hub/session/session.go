// Package session keeps what a token stands for: an account, and the participant that its owner is in each campaign.
//
// A token is the only thing between a stranger and somebody's vote, and every call brings one. So it must be worthless where it is stored,
// cheap to look up, and dead at once when it is cut:
//
//   - A token is 32 random bytes. Only its SHA-256 is stored, so a stolen file or backup opens nothing.
//   - Create is durable before it returns: a join is answered after it.
//   - A session gives no rights. It says who calls; roles are read from the campaign at every command. Its content never
//     grows: who joins another campaign, or gains a privilege, gets a new session and the old one is deleted.
//   - What Delete, DeleteParticipant or DeleteAccount cut is dead on this node when the call returns (also when the store failed), and on others within a second.
//   - While the store is away, sessions that this node knows go on for reading: Get marks them Stale. Unknown ones are ErrUnavailable.
//   - Sessions have no time to live in the store, for a clock that jumps would end them all. They end by their own Expires, compared with this node's clock;
//     Sweep removes them a day later, so that a clock that was wrong for an hour has removed nothing.
//
// Sessions (cache.go) is what others use; it stands before one of two stores: an SQLite file of its own (lite.go), or Redis (redis.go).
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kiem/id"
)

// Limits.
const (
	// TokenSize is the size of a token in random bytes; its text is TokenLength characters of base64url.
	TokenSize   = 32
	TokenLength = 43
	// MaxMembers is the number of campaigns that one session is a participant of.
	MaxMembers = 256
	// MaxAccount is the length of an account's name in bytes.
	MaxAccount = 128
	// SweepGrace is how long after its end a session stays in the store.
	SweepGrace = 24 * time.Hour
	// maxCached is the number of sessions that a node remembers.
	maxCached = 1 << 16
	// maxDead is the number of sessions remembered as cut while the store does not know it.
	maxDead = 1 << 12
	// freshFor is how long a node relies on what it remembers without asking the store whether something was cut. With the time of one
	// question it stays below the second that others have to notice.
	freshFor = 400 * time.Millisecond
	// staleFor is how long known sessions go on while the store is away.
	staleFor = time.Hour
	// askWithin bounds the question whether something was cut.
	askWithin = 2 * time.Second
	// sweepBatch is how many sessions one step of Sweep removes.
	sweepBatch = 256
)

var (
	// ErrNotFound: the token stands for nothing: never made, cut, or expired.
	ErrNotFound = errors.New("session: not found")
	// ErrUnavailable: the store cannot be reached or cannot write. Whether the change was made is unknown. A Create that failed gave no token to
	// anybody; the others may be called again.
	ErrUnavailable = errors.New("session: unavailable")
	// ErrBad: the session says nothing, or too much.
	ErrBad = errors.New("session: not a session that can be kept")
	// ErrDamaged: a stored session cannot be read.
	ErrDamaged = errors.New("session: damaged")
)

// Session is what a token stands for. Who gets one from Get must not change Members: it is shared.
type Session struct {
	// Account is the directory account that signed in, empty for a guest.
	Account string `json:"account,omitempty"`
	// Members says who the caller is: campaign -> participant.
	Members map[id.ID]id.ID `json:"members,omitempty"`
	// Created and Expires are kept to the millisecond.
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// Stale is set by Get while the store is away: the session may have been cut meanwhile, so it is good for reading only.
	Stale bool `json:"-"`
}

// Store is the contract of Sessions, for those who want to put something else in its place.
type Store interface {
	// Create stores a session and returns its token once it is durable. A zero Created is now.
	Create(ctx context.Context, s Session) (token string, err error)
	// Get says what a token stands for.
	Get(ctx context.Context, token string) (Session, error)
	// Delete ends a session (sign out). Deleting what is not there is no error.
	Delete(ctx context.Context, token string) error
	// DeleteParticipant takes a participant out of all sessions, and ends those that stand for nothing else (removal, erasure).
	DeleteParticipant(ctx context.Context, campaign, participant id.ID) error
	// DeleteAccount ends all sessions of an account.
	DeleteAccount(ctx context.Context, account string) error
	// Sweep removes the sessions that ended more than SweepGrace before now, and says how many.
	Sweep(ctx context.Context, now time.Time) (int, error)
	// Ready is nil if a Create would be tried and may succeed.
	Ready(ctx context.Context) error
	// Close finishes what is under way and releases the store.
	Close() error
}

// digest is what is stored of a token.
type digest [sha256.Size]byte

// newToken makes a token.
func newToken() (string, digest) {
	var b [TokenSize]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:]), sha256.Sum256(b[:])
}

// digestOf reads a token. One token has one spelling.
func digestOf(token string) (digest, bool) {
	var b [TokenSize + 1]byte
	if len(token) != TokenLength {
		return digest{}, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(b[:], []byte(token))
	if err != nil || n != TokenSize {
		return digest{}, false
	}
	return sha256.Sum256(b[:TokenSize]), true
}

// Key names a session without giving it away: for rate limits, counts of sockets and logs. It is empty for what is no token.
func Key(token string) string {
	d, ok := digestOf(token)
	if !ok {
		return ""
	}
	return hex.EncodeToString(d[:12])
}

// check brings a session into the form in which it is kept.
func (s *Session) check() error {
	switch {
	case s.Account == "" && len(s.Members) == 0:
		return fmt.Errorf("%w: it stands for nobody", ErrBad)
	case len(s.Account) > MaxAccount:
		return fmt.Errorf("%w: an account name of %d bytes", ErrBad, len(s.Account))
	case len(s.Members) > MaxMembers:
		return fmt.Errorf("%w: %d campaigns", ErrBad, len(s.Members))
	case !s.Expires.After(s.Created):
		return fmt.Errorf("%w: it ends before it begins", ErrBad)
	}
	for campaign, participant := range s.Members {
		if campaign.IsZero() || participant.IsZero() {
			return fmt.Errorf("%w: a member without id", ErrBad)
		}
	}
	s.Created, s.Expires, s.Stale = s.Created.UTC().Truncate(time.Millisecond), s.Expires.UTC().Truncate(time.Millisecond), false
	return nil
}

// encode and decode are the stored form.
func (s *Session) encode() ([]byte, error) { return json.Marshal(s) }

func decode(b []byte) (Session, error) {
	var s Session
	if err := json.Unmarshal(b, &s); err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := s.check(); err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return s, nil
}

// owner names whom a session can be cut by: one participant or one account.
type owner string

func participantOwner(campaign, participant id.ID) owner {
	return owner("p:" + campaign.String() + ":" + participant.String())
}

func accountOwner(account string) owner { return owner("a:" + account) }

// owners lists all of a session.
func (s *Session) owners() []owner {
	list := make([]owner, 0, len(s.Members)+1)
	if s.Account != "" {
		list = append(list, accountOwner(s.Account))
	}
	for campaign, participant := range s.Members {
		list = append(list, participantOwner(campaign, participant))
	}
	return list
}

// without is the session after one of its owners was cut; alive says whether anything is left of it.
func (s Session) without(o owner) (rest Session, alive bool) {
	if s.Account != "" && accountOwner(s.Account) == o {
		return Session{}, false // an account is the whole person
	}
	members := make(map[id.ID]id.ID, len(s.Members))
	for campaign, participant := range s.Members {
		if participantOwner(campaign, participant) != o {
			members[campaign] = participant
		}
	}
	s.Members = members
	return s, s.Account != "" || len(members) > 0
}
