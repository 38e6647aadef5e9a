package main_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	kiem "kiem/cmd/kiem"
	"kiem/hub"
	"kiem/hub/journal"
	"kiem/hub/session"
	"kiem/hub/vault"
	"kiem/id"
)

// A server with parts exchanged is this test binary started again as `kiem serve`: a process of its own that can be killed, with its exit code, and with a disk, a clock or a limit
// that does what the test asks. What is asked stands in the environment, in the form of a query.
const exchangedEnv = "KIEM_TEST_EXCHANGED"

// serveExchanged is serveKiem with parts exchanged:
//
//	poison=journal|vault|sessions&after=N  the Nth write to that store and all after it fail as they do after a failed fsync
//	slow=D&after=N                         appends take that long from the Nth on
//	clock=PATH                             the clock is ahead by the duration in that file
//	snapshot=N                             snapshots after so many entries
//	stall=D                                how long a client may accept nothing
func serveExchanged(t testing.TB, parts, data string, more ...string) *kiemProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := serveKiem(t, self, data, more...)
	p.env = append(p.env, exchangedEnv+"="+parts)
	return p
}

// exchangedServer is the main function of such a process.
func exchangedServer() int {
	q, err := url.ParseQuery(os.Getenv(exchangedEnv))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Unsetenv(exchangedEnv)
	number := func(name string) int { n, _ := strconv.Atoi(q.Get(name)); return n } // 0: as usual
	length := func(name string) time.Duration { d, _ := time.ParseDuration(q.Get(name)); return d }
	after := int64(number("after"))
	parts := &kiem.Parts{}
	switch q.Get("poison") {
	case "journal":
		parts.Journal = func(j journal.Journal) journal.Journal { return &badJournal{Journal: j, after: after} }
	case "vault":
		parts.Vault = func(v vault.Vault) vault.Vault { return &badVault{Vault: v, after: after} }
	case "sessions":
		parts.Sessions = func(s session.Store) session.Store { return &badSessions{Store: s, after: after} }
	}
	if d := length("slow"); d > 0 {
		parts.Journal = func(j journal.Journal) journal.Journal { return &badJournal{Journal: j, after: after, slow: d} }
	}
	if path := q.Get("clock"); path != "" {
		parts.Clock = func() time.Time {
			text, _ := os.ReadFile(path) // none yet: not ahead
			d, _ := time.ParseDuration(string(text))
			return time.Now().Add(d)
		}
	}
	parts.Hub = func(c *hub.Config) { c.SnapshotEntries, c.Stall = number("snapshot"), length("stall") }
	return kiem.RunWith(os.Args[1:], os.Stdout, os.Stderr, parts)
}

// poisonAfter counts writes; from the given one on they fail as after a failed fsync.
type poisonAfter struct{ writes atomic.Int64 }

func (p *poisonAfter) write(after int64) error {
	if p.writes.Add(1) >= after {
		return p.failed(after)
	}
	return nil
}

func (p *poisonAfter) failed(after int64) error {
	if p.writes.Load() >= after {
		return fmt.Errorf("%w: as the test asked", journal.ErrPoisoned)
	}
	return nil
}

// badJournal is a journal on a disk that fails, or is slow.
type badJournal struct {
	journal.Journal
	poisonAfter
	after int64
	slow  time.Duration
}

func (j *badJournal) Open(ctx context.Context, name string) (journal.Log, error) {
	l, err := j.Journal.Open(ctx, name)
	return &badLog{Log: l, j: j}, err
}

func (j *badJournal) Ready(ctx context.Context) error {
	if err := j.failed(j.after); err != nil && j.slow == 0 {
		return err
	}
	return j.Journal.Ready(ctx)
}

type badLog struct {
	journal.Log
	j *badJournal
}

func (l *badLog) Append(ctx context.Context, body []byte) (uint64, error) {
	err := l.j.write(l.j.after)
	switch {
	case err != nil && l.j.slow == 0:
		// The entry may well be in the file: that is what is not known after a failed fsync.
		_, _ = l.Log.Append(ctx, body)
		return 0, err
	case err != nil:
		select {
		case <-time.After(l.j.slow):
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", journal.ErrUnknown, ctx.Err())
		}
	}
	return l.Log.Append(ctx, body)
}

// badVault is a vault whose file's fsync failed.
type badVault struct {
	vault.Vault
	poisonAfter
	after int64
}

func (v *badVault) Put(ctx context.Context, scope id.ID, p vault.Person) (vault.Person, error) {
	if err := v.write(v.after); err != nil {
		return vault.Person{}, fmt.Errorf("%w: %w", vault.ErrUnavailable, err)
	}
	return v.Vault.Put(ctx, scope, p)
}

func (v *badVault) Ready(ctx context.Context) error {
	if err := v.failed(v.after); err != nil {
		return fmt.Errorf("%w: %w", vault.ErrUnavailable, err)
	}
	return v.Vault.Ready(ctx)
}

// badSessions is a store of sessions whose file's fsync failed.
type badSessions struct {
	session.Store
	poisonAfter
	after int64
}

func (s *badSessions) Create(ctx context.Context, one session.Session) (string, error) {
	if err := s.write(s.after); err != nil {
		return "", fmt.Errorf("%w: %w", session.ErrUnavailable, err)
	}
	return s.Store.Create(ctx, one)
}

func (s *badSessions) Ready(ctx context.Context) error {
	if err := s.failed(s.after); err != nil {
		return fmt.Errorf("%w: %w", session.ErrUnavailable, err)
	}
	return s.Store.Ready(ctx)
}
