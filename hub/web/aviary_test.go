package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// aviary is a campaign with something hidden in every way there is, each marked with a word that occurs nowhere else.
type aviary struct {
	w        *world
	campaign string
	ana      person            // wrote what is hidden
	ben      person            // wrote nothing
	word     map[string]string // what is hidden -> its mark
	hidden   map[string]string // ideas that the public does not see
	comments map[string]string // comments that the public does not see
	open     string            // an idea that everybody sees
	before   uint64            // an entry from before anything was hidden
}

// mark gives a word for what is hidden. Its parts are no words of any language, so that searching for a piece finds nothing either.
func (a *aviary) mark(what string) string {
	if a.word[what] == "" {
		a.word[what] = "zqx" + strings.ToLower(strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r - '0' + 'g'
			}
			if r == '-' {
				return -1
			}
			return r
		}, newUUID()))[8:28]
	}
	return a.word[what]
}

func (a *aviary) did(who person, kind string, pairs ...any) string {
	a.w.t.Helper()
	return a.w.did(a.campaign, who, newCommand(kind, pairs...))
}

func (a *aviary) idea(who person, what string) string {
	a.w.t.Helper()
	return a.did(who, "idea.post", "title", "Titel "+a.mark(what+" title"), "text", "Tekst "+a.mark(what+" text"), "need", "Nood "+a.mark(what+" need"),
		"themes", []string{"Wonen"}, "nodes", []string{"care"})
}

func newAviary(t *testing.T) *aviary {
	w := newWorld(t)
	a := &aviary{w: w, word: map[string]string{}, hidden: map[string]string{}, comments: map[string]string{}}
	a.campaign = w.create("Volière", map[string]any{"moderation": "pre"})
	var s struct {
		Token       string
		Participant struct{ ID string }
	}
	w.must(http.StatusCreated, &s, "POST", "/api/v1/join", map[string]any{
		"code": w.codes[a.campaign], "name": "Ana", "group": "citizen", "channel": a.mark("channel"), "key": newUUID(),
	})
	a.ana = person{s.Participant.ID, s.Token, "participant", "Ana"}
	a.ben = w.join(a.campaign, "Ben")
	fay := w.invite(a.campaign, "facilitator", "Fay")
	moderate := func(idea, action string, pairs ...any) {
		t.Helper()
		a.did(fay, "idea.moderate", append([]any{"idea", idea, "action", action}, pairs...)...)
	}

	a.open = a.did(a.ana, "idea.post", "title", "Voor iedereen", "text", "Open", "themes", []string{"Wonen"}, "nodes", []string{"care"})
	moderate(a.open, "approve", "reason", "")
	a.before = w.send(a.campaign, fay, newCommand("idea.moderate", "idea", a.open, "action", "pin", "reason", "")).Seq

	a.hidden["waiting"] = a.idea(a.ana, "waiting")
	a.hidden["rejected"] = a.idea(a.ana, "rejected")
	moderate(a.hidden["rejected"], "reject", "reason", "Omdat "+a.mark("reason of rejecting"))
	for _, what := range []string{"hidden", "retracted", "hidden again"} {
		a.hidden[what] = a.idea(a.ana, what)
		moderate(a.hidden[what], "approve", "reason", "")
	}
	w.did(a.campaign, a.ben, newCommand("support.set", "idea", a.hidden["hidden"], "value", 1))
	moderate(a.hidden["hidden"], "hide", "reason", "Omdat "+a.mark("reason of hiding"))
	moderate(a.hidden["hidden again"], "hide", "reason", "")
	moderate(a.hidden["hidden again"], "restore", "reason", "")
	moderate(a.hidden["hidden again"], "hide", "reason", "")
	a.did(a.ana, "idea.edit", "idea", a.hidden["hidden"], "need", a.mark("hidden need")+" "+a.mark("edit of what is hidden")) // changes nothing about that
	a.did(a.ana, "idea.retract", "idea", a.hidden["retracted"], "reason", "Omdat "+a.mark("reason of retracting"))

	// An edit of what was approved waits; the approved text stays (T28).
	a.did(a.ana, "idea.edit", "idea", a.open, "text", "Nu "+a.mark("waiting edit"), "title", "Nu "+a.mark("waiting title"), "need", "Nu "+a.mark("waiting need"))
	comment := func(what, text string, pairs ...any) string {
		t.Helper()
		return a.did(a.ana, "comment.post", append([]any{"idea", a.open, "kind", "question", "text", text + a.mark(what)}, pairs...)...)
	}
	a.comments["waiting comment"] = comment("waiting comment", "Wacht ")
	a.comments["hidden comment"] = comment("hidden comment", "Weg ")
	a.did(fay, "comment.moderate", "comment", a.comments["hidden comment"], "action", "approve", "reason", "")
	a.did(fay, "comment.moderate", "comment", a.comments["hidden comment"], "action", "hide", "reason", "Omdat "+a.mark("reason of hiding a comment"))
	a.comments["retracted comment"] = comment("retracted comment", "Terug ")
	a.did(fay, "comment.moderate", "comment", a.comments["retracted comment"], "action", "approve", "reason", "")
	a.did(a.ana, "comment.retract", "comment", a.comments["retracted comment"], "reason", "Omdat "+a.mark("reason of a comment's end"))
	edited := a.did(a.ana, "comment.post", "idea", a.open, "kind", "question", "text", "Een vraag voor iedereen")
	a.did(fay, "comment.moderate", "comment", edited, "action", "approve", "reason", "")
	a.did(a.ana, "comment.edit", "comment", edited, "kind", "concern", "text", "Nu "+a.mark("waiting edit of a comment"))
	a.did(a.ben, "idea.report", "idea", a.open, "reason", "Omdat "+a.mark("reason of a report"))
	loud := w.join(a.campaign, "Luid")
	a.did(fay, "participant.mute", "participant", loud.id, "reason", "Omdat "+a.mark("reason of muting"))
	gone := w.join(a.campaign, "Weg")
	a.did(fay, "participant.remove", "participant", gone.id, "reason", "Omdat "+a.mark("reason of removing"))

	// Somebody who was erased: neither name nor words are left for anybody.
	dirk := w.join(a.campaign, "Dirk "+a.mark("erased name"))
	moderate(a.idea(dirk, "erased"), "approve", "reason", "")
	w.must(http.StatusNoContent, nil, "DELETE", "/api/v1/me", nil, "Bearer", dirk.token)
	return a
}

// ofAuthor are the marks that the author sees, for they are the author's own words or about them.
func (a *aviary) ofAuthor(what string) bool {
	return !strings.HasPrefix(what, "erased") && !strings.Contains(what, "report") && !strings.Contains(what, "muting") && !strings.Contains(what, "removing")
}

// sources are all bytes that a caller can get of the campaign: each page, filter and format, everything that a socket shows, and the refusals of commands
// about what is hidden, unless the caller may well send them.
func (a *aviary) sources(may bool, who ...string) map[string]string {
	w := a.w
	w.t.Helper()
	out := map[string]string{}
	base := "/api/v1/campaigns/" + a.campaign
	get := func(path string, header ...string) {
		w.t.Helper()
		got := w.do("GET", path, nil, append(header, who...)...)
		out[path+fmt.Sprint(header)] = got.all()
		if etag := got.header.Get("ETag"); etag != "" {
			again := w.do("GET", path, nil, append([]string{"If-None-Match", etag}, who...)...)
			out[path+" again"] = again.all()
		}
	}
	queries := []string{
		"", "?limit=500", "?limit=1", "?offset=1", "?sort=new", "?sort=top", "?sort=quiet", "?node=care", "?theme=Wonen", "?q=Titel", "?q=Nu", "?q=a",
		"?sort=secret", "?limit=x", "?q=" + url.QueryEscape(strings.Repeat("zqx", 200)),
	}
	for _, word := range a.word {
		queries = append(queries, "?q="+word, "?q="+strings.ToUpper(word[:12]), "?theme="+word)
	}
	for _, q := range queries {
		get(base + q)
	}
	get(base, "Accept-Encoding", "identity")
	for _, path := range []string{
		"/me", "/results", "/participants", "/qr.svg", "/export", "/export?format=json", "/export?format=csv", "/export?format=json&top=3", "/export?measure=reports",
		"/audit", "/log", "/history", "/feed", "/commands",
	} {
		get(base + path)
	}
	get("/api/v1/campaigns")
	get("/api/v1/me")
	get("/api/v1/codes/" + w.codes[a.campaign])
	for _, path := range []string{"/", "/c/" + a.campaign, "/c/" + a.campaign + "/idea/" + a.hidden["hidden"], "/c/" + a.campaign + "/screen", "/c/" + a.campaign + "/console", "/metrics", "/readyz"} {
		get(path)
	}
	for what, i := range a.hidden {
		get(base + "?idea=" + i)
		for _, c := range a.about(i, "") {
			if may {
				break
			}
			out["error about a "+what+" idea: "+c.Type] = w.do("POST", base+"/commands", c, who...).all()
		}
	}
	for what, i := range a.comments {
		for _, c := range a.about("", i) {
			if may {
				break
			}
			out["error about a "+what+": "+c.Type] = w.do("POST", base+"/commands", c, who...).all()
		}
	}
	for _, query := range []string{"", "after=0&epoch=1", fmt.Sprintf("after=%d&epoch=1", a.before), "after=999999&epoch=1", "after=0&epoch=7"} {
		s, got := w.dial(a.campaign, append([]string{"Query", query}, who...)...)
		if s == nil {
			out["socket "+query] = got.all()
			continue
		}
		// A marker that everybody sees, so that nothing is still on its way.
		seq := w.send(a.campaign, organiser, newCommand("idea.post", "title", "Merkteken")).Seq
		await(w.t, "the end of what a socket shows", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.err != nil || s.reset || s.to >= seq
		})
		out["socket "+query] = s.text()
		s.cut()
	}
	return out
}

// about are commands that would tell whether something is there. None of them changes anything for those who may not see it.
func (a *aviary) about(idea, comment string) []command {
	if comment != "" {
		return []command{
			newCommand("comment.edit", "comment", comment, "kind", "question", "text", "?"),
			newCommand("comment.retract", "comment", comment),
			newCommand("comment.moderate", "comment", comment, "action", "approve", "reason", ""),
			newCommand("comment.post", "idea", a.open, "reply_to", comment, "kind", "question", "text", "?"),
		}
	}
	return []command{
		newCommand("support.set", "idea", idea, "value", 1),
		newCommand("support.set", "idea", idea, "value", 0),
		newCommand("comment.post", "idea", idea, "kind", "question", "text", "?"),
		newCommand("idea.edit", "idea", idea, "title", "Anders"),
		newCommand("idea.retract", "idea", idea),
		newCommand("idea.report", "idea", idea, "reason", "?"),
		newCommand("idea.moderate", "idea", idea, "action", "pin", "reason", ""),
		newCommand("idea.answer", "idea", idea, "status", "done", "reason", "?"),
	}
}
