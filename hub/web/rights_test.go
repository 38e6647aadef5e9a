package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// burst keeps sending commands over the ways until told to stop, and notes what became of them.
type burst struct {
	mu       sync.Mutex
	accepted map[string]uint64 // command id -> entry
	refused  int
	stop     chan struct{}
	done     sync.WaitGroup
}

func (b *burst) note(id string, r reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Error == nil && r.Seq > 0 {
		b.accepted[id] = r.Seq
		return
	}
	b.refused++
}

func (b *burst) counts() (accepted, refused int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.accepted), b.refused
}

// startBurst sends what next gives over a socket and over HTTP at the same time.
func (w *world) startBurst(campaign string, who person, next func() command) *burst {
	b := &burst{accepted: map[string]uint64{}, stop: make(chan struct{})}
	s := w.open(campaign, who)
	b.done.Go(func() {
		for b.going() {
			c := next()
			r, ok := s.attempt(c)
			if !ok {
				return
			}
			b.note(c.ID, r)
		}
	})
	b.done.Go(func() {
		for b.going() {
			c := next()
			a, err := w.try("POST", "/api/v1/campaigns/"+campaign+"/commands", c, "Bearer", who.token)
			if err != nil {
				return
			}
			b.note(c.ID, replyOf(a))
		}
	})
	return b
}

func (b *burst) going() bool {
	select {
	case <-b.stop:
		return false
	default:
		return true
	}
}

func (b *burst) end() {
	close(b.stop)
	b.done.Wait()
}

// TestRightsEndAtOnce is T12: while somebody sends as fast as they can over two ways, their right to it is taken. Nothing is accepted in an entry after the one that
// took it, and the refusals that follow are for the right reason.
func TestRightsEndAtOnce(t *testing.T) {
	t.Parallel()
	for _, ends := range []struct {
		name    string
		role    string
		right   func(w *world, campaign, idea string) func() command
		command func(who person) command
	}{
		{"a facilitator is demoted", "facilitator", flips, func(who person) command { return newCommand("role.revoke", "participant", who.id) }},
		{"a facilitator becomes an observer", "facilitator", votes, func(who person) command { return newCommand("role.grant", "participant", who.id, "role", "observer") }},
		{"a participant is removed while voting", "participant", votes, func(who person) command { return newCommand("participant.remove", "participant", who.id) }},
		{"a participant is removed while writing", "participant", comments, func(who person) command { return newCommand("participant.remove", "participant", who.id) }},
		{"a participant is muted", "participant", comments, func(who person) command { return newCommand("participant.mute", "participant", who.id) }},
		{"the stage closes", "participant", votes, func(person) command { return newCommand("stage.set", "stage", "result") }},
	} {
		t.Run(ends.name, func(t *testing.T) {
			w := newWorld(t)
			c := w.create("Rechten", nil)
			idea := w.post(c, w.join(c, "Ana"), "Doel")
			who := w.join(c, "Wie")
			if ends.role != "participant" {
				who = w.invite(c, ends.role, "Wie")
			}
			b := w.startBurst(c, who, ends.right(w, c, idea))
			await(t, "accepted commands", func() bool { n, _ := b.counts(); return n >= 20 })
			r := w.send(c, organiser, ends.command(who))
			if r.Error != nil {
				t.Fatalf("%+v", r.Error)
			}
			await(t, "refusals", func() bool { _, n := b.counts(); return n >= 5 })
			b.end()
			late := 0
			for id, seq := range b.accepted {
				if seq > r.Seq {
					late++
					t.Errorf("command %s was accepted in entry %d, after entry %d", id, seq, r.Seq)
				}
			}
			t.Logf("%d accepted before entry %d, %d refused", len(b.accepted), r.Seq, b.refused)
		})
	}
}

func flips(_ *world, _, idea string) func() command {
	return func() command { return newCommand("idea.moderate", "idea", idea, "action", "pin", "reason", "") }
}

func votes(_ *world, _, idea string) func() command {
	return func() command { return newCommand("support.set", "idea", idea, "value", 1) }
}

func comments(_ *world, _, idea string) func() command {
	return func() command { return newCommand("comment.post", "idea", idea, "kind", "question", "text", "Nog een") }
}

// TestRemovedIsCut is T12 for what is open: removal ends sockets with 4101 and sessions at once, on every address; a change of role ends sockets so that they
// come back and see no more than they may.
func TestRemovedIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create("Afgesneden", nil)
	gone, fay := w.join(c, "Weg"), w.invite(c, "facilitator", "Fay")
	socks := []*sock{w.open(c, gone), w.open(c, gone)}
	w.did(c, fay, newCommand("participant.remove", "participant", gone.id))
	for _, s := range socks {
		if code := s.closeCode(); code != 4101 {
			t.Errorf("the socket of somebody removed ended with %d", code)
		}
	}
	for _, call := range campaignCalls {
		if a := w.do(call.method, "/api/v1/campaigns/"+c+call.path, call.body, "Bearer", gone.token); a.status != http.StatusUnauthorized && call.path != "/live" && call.path != "/results" {
			t.Errorf("%s %s after removal: %v", call.method, call.path, a)
		}
	}
	if s, a := w.dial(c, "Bearer", gone.token); s == nil || s.closeCode() != 4100 {
		t.Errorf("a socket after removal: %v", a)
	}
	// The same over a socket: the one that removes is read on its own way.
	second := w.join(c, "Ook weg")
	cut := w.open(c, second)
	if r := w.open(c, fay).send(newCommand("participant.remove", "participant", second.id)); r.Error != nil {
		t.Fatalf("%+v", r.Error)
	}
	if code := cut.closeCode(); code != 4101 {
		t.Errorf("ended with %d", code)
	}
	await(t, "the end of the session", func() bool {
		return w.do("GET", "/api/v1/me", nil, "Bearer", second.token).status == http.StatusUnauthorized
	})

	// A facilitator who is demoted no longer sees what waits.
	idea := w.post(c, w.join(c, "Ana"), "Verborgen voor wie niet begeleidt")
	w.did(c, organiser, newCommand("idea.moderate", "idea", idea, "action", "hide", "reason", "x"))
	s := w.open(c, fay)
	w.did(c, organiser, newCommand("role.revoke", "participant", fay.id))
	if code := s.closeCode(); code != 4003 {
		t.Errorf("the socket of a demoted facilitator ended with %d", code)
	}
	again := w.open(c, fay, "Query", "after=1&epoch=1")
	seq := w.send(c, organiser, newCommand("idea.moderate", "idea", idea, "action", "lock", "reason", "")).Seq
	if !again.reset {
		again.seen(seq)
	}
	text := again.text() + w.do("GET", "/api/v1/campaigns/"+c, nil, "Bearer", fay.token).all()
	if strings.Contains(text, "Verborgen voor wie") {
		t.Errorf("a demoted facilitator goes on seeing hidden ideas: %s", text)
	}
	w.refused(403, "forbidden", "GET", "/api/v1/campaigns/"+c+"/participants", nil, "Bearer", fay.token)
	w.refused(403, "forbidden", "GET", "/api/v1/campaigns/"+c+"/export", nil, "Bearer", fay.token)
	for _, role := range []string{"observer", "facilitator", "organiser"} {
		w.refused(403, "forbidden", "POST", "/api/v1/campaigns/"+c+"/links", map[string]any{"role": role}, "Bearer", fay.token)
	}
}

// TestLinksNeedRights is T10 for invitations: who may not give a role cannot invite to it, and nobody can invite to what is no role.
func TestLinksNeedRights(t *testing.T) {
	w := newWorld(t)
	c := w.create("Uitnodigen", nil)
	allowed := map[string][]string{"participant": nil, "observer": nil, "facilitator": {"observer"}, "organiser": {"observer", "facilitator", "organiser"}}
	for _, who := range []person{w.join(c, "Ana"), w.invite(c, "observer", "Scherm"), w.invite(c, "facilitator", "Fay"), w.invite(c, "organiser", "Oda"), organiser} {
		for _, role := range []string{"observer", "facilitator", "organiser"} {
			a := w.do("POST", "/api/v1/campaigns/"+c+"/links", map[string]any{"role": role}, "Bearer", who.token)
			want := http.StatusForbidden
			if strings.Contains(fmt.Sprint(allowed[who.role]), role) {
				want = http.StatusCreated
			}
			if a.status != want {
				t.Errorf("%s invites a %s: %v, want %d", who.role, role, a, want)
			}
		}
		for _, role := range []string{"", "participant", "admin", "Organiser", "organiser ", "juror"} {
			if a := w.do("POST", "/api/v1/campaigns/"+c+"/links", map[string]any{"role": role}, "Bearer", who.token); a.status/100 != 4 {
				t.Errorf("%s invites a %q: %v", who.role, role, a)
			}
		}
	}
}

// replyOf reads an answer to a command.
func replyOf(a answer) (r reply) {
	if err := json.Unmarshal(a.body, &r); err != nil {
		r.Error = &replyError{Code: "no JSON"}
	}
	return r
}
