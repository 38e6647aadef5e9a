package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"kiem/hub/wire"
)

func TestReadFrame(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
		payload := bytes.Repeat([]byte{'x'}, n)
		b := appendFrame(nil, payload)
		f, size, err := readFrame(append(bytes.Clone(b), 0x81))
		if err != nil || size != len(b) || f.op != opText || !bytes.Equal(f.payload, payload) {
			t.Errorf("%d bytes: read %d of %d, %v", n, size, len(b), err)
		}
		for cut := range min(len(b), 12) {
			if _, size, err := readFrame(b[:cut]); size != 0 || err != nil {
				t.Errorf("%d bytes cut to %d: %d, %v", n, cut, size, err)
			}
		}
	}
	for _, bad := range [][]byte{{0x01, 0x00}, {0xc1, 0x00}, {0x81, 0x80}, {0x81, 127, 0, 0, 0, 0, 1, 0, 0, 0}, {0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255}} {
		if _, _, err := readFrame(bad); err == nil {
			t.Errorf("%x is taken for a frame", bad)
		}
	}
}

// FuzzReadFrame: whatever comes, the reader ends, stays inside what came, and reads its own frames back.
func FuzzReadFrame(f *testing.F) {
	f.Add(appendFrame(appendFrame(nil, []byte(`{"type":"events","from":1,"to":2}`)), nil))
	f.Add([]byte{0x81, 126, 0, 3, 'a', 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		for rest := b; ; {
			frame, size, err := readFrame(rest)
			if err != nil || size == 0 {
				return
			}
			if size > len(rest) || len(frame.payload) > size-2 {
				t.Fatalf("a frame of %d bytes in %d", size, len(rest))
			}
			_, _, _ = readEvents(frame.payload)
			_, _ = readHello(frame.payload)
			_, _, _ = readReply(frame.payload)
			again, n, err := readFrame(appendFrame(nil, frame.payload))
			if err != nil || n == 0 || !bytes.Equal(again.payload, frame.payload) {
				t.Fatalf("%x does not come back", frame.payload)
			}
			rest = rest[size:]
		}
	})
}

// FuzzReadMasked: what a client sends to a floor never makes it read outside of what came.
func FuzzReadMasked(f *testing.F) {
	f.Add(appendMasked(nil, opText, []byte("abc")))
	f.Add(appendMasked(nil, opText, bytes.Repeat([]byte{'x'}, 300)))
	f.Fuzz(func(t *testing.T, b []byte) {
		payload, size := readMasked(bytes.Clone(b))
		if size > len(b) || size == 0 && payload != nil {
			t.Fatalf("%d of %d bytes", size, len(b))
		}
		if len(b) <= 65535 {
			if back, n := readMasked(appendMasked(nil, opText, b)); n == 0 || !bytes.Equal(back, b) {
				t.Fatalf("%x does not come back", b)
			}
		}
	})
}

// TestMessagesOfTheProtocol holds what is read by its first bytes to what the server's own package writes.
func TestMessagesOfTheProtocol(t *testing.T) {
	events, err := json.Marshal(wire.Events{Type: "events", From: 41, To: 43})
	if err != nil {
		t.Fatal(err)
	}
	if from, to, ok := readEvents(events); !ok || from != 41 || to != 43 {
		t.Errorf("events: %d to %d, %v", from, to, ok)
	}
	hello, err := json.Marshal(wire.Hello{Type: "hello", Seq: 7})
	if err != nil {
		t.Fatal(err)
	}
	if seq, ok := readHello(hello); !ok || seq != 7 {
		t.Errorf("hello: %d, %v: %s", seq, ok, hello)
	}
	v := voter{run: 3, person: 9, ideas: []string{"01920000-0000-7000-8000-000000000001"}}
	frame := v.appendVote(nil)
	message, _ := readMasked(frame)
	var r wire.Reader
	cmd := r.ReadCommand(message)
	if cmd.Fault != nil || !cmd.HasID {
		t.Fatalf("a vote is no command: %v: %s", cmd.Fault, message)
	}
	reply := wire.AppendReply(nil, cmd.ID, 12, nil)
	if id, seq, ok := readReply(reply); !ok || seq != 12 || !v.names(id, 0) {
		t.Errorf("reply %s: %s %d %v", reply, id, seq, ok)
	}
	refusal := wire.AppendRefusal(nil, cmd.ID, true, wire.RateLimited, "te snel", "")
	if id, seq, ok := readReply(refusal); !ok || seq != 0 || !v.names(id, 0) {
		t.Errorf("refusal %s: %s %d %v", refusal, id, seq, ok)
	}
	for _, other := range []string{``, `{`, `{"type":"reply","id":"`, `{"type":"events","from":`, `{"type":"events","from":1}`, `{"type":"reset","reason":"x"}`} {
		if _, _, ok := readEvents([]byte(other)); ok {
			t.Errorf("%s is taken for events", other)
		}
		if _, _, ok := readReply([]byte(other)); ok {
			t.Errorf("%s is taken for a reply", other)
		}
	}
}

func TestAppendEvents(t *testing.T) {
	for _, size := range []int{60, 200, 5000} {
		b := appendEvents(nil, 99, size)
		if from, to, ok := readEvents(b); !ok || from != 99 || to != 100 || len(b) != size || !json.Valid(b) {
			t.Errorf("%d bytes: %s", size, b)
		}
	}
	if b := appendEvents(nil, 99, 1); !json.Valid(b) {
		t.Errorf("too short: %s", b)
	}
}

// TestVotes: each command has an id of its own, and each changes what the one before it on the same idea left.
func TestVotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ideas := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "ideas")]
		seen, values := map[string]bool{}, map[string]int{}
		for person := range 3 {
			for run := range uint32(2) {
				v := voter{run: run, person: uint32(person), ideas: ideas}
				clear(values)
				for range 10 {
					message, size := readMasked(v.appendVote(nil))
					var c struct {
						ID, Type, Lane string
						N              int
						Data           struct {
							Idea  string
							Value int
						}
					}
					if size == 0 || json.Unmarshal(message, &c) != nil {
						t.Fatalf("%s", message)
					}
					if seen[c.ID] || c.N != int(v.sent) || c.Lane != fmt.Sprint("bench-", run) || c.Type != "support.set" {
						t.Fatalf("%+v", c)
					}
					if before, voted := values[c.Data.Idea]; voted && before == c.Data.Value || !voted && c.Data.Value != 1 {
						t.Fatalf("nothing changes: %+v", c)
					}
					seen[c.ID], values[c.Data.Idea] = true, c.Data.Value
				}
			}
		}
	})
}
