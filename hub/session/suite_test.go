package session_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
	"kiem/hub/session"
	"kiem/id"
)

// clock is a clock that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// form is one form of the store; open may be called again, as a restarted process or another node would.
type form struct {
	name string
	make func(t *testing.T, c *clock) (open func() *session.Sessions, dir string)
}

var forms = []form{
	{"lite", func(t *testing.T, c *clock) (func() *session.Sessions, string) {
		dir := t.TempDir()
		return func() *session.Sessions {
			s, err := session.OpenLite(t.Context(), dir, c.now)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}, dir
	}},
	{"redis", func(t *testing.T, c *clock) (func() *session.Sessions, string) {
		s := redistest.Start(t)
		return func() *session.Sessions { return openRedis(t, s, c) }, s.Dir
	}},
	{"redis cluster", func(t *testing.T, c *clock) (func() *session.Sessions, string) {
		s := redistest.StartCluster(t)
		return func() *session.Sessions { return openRedis(t, s, c) }, s.Dir
	}},
}

func openRedis(t *testing.T, s *redistest.Server, c *clock) *session.Sessions {
	t.Helper()
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return session.OpenRedis(conn, c.now)
}

func each(t *testing.T, test func(t *testing.T, open func() *session.Sessions, c *clock, dir string)) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c := &clock{}
			open, dir := f.make(t, c)
			test(t, open, c, dir)
		})
	}
}

func number(n int) (i id.ID) {
	i[0] = 2
	binary.BigEndian.PutUint64(i[8:], uint64(n))
	return i
}

func closing(t *testing.T, s *session.Sessions) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

var campaign, other = number(900), number(901)

func guest(c *clock, n int) session.Session {
	return session.Session{Members: map[id.ID]id.ID{campaign: number(n)}, Expires: c.now().Add(24 * time.Hour)}
}

func create(t *testing.T, s *session.Sessions, what session.Session) string {
	t.Helper()
	token, err := s.Create(t.Context(), what)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func mustGet(t *testing.T, s *session.Sessions, token string) session.Session {
	t.Helper()
	got, err := s.Get(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantGone(t *testing.T, s *session.Sessions, token string) {
	t.Helper()
	if got, err := s.Get(t.Context(), token); !errors.Is(err, session.ErrNotFound) {
		t.Fatalf("%v, %v; want ErrNotFound", got, err)
	}
}

func TestCreateAndGet(t *testing.T) {
	each(t, func(t *testing.T, open func() *session.Sessions, c *clock, _ string) {
		s := open()
		want := session.Session{Account: "acct-1", Members: map[id.ID]id.ID{campaign: number(1), other: number(2)},
			Created: c.now().Add(-time.Minute), Expires: c.now().Add(time.Hour)}
		token := create(t, s, want)
		if len(token) != session.TokenLength {
			t.Errorf("a token of %d characters", len(token))
		}
		near := cmpopts.EquateApproxTime(time.Millisecond)
		if diff := cmp.Diff(want, mustGet(t, s, token), near); diff != "" {
			t.Error(diff)
		}
		closing(t, s)
		s = open()
		defer closing(t, s)
		for range 2 { // from the store, then from memory
			if diff := cmp.Diff(want, mustGet(t, s, token), near); diff != "" {
				t.Error("after reopening", diff)
			}
		}
	})
}

func TestBadSessions(t *testing.T) {
	each(t, func(t *testing.T, open func() *session.Sessions, c *clock, _ string) {
		s := open()
		defer closing(t, s)
		many := map[id.ID]id.ID{}
		for n := range session.MaxMembers + 1 {
			many[number(n)] = number(n)
		}
		later := c.now().Add(time.Hour)
		for name, bad := range map[string]session.Session{
			"nobody":    {Expires: later},
			"many":      {Members: many, Expires: later},
			"long name": {Account: strings.Repeat("a", session.MaxAccount+1), Expires: later},
			"over":      {Account: "a", Expires: c.now().Add(-time.Hour)},
			"no end":    {Account: "a"},
			"no member": {Members: map[id.ID]id.ID{campaign: {}}, Expires: later},
		} {
			if token, err := s.Create(t.Context(), bad); !errors.Is(err, session.ErrBad) || token != "" {
				t.Errorf("%s: %q, %v; want ErrBad", name, token, err)
			}
		}
	})
}

func TestOtherTokensStandForNothing(t *testing.T) {
	each(t, func(t *testing.T, open func() *session.Sessions, c *clock, _ string) {
		s := open()
		defer closing(t, s)
		token := create(t, s, guest(c, 1))
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(raw) != session.TokenSize {
			t.Fatalf("%d bytes, %v", len(raw), err)
		}
		flipped := append([]byte(nil), raw...)
		flipped[31] ^= 1
		// The last character of 43 carries two spare bits: only one of its four spellings is the token.
		spelling := token[:42] + string(rune(token[42]+1))
		for _, bad := range []string{"", "x", token + "=", token[:42], token + "A", " " + token[1:], spelling, strings.Repeat("A", 43),
			base64.RawURLEncoding.EncodeToString(flipped), strings.Repeat("\x00", 43), token[:20] + "\n" + token[20:42]} {
			wantGone(t, s, bad)
		}
		if session.Key(token) == "" || session.Key(token) == session.Key(base64.RawURLEncoding.EncodeToString(flipped)) || session.Key("x") != "" {
			t.Error("Key does not tell tokens apart")
		}
		mustGet(t, s, token)
	})
}

// TestOnlyTheDigestIsStored searches the files for the token in every form.
func TestOnlyTheDigestIsStored(t *testing.T) {
	each(t, func(t *testing.T, open func() *session.Sessions, c *clock, dir string) {
		s := open()
		defer closing(t, s)
		token := create(t, s, guest(c, 1))
		mustGet(t, s, token)
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		participant := 0
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			for _, secret := range []string{token, token[:20], string(raw), string(raw[8:24]), fmt.Sprintf("%x", raw)} {
				if strings.Contains(string(b), secret) {
					t.Errorf("%s holds the token", path)
				}
			}
			participant += strings.Count(string(b), number(1).String())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if participant == 0 {
			t.Error("the search does not find the session itself")
		}
	})
}

func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, open func() *session.Sessions, c *clock, _ string) {
		s := open()
		keep, token := create(t, s, guest(c, 1)), create(t, s, guest(c, 1))
		mustGet(t, s, token)
		for range 2 {
			if err := s.Delete(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			wantGone(t, s, token)
		}
		if err := s.Delete(t.Context(), "nonsense"); err != nil {
			t.Error(err)
		}
		mustGet(t, s, keep)
		closing(t, s)
		s = open()
		defer closing(t, s)
		wantGone(t, s, token)
		mustGet(t, s, keep)
	})
}

func TestDeleteParticipant(t *testing.T) {
	each(t, func(t *testing.T, open func() *session.Sessions, c *clock, _ string) {
		s := open()
		later := c.now().Add(time.Hour)
		phone, laptop := create(t, s, guest(c, 1)), create(t, s, guest(c, 1))
		neighbour := create(t, s, guest(c, 2))
		both := create(t, s, session.Session{Members: map[id.ID]id.ID{campaign: number(1), other: number(7)}, Expires: later})
		account := create(t, s, session.Session{Account: "a", Members: map[id.ID]id.ID{campaign: number(1)}, Expires: later})
		// The same participant id in another campaign is somebody else.
		elsewhere := create(t, s, session.Session{Members: map[id.ID]id.ID{other: number(1)}, Expires: later})
		for _, token := range []string{phone, laptop, neighbour, both, account, elsewhere} {
			mustGet(t, s, token)
		}
		check := func(s *session.Sessions) {
			t.Helper()
			wantGone(t, s, phone)
			wantGone(t, s, laptop)
			mustGet(t, s, neighbour)
			mustGet(t, s, elsewhere)
			if got := mustGet(t, s, both); len(got.Members) != 1 || got.Members[other] != number(7) {
				t.Errorf("of two campaigns remain %v", got.Members)
			}
			if got := mustGet(t, s, account); len(got.Members) != 0 || got.Account != "a" {
				t.Errorf("of the account remains %+v", got)
			}
		}
		for range 2 {
			if err := s.DeleteParticipant(t.Context(), campaign, number(1)); err != nil {
				t.Fatal(err)
			}
			check(s)
		}
		if err := s.DeleteParticipant(t.Context(), other, number(7)); err != nil {
			t.Fatal(err)
		}
		wantGone(t, s, both) // nothing is left of it
		again := create(t, s, guest(c, 1))
		mustGet(t, s, again) // cutting does not bar the future: that is the campaign's business
		if err := s.DeleteAccount(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		wantGone(t, s, account)
		closing(t, s)
		s = open()
		defer closing(t, s)
		wantGone(t, s, phone)
		wantGone(t, s, both)
		wantGone(t, s, account)
		mustGet(t, s, neighbour)
	})
}

func TestExpiryAndSweep(t *testing.T) {
	each(t, func(t *testing.T, open func() *session.Sessions, c *clock, _ string) {
		s := open()
		defer closing(t, s)
		const n = 600 // several batches
		tokens := make([]string, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() { tokens[i] = create(t, s, guest(c, i)) })
		}
		all.Wait()
		long := create(t, s, session.Session{Account: "a", Expires: c.now().Add(30 * 24 * time.Hour)})
		mustGet(t, s, tokens[0])

		// A clock that is wrong for a while: sessions look ended, but nothing is lost.
		c.advance(25 * time.Hour)
		wantGone(t, s, tokens[0])
		wantGone(t, s, tokens[1])
		if swept, err := s.Sweep(t.Context(), c.now()); err != nil || swept != 0 {
			t.Errorf("swept %d within the grace (%v)", swept, err)
		}
		c.advance(-25 * time.Hour)
		mustGet(t, s, tokens[0])
		mustGet(t, s, tokens[1])

		c.advance(24*time.Hour + session.SweepGrace + time.Minute)
		if swept, err := s.Sweep(t.Context(), c.now()); err != nil || swept != n {
			t.Errorf("swept %d (%v), want %d", swept, err, n)
		}
		mustGet(t, s, long)
		if swept, err := s.Sweep(t.Context(), c.now()); err != nil || swept != 0 {
			t.Errorf("swept %d again (%v)", swept, err)
		}
	})
}

// TestDeadAtOnce: on the node that cut it, no call that begins after the cut gets a session, however many were reading it meanwhile.
func TestDeadAtOnce(t *testing.T) {
	each(t, func(t *testing.T, open func() *session.Sessions, c *clock, _ string) {
		s := open()
		defer closing(t, s)
		rounds := 60
		if testing.Short() {
			rounds = 15
		}
		for n := range rounds {
			token := create(t, s, guest(c, n))
			var deleted atomic.Bool
			var readers sync.WaitGroup
			for range 6 {
				readers.Go(func() {
					for range 400 {
						was := deleted.Load()
						_, err := s.Get(context.Background(), token)
						if was && !errors.Is(err, session.ErrNotFound) {
							t.Errorf("alive after it was cut: %v", err)
							return
						}
						if was {
							return
						}
					}
				})
			}
			var err error
			if n%2 == 0 {
				err = s.Delete(t.Context(), token)
			} else {
				err = s.DeleteParticipant(t.Context(), campaign, number(n))
			}
			if err != nil {
				t.Fatal(err)
			}
			deleted.Store(true)
			readers.Wait()
			wantGone(t, s, token)
		}
	})
}
