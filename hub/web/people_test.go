package web

import (
	"net/http"
	"strings"
	"testing"
)

// person is somebody in a campaign.
type person struct{ id, token, role, name string }

var organiser = person{token: operatorToken, role: "organiser"}

func joinBody(code, name string) map[string]any {
	return map[string]any{"code": code, "name": name, "group": "citizen", "key": newUUID()}
}

// join makes somebody a participant.
func (w *world) join(campaign, name string) person {
	w.t.Helper()
	var s struct {
		Token       string
		Participant struct{ ID string }
	}
	w.must(http.StatusCreated, &s, "POST", "/api/v1/join", joinBody(w.codes[campaign], name))
	return person{s.Participant.ID, s.Token, "participant", name}
}

// invite makes somebody a facilitator or an observer by an invitation.
func (w *world) invite(campaign, role, name string) person {
	w.t.Helper()
	var s struct{ Participant struct{ ID string } }
	a := w.must(http.StatusCreated, &s, "POST", "/api/v1/invite", map[string]any{"token": w.invitation(campaign, role), "name": name})
	return person{s.Participant.ID, cookieOf(w.t, a).Value, role, name}
}

// invitation makes an invitation and gives its secret.
func (w *world) invitation(campaign, role string) string {
	w.t.Helper()
	var link struct{ URL string }
	w.must(http.StatusCreated, &link, "POST", "/api/v1/campaigns/"+campaign+"/links", map[string]any{"role": role}, "Bearer", operatorToken)
	_, secret, ok := strings.Cut(link.URL, "/invite#")
	if !ok {
		w.t.Fatalf("an invitation is %q", link.URL)
	}
	return secret
}

// cookieOf is the session cookie that an answer sets.
func cookieOf(t *testing.T, a answer) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if strings.HasSuffix(c.Name, "kiem_session") && c.Value != "" {
			return c
		}
	}
	t.Fatalf("no session cookie in %v", a.header)
	return nil
}
