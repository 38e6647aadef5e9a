package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/intake"
)

// channel is a way for a command to come in.
type channel struct {
	name string
	send func(who person, c command) reply
}

// channels are the three ways into a campaign. Sockets are opened once for each person.
func (w *world) channels(campaignID string) []channel {
	socks := map[string]*sock{}
	return []channel{
		{"socket", func(who person, c command) reply {
			for range 5 { // a reset ends a socket; a client comes back and sends what is unanswered again
				if socks[who.token] == nil {
					socks[who.token] = w.open(campaignID, who)
				}
				if r, ok := socks[who.token].attempt(c); ok {
					return r
				}
				if code := socks[who.token].closeCode(); code/100 != 40 {
					w.t.Fatalf("%s by %s: the socket ended with %d", c.Type, who.name, code)
				}
				delete(socks, who.token)
			}
			w.t.Fatalf("%s by %s is not answered", c.Type, who.name)
			return reply{}
		}},
		{"http", func(who person, c command) reply { return w.send(campaignID, who, c) }},
		{"list", func(who person, c command) reply {
			var replies []reply
			w.must(http.StatusOK, &replies, "POST", "/api/v1/campaigns/"+campaignID+"/commands", []command{c}, "Bearer", who.token)
			return replies[0]
		}},
	}
}

// batch does many commands of one person that must succeed, and gives what they made.
func (w *world) batch(campaignID string, who person, list []command) (made []string) {
	w.t.Helper()
	for from := 0; from < len(list); from += 100 {
		var replies []reply
		w.must(http.StatusOK, &replies, "POST", "/api/v1/campaigns/"+campaignID+"/commands", list[from:min(from+100, len(list))], "Bearer", who.token)
		for n, r := range replies {
			if r.Error != nil {
				w.t.Fatalf("%s as %s: %+v", list[from+n].Type, who.role, r.Error)
			}
			made = append(made, r.made())
		}
	}
	return made
}

// target is what the commands of one cell of the matrix act on: the same in every channel, but other objects.
type target struct {
	other, hidden, own       string // ideas
	otherComment, ownComment string
	victim                   string
}

// attempts are commands against a target. plain ones have nothing wrong with them but, perhaps, who sends them and when.
func (g target) attempts(self, stage string) (plain, faulty []command) {
	plain = []command{
		newCommand("idea.post", "title", "Nog een idee"),
		newCommand("support.set", "idea", g.other, "value", 1),
		newCommand("support.set", "idea", g.other, "value", 0),
		newCommand("support.set", "idea", g.hidden, "value", 1),
		newCommand("comment.post", "idea", g.other, "kind", "question", "text", "Hoezo?"),
		newCommand("comment.post", "idea", g.hidden, "kind", "question", "text", "Hoezo?"),
		newCommand("comment.edit", "comment", g.otherComment, "kind", "concern", "text", "Veranderd"),
		newCommand("comment.edit", "comment", g.ownComment, "kind", "concern", "text", "Veranderd"),
		newCommand("comment.moderate", "comment", g.otherComment, "action", "hide", "reason", "Zomaar"),
		newCommand("comment.retract", "comment", g.otherComment),
		newCommand("comment.retract", "comment", g.ownComment),
		newCommand("idea.edit", "idea", g.other, "title", "Veranderd"),
		newCommand("idea.edit", "idea", g.own, "title", "Veranderd"),
		newCommand("idea.edit", "idea", g.hidden, "title", "Veranderd"),
		newCommand("idea.report", "idea", g.other, "reason", "Niet goed"),
		newCommand("idea.report", "idea", g.hidden, "reason", "Niet goed"),
		newCommand("idea.moderate", "idea", g.other, "action", "lock", "reason", ""),
		newCommand("comment.post", "idea", g.other, "kind", "support", "text", "Als het op slot is"),
		newCommand("idea.moderate", "idea", g.other, "action", "unlock", "reason", ""),
		newCommand("idea.moderate", "idea", g.other, "action", "approve", "reason", ""),
		newCommand("idea.answer", "idea", g.other, "status", "accepted", "reason", "Ja"),
		newCommand("idea.retract", "idea", g.other),
		newCommand("idea.retract", "idea", g.own),
		newCommand("stage.set", "stage", stage),
		newCommand("campaign.edit", "title", "Gelijke wegen"),
		newCommand("participant.rename", "participant", self, "name", "Zelf"),
		newCommand("participant.rename", "participant", g.victim, "name", "Iemand"),
		newCommand("participant.mute", "participant", g.victim, "reason", "Luid"),
		newCommand("role.grant", "participant", g.victim, "role", "facilitator"),
		newCommand("role.revoke", "participant", g.victim),
		newCommand("participant.remove", "participant", g.victim, "reason", "Weg"),
	}
	faulty = []command{
		newCommand("support.set", "idea", g.other, "value", 2),
		newCommand("support.set", "idea", g.other),
		newCommand("support.set", "idea", newUUID(), "value", 1),
		newCommand("support.set", "idea", g.other, "value", 1, "group", 3),
		newCommand("idea.post", "title", ""),
		newCommand("idea.post", "title", 7),
		newCommand("idea.edit", "idea", g.own),
		newCommand("idea.moderate", "idea", g.other, "action", "approved", "reason", ""),
		newCommand("comment.post", "idea", g.other, "kind", "rant", "text", "?"),
		newCommand("comment.retract", "comment", newUUID()),
		newCommand("stage.set", "stage", "nowhere"),
		newCommand("participant.remove", "participant", newUUID()),
		newCommand("role.grant", "participant", g.victim, "role", "admin"),
		newCommand("campaign.create", "title", "x"),
		newCommand("participant.join", "group", "citizen", "role", "organiser"),
		newCommand("person.erased", "participant", g.victim),
		newCommand("round.open", "method", "dots"),
		newCommand("checkpoint", "seq", 1),
		newCommand("epoch", "epoch", 9),
	}
	return plain, faulty
}

// TestChannels is T6 and T10: every command, by every role, in every stage, has the same outcome over the socket, over HTTP and in a list; what a role does
// not hold is forbidden over each of them.
func TestChannels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create("Gelijke wegen", nil)
	maker, hider := w.join(c, "Maker"), w.join(c, "Verstopt")
	roles := []person{
		w.join(c, "Deelnemer"), w.join(c, "Zwijger"), w.invite(c, "observer", "Scherm"), w.invite(c, "facilitator", "Begeleider"), organiser,
	}
	muted := &roles[1]
	roles[4].id = w.me(c, organiser)
	stages := []string{"collect", "refine", "vote", "result", "draft"}
	ways := w.channels(c)

	// What the cells act on is made while everything is open.
	targets := map[string]*target{}
	var cells []*target
	for _, role := range roles {
		for _, stage := range stages {
			for _, way := range ways {
				g := &target{victim: w.join(c, "Slachtoffer").id}
				targets[role.token+stage+way.name] = g
				cells = append(cells, g)
			}
		}
	}
	posts := make([]command, len(cells))
	fill := func(make func(n int) command) []command {
		for n := range posts {
			posts[n] = make(n)
		}
		return posts
	}
	for n, made := range w.batch(c, maker, fill(func(n int) command { return newCommand("idea.post", "title", fmt.Sprint("Idee ", n)) })) {
		cells[n].other = made
	}
	for n, made := range w.batch(c, hider, fill(func(n int) command { return newCommand("idea.post", "title", fmt.Sprint("Verborgen ", n)) })) {
		cells[n].hidden = made
	}
	w.batch(c, organiser, fill(func(n int) command {
		return newCommand("idea.moderate", "idea", cells[n].hidden, "action", "hide", "reason", "x")
	}))
	for n, made := range w.batch(c, maker, fill(func(n int) command {
		return newCommand("comment.post", "idea", cells[n].other, "kind", "question", "text", "?")
	})) {
		cells[n].otherComment = made
	}
	each := len(stages) * len(ways)
	for r, role := range roles {
		mine := cells[r*each : (r+1)*each]
		if role.role == "observer" {
			for _, g := range mine {
				g.own, g.ownComment = g.other, g.otherComment // it has none
			}
			continue
		}
		posts = posts[:each]
		for n, made := range w.batch(c, role, fill(func(n int) command { return newCommand("idea.post", "title", fmt.Sprint("Eigen ", n)) })) {
			mine[n].own = made
		}
		for n, made := range w.batch(c, role, fill(func(n int) command {
			return newCommand("comment.post", "idea", mine[n].other, "kind", "support", "text", "!")
		})) {
			mine[n].ownComment = made
		}
	}
	w.did(c, organiser, newCommand("participant.mute", "participant", muted.id))

	cases, outcomes := 0, map[string]int{}
	for _, stage := range stages {
		w.did(c, organiser, newCommand("stage.set", "stage", stage))
		for _, role := range roles {
			var first []string
			for _, way := range ways {
				plain, faulty := targets[role.token+stage+way.name].attempts(role.id, stage)
				var got []string
				for n, cmd := range append(plain, faulty...) {
					r := way.send(role, cmd)
					outcome := "done"
					if r.Error != nil {
						outcome = fmt.Sprint(*r.Error)
					}
					got = append(got, fmt.Sprintf("%s %v %s made=%t", cmd.Type, n, outcome, r.made() != ""))
					holds := campaign.Role(role.role).Holds(cmd.Type)
					if n < len(plain) && !holds && r.code() != "forbidden" {
						t.Errorf("%s by %s in %s over %s: %q, want forbidden", cmd.Type, role.name, stage, way.name, outcome)
					}
					if n >= len(plain) && r.Error == nil {
						t.Errorf("%s %v by %s in %s over %s was done", cmd.Type, cmd.Data, role.name, stage, way.name)
					}
					outcomes[r.code()]++
					cases++
				}
				if first == nil {
					first = got
				} else if !slices.Equal(got, first) {
					for n := range got {
						if got[n] != first[n] {
							t.Errorf("%s in %s: over %s %q, over the socket %q", role.name, stage, way.name, got[n], first[n])
						}
					}
				}
			}
		}
	}
	t.Logf("%d cases: %v", cases, outcomes)
	if cases < 3000 || outcomes[""] == 0 || outcomes["forbidden"] == 0 || outcomes["phase_closed"] == 0 || outcomes["not_found"] == 0 {
		t.Error("the matrix does not reach every kind of outcome")
	}
}

// me is the caller's id in a campaign.
func (w *world) me(campaignID string, who person) string {
	w.t.Helper()
	var me struct{ ID string }
	w.must(http.StatusOK, &me, "GET", "/api/v1/campaigns/"+campaignID+"/me", nil, "Bearer", who.token)
	return me.ID
}

// TestEveryCommandIsTried keeps the matrix above complete: a command that intake learns must be tried there.
func TestEveryCommandIsTried(t *testing.T) {
	plain, _ := target{}.attempts("", "")
	for _, kind := range intake.Types() {
		if !slices.ContainsFunc(plain, func(c command) bool { return c.Type == kind }) {
			t.Errorf("TestChannels does not try %s", kind)
		}
	}
}

// TestRepeatedOverChannels is T6 and T30: one command over every way is done once, and its id is its sender's: sent by somebody else it is forbidden.
func TestRepeatedOverChannels(t *testing.T) {
	w := newWorld(t)
	c := w.create("Herhaald", nil)
	ana, ben, fay := w.join(c, "Ana"), w.join(c, "Ben"), w.invite(c, "facilitator", "Fay")
	idea := w.post(c, fay, "Van de begeleider")
	ways := w.channels(c)
	for _, cmd := range []command{
		newCommand("idea.post", "title", "Eén keer"), newCommand("support.set", "idea", idea, "value", 1),
		newCommand("comment.post", "idea", idea, "kind", "question", "text", "Eén keer?"),
	} {
		var first reply
		for range 2 {
			for _, way := range ways {
				r := way.send(ana, cmd)
				if first.Seq == 0 {
					first = r
				}
				if r.Error != nil || r.Seq != first.Seq || string(r.Data) != string(first.Data) {
					t.Errorf("%s again over %s: %+v %s, want %d %s", cmd.Type, way.name, r, r.Data, first.Seq, first.Data)
				}
			}
		}
		for _, thief := range []person{ben, fay, organiser} {
			for _, way := range ways {
				if r := way.send(thief, cmd); r.code() != "forbidden" {
					t.Errorf("%s of another over %s by %s: %+v", cmd.Type, way.name, thief.role, r)
				}
			}
		}
		other := cmd
		other.Data = map[string]any{}
		for k, v := range cmd.Data {
			other.Data[k] = v
		}
		if cmd.Type == "support.set" {
			other.Data["value"] = 0
		} else {
			other.Data["text"] = "iets anders"
		}
		for _, way := range ways {
			if r := way.send(ana, other); r.code() != "conflict" {
				t.Errorf("another %s under the same id over %s: %+v", cmd.Type, way.name, r)
			}
		}
	}
	var snap struct {
		Ideas []struct {
			Title    string
			Support  struct{ Total int }
			Comments []json.RawMessage
		}
	}
	w.must(http.StatusOK, &snap, "GET", "/api/v1/campaigns/"+c, nil, "Bearer", ana.token)
	if len(snap.Ideas) != 2 || snap.Ideas[0].Support.Total != 1 || len(snap.Ideas[0].Comments) != 1 {
		t.Errorf("after repetitions: %+v", snap)
	}
}
