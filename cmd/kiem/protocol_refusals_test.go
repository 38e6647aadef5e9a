package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func (s *protoScript) refusals(t *testing.T) {
	ana := s.client(t, s.ana).connect()
	own, _ := ana.post("Van Ana")
	s.remember(own, "Van Ana")
	ben := s.client(t, s.ben).connect()
	before := ben.must(setSupport(newUUID(), own, 1)).Seq
	s.support[own]++
	command := func(kind string, data map[string]any) protoCommand {
		return protoCommand{ID: newUUID(), Type: kind, Data: data}
	}
	idea := func(field string, value any) protoCommand {
		cmd := postIdea(newUUID(), "Een titel")
		cmd.Data.(map[string]any)[field] = value
		return cmd
	}
	ben.refuse(command("idea.levitate", map[string]any{}), "bad_request")
	ben.refuse(idea("colour", "green"), "bad_request")
	ben.refuse(idea("title", 7), "bad_request")
	ben.refuse(idea("title", ""), "bad_request")
	ben.refuse(idea("title", strings.Repeat("t", 121)), "too_large", "bad_request")
	ben.refuse(idea("text", strings.Repeat("t", 8193)), "too_large")
	ben.refuse(idea("innovation", []string{"magic"}), "bad_request")
	ben.refuse(idea("text", "links \u202e rechts"), "bad_request")
	ben.refuse(command("support.set", map[string]any{"idea": own, "value": 2}), "bad_request")
	ben.refuse(command("support.set", map[string]any{"idea": own, "value": 0.5}), "bad_request")
	ben.refuse(command("support.set", map[string]any{"idea": own, "value": -1}), "bad_request", "forbidden")
	ben.refuse(command("support.set", map[string]any{"idea": newUUID(), "value": 1}), "not_found")
	for _, forbidden := range []protoCommand{
		command("stage.set", map[string]any{"stage": "vote"}),
		command("idea.moderate", map[string]any{"idea": own, "action": "hide", "reason": "zomaar"}),
		command("idea.answer", map[string]any{"idea": own, "status": "accepted", "reason": "zomaar"}),
		command("participant.remove", map[string]any{"participant": s.ana.Participant.ID, "reason": "zomaar"}),
		command("role.grant", map[string]any{"participant": s.ben.Participant.ID, "role": "organiser"}),
		command("campaign.edit", map[string]any{"title": "Van mij"}),
		command("idea.retract", map[string]any{"idea": own, "reason": "zomaar"}),
		command("idea.edit", map[string]any{"idea": own, "title": "Van Ben"}),
	} {
		ben.refuse(forbidden, "forbidden")
	}
	// The admin token is organiser of what it created, and cannot vote.
	if f := s.command(t, adminToken, setSupport(newUUID(), own, 1)); f.Error == nil || f.Error.Code != "forbidden" {
		t.Errorf("the admin token voted: %+v", f)
	}
	// A field that is wrong is named.
	if f := ben.do(idea("title", 7)); f.Error == nil || f.Error.Field != "title" {
		t.Errorf("a bad title: %+v", f.Error)
	}
	// Nothing of all this changed anything: nobody saw an event of it.
	marker, seq := ana.post("Na de weigeringen")
	s.remember(marker, "Na de weigeringen")
	ben.wait("the entry after", func() bool { return ben.at >= seq })
	ben.mu.Lock()
	defer ben.mu.Unlock()
	for _, e := range ben.events {
		if e.Seq > before && e.Type != "idea.post" {
			t.Errorf("a refused command caused %s in entry %d", e.Type, e.Seq)
		}
	}
	if got := ben.tallies[own].Support; got != 1 {
		t.Errorf("support is %d, want 1", got)
	}
}

// protocolErrors sends what is no command. The server answers with a code, goes on, and at last has enough.
func (s *protoScript) protocolErrors(t *testing.T) {
	ben := s.client(t, s.ben).connect()
	for _, garbage := range []string{"", "{", "null", `"idea.post"`, `{"id":1}`, `{"id":"no-uuid","type":"support.set","data":{}}`, strings.Repeat("[", 5000)} {
		n := ben.answered()
		if err := ben.write([]byte(garbage)); err != nil {
			t.Fatal(err)
		}
		ben.wait(fmt.Sprintf("an answer to %.20q", garbage), func() bool { return len(ben.strays)+ben.answers > n })
		ben.cut() // a new connection each time: repeated errors may end one
		ben.connect()
	}
	ben.mu.Lock()
	for _, f := range ben.strays {
		if f.Error == nil || f.Error.Code != "bad_request" && f.Error.Code != "too_large" {
			t.Errorf("garbage was answered with %+v", f)
		}
	}
	ben.mu.Unlock()
	ben.cut()

	ben = s.client(t, s.ben).connect()
	big := postIdea(newUUID(), "Te groot")
	big.Data.(map[string]any)["text"] = strings.Repeat("x", 70_000)
	if err := ben.send(big); err != nil {
		t.Fatal(err)
	}
	ben.wait("an answer to a frame over 64 KiB", func() bool { return len(ben.strays)+ben.answers > 0 })
	ben.cut()

	ben = s.client(t, s.ben).connect()
	for range 1000 {
		if ben.write([]byte("{")) != nil {
			break // closed meanwhile
		}
	}
	if code := ben.closeCode(); code != 4102 {
		t.Errorf("after a thousand protocol errors the socket ended with %d, want 4102", code)
	}
	// Nobody else noticed.
	s.client(t, s.ana).connect().must(setSupport(newUUID(), s.anyIdea(), 0))
}

// anyIdea is an idea that exists and that Ana does not support.
func (s *protoScript) anyIdea() string {
	for id := range s.posted {
		return id
	}
	return ""
}

// preModeration: with settings.moderation "pre" others see an idea only once it is approved, and then whole.
func (s *protoScript) preModeration(t *testing.T) {
	id, code := s.create(t, "Met nazicht", map[string]any{"moderation": "pre"})
	ana, ben := s.join(t, code, "Ana", "citizen"), s.join(t, code, "Ben", "firm")
	author, other := newClient(t, s.server, id, ana.Token).connect(), newClient(t, s.server, id, ben.Token).connect()
	const canary = "kanarie-7f3a"
	idea, seq := author.post(canary)
	other.wait("the entry of the post", func() bool { return other.at >= seq })
	_, _, text := s.server.call("GET", "/campaigns/"+id, ben.Token, nil)
	if got := other.seen(); len(got) != 0 || strings.Contains(string(text), canary) {
		t.Errorf("others see the idea before it is approved: events %v", got)
	}
	other.refuse(setSupport(newUUID(), idea, 1), "not_found")
	old := s.campaign
	s.campaign = id
	f := s.command(t, adminToken, protoCommand{ID: newUUID(), Type: "idea.moderate", Data: map[string]any{"idea": idea, "action": "approve", "reason": ""}})
	s.campaign = old
	if f.Error != nil {
		t.Fatalf("approving: %+v", f.Error)
	}
	other.wait("the approved idea", func() bool {
		for _, e := range other.events {
			if strings.Contains(string(e.Data), canary) {
				return true
			}
		}
		return false
	})
	other.must(setSupport(newUUID(), idea, 1))
}

func (s *protoScript) phaseClosed(t *testing.T) {
	ana, ben := s.client(t, s.ana).connect(), s.client(t, s.ben).connect()
	idea := s.anyIdea()
	f := s.command(t, adminToken, protoCommand{ID: newUUID(), Type: "stage.set", Data: map[string]any{"stage": "result"}})
	if f.Error != nil {
		t.Fatalf("stage.set: %+v", f.Error)
	}
	ben.wait("the stage", func() bool {
		return slices.ContainsFunc(ben.events, func(e protoEvent) bool { return e.Type == "stage.set" })
	})
	ana.refuse(postIdea(newUUID(), "Te laat"), "phase_closed")
	ben.refuse(setSupport(newUUID(), idea, 1), "phase_closed")
	ben.refuse(protoCommand{ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": idea, "kind": "question", "text": "Te laat?"}}, "phase_closed")
}
