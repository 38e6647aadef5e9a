package intake_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiem/hub/campaign"
	"kiem/hub/intake"
	"kiem/hub/wire"
)

func object(t testing.TB, doc string) wire.Object {
	t.Helper()
	o, f := new(wire.Reader).Read([]byte(doc))
	if f != nil {
		t.Fatalf("%s: %v", doc, f)
	}
	return o
}

func TestCreate(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		want      func(*campaign.CreateData)
	}{
		{"a title alone is a draft", `{"title":" T "}`, func(*campaign.CreateData) {}},
		{"a challenge opens it", `{"title":"T","challenge":{"title":" H ","text":"Why?","nodes":["care"],"themes":[" a "]}}`, func(d *campaign.CreateData) {
			d.Stage = "collect"
			d.Challenge = campaign.Challenge{Title: "H", Text: "Why?", Nodes: []string{"care"}, Themes: []string{"a"}}
		}},
		{"unless the stage is given", `{"title":"T","challenge":{"text":"Why?"},"settings":{"stage":"draft"}}`, func(d *campaign.CreateData) { d.Challenge.Text = "Why?" }},
		{"a given stage stands", `{"title":"T","settings":{"stage":"vote"}}`, func(d *campaign.CreateData) { d.Stage = "vote" }},
		{"everything", `{"title":"T","template":"study","languages":["fr","nl"],"challenge":{"text":"Why?"},"settings":{"attendance":40,"moderation":"pre","text_max":100000,
			"small_cell":0,"group_check":"confirmed","support_against":true,"groups":["a"," b "],"schedule":[{"stage":"vote","at":"2026-01-02T04:04:05+01:00"}],"stage":"refine"}}`,
			func(d *campaign.CreateData) {
				d.Template, d.Languages, d.Stage, d.Challenge.Text = "study", []string{"fr", "nl"}, "refine", "Why?"
				d.Settings = campaign.Settings{Attendance: 40, Moderation: "pre", TextMax: 100_000, GroupCheck: "confirmed", SupportAgainst: true,
					Groups: []string{"a", "b"}, Schedule: []campaign.Switch{{Stage: "vote", At: 1767323045000}}}
			}},
	} {
		want := campaign.CreateData{Title: "T", Template: "campaign", Languages: []string{"nl"}, Settings: campaign.Defaults(), Stage: campaign.Draft,
			Challenge: campaign.Challenge{Nodes: []string{}, Themes: []string{}}}
		c.want(&want)
		d, r := intake.Create(object(t, c.doc))
		if r != nil {
			t.Errorf("%s: %v", c.name, r)
			continue
		}
		if diff := cmp.Diff(&want, d); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	for _, c := range []struct{ doc, want string }{
		{`{}`, "bad_request title missing"},
		{`{"title":1}`, "bad_request title wrong_type"},
		{`{"title":"T","id":"x"}`, "bad_request id unknown_field"},
		{`{"title":"T","campaign":"` + other.String() + `"}`, "bad_request campaign unknown_field"},
		{`{"title":"T","code":"AAAAAA"}`, "bad_request code unknown_field"},
		{`{"title":"T","stage":"vote"}`, "bad_request stage unknown_field"},
		{`{"title":"T","owner":"` + other.String() + `"}`, "bad_request owner unknown_field"},
		{`{"title":"T","challenge":{"id":"` + other.String() + `"}}`, "bad_request challenge.id unknown_field"},
		{`{"title":"T","settings":{"colour":"red"}}`, "bad_request settings.colour unknown_field"},
		{`{"title":"T","settings":{"attendance":"40"}}`, "bad_request settings.attendance wrong_type"},
		{`{"title":"T","settings":{"schedule":[{"stage":"vote","at":5}]}}`, "bad_request settings.schedule.0.at wrong_type"},
		{`{"title":"T","settings":{"schedule":[{"stage":"vote","at":"2026-13-01T00:00:00Z"}]}}`, "bad_request settings.schedule bad_time"},
		{`{"title":"T","settings":{"schedule":[{"stage":"vote","at":"2026-01-01T00:00:00Z","by":1}]}}`, "bad_request settings.schedule.0.by unknown_field"},
		{`{"title":"T","languages":"nl"}`, "bad_request languages wrong_type"},
	} {
		if _, r := intake.Create(object(t, c.doc)); r == nil || r.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.doc, r, c.want)
		}
	}
	// What the machine judges is let through to it, and refused there.
	for _, doc := range []string{
		`{"title":""}`, `{"title":"T","template":"x"}`, `{"title":"T","settings":{"stage":""}}`, `{"title":"T","settings":{"stage":"collect"}}`, `{"title":"T","languages":[]}`,
		`{"title":"T","settings":{"attendance":0}}`, `{"title":"T","settings":{"small_cell":-1}}`, `{"title":"T","settings":{"groups":[]}}`, `{"title":"T","settings":{"attendance":9007199254740992}}`,
		`{"title":"T","settings":{"schedule":[` + strings.Repeat(`{"stage":"vote","at":"2026-01-01T00:00:00Z"},`, 100) + `{"stage":"vote","at":"2026-01-01T00:00:00Z"}]}}`,
	} {
		d, r := intake.Create(object(t, doc))
		if r != nil {
			t.Errorf("%s: %v", doc, r)
		} else if campaign.CheckCreate(d) == nil {
			t.Errorf("%s: nobody refuses", doc)
		}
	}
}

func TestJoin(t *testing.T) {
	j, r := intake.Join(object(t, `{"code":" km3-7qp ","name":" Ame\u0301lie ","group":"firm","organisation":" O ","channel":"poster","key":"`+other.String()+`","entrepreneur":true}`))
	want := intake.JoinRequest{Code: "KM37QP", Name: "Amélie", Group: "firm", Organisation: "O", Channel: "poster", Key: other, HasKey: true, Entrepreneur: true}
	if r != nil || j != want {
		t.Errorf("%+v %v", j, r)
	}
	if j, r = intake.Join(object(t, `{"code":"A","name":"B"}`)); r != nil || j != (intake.JoinRequest{Code: "A", Name: "B"}) {
		t.Errorf("%+v %v", j, r)
	}
	const code = `{"code":"KM37QP","name":`
	for _, c := range []struct{ doc, want string }{
		{`{"name":"A"}`, "bad_request code missing"},
		{`{"code":"","name":"A"}`, "bad_request code bad_code"},
		{`{"code":"../..","name":"A"}`, "bad_request code bad_code"},
		{`{"code":"ÉÉ","name":"A"}`, "bad_request code bad_code"},
		{`{"code":"` + strings.Repeat("A", 17) + `","name":"A"}`, "bad_request code bad_code"},
		{code + `"\u3164"}`, "bad_request name invisible"},
		{code + `"a\u202egpj"}`, "bad_request name bidi"},
		{code + `"a\u2028b"}`, "bad_request name several_lines"},
		{code + `"a\u001bb"}`, "bad_request name control"},
		{code + `"` + strings.Repeat("🌱", 61) + `"}`, "too_large name too_long"},
		{code + `"a","organisation":"` + strings.Repeat("x", 61) + `"}`, "too_large organisation too_long"},
		{code + `"a","organisation":"x\u200f"}`, "bad_request organisation invisible"},
		{code + `"a","key":"1"}`, "bad_request key bad_id"},
		{code + `"a","role":"organiser"}`, "bad_request role unknown_field"},
		{code + `"a","stratum":1}`, "bad_request stratum unknown_field"},
		{code + `"a","id":"` + other.String() + `"}`, "bad_request id unknown_field"},
		{code + `"a","Name":"b"}`, "bad_request Name duplicate_key"},
	} {
		o, f := new(wire.Reader).Read([]byte(c.doc))
		if f != nil {
			if f.Error() != c.want {
				t.Errorf("%s: %v, want %s", c.doc, f, c.want)
			}
			continue
		}
		if _, r := intake.Join(o); r == nil || r.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.doc, r, c.want)
		}
	}
	// A name is not needed: the campaign finds one.
	for _, doc := range []string{`{"code":"A"}`, code + `""}`, code + `" \u00a0\u2003"}`} {
		if j, r := intake.Join(object(t, doc)); r != nil || j.Name != "" {
			t.Errorf("%s: %q %v", doc, j.Name, r)
		}
	}
	if _, r := intake.Join(object(t, code+`"`+strings.Repeat("e\\u0301", 60)+`"}`)); r != nil {
		t.Errorf("60 characters that were 120: %v", r)
	}
}
