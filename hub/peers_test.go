package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"kiem/hub/bus"
	"kiem/hub/journal/memlog"
)

// TestPeers: nodes hear of each other, and forget who falls silent.
func TestPeers(t *testing.T) {
	var p peers
	p.all = map[string]Peer{}
	at := time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)
	say := func(node string, at time.Time) {
		text, err := json.Marshal(Peer{Node: node, Version: "1", Connections: 3, Ready: true})
		if err != nil {
			t.Fatal(err)
		}
		p.heard("self", text, at)
	}
	say("b", at)
	say("a", at.Add(time.Second))
	say("self", at)
	for _, bad := range []string{"", "{", "null", "[]", `{"node":""}`, `{"node":7}`, `{"node":"` + strings.Repeat("x", maxPeer) + `"}`} {
		p.heard("self", []byte(bad), at)
	}
	if list := p.list(at.Add(time.Second)); len(list) != 2 || list[0].Node != "a" || list[1].Connections != 3 || !list[1].Heard.Equal(at) {
		t.Errorf("%+v", list)
	}
	if list := p.list(at.Add(bus.Silence)); len(list) != 1 || list[0].Node != "a" {
		t.Errorf("who fell silent is still there: %+v", list)
	}
	for n := range 2 * maxPeers {
		say(fmt.Sprint("node ", n), at)
	}
	if len(p.all) > maxPeers {
		t.Errorf("%d nodes are remembered", len(p.all))
	}
}

// FuzzPeer: whatever somebody publishes, a node is remembered with what it said or passed over.
func FuzzPeer(f *testing.F) {
	f.Add([]byte(`{"node":"0011","version":"1.0","started":"2026-11-24T20:00:00Z","connections":3,"rooms":2,"ready":true}`))
	f.Add([]byte(`{"node":"\u0000","connections":-1}`))
	f.Fuzz(func(t *testing.T, message []byte) {
		var p peers
		p.all = map[string]Peer{}
		p.heard("self", message, time.Now())
		for _, one := range p.list(time.Now()) {
			text, err := json.Marshal(one)
			if err != nil {
				return // a year that JSON has no room for
			}
			again := peers{all: map[string]Peer{}}
			again.heard("self", bytes.Clone(text), one.Heard)
			if list := again.list(one.Heard); len(text) <= maxPeer && (len(list) != 1 || list[0] != one) {
				t.Fatalf("%+v is remembered as %+v", one, list)
			}
		}
	})
}

// TestPeersOverTheBus: two nodes on one store hear of each other within seconds, and a third that stands alone hears nobody.
func TestPeersOverTheBus(t *testing.T) {
	s := newStand(t, memlog.Options{Shared: true}, func(c *Config) { c.Version = "one" })
	_, other := s.node(memlog.Options{Shared: true}, func(c *Config) { c.Version = "two" })
	for _, one := range []struct {
		hears, heard *Hub
		version      string
	}{{s.hub, other, "two"}, {other, s.hub, "one"}} {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for until := time.Now().Add(30 * time.Second); ; <-tick.C {
			list := one.hears.Peers()
			if len(list) == 1 && list[0].Node == one.heard.Node() && list[0].Version == one.version && list[0].Ready && list[0].Rooms > 0 {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("after 30 s a node hears %+v", list)
			}
		}
	}
	alone := newStand(t, memlog.Options{}, nil)
	if list := alone.hub.Peers(); len(list) != 0 {
		t.Errorf("a node alone hears %+v", list)
	}
}

// TestHeads: rooms that are awake, the directory first, and not more than asked for.
func TestHeads(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	s.post(s.join("Ana"), "Iets")
	list := s.hub.Heads(t.Context(), 10)
	if len(list) != 2 || list[0].Log != directoryLog || list[1].Log != s.log || list[1].Entry != s.head() || list[1].Epoch != 1 || len(list[1].Hash) != 64 {
		t.Errorf("%+v", list)
	}
	if one := s.hub.Heads(t.Context(), 1); len(one) != 1 || one[0].Log != directoryLog {
		t.Errorf("asked for one: %+v", one)
	}
	if d, c := s.hub.Applied(); d != list[0].Entry || c != list[1].Entry {
		t.Errorf("applied %d and %d, the heads are %+v", d, c, list)
	}
	if n, err := s.hub.Campaigns(t.Context()); n != 1 || err != nil {
		t.Errorf("%d campaigns, %v", n, err)
	}
}
