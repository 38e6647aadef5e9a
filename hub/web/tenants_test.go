package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestTenants is T9: every id of one campaign is tried in another, by every role there, over every way; and nothing of the first is seen, changed or
// even known to exist.
func TestTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.create("Stad A", nil)
	ana := w.join(a, "Ana")
	idea := w.post(a, ana, "Alleen in A")
	comment := w.did(a, ana, newCommand("comment.post", "idea", idea, "kind", "question", "text", "Alleen in A?"))
	snapshot := func() answer {
		return w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+a, nil, "Bearer", ana.token)
	}
	before := snapshot()

	b := w.create("Stad B", nil)
	own := w.post(b, w.join(b, "Bert"), "In B")
	secretOfA := w.invitation(a, "facilitator")
	roles := []person{w.join(b, "Bo"), w.invite(b, "observer", "Scherm B"), w.invite(b, "facilitator", "Fay B"), w.invite(b, "organiser", "Organisator B"), organiser}
	ways := w.channels(b)
	for _, who := range roles {
		credentials := [][]string{{"Bearer", who.token}}
		if who.token != operatorToken {
			credentials = append(credentials, []string{"Cookie", who.token, "Origin", "http://" + w.http.Listener.Addr().String()})
		}
		for _, with := range credentials {
			if who.token == operatorToken {
				break // is organiser in both
			}
			for _, call := range campaignCalls {
				if got := w.do(call.method, "/api/v1/campaigns/"+a+call.path, call.body, with...); got.status != http.StatusNotFound && call.path != "/live" {
					t.Errorf("%s %s of A by %s of B: %v", call.method, call.path, who.name, got)
				}
			}
			if s, got := w.dial(a, with...); s == nil || s.closeCode() != 4100 || s.text() != "" {
				t.Errorf("the socket of A by %s of B: %v", who.name, got)
			}
		}
		for _, c := range []command{
			newCommand("support.set", "idea", idea, "value", 1), newCommand("comment.post", "idea", idea, "kind", "question", "text", "?"),
			newCommand("comment.post", "idea", own, "reply_to", comment, "kind", "question", "text", "?"), newCommand("idea.edit", "idea", idea, "title", "?"),
			newCommand("idea.moderate", "idea", idea, "action", "hide", "reason", ""), newCommand("idea.answer", "idea", idea, "status", "done", "reason", "?"),
			newCommand("idea.report", "idea", idea, "reason", "?"), newCommand("idea.retract", "idea", idea),
			newCommand("comment.edit", "comment", comment, "kind", "question", "text", "?"), newCommand("comment.retract", "comment", comment),
			newCommand("comment.moderate", "comment", comment, "action", "hide", "reason", ""),
			newCommand("participant.remove", "participant", ana.id), newCommand("participant.mute", "participant", ana.id),
			newCommand("participant.rename", "participant", ana.id, "name", "Gestolen"), newCommand("role.grant", "participant", ana.id, "role", "observer"),
			newCommand("role.revoke", "participant", ana.id), newCommand("role.grant", "participant", who.id, "role", "organiser", "campaign", a),
		} {
			for _, way := range ways {
				if r := way.send(who, c); r.Error == nil || r.code() != "not_found" && r.code() != "forbidden" && r.code() != "bad_request" {
					t.Errorf("%s with an id of A by %s of B over %s: %+v", c.Type, who.name, way.name, r)
				}
			}
		}
	}
	// Whoever joined B cannot join A by B's participant, and A's invitation leads into A only.
	for _, body := range []map[string]any{
		{"code": w.codes[b], "name": "X", "campaign": a, "key": newUUID()}, {"code": w.codes[b], "name": "X", "participant": ana.id, "key": newUUID()},
	} {
		w.refused(400, "bad_request", "POST", "/api/v1/join", body)
	}
	var came struct{ Campaign struct{ ID string } }
	w.must(http.StatusCreated, &came, "POST", "/api/v1/invite", map[string]any{"token": secretOfA, "name": "Via A"})
	if came.Campaign.ID != a {
		t.Errorf("an invitation of A leads to %s", came.Campaign.ID)
	}
	// The same person's key in another campaign is another participant: ids do not link campaigns.
	key := newUUID()
	var inA, inB struct{ Participant struct{ ID string } }
	w.must(http.StatusCreated, &inA, "POST", "/api/v1/join", map[string]any{"code": w.codes[a], "name": "Zelfde", "group": "citizen", "key": key})
	w.must(http.StatusCreated, &inB, "POST", "/api/v1/join", map[string]any{"code": w.codes[b], "name": "Zelfde", "group": "citizen", "key": key})
	if inA.Participant.ID == inB.Participant.ID {
		t.Error("one key is the same participant in two campaigns")
	}
	for _, who := range roles[:4] {
		text := w.do("GET", "/api/v1/campaigns", nil, "Bearer", who.token).all() + w.do("GET", "/api/v1/me", nil, "Bearer", who.token).all() +
			w.do("GET", "/api/v1/campaigns/"+b, nil, "Bearer", who.token).all()
		for _, mark := range []string{a, idea, comment, ana.id, "Stad A", "Alleen in A", w.codes[a]} {
			if strings.Contains(text, mark) {
				t.Errorf("%s of B is shown %q of A", who.name, mark)
			}
		}
	}
	after := snapshot()
	cut := func(x answer) []byte { _, rest, _ := bytes.Cut(x.body, []byte(`"ideas":`)); return rest }
	if !bytes.Equal(cut(before), cut(after)) {
		t.Errorf("A changed: %s", cut(after))
	}
}

// TestStrayIds is T9 for what stands in an address: whatever is no id of a campaign of the caller's is not found, and never anything else.
func TestStrayIds(t *testing.T) {
	w := newWorld(t)
	c := w.create("Adressen", nil)
	ana := w.join(c, "Ana")
	for _, id := range []string{
		"00000000-0000-0000-0000-000000000000", "x", "..", "%2e%2e", "%00", strings.ToUpper(c) + "x", "{" + c + "}", "urn:uuid:" + c, strings.ReplaceAll(c, "-", ""),
		ana.id, c + "%0d%0aX-Evil:1", c + "%20", "directory", "c:" + c, "*", "' OR 1=1 --", "%F0%9F%8C%B1",
	} {
		for _, path := range []string{"", "/me", "/results", "/export", "/qr.svg", "/participants"} {
			got := w.do("GET", fmt.Sprintf("/api/v1/campaigns/%s%s", strings.ReplaceAll(id, " ", "%20"), path), nil, "Bearer", ana.token)
			if got.status != http.StatusNotFound || got.code() != "not_found" || got.header.Get("X-Evil") != "" {
				t.Errorf("GET %s of %q: %v", path, id, got)
			}
		}
	}
}
