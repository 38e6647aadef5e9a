package campaign_test

import (
	"slices"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/ideas"
)

// hostile are strings that have broken others. What may be said of them in a text of several lines; "" is nothing: they are text like any other.
var hostile = []struct{ s, text string }{
	{"<script>alert(1)</script>", ""},
	{"<img src=x onerror=alert(1)>", ""},
	{"</textarea><svg/onload=alert(1)>", ""},
	{"[x](javascript:alert(1))", ""},
	{"{{constructor.constructor('alert(1)')()}}", ""},
	{"${jndi:ldap://x}", ""},
	{"'; DROP TABLE ideas; --", ""},
	{"=HYPERLINK(\"http://x\",\"klik\")", ""},
	{"+1+cmd|' /C calc'!A0", ""},
	{"-2+3", ""},
	{"@SUM(A1:A9)", ""},
	{"＝1+1", ""},
	{"../../etc/passwd", ""},
	{"a;x=y", ""},
	{"%00%0d%0aSet-Cookie: x", ""},
	{"null", ""},
	{"__proto__", ""},
	{"محمد علي", ""},
	{"👩‍🚀", ""},
	{"a\x00b", "control"},
	{"a\rb", "control"},
	{"\x1b[31mrood", "control"},
	{"a\u0085b", "control"},
	{"ana\u202egpj.exe", "bidi"},
	{"\u2067Ana\u2069", "bidi"},
	{"a\xffb", "bad_utf8"},
	{"a\xed\xa0\x80b", "bad_utf8"},
	{"a\ufffdb", "bad_utf8"},
	{"\u200b\u200b", "empty"},
	{"\u2800", "empty"},
	{" \t\n", "empty"},
}

// TestHostileText puts each of them into every field that holds words: what may not stand there is refused in that field, the rest stays what was
// written, letter for letter.
func TestHostileText(t *testing.T) {
	lines := []string{"several_lines", "invisible"} // said only of one-line fields and names
	for _, f := range []struct {
		name     string
		optional bool // may be empty
		line     bool
		try      func(r *room, s string) (*machine.Refusal, func() string)
	}{
		{"title", false, true, func(r *room, s string) (*machine.Refusal, func() string) {
			d := ideaData("carla", s)
			return posted(r, d, func(i *ideas.Idea) string { return i.Current.Title.Words() })
		}},
		{"text", true, false, func(r *room, s string) (*machine.Refusal, func() string) {
			d := ideaData("carla", "Een")
			d.Text = by("carla", s)
			return posted(r, d, func(i *ideas.Idea) string { return i.Current.Text.Words() })
		}},
		{"need", true, false, func(r *room, s string) (*machine.Refusal, func() string) {
			d := ideaData("carla", "Een")
			d.Need = by("carla", s)
			return posted(r, d, func(i *ideas.Idea) string { return i.Current.Need.Words() })
		}},
		{"text", false, false, func(r *room, s string) (*machine.Refusal, func() string) {
			i := r.post("carla", "Een")
			o := r.send(r.command(campaign.CommentPost, "carla", &campaign.CommentData{Idea: i, Kind: "question", Text: by("carla", s)}))
			return o.Refusal, func() string { return r.m.Board().Idea(i).Comments[0].Text.Words() }
		}},
		{"reason", true, false, func(r *room, s string) (*machine.Refusal, func() string) {
			i := r.post("carla", "Een")
			o := r.act(campaign.IdeaModerate, "fay", i, "hide", s)
			return o.Refusal, func() string { return r.m.Board().Idea(i).Reason.Words() }
		}},
		{"title", false, true, func(r *room, s string) (*machine.Refusal, func() string) {
			o := r.send(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Title: &s}))
			return o.Refusal, func() string { return r.m.View(machine.Public, nameOf).Campaign().Title }
		}},
		{"challenge.title", true, true, func(r *room, s string) (*machine.Refusal, func() string) {
			c := challenge()
			c.Title = s
			o := r.send(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Challenge: &c}))
			return o.Refusal, func() string { return r.m.Challenge().Title }
		}},
		{"challenge.text", false, false, func(r *room, s string) (*machine.Refusal, func() string) {
			c := challenge()
			c.Text = s
			o := r.send(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Challenge: &c}))
			return o.Refusal, func() string { return r.m.Challenge().Text }
		}},
		{"challenge.themes", false, true, func(r *room, s string) (*machine.Refusal, func() string) {
			c := challenge()
			c.Themes = []string{s}
			o := r.send(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Challenge: &c}))
			return o.Refusal, func() string { return r.m.Challenge().Themes[0] }
		}},
		{"channel", true, true, func(r *room, s string) (*machine.Refusal, func() string) {
			o := r.send(r.command(campaign.Join, "cem", &campaign.JoinData{Group: "citizen", Channel: s}))
			return o.Refusal, func() string { return r.m.Person(person("cem")).Channel }
		}},
	} {
		for _, h := range hostile {
			if f.name == "channel" && ideas.Units(h.s) > campaign.MaxChannel {
				continue
			}
			r := open(t, nil, "carla", "fay")
			refusal, words := f.try(r, h.s)
			switch {
			case h.text == "" || h.text == "empty" && f.optional && !f.line:
				if refusal != nil && !(f.name == "challenge.themes" && refusal.Reason == "not_in_list") {
					t.Errorf("%s %+q: %v", f.name, h.s, refusal)
				} else if refusal == nil && words() != h.s {
					t.Errorf("%s %+q became %+q", f.name, h.s, words())
				}
			case h.text == "empty" && f.optional && refusal == nil: // hidden characters in a line that may be empty
				if words() != h.s {
					t.Errorf("%s %+q became %+q", f.name, h.s, words())
				}
			case refusal == nil || !strings.HasPrefix(refusal.Field, f.name):
				t.Errorf("%s %+q: %v, want %s", f.name, h.s, refusal, h.text)
			case refusal.Reason != h.text && !slices.Contains(lines, refusal.Reason) && refusal.Reason != "bad_channel" && refusal.Reason != "challenge_needed":
				t.Errorf("%s %+q: %v, want %s", f.name, h.s, refusal, h.text)
			}
		}
	}
}

func posted(r *room, d *campaign.IdeaData, words func(*ideas.Idea) string) (*machine.Refusal, func() string) {
	o := r.send(r.command(campaign.IdeaPost, "carla", d))
	return o.Refusal, func() string { return words(r.m.Board().All()[0]) }
}

// TestVocabularies: lists hold codes of their vocabulary, each once.
func TestVocabularies(t *testing.T) {
	r := open(t, nil, "carla", "fay")
	i := r.post("carla", "Een")
	idea := func(set func(*campaign.IdeaData)) *machine.Command {
		d := ideaData("carla", "Een")
		set(d)
		return r.command(campaign.IdeaPost, "carla", d)
	}
	settings := func(set func(*campaign.Settings)) *machine.Command {
		s := campaign.Defaults()
		set(&s)
		return r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Settings: &s})
	}
	question := func(set func(*campaign.Challenge)) *machine.Command {
		c := challenge()
		set(&c)
		return r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Challenge: &c})
	}
	for _, c := range []struct {
		name string
		c    *machine.Command
		want string
	}{
		{"no lists at all", idea(func(d *campaign.IdeaData) { d.Themes, d.Nodes, d.Innovation, d.Definition = nil, nil, nil, nil }), "ok"},
		{"a theme of another campaign", idea(func(d *campaign.IdeaData) { d.Themes = []string{"water"} }), "bad_request themes not_in_list"},
		{"a theme twice", idea(func(d *campaign.IdeaData) { d.Themes = []string{"zorg", "zorg"} }), "bad_request themes not_in_list"},
		{"a theme in capitals", idea(func(d *campaign.IdeaData) { d.Themes = []string{"Zorg"} }), "bad_request themes not_in_list"},
		{"a node in Dutch", idea(func(d *campaign.IdeaData) { d.Nodes = []string{"zorg"} }), "bad_request nodes not_in_list"},
		{"a node twice", idea(func(d *campaign.IdeaData) { d.Nodes = []string{"care", "care"} }), "bad_request nodes not_in_list"},
		{"two nodes", idea(func(d *campaign.IdeaData) { d.Nodes = []string{"care", "green_mobility"} }), "ok"},
		{"all five types", idea(func(d *campaign.IdeaData) { d.Innovation = slices.Clone(ideas.InnovationTypes) }), "ok"},
		{"a sixth type", idea(func(d *campaign.IdeaData) { d.Innovation = []string{"marketing_method"} }), "bad_request innovation not_in_list"},
		{"a type twice", idea(func(d *campaign.IdeaData) { d.Innovation = []string{"service", "service"} }), "bad_request innovation not_in_list"},
		{"a kind of comment", r.command(campaign.CommentPost, "carla", &campaign.CommentData{Idea: i, Kind: "praise", Text: by("carla", "!")}), "bad_request kind not_in_list"},
		{"an action", r.command(campaign.IdeaModerate, "fay", &campaign.ActData{Idea: i, Action: "delete", Reason: by("fay", "")}), "bad_request action not_in_list"},
		{"an action on a comment", r.command(campaign.CommentModerate, "fay", &campaign.ActData{Comment: i, Action: "pin", Reason: by("fay", "")}), "bad_request action not_in_list"},
		{"an answer", r.command(campaign.IdeaAnswer, "olga", &campaign.ActData{Idea: i, Action: "maybe", Reason: by("olga", "Omdat")}), "bad_request status not_in_list"},
		{"an answer without reason", r.command(campaign.IdeaAnswer, "olga", &campaign.ActData{Idea: i, Action: "done", Reason: by("olga", " ")}), "bad_request reason reason_needed"},
		{"moderation", settings(func(s *campaign.Settings) { s.Moderation = "none" }), "bad_request settings.moderation not_in_list"},
		{"group check", settings(func(s *campaign.Settings) { s.GroupCheck = "" }), "bad_request settings.group_check not_in_list"},
		{"a schedule of nowhere", settings(func(s *campaign.Settings) { s.Schedule = []campaign.Switch{{Stage: "x", At: noon}} }), "bad_request settings.schedule bad_stage"},
		{"a schedule of no time", settings(func(s *campaign.Settings) { s.Schedule = []campaign.Switch{{Stage: "vote"}} }), "bad_request settings.schedule bad_stage"},
		{"a schedule twice", settings(func(s *campaign.Settings) {
			s.Schedule = slices.Repeat([]campaign.Switch{{Stage: "vote", At: noon}}, 2)
		}), "bad_request settings.schedule bad_stage"},
		{"a group named other", settings(func(s *campaign.Settings) { s.Groups = []string{"other"} }), "bad_request settings.groups not_in_list"},
		{"a group twice", settings(func(s *campaign.Settings) { s.Groups = []string{"a", "a"} }), "bad_request settings.groups not_in_list"},
		{"a group nobody sees", settings(func(s *campaign.Settings) { s.Groups = []string{"a\u200b"} }), "bad_request settings.groups not_in_list"},
		{"other groups, when people are in", settings(func(s *campaign.Settings) { s.Groups = []string{"a"} }), "conflict settings.groups groups_in_use"},
		{"a node of the question", question(func(c *campaign.Challenge) { c.Nodes = []string{"zorg"} }), "bad_request challenge.nodes not_in_list"},
		{"a theme twice in the question", question(func(c *campaign.Challenge) { c.Themes = []string{"a", "a"} }), "bad_request challenge.themes not_in_list"},
		{"no language", r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Languages: []string{}}), "bad_request languages not_in_list"},
		{"an unknown language", r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Languages: []string{"nl", "xx"}}), "bad_request languages not_in_list"},
		{"four languages", r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Languages: []string{"nl", "en", "fr", "de"}}), "ok"},
		{"an unknown group", r.command(campaign.Join, "sara", &campaign.JoinData{Group: "king"}), "bad_request group bad_group"},
		{"an unknown role", r.command(campaign.Join, "sara", &campaign.JoinData{Group: "firm", Role: "king"}), "bad_request role bad_role"},
		{"an unknown stage", r.command(campaign.StageSet, "olga", &campaign.StageData{Stage: "x"}), "bad_request stage bad_stage"},
	} {
		if got := told(r.m.Check(c.c, r.at)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		change func(*campaign.CreateData)
		want   string
	}{
		"a template": {func(d *campaign.CreateData) { d.Template = "party" }, "bad_request template not_in_list"},
		"a stage":    {func(d *campaign.CreateData) { d.Stage = "party" }, "bad_request settings.stage bad_stage"},
		"a title":    {func(d *campaign.CreateData) { d.Title = "" }, "bad_request title empty"},
		"a language": {func(d *campaign.CreateData) { d.Languages = nil }, "bad_request languages not_in_list"},
		"nothing":    {func(*campaign.CreateData) {}, "ok"},
	} {
		d := createData()
		c.change(d)
		if got := told(campaign.CheckCreate(d)); got != c.want {
			t.Errorf("creating with %s: %s, want %s", name, got, c.want)
		}
	}
}
