package intake_test

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiem/hub/campaign"
	"kiem/hub/intake"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

var (
	actor = id.ID{0xaa, 1}
	idea  = must("01920000-0000-5000-8000-00000000beef")
	other = must("01920000-0000-7000-8000-0000000000f0")
	sent  = must("01920000-0000-7000-8000-00000000abcd")
)

func must(s string) id.ID {
	i, err := id.Parse(s)
	if err != nil {
		panic(err)
	}
	return i
}

func settings() campaign.Settings {
	s := campaign.Defaults()
	s.Attendance, s.SmallCell = 40, 3
	return s
}

func challenge() campaign.Challenge {
	return campaign.Challenge{ID: other, Title: "Old", Text: "Old text", Nodes: []string{"care"}, Themes: []string{"Zorg"}}
}

var context = intake.Context{Actor: actor, Settings: settings, Challenge: challenge}

func frame(kind, data string) []byte {
	return []byte(`{"id":"` + sent.String() + `","type":"` + kind + `","data":` + data + `,"lane":"L","n":3}`)
}

func convert(kind, data string) (intake.Converted, *machine.Refusal) {
	c := new(wire.Reader).ReadCommand(frame(kind, data))
	return intake.Convert(context, &c)
}

func lane(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

func text(s string) ideas.Text { return ideas.NewText(actor, s) }

func ptr[T any](v T) *T { return &v }

var sample = map[string]struct {
	data string
	want any
}{
	campaign.SupportSet: {`{"idea":"` + idea.String() + `","value":-1}`, &campaign.SupportData{Idea: idea, Value: -1}},
	campaign.IdeaPost: {
		`{"title":" Cafe\u0301 \n","text":" as is ","need":"n","themes":["Zorg "],"nodes":["care"],"innovation":["service"],"definition":{"need":true,"novelty":false}}`,
		&campaign.IdeaData{Title: text("Café"), Text: text(" as is "), Need: text("n"), Reason: text(""), Themes: []string{"Zorg"}, Nodes: []string{"care"},
			Innovation: []string{"service"}, Definition: &ideas.Definition{Need: true}},
	},
	campaign.IdeaEdit: {
		`{"idea":"` + idea.String() + `","themes":[],"title":"T","definition":null,"reason":"r"}`,
		&campaign.IdeaData{Idea: idea, Changes: []string{"title", "themes", "definition"}, Title: text("T"), Text: text(""), Need: text(""), Reason: text("r"), Themes: []string{}},
	},
	campaign.IdeaRetract:     {`{"idea":"` + idea.String() + `","reason":"r"}`, &campaign.ActData{Idea: idea, Reason: text("r")}},
	campaign.IdeaReport:      {`{"idea":"` + idea.String() + `"}`, &campaign.ActData{Idea: idea, Reason: text("")}},
	campaign.IdeaModerate:    {`{"idea":"` + idea.String() + `","action":"hide"}`, &campaign.ActData{Idea: idea, Action: "hide", Reason: text("")}},
	campaign.IdeaAnswer:      {`{"idea":"` + idea.String() + `","status":"done","reason":"r"}`, &campaign.ActData{Idea: idea, Action: "done", Reason: text("r")}},
	campaign.CommentPost:     {`{"idea":"` + idea.String() + `","reply_to":"` + other.String() + `","kind":"question","text":"t"}`, &campaign.CommentData{Idea: idea, ReplyTo: other, Kind: "question", Text: text("t")}},
	campaign.CommentEdit:     {`{"comment":"` + other.String() + `","kind":"question","text":"t"}`, &campaign.CommentData{Comment: other, Kind: "question", Text: text("t")}},
	campaign.CommentRetract:  {`{"comment":"` + other.String() + `"}`, &campaign.ActData{Comment: other, Reason: text("")}},
	campaign.CommentModerate: {`{"comment":"` + other.String() + `","action":"hide","reason":"r"}`, &campaign.ActData{Comment: other, Action: "hide", Reason: text("r")}},
	campaign.StageSet:        {`{"stage":"vote"}`, &campaign.StageData{Stage: "vote"}},

	campaign.ParticipantRemove: {`{"participant":"` + other.String() + `","reason":"r"}`, &campaign.ParticipantData{Participant: other, Reason: text("r")}},
	campaign.ParticipantMute:   {`{"participant":"` + other.String() + `"}`, &campaign.ParticipantData{Participant: other, Muted: true, Reason: text("")}},
	campaign.ParticipantRename: {`{"name":" Zoe\u0308 "}`, &campaign.ParticipantData{Participant: actor, Reason: text("")}},
	campaign.RoleGrant:         {`{"participant":"` + other.String() + `","role":"facilitator"}`, &campaign.ParticipantData{Participant: other, Role: "facilitator", Reason: text("")}},
	campaign.RoleRevoke:        {`{"participant":"` + other.String() + `"}`, &campaign.ParticipantData{Participant: other, Reason: text("")}},
	campaign.CampaignEdit: {
		`{"title":"T","challenge":{"text":"New"},"languages":["nl","fr"],"settings":{"small_cell":0,"support_against":true,"schedule":[{"stage":"vote","at":"2026-01-02T03:04:05Z"}]}}`,
		&campaign.EditData{
			Title: ptr("T"), Languages: []string{"nl", "fr"},
			Challenge: &campaign.Challenge{ID: other, Title: "Old", Text: "New", Nodes: []string{"care"}, Themes: []string{"Zorg"}},
			Settings: &campaign.Settings{Attendance: 40, Moderation: "post", TextMax: 1000, GroupCheck: "declared", SupportAgainst: true, Groups: campaign.Groups,
				Schedule: []campaign.Switch{{Stage: "vote", At: 1767323045000}}},
		},
	},
}

// TestConvert converts one command of each type, and has one for each type that Convert knows.
func TestConvert(t *testing.T) {
	for _, kind := range intake.Types() {
		c, ok := sample[kind]
		if !ok {
			t.Errorf("no sample of %s", kind)
			continue
		}
		v, r := convert(kind, c.data)
		if r != nil {
			t.Errorf("%s: %v", kind, r)
			continue
		}
		want := &machine.Command{Type: kind, ID: sent, Actor: actor, Lane: lane("L"), N: 3, Data: c.want}
		if d := cmp.Diff(want, v.Command, cmp.AllowUnexported(ideas.Text{})); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
		if len(v.Content) == 0 {
			t.Errorf("%s: no content", kind)
		}
	}
	// What the machine knows of and no client may send.
	for _, kind := range []string{campaign.Create, campaign.Join, campaign.PersonErased, "checkpoint", "epoch", "", "Idea.post", "idea.post ", "nothing"} {
		if _, r := convert(kind, `{}`); r == nil || r.Code != wire.BadRequest || r.Field != "type" || r.Reason != "unknown_type" {
			t.Errorf("%q: %v", kind, r)
		}
	}
	for _, role := range campaign.Roles {
		for _, kind := range role.Rights() {
			if !slices.Contains(intake.Types(), kind) {
				t.Errorf("%s holds %s, which nobody can send", role, kind)
			}
		}
	}
}

// TestServerFields sends with each command each field that only the server may set, and each of the command's own fields in another case.
func TestServerFields(t *testing.T) {
	foreign := []string{
		"id", "actor", "author", "by", "group", "stratum", "at", "seq", "tag", "lane", "version", "locked", "pinned", "from", "into", "changes", "posted_at",
		"voter", "campaign", "code", "owner", "created_at", "rights", "removed", "erased", "Texts", "__proto__", "constructor",
	}
	for kind, c := range sample {
		for _, field := range foreign {
			if kind == campaign.IdeaPost && field == "from" { // an organiser's, as the machine judges
				continue
			}
			data := `{"` + field + `":1,` + c.data[1:]
			if _, r := convert(kind, data); r == nil || r.Code != wire.BadRequest || r.Reason != "unknown_field" || r.Field != field {
				t.Errorf("%s with %s: %v", kind, field, r)
			}
		}
		var own map[string]json.RawMessage
		if err := json.Unmarshal([]byte(c.data), &own); err != nil {
			t.Fatal(err)
		}
		for field, value := range own {
			upper := strings.ToUpper(field[:1]) + field[1:]
			if _, r := convert(kind, `{"`+upper+`":`+string(value)+`,`+c.data[1:]); r == nil || r.Reason != "duplicate_key" {
				t.Errorf("%s with %s: %v", kind, upper, r)
			}
			if _, r := convert(kind, `{"`+field+`":`+string(value)+`,`+c.data[1:]); r == nil || r.Reason != "duplicate_key" {
				t.Errorf("%s with %s twice: %v", kind, field, r)
			}
			if _, r := convert(kind, strings.Replace(c.data, `"`+field+`"`, `"`+upper+`"`, 1)); r == nil || r.Reason != "unknown_field" && r.Reason != "missing" {
				t.Errorf("%s with %s instead of %s: %v", kind, upper, field, r)
			}
			for _, wrong := range []string{`[[]]`, `{"a":1}`, `[null]`, `[1,"a"]`} {
				changed := strings.Replace(c.data, `"`+field+`":`+string(value), `"`+field+`":`+wrong, 1)
				if _, r := convert(kind, changed); r == nil || r.Code != wire.BadRequest {
					t.Errorf("%s with %s = %s: %v", kind, field, wrong, r)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	i := `"idea":"` + idea.String() + `"`
	p := `"participant":"` + other.String() + `"`
	for _, c := range []struct{ kind, data, want string }{
		{"support.set", `{` + i + `}`, "bad_request value missing"},
		{"support.set", `{` + i + `,"value":2}`, "bad_request value bad_value"},
		{"support.set", `{` + i + `,"value":257}`, "bad_request value bad_value"},
		{"support.set", `{` + i + `,"value":true}`, "bad_request value wrong_type"},
		{"support.set", `{` + i + `,"value":1.0}`, "bad_request value bad_number"},
		{"support.set", `{` + i + `,"value":null}`, "bad_request value wrong_type"},
		{"support.set", `{"idea":"x","value":1}`, "bad_request idea bad_id"},
		{"support.set", `{"idea":"00000000-0000-0000-0000-000000000000","value":1}`, "bad_request idea bad_id"},
		{"support.set", `[]`, "bad_request data wrong_type"},
		{"idea.post", `{"text":"no title"}`, "bad_request title missing"},
		{"idea.post", `{"title":"t","themes":["a",1]}`, "bad_request themes.1 wrong_type"},
		{"idea.post", `{"title":"t","idea":"` + idea.String() + `"}`, "bad_request idea unknown_field"},
		{"idea.post", `{"title":"t","reason":"r"}`, "bad_request reason unknown_field"},
		{"idea.post", `{"title":"t","definition":{"need":true}}`, "bad_request definition.novelty missing"},
		{"idea.post", `{"title":"t","definition":{"need":true,"novelty":true,"x":1}}`, "bad_request definition.x unknown_field"},
		{"idea.edit", `{` + i + `}`, "bad_request  nothing_changes"},
		{"idea.edit", `{` + i + `,"reason":"r"}`, "bad_request  nothing_changes"},
		{"idea.edit", `{"title":"t"}`, "bad_request idea missing"},
		{"idea.retract", `{` + i + `,"action":"hide"}`, "bad_request action unknown_field"},
		{"idea.moderate", `{` + i + `}`, "bad_request action missing"},
		{"idea.answer", `{` + i + `,"action":"done"}`, "bad_request status missing"},
		{"comment.retract", `{` + i + `}`, "bad_request comment missing"},
		{"comment.moderate", `{` + i + `,"comment":"` + other.String() + `","action":"hide"}`, "bad_request idea unknown_field"},
		{"stage.set", `{"stage":"vote","at":5}`, "bad_request at unknown_field"},
		{"participant.remove", `{` + p + `,"muted":true}`, "bad_request muted unknown_field"},
		{"participant.mute", `{` + p + `,"muted":1}`, "bad_request muted wrong_type"},
		{"role.revoke", `{` + p + `,"role":"organiser"}`, "bad_request role unknown_field"},
		{"participant.rename", `{}`, "bad_request name missing"},
		{"participant.rename", `{"name":"  "}`, "bad_request name empty"},
		{"participant.rename", `{"name":"a\u202eb"}`, "bad_request name bidi"},
		{"participant.rename", `{"name":"a\u200bb"}`, "bad_request name invisible"},
		{"participant.rename", `{"name":"a\nb"}`, "bad_request name several_lines"},
		{"participant.rename", `{"name":"` + strings.Repeat("é", 61) + `"}`, "too_large name too_long"},
		{"participant.rename", `{"name":"a","organisation":"\u0007"}`, "bad_request organisation control"},
		{"participant.rename", `{"name":"a","role":"organiser"}`, "bad_request role unknown_field"},
		{"campaign.edit", `{}`, "bad_request  nothing_changes"},
		{"campaign.edit", `{"settings":{"stage":"vote"}}`, "bad_request settings.stage unknown_field"},
		{"campaign.edit", `{"settings":{"rate":1}}`, "bad_request settings.rate unknown_field"},
		{"campaign.edit", `{"challenge":{"id":"` + other.String() + `"}}`, "bad_request challenge.id unknown_field"},
		{"campaign.edit", `{"template":"study"}`, "bad_request template unknown_field"},
		{"campaign.edit", `{"settings":{"schedule":[{"stage":"vote"}]}}`, "bad_request settings.schedule.0.at missing"},
		{"campaign.edit", `{"settings":{"schedule":[{"stage":"vote","at":"tomorrow"}]}}`, "bad_request settings.schedule bad_time"},
	} {
		v, r := convert(c.kind, c.data)
		if r == nil || r.Error() != c.want {
			t.Errorf("%s %s: %v, want %s", c.kind, c.data, r, c.want)
		}
		if v.Command != nil {
			t.Errorf("%s %s: refused, and a command", c.kind, c.data)
		}
	}
	long := `{"name":"` + strings.Repeat("é", 60) + `","organisation":""}`
	if v, r := convert("participant.rename", long); r != nil || len(v.Name) != 120 || !v.HasOrganisation {
		t.Errorf("60 characters: %v %+v", r, v)
	}
}

// TestContent: the same command sent again has the same content however it is written, another one has another.
func TestContent(t *testing.T) {
	content := func(kind, data string) []byte {
		v, r := convert(kind, data)
		if r != nil {
			t.Fatalf("%s %s: %v", kind, data, r)
		}
		return v.Content
	}
	i := `"idea":"` + idea.String() + `"`
	same := [][3]string{
		{"support.set", `{` + i + `,"value":1}`, `{ "value" : 1, ` + i + ` }`},
		{"support.set", `{` + i + `,"value":0}`, `{"value":-0,"\u0069dea":"` + strings.ToUpper(idea.String()) + `"}`},
		{"idea.edit", `{` + i + `,"title":"é","need":"b"}`, `{"need":"\u0062","title":"\u00e9",` + i + `}`},
	}
	for _, c := range same {
		if !bytes.Equal(content(c[0], c[1]), content(c[0], c[2])) {
			t.Errorf("%s and %s differ", c[1], c[2])
		}
	}
	differ := [][2]string{
		{"support.set", `{` + i + `,"value":1}`},
		{"support.set", `{` + i + `,"value":-1}`},
		{"support.set", `{"idea":"` + other.String() + `","value":1}`},
		{"idea.edit", `{` + i + `,"title":"a","need":"b"}`},
		{"idea.edit", `{` + i + `,"title":"ab","need":""}`},
		{"idea.edit", `{` + i + `,"title":"a","need":"b","themes":[]}`},
		{"idea.edit", `{` + i + `,"themes":["a","b"]}`},
		{"idea.edit", `{` + i + `,"themes":["a,b"]}`},
		{"idea.retract", `{` + i + `,"reason":"x"}`},
		{"idea.report", `{` + i + `,"reason":"x"}`},
		{"participant.rename", `{"name":"a"}`},
		{"participant.rename", `{"name":"b"}`},
		{"participant.rename", `{"name":"a","organisation":""}`},
	}
	seen := map[string][2]string{}
	for _, c := range differ {
		was, ok := seen[string(content(c[0], c[1]))]
		if ok {
			t.Errorf("%v and %v have one content", was, c)
		}
		seen[string(content(c[0], c[1]))] = c
	}
}

// TestSettingsAreNotShared: a patch must not write into the machine's own lists.
func TestSettingsAreNotShared(t *testing.T) {
	kept := settings()
	kept.Groups = []string{"a", "b"}
	kept.Schedule = []campaign.Switch{{Stage: "vote", At: 1}}
	c := new(wire.Reader).ReadCommand(frame("campaign.edit", `{"settings":{"groups":["x","y"],"schedule":[{"stage":"result","at":"2026-01-02T03:04:05Z"}]}}`))
	v, r := intake.Convert(intake.Context{Actor: actor, Settings: func() campaign.Settings { return kept }}, &c)
	if r != nil {
		t.Fatal(r)
	}
	if kept.Groups[0] != "a" || kept.Schedule[0].Stage != "vote" || v.Command.Data.(*campaign.EditData).Settings.Groups[0] != "x" {
		t.Errorf("kept %+v", kept)
	}
	c = new(wire.Reader).ReadCommand(frame("campaign.edit", `{"challenge":{"text":"t"}}`))
	if _, r := intake.Convert(intake.Context{Actor: actor}, &c); r == nil || r.Error() != "bad_request challenge.title missing" {
		t.Errorf("half a challenge: %v", r)
	}
}

func BenchmarkConvertSupport(b *testing.B) {
	doc := frame("support.set", sample["support.set"].data)
	var r wire.Reader
	b.ReportAllocs()
	for b.Loop() {
		c := r.ReadCommand(doc)
		if _, refused := intake.Convert(context, &c); refused != nil {
			b.Fatal(refused)
		}
	}
}

func BenchmarkConvertIdea(b *testing.B) {
	doc := frame("idea.post", sample["idea.post"].data)
	var r wire.Reader
	b.ReportAllocs()
	for b.Loop() {
		c := r.ReadCommand(doc)
		if _, refused := intake.Convert(context, &c); refused != nil {
			b.Fatal(refused)
		}
	}
}
