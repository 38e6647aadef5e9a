package redislog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
)

// threeLines are what makes a redis.conf fit.
const threeLines = "appendonly yes\nappendfsync always\nno-appendfsync-on-rewrite no"

// asker is a connection that can be asked about its server.
type asker interface {
	Info(ctx context.Context, section ...string) *redis.StringCmd
	ConfigGet(ctx context.Context, parameter string) *redis.MapStringStringCmd
}

// standing is what is known about the Redis behind the journal.
type standing struct {
	mu       sync.Mutex
	checked  bool
	err      error             // why nothing is appended; nil if all is well
	asserted bool              // the settings could not be read
	runs     map[string]string // run id by server

	tried   time.Time // the last check that ended, content or not
	reached bool      // it read what it had to
	seen    map[string]Server
}

// get is nil if the last check was content.
func (s *standing) get() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.checked {
		return fmt.Errorf("%w: Redis has not been reached yet", journal.ErrUnavailable)
	}
	return s.err
}

func (s *standing) set(err error) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = (err == nil) != (s.err == nil) || !s.checked
	s.checked, s.err = true, err
	return changed
}

// settings are what a check read.
type settings struct {
	info      map[string]string
	config    map[string]string
	forbidden bool // CONFIG GET
}

// ask reads what a check needs. Four questions rather than one with four names: an older proxy or ACL then still answers those it knows.
func ask(ctx context.Context, c asker) (settings, error) {
	s := settings{info: map[string]string{}, config: map[string]string{}}
	for _, section := range []string{"server", "persistence", "replication", "memory"} {
		text, err := c.Info(ctx, section).Result()
		if err != nil {
			return s, err
		}
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				s.info[name] = value
			}
		}
	}
	for _, name := range []string{"appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy"} {
		got, err := c.ConfigGet(ctx, name).Result()
		var reply redis.Error
		if errors.As(err, &reply) {
			s.forbidden = true
			return s, nil
		}
		if err != nil {
			return s, err
		}
		s.config[name] = got[name]
	}
	return s, nil
}

// judge says whether a Redis with these settings keeps what it acknowledges, nil if so.
func (s settings) judge(o Options) error {
	if s.info["loading"] == "1" {
		return fmt.Errorf("%w: Redis is loading its file", journal.ErrUnavailable)
	}
	version := s.info["redis_version"]
	if major, err := strconv.Atoi(strings.SplitN(version, ".", 2)[0]); err != nil || major < 7 {
		return fmt.Errorf("%w: Redis %s; 7.0 or newer is needed", journal.ErrNotDurable, version)
	}
	if role := s.info["role"]; role != "master" {
		return fmt.Errorf("%w: this Redis is a %s, not the master", journal.ErrNotDurable, role)
	}
	if policy := s.info["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		return fmt.Errorf("%w: maxmemory-policy is %s, so Redis deletes logs when memory is short; it must be noeviction", journal.ErrNotDurable, policy)
	}
	if o.Relaxed {
		return nil
	}
	if s.forbidden {
		if o.Asserted {
			return nil
		}
		return fmt.Errorf("%w: its settings cannot be read (CONFIG GET is forbidden); if you know that they are right, "+
			"set durability to asserted. redis.conf must have\n%s", journal.ErrNotDurable, threeLines)
	}
	var wrong []string
	for name, want := range map[string]string{"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no", "maxmemory-policy": "noeviction"} {
		if got := s.config[name]; got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q", name, got))
		}
	}
	if s.info["aof_last_write_status"] != "ok" {
		wrong = append(wrong, "the last write to its file failed (aof_last_write_status "+s.info["aof_last_write_status"]+")")
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%w: %s. Put these lines into redis.conf:\n%s", journal.ErrNotDurable, strings.Join(wrong, ", "), threeLines)
}

// examine checks one server and remembers its run under that name. Its error is nil, wraps ErrNotDurable or ErrUnavailable, or is that of
// the call.
func (j *Journal) examine(ctx context.Context, server string, c asker) error {
	s, err := ask(ctx, c)
	if err != nil {
		return err
	}
	if s.info["redis_mode"] == "sentinel" || j.cluster != nil && s.info["role"] != "master" {
		return nil // asked for the way only; nothing is written there
	}
	if server != unnamed {
		j.standing.mu.Lock()
		j.standing.seen[server] = s.server(server)
		j.standing.mu.Unlock()
	}
	if err := s.judge(j.o); err != nil {
		return err
	}
	j.standing.mu.Lock()
	j.standing.asserted = s.forbidden
	before, run := j.standing.runs[server], s.info["run_id"]
	if server != unnamed {
		j.standing.runs[server] = run
	}
	j.standing.mu.Unlock()
	if before != "" && before != run && server != unnamed {
		j.log.Warn("Redis is another run than before: all logs are looked at again", "before", before, "now", run)
		j.wakeAll()
	}
	return nil
}

// theOne is the name of the only server, unnamed that of one of a cluster whose name is not known.
const (
	theOne  = "the one"
	unnamed = ""
)

// onConnect checks a new connection before it is used: after a failover or a restart no entry is acknowledged by a Redis that
// was not looked at.
func (j *Journal) onConnect(ctx context.Context, c *redis.Conn) error {
	name := theOne
	if j.cluster != nil {
		name = unnamed
	}
	err := j.examine(ctx, name, c)
	if errors.Is(err, journal.ErrNotDurable) {
		j.settle(err)
	}
	if errors.Is(err, journal.ErrNotDurable) || errors.Is(err, journal.ErrUnavailable) {
		return &refusal{err}
	}
	return err
}

// check examines every server that takes writes.
func (j *Journal) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*Timeout)
	defer cancel()
	var err error
	if j.cluster == nil {
		err = j.examine(ctx, theOne, j.client)
	} else {
		err = j.cluster.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return j.examine(ctx, c.Options().Addr, c) })
	}
	var r *refusal
	if errors.As(err, &r) {
		err = r.err
	}
	j.standing.checkedNow(err == nil || errors.Is(err, journal.ErrNotDurable))
	if err != nil && !errors.Is(err, journal.ErrNotDurable) {
		// Out of reach: what was known before still holds, and appends find out for themselves.
		return unreadable(err)
	}
	j.settle(err)
	return err
}

// settle takes over the result of a check.
func (j *Journal) settle(err error) {
	if j.standing.set(err) {
		if err != nil {
			j.log.Error("Redis is not durable: nothing is appended", "err", err)
		} else {
			j.log.Info("Redis keeps what it acknowledges")
		}
	}
	if f := j.o.Observe.Check; f != nil {
		f(err)
	}
}
