package redisconn_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/redisconn"
	"kiem/hub/redisconn/redistest"
)

func open(t *testing.T, address string, replicas int) *redisconn.Conn {
	t.Helper()
	c, err := redisconn.Open(address, replicas)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestWriteAndRun(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, s.URL(), 0)
	if err := c.Write(t.Context(), "k", func(p redis.Pipeliner) { p.Set(t.Context(), "k", "v", 0); p.Get(t.Context(), "absent") }); err != nil {
		t.Fatalf("an absent key among the reads is no failure: %v", err)
	}
	script := redis.NewScript("return redis.call('GET', KEYS[1])")
	for range 2 { // by its text, then by its hash
		if got, err := c.Run(t.Context(), script, []string{"k"}).Text(); err != nil || got != "v" {
			t.Fatalf("script: %q, %v", got, err)
		}
	}
}

func TestNoRetryAndDeadline(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, s.URL(), 0)
	incr := func() error {
		return c.Write(context.Background(), "n", func(p redis.Pipeliner) { p.Incr(context.Background(), "n") })
	}
	if err := incr(); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	began := time.Now()
	err := incr()
	took := time.Since(began)
	s.Resume()
	if err == nil {
		t.Fatal("a hung server acknowledged")
	}
	if took < redisconn.Timeout/2 || took > 2*redisconn.Timeout {
		t.Errorf("gave up after %v, want about %v", took, redisconn.Timeout)
	}
	// What hung in the socket arrives once at most.
	if got, err := c.Client().Get(t.Context(), "n").Int(); err != nil || got > 2 {
		t.Errorf("the counter is %d (%v) after two calls: one was repeated", got, err)
	}
}

func TestReplicas(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, s.URL(), 1)
	set := func(p redis.Pipeliner) { p.Set(t.Context(), "k", "v", 0) }
	if err := c.Write(t.Context(), "k", set); !errors.Is(err, redisconn.ErrReplicas) {
		t.Fatalf("without a replica: %v, want ErrReplicas", err)
	}
	script := redis.NewScript("return redis.call('SET', KEYS[1], 'w')")
	if err := c.Run(t.Context(), script, []string{"k"}).Err(); !errors.Is(err, redisconn.ErrReplicas) {
		t.Fatalf("script without a replica: %v, want ErrReplicas", err)
	}
	host, port, _ := strings.Cut(s.Addr, ":")
	replica := redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	r := open(t, replica.URL(), 0)
	for { // until the replica has it
		if err := c.Write(t.Context(), "k", set); err == nil {
			break
		} else if !errors.Is(err, redisconn.ErrReplicas) {
			t.Fatal(err)
		}
	}
	if got, err := r.Client().Get(t.Context(), "k").Result(); err != nil || got != "v" {
		t.Errorf("acknowledged, and the replica has %q, %v", got, err)
	}
	if err := c.Run(t.Context(), script, []string{"k"}).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Client().Get(t.Context(), "k").Result(); err != nil || got != "w" {
		t.Errorf("script acknowledged, and the replica has %q, %v", got, err)
	}
}

func TestAddressErrorsHidePasswords(t *testing.T) {
	for _, address := range []string{"http://u:hunter2@h", "redis://u:hunter2@h:1/x", "redis://u:hunter2@h:1?bad=1", "redis://u:hunter2@h:1?addr=a:1&bad=1", "redis://u:hunter2@h:%zz"} {
		if _, err := redisconn.Open(address, 0); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
