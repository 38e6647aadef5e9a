package web

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCanaries is T7, T8, T28 and T29: everything that is hidden, waiting, rejected, retracted or erased is marked, and all that anybody can get
// out of the server is searched for the marks. Moderators and the author are the proof that the marks are there to be found.
func TestCanaries(t *testing.T) {
	t.Parallel()
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
		if !bytes.Equal(unpeopled(h.body), unpeopled(g.body)) || h.header.Get("ETag") != g.header.Get("ETag") {
			t.Errorf("a search for a mark differs from one for nothing: %v, %v", h, g)
		}
	}
	// A campaign that one is not in looks like none, whoever asks and whatever for.
	there, nowhere := a.campaign, newUUID()
	oda := w.invite(there, "organiser", "Oda")
	w.did(there, oda, newCommand("participant.remove", "participant", w.me(there, organiser)))
	strangers := map[string][]string{
		"nobody": nil, "another campaign's": {"Bearer", w.join(w.create("Elders", nil), "Eve").token}, "removed": {"Bearer", w.removed(t, a.campaign, oda)},
		"the operator, who was removed": {"Bearer", operatorToken},
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

// unpeopled is a page without the number of people who are there, which moves by itself.
func unpeopled(page []byte) []byte {
	page, _, _ = bytes.Cut(page, []byte(`,"presence":`))
	return page
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
func (w *world) removed(t *testing.T, campaign string, by person) string {
	t.Helper()
	gone := w.join(campaign, "Verwijderd")
	w.did(campaign, by, newCommand("participant.remove", "participant", gone.id))
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
