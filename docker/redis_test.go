package docker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/docker/dockertest"
	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/journal/redislog"
)

// TestRedisConf: Redis with redis.conf and the accounts of setup.sh is durable in the eyes of the journal, takes entries, and refuses everybody else and everything else.
func TestRedisConf(t *testing.T) {
	setup := dockertest.NewSetup(t)
	addr, url := setup.Redis()
	j, err := redislog.Open(t.Context(), redislog.Options{Address: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	if err := j.Ready(t.Context()); err != nil || j.Durability() != journal.Durable {
		t.Errorf("%v, %s", err, j.Durability())
	}
	journaltest.Append(t, journaltest.Open(t, j, "c:x"), journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	s := j.State()
	if !s.Reached || s.Err != nil || time.Since(s.Checked) > time.Minute || len(s.Servers) != 1 || s.Servers[0].AppendFsync != "always" || s.Servers[0].Role != "master" || !s.Servers[0].WriteOK {
		t.Errorf("%+v", s)
	}
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	kiem, nobody := redis.NewClient(o), redis.NewClient(&redis.Options{Addr: addr})
	health := redis.NewClient(&redis.Options{Addr: addr, Username: "health", Password: "any"})
	defer kiem.Close()
	defer nobody.Close()
	defer health.Close()
	for _, no := range [][]any{
		{"flushall"}, {"config", "set", "appendfsync", "no"}, {"keys", "*"}, {"set", "elsewhere", "1"}, {"del", "{other}:log"}, {"replicaof", "no", "one"},
		{"acl", "setuser", "kiem", "+@all"}, {"module", "list"}, {"script", "flush"}, {"shutdown"}, {"publish", "elsewhere", "x"}, {"eval", "return redis.call('FLUSHALL')", "0"},
	} {
		if err := kiem.Do(t.Context(), no...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "can't run this command") {
			t.Errorf("the nodes' account may %v: %v", no, err)
		}
	}
	if err := nobody.Ping(t.Context()).Err(); err == nil {
		t.Error("somebody without a name is let in")
	}
	if err := health.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the health check: %v", err)
	}
	if err := health.Get(t.Context(), "kiem:names").Err(); err == nil {
		t.Error("the health check's account may read")
	}
}
