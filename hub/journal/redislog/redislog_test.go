package redislog

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

func open(t testing.TB, o Options) *Journal {
	t.Helper()
	j, err := Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// await waits until f is true.
func await(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(journaltest.Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		<-tick.C
	}
}

// raw is an ordinary client, to look and do harm behind the journal's back.
func raw(t testing.TB, s *redistest.Server) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	return c
}

func backend(t *testing.T, o Options, s *redistest.Server) journaltest.Backend {
	o.Address = s.URL()
	return backendAt(t, o, s)
}

func backendAt(t *testing.T, o Options, s *redistest.Server) journaltest.Backend {
	j := open(t, o)
	b := journaltest.Backend{Journal: j}
	b.Reopen = func(t *testing.T) journal.Journal { return open(t, o) }
	b.Another = b.Reopen
	b.Kill = func(t *testing.T) journal.Journal {
		s.Kill()
		s.Restart()
		await(t, "the journal is ready after Redis was killed", func() bool { return j.Ready(context.Background()) == nil })
		return j
	}
	b.Damage = func(t *testing.T, log string, seq uint64, change func([]byte) []byte) {
		// A stream's entry cannot be changed in place, so the stream is written anew.
		c := raw(t, s)
		all, err := c.XRange(t.Context(), keyLog(log), "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		c.Del(t.Context(), keyLog(log))
		for i, m := range all {
			body := []byte(m.Values[field].(string))
			if uint64(i+1) == seq {
				body = change(bytes.Clone(body))
			}
			if err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: keyLog(log), ID: m.ID, Values: []any{field, body}}).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.DamageSnapshot = func(t *testing.T, log string, seq uint64, change func([]byte) []byte) {
		c := raw(t, s)
		encoded, err := c.HGet(t.Context(), keySnap(log), strconv.FormatUint(seq, 10)).Result()
		if err != nil {
			t.Fatal(err)
		}
		h, err := decodeHeader(seq, encoded)
		if err != nil {
			t.Fatal(err)
		}
		chunk, err := c.HGet(t.Context(), keyChunks(log, h.suffix), "0").Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.HSet(t.Context(), keyChunks(log, h.suffix), "0", change(chunk)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestConformance(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journaltest.Backend { return backend(t, Options{}, redistest.Start(t)) })
}
