package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// serverFields are names under which the server, or somebody's server, keeps what clients must not set.
var serverFields = []string{
	"id", "seq", "at", "by", "to", "actor", "author", "authors", "owner", "account", "participant", "participants", "campaign", "challenge", "idea", "ideas", "comment", "comments", "role", "roles",
	"rights", "admin", "is_admin", "isAdmin", "organiser", "moderator", "verified", "email_verified", "confirmed", "status", "state", "moderated", "hidden", "waiting", "pending", "review", "pinned",
	"locked", "support", "votes", "tally", "total", "by_group", "group", "groups", "stratum", "level", "assurance", "weight", "version", "posted_at", "edited_at", "created_at", "created", "joined_at",
	"expires", "uses", "token", "session", "secret", "hash", "code", "join_url", "key", "voter", "lane", "n", "tag", "epoch", "head", "durability", "muted", "removed", "erased", "reports",
	"lineage", "from", "into", "shown", "audience", "settings", "schedule", "stage", "template", "title", "text", "name", "reason", "action", "value", "kind", "type", "data", "error", "__proto__", "constructor", "",
}

// door is a place where an object comes in: what it takes, and a good example.
type door struct {
	name  string
	takes []string
	good  map[string]any
	send  func(body string) answer
}

// TestServerFields is T11 and T31: what only the server may say is refused from clients at every door, also beside good fields; so are keys that come twice, in
// whatever case. And nothing of it leaves a trace.
func TestServerFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create("Velden", nil)
	ana, victim := w.join(c, "Ana"), w.join(c, "Ben")
	idea := w.post(c, ana, "Een idee")
	comment := w.did(c, ana, newCommand("comment.post", "idea", idea, "kind", "question", "text", "?"))
	post := func(path, token string) func(string) answer {
		return func(body string) answer { return w.do("POST", "/api/v1"+path, body, "Bearer", token) }
	}
	doors := []door{
		{"join", []string{"code", "name", "organisation", "group", "channel", "key", "entrepreneur"}, map[string]any{"code": w.codes[c], "group": "citizen"}, post("/join", ana.token)},
		{"sign in", []string{"token"}, map[string]any{"token": "x"}, post("/signin", ana.token)},
		{"invitation", []string{"token", "name"}, map[string]any{"token": "x"}, post("/invite", ana.token)},
		{"link", []string{"role"}, map[string]any{"role": "observer"}, post("/campaigns/"+c+"/links", operatorToken)},
		{"campaign", []string{"title", "template", "challenge", "languages", "settings"}, map[string]any{"title": "Nog een"}, post("/campaigns", operatorToken)},
		{"challenge of a campaign", []string{"title", "text", "nodes", "themes"}, map[string]any{"title": "Vraag"}, func(body string) answer {
			return w.do("POST", "/api/v1/campaigns", `{"title":"Nog een","challenge":`+body+`}`, "Bearer", operatorToken)
		}},
		{"settings of a campaign", []string{"attendance", "moderation", "text_max", "small_cell", "group_check", "support_against", "groups", "schedule", "stage"}, map[string]any{"attendance": 5}, func(body string) answer {
			return w.do("POST", "/api/v1/campaigns", `{"title":"Nog een","settings":`+body+`}`, "Bearer", operatorToken)
		}},
		{"command", []string{"id", "type", "data", "lane", "n"}, map[string]any{"type": "idea.report", "data": map[string]any{"idea": idea, "reason": ""}}, post("/campaigns/"+c+"/commands", ana.token)},
	}
	ideaFields := []string{"title", "text", "need", "themes", "nodes", "innovation", "definition"}
	for kind, d := range map[string]door{
		"idea.post":          {takes: ideaFields, good: map[string]any{"title": "Nog een"}},
		"idea.edit":          {takes: append([]string{"idea", "reason"}, ideaFields...), good: map[string]any{"idea": idea, "need": "Nood"}},
		"idea.retract":       {takes: []string{"idea", "reason"}, good: map[string]any{"idea": newUUID()}},
		"idea.report":        {takes: []string{"idea", "reason"}, good: map[string]any{"idea": idea, "reason": ""}},
		"idea.moderate":      {takes: []string{"idea", "action", "reason"}, good: map[string]any{"idea": idea, "action": "pin"}},
		"idea.answer":        {takes: []string{"idea", "status", "reason"}, good: map[string]any{"idea": idea, "status": "done", "reason": "Ja"}},
		"support.set":        {takes: []string{"idea", "value"}, good: map[string]any{"idea": idea, "value": 1}},
		"comment.post":       {takes: []string{"idea", "reply_to", "kind", "text"}, good: map[string]any{"idea": idea, "kind": "question", "text": "?"}},
		"comment.edit":       {takes: []string{"comment", "kind", "text"}, good: map[string]any{"comment": comment, "kind": "question", "text": "?"}},
		"comment.retract":    {takes: []string{"comment", "reason"}, good: map[string]any{"comment": newUUID()}},
		"comment.moderate":   {takes: []string{"comment", "action", "reason"}, good: map[string]any{"comment": comment, "action": "hide"}},
		"stage.set":          {takes: []string{"stage"}, good: map[string]any{"stage": "collect"}},
		"participant.remove": {takes: []string{"participant", "reason"}, good: map[string]any{"participant": newUUID()}},
		"participant.mute":   {takes: []string{"participant", "reason", "muted"}, good: map[string]any{"participant": victim.id}},
		"participant.rename": {takes: []string{"participant", "name", "organisation"}, good: map[string]any{"name": "Ana"}},
		"role.grant":         {takes: []string{"participant", "role", "reason"}, good: map[string]any{"participant": newUUID(), "role": "observer"}},
		"role.revoke":        {takes: []string{"participant", "reason"}, good: map[string]any{"participant": newUUID()}},
		"campaign.edit":      {takes: []string{"title", "challenge", "languages", "settings"}, good: map[string]any{"title": "Velden"}},
	} {
		d.name = kind
		token := ana.token
		if strings.Contains(kind, "moderate") || strings.Contains(kind, "answer") || strings.HasPrefix(kind, "role") || strings.HasPrefix(kind, "stage") || strings.HasPrefix(kind, "campaign") || strings.HasPrefix(kind, "participant") {
			token = operatorToken
		}
		d.send = func(body string) answer {
			return w.do("POST", "/api/v1/campaigns/"+c+"/commands", `{"type":"`+kind+`","data":`+body+`}`, "Bearer", token)
		}
		doors = append(doors, d)
	}
	tried := 0
	for _, d := range doors {
		good, err := json.Marshal(d.good)
		if err != nil {
			t.Fatal(err)
		}
		open := string(good[:len(good)-1])
		for _, field := range serverFields {
			if slices.Contains(d.takes, field) {
				continue
			}
			for _, value := range []string{`true`, `"organiser"`, `null`} {
				tried++
				if a := d.send(fmt.Sprintf(`%s,%q:%s}`, open, field, value)); a.status != http.StatusBadRequest || a.code() != "bad_request" {
					t.Errorf("%s with %s: %s was answered %v", d.name, field, value, a)
				}
			}
		}
		for key := range d.good {
			value, err := json.Marshal(d.good[key])
			if err != nil {
				t.Fatal(err)
			}
			for _, twin := range []string{key, strings.ToUpper(key), strings.ToUpper(key[:1]) + key[1:], strings.ReplaceAll(key, "s", "ſ"), strings.ReplaceAll(key, "k", "K"), `\u00` + fmt.Sprintf("%02x", key[0]) + key[1:]} {
				tried++
				if a := d.send(open + `,"` + twin + `":` + string(value) + `}`); a.status != http.StatusBadRequest {
					t.Errorf("%s with %s and %s: %v", d.name, key, twin, a)
				}
			}
			// Another spelling alone is no field either.
			if a := d.send(strings.Replace(string(good), `"`+key+`"`, `"`+strings.ToUpper(key)+`"`, 1)); a.status != http.StatusBadRequest {
				t.Errorf("%s with %s: %v", d.name, strings.ToUpper(key), a)
			}
		}
	}
	t.Logf("%d bodies at %d doors", tried, len(doors))
	var me struct{ Role, Group string }
	w.must(http.StatusOK, &me, "GET", "/api/v1/campaigns/"+c+"/me", nil, "Bearer", ana.token)
	if me.Role != "participant" || me.Group != "citizen" {
		t.Errorf("Ana is now %+v", me)
	}
	var list struct{ Campaigns []json.RawMessage }
	w.must(http.StatusOK, &list, "GET", "/api/v1/campaigns", nil, "Bearer", operatorToken)
	if len(list.Campaigns) != 1 {
		t.Errorf("refused bodies made %d campaigns", len(list.Campaigns)-1)
	}
	var snap struct {
		Ideas []struct {
			Version int
			Pinned  bool
			Support struct{ Total int }
			Title   string
		}
	}
	w.must(http.StatusOK, &snap, "GET", "/api/v1/campaigns/"+c, nil, "Bearer", ana.token)
	if len(snap.Ideas) != 1 || snap.Ideas[0].Pinned || snap.Ideas[0].Version != 1 || snap.Ideas[0].Support.Total != 0 {
		t.Errorf("refused bodies changed %+v", snap.Ideas)
	}
}
