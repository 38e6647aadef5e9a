package redislog

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
)

func FuzzHeader(f *testing.F) {
	s := journal.Snapshot{Seq: 9, Epoch: 2, Hash: journal.Genesis("a"), Digest: [32]byte{4}, State: []byte("state")}
	f.Add(string(encodeHeader("c:x", s, "9.abc")))
	f.Add("")
	f.Fuzz(func(t *testing.T, b string) {
		h, err := decodeHeader(9, b)
		if err == nil && h.size > journal.MaxSnapshot {
			t.Fatal("a size over the limit is believed")
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add("0-1", "b", "x")
	f.Add("1-0", "c", "")
	f.Add("0-18446744073709551616", "b", "")
	f.Fuzz(func(t *testing.T, id, name, body string) {
		st, err := decode(redis.XMessage{ID: id, Values: map[string]any{name: body}}, 1)
		if err == nil && (st.Seq != 1 || name != field || journal.Check([]byte(body)) != nil) {
			t.Fatalf("%q %q was taken as entry 1", id, name)
		}
	})
}
