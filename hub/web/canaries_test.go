package web

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
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

// TestCanaries is T7, T8, T28 and T29: everything that is hidden, waiting, rejected, retracted or erased is marked, and all that anybody can get
// out of the server is searched for the marks. Moderators and the author are the proof that the marks are there to be found.
func TestCanaries(t *testing.T) {
	a := newAviary(t)
	w := a.w
	other := w.create("Elders", nil)
	for _, viewer := range []struct {
		name string
		who  []string
		sees func(what string) bool // what must be found
	}{
		{"a participant", []string{"Bearer", a.ben.token}, nil},
		{"an observer", []string{"Bearer", w.invite(a.campaign, "observer", "Scherm").token}, nil},
		{"a participant by cookie", []string{"Cookie", w.join(a.campaign, "Cor").token, "Origin", "http://" + w.http.Listener.Addr().String()}, nil},
		{"somebody of another campaign", []string{"Bearer", w.join(other, "Eve").token}, nil},
		{"a facilitator of another campaign", []string{"Bearer", w.invite(other, "facilitator", "Mallory").token}, nil},
		{"nobody", nil, nil},
		{"a wrong token", []string{"Bearer", strings.Repeat("x", 43)}, nil},
		{"the author", []string{"Bearer", a.ana.token}, a.ofAuthor},
		{"a facilitator", []string{"Bearer", w.invite(a.campaign, "facilitator", "Fien").token}, func(what string) bool {
			return strings.Contains(what, "waiting") || what == "hidden text" || what == "channel"
		}},
		{"the organiser", []string{"Bearer", operatorToken}, func(what string) bool { return strings.Contains(what, "hidden") && !strings.Contains(what, "reason") }},
	} {
		t.Run(viewer.name, func(t *testing.T) {
			found := map[string]bool{}
			var total int
			for from, text := range a.sources(viewer.sees != nil, viewer.who...) {
				total += len(text)
				low := strings.ToLower(text)
				for what, word := range a.word {
					if !strings.Contains(low, word) && !strings.Contains(low, word[:12]) {
						continue
					}
					found[what] = true
					if viewer.sees == nil || viewer.name == "the author" && !a.ofAuthor(what) || strings.HasPrefix(what, "erased") {
						t.Errorf("%q is shown in %s", what, from)
					}
				}
			}
			t.Logf("%d bytes searched for %d marks", total, len(a.word))
			if viewer.sees == nil {
				return
			}
			for _, what := range slices.Sorted(maps.Keys(a.word)) {
				if viewer.sees(what) && !found[what] && !slices.Contains(neverShown, what) {
					t.Errorf("%q is not found at all: its mark proves nothing", what)
				}
			}
		})
	}
	// What was approved is still what everybody sees (T28).
	public := string(w.do("GET", "/api/v1/campaigns/"+a.campaign, nil, "Bearer", a.ben.token).body)
	if !strings.Contains(public, "Voor iedereen") || !strings.Contains(public, "Een vraag voor iedereen") || !strings.Contains(public, `"Open"`) {
		t.Errorf("an edit that waits took away what was approved: %s", public)
	}
	// In the last stage results and the export are for everybody; hidden stays hidden.
	w.did(a.campaign, organiser, newCommand("stage.set", "stage", "result"))
	for _, who := range [][]string{nil, {"Bearer", a.ben.token}} {
		results := w.do("GET", "/api/v1/campaigns/"+a.campaign+"/results", nil, who...)
		if results.status != http.StatusOK {
			t.Errorf("results after the end: %v", results)
		}
		text := results.all() + w.do("GET", "/api/v1/campaigns/"+a.campaign+"/export", nil, who...).all()
		for what, word := range a.word {
			if strings.Contains(text, word) {
				t.Errorf("%q is shown after the end", what)
			}
		}
		if who != nil && (strings.Contains(text, "Ana") || strings.Contains(text, "Ben")) {
			t.Error("an export of a participant has names")
		}
	}
}

// neverShown are marks that nobody is shown by any way tried here, for no message has a field for them.
var neverShown = []string{
	"reason of a report", "reason of muting", "reason of removing", "reason of hiding a comment", "reason of a comment's end", "channel", "reason of retracting",
}

// TestHiddenLooksAbsent is T8: to somebody who may not see it, what is hidden gets the same answer as what does not exist: word for word, over HTTP and
// the socket, in searches, and in about the same time.
func TestHiddenLooksAbsent(t *testing.T) {
	a := newAviary(t)
	w := a.w
	base := "/api/v1/campaigns/" + a.campaign
	without := func(text []byte, c command) string { return string(bytes.ReplaceAll(text, []byte(c.ID), nil)) }
	s := w.open(a.campaign, a.ben)
	compare := func(what string, hidden, absent []command) {
		t.Helper()
		for n := range hidden {
			h, g := w.do("POST", base+"/commands", hidden[n], "Bearer", a.ben.token), w.do("POST", base+"/commands", absent[n], "Bearer", a.ben.token)
			if without(h.body, hidden[n]) != without(g.body, absent[n]) || h.status != g.status || h.status == http.StatusOK {
				t.Errorf("%s on a %s: %v; on what is not there: %v", hidden[n].Type, what, h, g)
			}
			hidden[n].ID, absent[n].ID = newUUID(), newUUID()
			if h, g := s.send(hidden[n]), s.send(absent[n]); h.Error == nil || g.Error == nil || *h.Error != *g.Error {
				t.Errorf("%s on a %s over the socket: %+v; on what is not there: %+v", hidden[n].Type, what, h.Error, g.Error)
			}
		}
	}
	for what, i := range a.hidden {
		compare(what+" idea", a.about(i, ""), a.about(newUUID(), ""))
	}
	for what, i := range a.comments {
		compare(what, a.about("", i), a.about("", newUUID()))
	}
	for _, word := range a.word {
		h, g := w.do("GET", base+"?q="+word, nil, "Bearer", a.ben.token), w.do("GET", base+"?q=zqxabsentabsentabsent", nil, "Bearer", a.ben.token)
		if !bytes.Equal(h.body, g.body) || h.header.Get("ETag") != g.header.Get("ETag") || h.header.Get("Content-Length") != g.header.Get("Content-Length") {
			t.Errorf("a search for a mark differs from one for nothing: %v, %v", h, g)
		}
	}
	// A campaign that one is not in looks like none, whoever asks and whatever for.
	there, nowhere := a.campaign, newUUID()
	strangers := map[string][]string{
		"nobody": nil, "another campaign's": {"Bearer", w.join(w.create("Elders", nil), "Eve").token}, "removed": {"Bearer", w.removed(t, a.campaign)},
	}
	for name, who := range strangers {
		for _, call := range campaignCalls {
			h := w.do(call.method, "/api/v1/campaigns/"+there+call.path, call.body, who...)
			g := w.do(call.method, "/api/v1/campaigns/"+nowhere+call.path, call.body, who...)
			if h.status != g.status || !bytes.Equal(h.body, g.body) || h.status/100 != 4 {
				t.Errorf("%s %s by %s: %v; of no campaign: %v", call.method, call.path, name, h, g)
			}
		}
	}
	near(t, "a hidden and an absent idea", func(hidden bool) {
		i := a.hidden["hidden"]
		if !hidden {
			i = newUUID()
		}
		w.send(a.campaign, a.ben, newCommand("support.set", "idea", i, "value", 1))
	})
}

// near says whether two ways take about the same time: the middle of many, measured in turns. The machine is shared, so it may take some tries.
func near(t *testing.T, what string, f func(first bool)) {
	t.Helper()
	const each, tries, factor = 150, 5, 1.35
	var ratio float64
	for range tries {
		var took [2][]time.Duration
		for n := range 2 * each {
			start := time.Now()
			f(n%2 == 0)
			took[n%2] = append(took[n%2], time.Since(start))
		}
		for i := range took {
			slices.Sort(took[i])
		}
		if ratio = float64(took[0][each/2]) / float64(took[1][each/2]); ratio < factor && ratio > 1/factor {
			return
		}
	}
	t.Errorf("%s: one takes %.2f times as long as the other", what, ratio)
}

// removed gives the session of somebody who was removed.
func (w *world) removed(t *testing.T, campaign string) string {
	t.Helper()
	gone := w.join(campaign, "Verwijderd")
	w.did(campaign, organiser, newCommand("participant.remove", "participant", gone.id))
	return gone.token
}

// campaignCalls are all calls under a campaign.
var campaignCalls = []struct {
	method, path string
	body         any
}{
	{"GET", "", nil}, {"GET", "?q=x", nil}, {"GET", "/me", nil}, {"GET", "/results", nil}, {"GET", "/export", nil}, {"GET", "/participants", nil}, {"GET", "/qr.svg", nil},
	{"POST", "/links", map[string]any{"role": "observer"}}, {"POST", "/links", map[string]any{"role": "organiser"}},
	{"POST", "/commands", newCommand("idea.post", "title", "Van buiten")}, {"POST", "/commands", []command{newCommand("stage.set", "stage", "vote")}},
	{"GET", "/live", nil},
}
