package web

import (
	"net/http"
	"testing"
)

// TestSimilar: whoever writes is shown what looks like it and is public at that moment, and nothing else.
func TestSimilar(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.create("Lijkt erop", nil)
	ana, bo, fay := w.join(c, "Ana"), w.join(c, "Bo"), w.invite(c, "facilitator", "Fay")
	path := "/api/v1/campaigns/" + c + "/similar"
	look := func(title string, except ...string) (ids []string) {
		t.Helper()
		body := map[string]any{"title": title, "text": ""}
		if len(except) > 0 {
			body["except"] = except[0]
		}
		var got struct {
			Ideas []struct {
				ID, Title string
				Score     float64
			}
		}
		w.must(http.StatusOK, &got, "POST", path, body, "Bearer", ana.token)
		for _, i := range got.Ideas {
			if i.Title == "" || i.Score <= 0 || i.Score > 1 {
				t.Errorf("%+v", i)
			}
			ids = append(ids, i.ID)
		}
		return ids
	}
	is := func(what string, got []string, want ...string) {
		t.Helper()
		if len(got) != len(want) || len(want) > 0 && got[0] != want[0] {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	is("before anything was posted", look("Bakfietsen lenen"))
	bikes := w.post(c, bo, "Bakfietsbibliotheek: bakfietsen lenen in de wijk")
	w.post(c, bo, "Zonnepanelen op het dak")
	is("in other words", look("Leen een bakfiets"), bikes)
	is("but for itself", look("Leen een bakfiets", bikes))
	is("nothing like it", look("Zwemmen in het kanaal"))

	w.did(c, fay, newCommand("idea.moderate", "idea", bikes, "action", "hide", "reason", "dubbel"))
	is("hidden", look("Leen een bakfiets"))
	w.did(c, fay, newCommand("idea.moderate", "idea", bikes, "action", "restore", "reason", ""))
	is("shown again", look("Leen een bakfiets"), bikes)
	w.did(c, bo, newCommand("idea.edit", "idea", bikes, "title", "Een muziekkiosk", "text", "Concerten op zondag."))
	is("about something else now", look("Leen een bakfiets"))
	is("about music now", look("Concert in een muziekkiosk"), bikes)
	w.did(c, bo, newCommand("idea.retract", "idea", bikes))
	is("retracted", look("Concert in een muziekkiosk"))

	w.refused(401, "unauthorised", "POST", path, map[string]any{"title": "x"})
	stranger := w.join(w.create("Elders", nil), "Cas")
	w.refused(404, "not_found", "POST", path, map[string]any{"title": "x"}, "Bearer", stranger.token)
	w.refused(400, "bad_request", "POST", path, map[string]any{"titel": "x"}, "Bearer", ana.token)
}
