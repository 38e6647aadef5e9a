package redislog

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

func TestNotDurable(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"no file":                       {[]string{"--appendonly", "no"}, "appendfsync always"},
		"a file synced each second":     {[]string{"--appendfsync", "everysec"}, `appendfsync is "everysec"`},
		"a file never synced":           {[]string{"--appendfsync", "no"}, `appendfsync is "no"`},
		"no sync while it is rewritten": {[]string{"--no-appendfsync-on-rewrite", "yes"}, "no-appendfsync-on-rewrite no"},
		"eviction":                      {[]string{"--maxmemory-policy", "allkeys-lru"}, "noeviction"},
		"CONFIG forbidden":              {[]string{"--rename-command", "CONFIG", "\"\""}, "asserted"},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t, tt.args...)
			j, err := Open(t.Context(), Options{Address: s.URL()})
			if !errors.Is(err, journal.ErrNotDurable) {
				t.Fatalf("Open: %v, %v; want ErrNotDurable", j, err)
			}
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error does not say %q: %v", tt.says, err)
			}
		})
	}
}

func TestReplicaIsRefused(t *testing.T) {
	master := redistest.Start(t)
	host, port, _ := strings.Cut(master.Addr, ":")
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	if _, err := Open(t.Context(), Options{Address: replica.URL()}); !errors.Is(err, journal.ErrNotDurable) {
		t.Errorf("Open on a replica: %v, want ErrNotDurable", err)
	}
	if _, err := Open(t.Context(), Options{Address: replica.URL(), Relaxed: true}); !errors.Is(err, journal.ErrNotDurable) {
		t.Errorf("Open on a replica, relaxed: %v, want ErrNotDurable", err)
	}
}

func TestUnreachable(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	if _, err := Open(t.Context(), Options{Address: s.URL()}); !errors.Is(err, journal.ErrUnavailable) {
		t.Errorf("Open without a Redis: %v, want ErrUnavailable", err)
	}
}

func TestRelaxedAndAsserted(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		o    Options
		want journal.Durability
	}{
		"relaxed":                  {[]string{"--appendonly", "no"}, Options{Relaxed: true}, journal.Relaxed},
		"relaxed on a durable one": {nil, Options{Relaxed: true}, journal.Relaxed},
		"asserted":                 {[]string{"--rename-command", "CONFIG", "\"\""}, Options{Asserted: true}, journal.Asserted},
		"asserted where the settings can be read": {nil, Options{Asserted: true}, journal.Durable},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.Start(t, tt.args...)
			tt.o.Address = s.URL()
			j := open(t, tt.o)
			if got := j.Durability(); got != tt.want {
				t.Errorf("Durability() = %q, want %q", got, tt.want)
			}
			journaltest.Append(t, journaltest.Open(t, j, "c:x"), journaltest.Make(t, 1, journal.Chain{}, 0), 1)
		})
	}
	s := redistest.Start(t, "--appendonly", "no")
	if _, err := Open(t.Context(), Options{Address: s.URL(), Asserted: true}); !errors.Is(err, journal.ErrNotDurable) {
		t.Errorf("asserted, but the settings can be read and are wrong: %v, want ErrNotDurable", err)
	}
}

func TestDurabilityLostAtRunTime(t *testing.T) {
	s := redistest.Start(t)
	j := open(t, Options{Address: s.URL()})
	l := journaltest.Open(t, j, "c:x")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	c := raw(t, s)
	if err := c.ConfigSet(t.Context(), "appendfsync", "everysec").Err(); err != nil {
		t.Fatal(err)
	}
	if err := j.check(t.Context()); !errors.Is(err, journal.ErrNotDurable) {
		t.Errorf("check: %v, want ErrNotDurable", err)
	}
	if _, err := l.Append(t.Context(), journaltest.Make(t, 2, journal.Chain{}, 0)); !errors.Is(err, journal.ErrUnavailable) || !errors.Is(err, journal.ErrNotDurable) {
		t.Errorf("Append: %v, want ErrUnavailable and ErrNotDurable", err)
	}
	if err := j.Ready(t.Context()); !errors.Is(err, journal.ErrNotDurable) {
		t.Errorf("Ready: %v, want ErrNotDurable", err)
	}
	if got := journaltest.ReadAll(t, l, 0, 10); len(got) != 1 {
		t.Errorf("%d entries can be read, want 1", len(got))
	}
	if err := c.ConfigSet(t.Context(), "appendfsync", "always").Err(); err != nil {
		t.Fatal(err)
	}
	// It is looked at more often while something is wrong.
	await(t, "the journal takes entries again", func() bool { return j.Ready(t.Context()) == nil })
	journaltest.Append(t, l, journaltest.Make(t, 2, journal.Chain{}, 0), 2)
}

// A Redis that comes back with other settings is found out by the first connection, not ten seconds later.
func TestRestartedWithoutDurability(t *testing.T) {
	s := redistest.Start(t)
	j := open(t, Options{Address: s.URL()})
	l := journaltest.Open(t, j, "c:x")
	journaltest.Append(t, l, journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	s.Kill()
	restartWith(t, s, "--appendfsync", "no")
	for n := uint64(2); n < 20; n++ {
		if seq, err := l.Append(t.Context(), journaltest.Make(t, n, journal.Chain{}, 0)); err == nil {
			t.Fatalf("entry %d was acknowledged by a Redis that does not sync", seq)
		}
	}
	if err := j.Ready(t.Context()); !errors.Is(err, journal.ErrNotDurable) {
		t.Errorf("Ready: %v, want ErrNotDurable", err)
	}
}

// restartWith starts a killed server on the same port and files, with other settings.
func restartWith(t *testing.T, s *redistest.Server, settings ...string) {
	t.Helper()
	_, port, _ := strings.Cut(s.Addr, ":")
	cmd := exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.Dir, "--save", "", "--appendonly", "yes"}, settings...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	c := raw(t, s)
	await(t, "Redis is back", func() bool { return c.Ping(t.Context()).Err() == nil })
}

// TestRights runs the suite's calls under exactly the account that the package's documentation gives.
func TestRights(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?s)ACL SETUSER .*?\n//\n`).FindString(string(doc))
	fields := strings.Fields(strings.ReplaceAll(line, "//", " "))
	if len(fields) < 20 {
		t.Fatalf("no ACL line in the documentation: %q", line)
	}
	journaltest.Run(t, func(t *testing.T) journaltest.Backend {
		s := redistest.Start(t)
		grant := func() {
			args := make([]any, len(fields))
			for i, f := range fields {
				args[i] = f
			}
			if err := raw(t, s).Do(t.Context(), args...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		grant()
		o := Options{Address: strings.Replace(s.URL(), "redis://", "redis://kiem-journal:secret@", 1)}
		b := backendAt(t, o, s)
		b.Kill = nil // the account is not kept over a restart
		return b
	})
}

func TestMemoryLimit(t *testing.T) {
	s := redistest.Start(t, "--maxmemory", "6mb")
	j := open(t, Options{Address: s.URL()})
	l := journaltest.Open(t, j, "c:x")
	n := uint64(0)
	var err error
	for err == nil && n < 100 {
		n++
		_, err = l.Append(t.Context(), journaltest.Make(t, n, journal.Chain{}, 300<<10))
	}
	if !errors.Is(err, journal.ErrFull) || !errors.Is(err, journal.ErrUnavailable) {
		t.Fatalf("append %d: %v, want ErrFull and ErrUnavailable", n, err)
	}
	if at := journaltest.Verify(t, l); at.Seq != n-1 {
		t.Errorf("%d entries can be read, acknowledged were %d", at.Seq, n-1)
	}
	if err := raw(t, s).ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
}

func TestForeignWrites(t *testing.T) {
	s := redistest.Start(t)
	j := open(t, Options{Address: s.URL()})
	c := raw(t, s)
	l := journaltest.Open(t, j, "c:gap")
	for n := uint64(1); n <= 9; n++ {
		journaltest.Append(t, l, journaltest.Make(t, n, journal.Chain{}, 0), n)
	}
	if err := c.XDel(t.Context(), keyLog("c:gap"), "0-5").Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Read(t.Context(), 0, 100); err != nil || len(got) != 4 {
		t.Errorf("before the gap: %d entries, %v; want 4", len(got), err)
	}
	if _, err := l.Read(t.Context(), 4, 100); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("at the gap: %v, want ErrCorrupt", err)
	}
	if got, err := l.Read(t.Context(), 5, 100); err != nil || len(got) != 4 {
		t.Errorf("after the gap: %d entries, %v; want 4", len(got), err)
	}

	l = journaltest.Open(t, j, "c:clock")
	c.XAdd(t.Context(), &redis.XAddArgs{Stream: keyLog("c:clock"), ID: "*", Values: []any{"b", "x"}})
	if _, err := l.Append(t.Context(), journaltest.Make(t, 1, journal.Chain{}, 0)); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("Append to a stream with another kind of id: %v, want ErrCorrupt", err)
	}
	if _, err := l.Read(t.Context(), 0, 1); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("Read: %v, want ErrCorrupt", err)
	}

	l = journaltest.Open(t, j, "c:type")
	c.Set(t.Context(), keyLog("c:type"), "x", 0)
	if _, err := l.Append(t.Context(), journaltest.Make(t, 1, journal.Chain{}, 0)); !errors.Is(err, journal.ErrCorrupt) {
		t.Errorf("Append to something else: %v, want ErrCorrupt", err)
	}
}

// TestState: what the last check found is told, also when Redis is away or was put wrong.
func TestState(t *testing.T) {
	s := redistest.Start(t)
	j := open(t, Options{Address: s.URL()})
	got := j.State()
	if !got.Reached || got.Err != nil || got.Checked.IsZero() || len(got.Servers) != 1 {
		t.Fatalf("%+v", got)
	}
	if one := got.Servers[0]; one.Name != "" || one.Role != "master" || one.AppendOnly != "yes" || one.AppendFsync != "always" || !one.WriteOK || one.Replicas != 0 || one.Version == "" {
		t.Errorf("%+v", one)
	}
	if err := raw(t, s).ConfigSet(t.Context(), "appendfsync", "everysec").Err(); err != nil {
		t.Fatal(err)
	}
	_ = j.check(t.Context()) // its result is what State tells
	if got := j.State(); !got.Reached || !errors.Is(got.Err, journal.ErrNotDurable) || got.Servers[0].AppendFsync != "everysec" {
		t.Errorf("not durable: %+v", got)
	}
	s.Kill()
	_ = j.check(t.Context())
	if got := j.State(); got.Reached || len(got.Servers) != 1 {
		t.Errorf("away: %+v", got)
	}
}
