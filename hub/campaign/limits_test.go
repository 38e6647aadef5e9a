package campaign_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/ideas"
)

// told is a refusal in words, with what the sentence names.
func told(r *machine.Refusal) string {
	if r == nil {
		return "ok"
	}
	out := strings.Join(strings.Fields(r.Error()), " ")
	for _, k := range []string{"min", "max"} {
		if v, ok := r.Args[k]; ok {
			out += " " + k + "=" + v
		}
	}
	return out
}

// long is a text of that many UTF-16 units, with a pair at its end if it fits.
func long(units int) string {
	if units < 2 {
		return strings.Repeat("a", units)
	}
	return strings.Repeat("a", units-2) + "🌱"
}

// several makes a list of n different themes.
func several(n, length int) []string {
	list := []string{}
	for i := range n {
		list = append(list, fmt.Sprintf("%0*d", length, i))
	}
	return list
}

// TestLimits tries every limit of text and lists at its boundary and one beyond.
func TestLimits(t *testing.T) {
	type field struct {
		name     string
		most     int
		least    int
		empty    string // what is said of too little
		beyond   string // what is said of too much, before max=
		try      func(r *room, n int) *machine.Refusal
		settings func(*campaign.Settings)
	}
	idea := func(set func(*campaign.IdeaData, int)) func(*room, int) *machine.Refusal {
		return func(r *room, n int) *machine.Refusal {
			d := ideaData("carla", "Een")
			set(d, n)
			return r.m.Check(r.command(campaign.IdeaPost, "carla", d), r.at)
		}
	}
	edit := func(set func(*campaign.EditData, int)) func(*room, int) *machine.Refusal {
		return func(r *room, n int) *machine.Refusal {
			d := &campaign.EditData{}
			set(d, n)
			return r.m.Check(r.command(campaign.CampaignEdit, "olga", d), r.at)
		}
	}
	settings := func(set func(*campaign.Settings, int)) func(*room, int) *machine.Refusal {
		return edit(func(d *campaign.EditData, n int) {
			s := campaign.Defaults()
			set(&s, n)
			d.Settings = &s
		})
	}
	question := func(set func(*campaign.Challenge, int)) func(*room, int) *machine.Refusal {
		return edit(func(d *campaign.EditData, n int) {
			c := challenge()
			set(&c, n)
			d.Challenge = &c
		})
	}
	large := func(s *campaign.Settings) { s.TextMax = ideas.MaxTextEver }
	switches := func(n int) (list []campaign.Switch) {
		for i := range n {
			list = append(list, campaign.Switch{Stage: "vote", At: noon + int64(i)})
		}
		return list
	}
	for _, f := range []field{
		{"title of an idea", 120, 1, "bad_request title empty", "too_large title too_long", idea(func(d *campaign.IdeaData, n int) { d.Title = by("carla", long(n)) }), nil},
		{"text of an idea", 1000, 0, "", "too_large text too_long", idea(func(d *campaign.IdeaData, n int) { d.Text = by("carla", long(n)) }), nil},
		{"text of an idea where 100,000 are allowed", 8192, 0, "", "too_large text too_long", idea(func(d *campaign.IdeaData, n int) { d.Text = by("carla", long(n)) }), large},
		{"need", 500, 0, "", "too_large need too_long", idea(func(d *campaign.IdeaData, n int) { d.Need = by("carla", long(n)) }), nil},
		{"themes of an idea", 5, 0, "", "limit_reached themes too_many", idea(func(d *campaign.IdeaData, n int) { d.Themes = several(n, 2) }), nil},
		{"nodes of an idea", 2, 0, "", "limit_reached nodes too_many", idea(func(d *campaign.IdeaData, n int) { d.Nodes = slices.Clone(ideas.Nodes[:n]) }), nil},
		{"comment", 2000, 1, "bad_request text empty", "too_large text too_long", func(r *room, n int) *machine.Refusal {
			d := &campaign.CommentData{Idea: r.m.Board().All()[0].ID, Kind: "question", Text: by("carla", long(n))}
			return r.m.Check(r.command(campaign.CommentPost, "carla", d), r.at)
		}, nil},
		{"reason", 500, 1, "bad_request reason reason_needed", "too_large reason too_long", func(r *room, n int) *machine.Refusal {
			d := &campaign.ActData{Idea: r.m.Board().All()[0].ID, Action: "reject", Reason: by("fay", long(n))}
			return r.m.Check(r.command(campaign.IdeaModerate, "fay", d), r.at)
		}, nil},
		{"reason of an edit", 500, 1, "bad_request reason reason_needed", "too_large reason too_long", func(r *room, n int) *machine.Refusal {
			d := &campaign.IdeaData{Idea: r.m.Board().All()[0].ID, Changes: []string{"title"}, Title: by("fay", "Beter"), Reason: by("fay", long(n))}
			return r.m.Check(r.command(campaign.IdeaEdit, "fay", d), r.at)
		}, nil},
		{"reason of a removal", 500, 0, "", "too_large reason too_long", func(r *room, n int) *machine.Refusal {
			d := &campaign.ParticipantData{Participant: person("carla"), Reason: by("fay", long(n))}
			return r.m.Check(r.command(campaign.ParticipantRemove, "fay", d), r.at)
		}, nil},
		{"channel", 40, 0, "", "bad_request channel bad_channel", func(r *room, n int) *machine.Refusal {
			return r.m.Check(r.command(campaign.Join, "cem", &campaign.JoinData{Group: "citizen", Channel: long(n)}), r.at)
		}, nil},
		{"title of a campaign", 200, 1, "bad_request title empty", "too_large title too_long", edit(func(d *campaign.EditData, n int) { s := long(n); d.Title = &s }), nil},
		{"title of the question", 200, 0, "", "too_large challenge.title too_long", question(func(c *campaign.Challenge, n int) { c.Title = long(n) }), nil},
		{"text of the question", 10_000, 1, "conflict challenge.text challenge_needed", "too_large challenge.text too_long", question(func(c *campaign.Challenge, n int) { c.Text = long(n) }), nil},
		{"themes", 40, 0, "", "limit_reached challenge.themes too_many", question(func(c *campaign.Challenge, n int) { c.Themes = several(n, 2) }), nil},
		{"a theme", 80, 1, "bad_request challenge.themes empty", "too_large challenge.themes too_long", question(func(c *campaign.Challenge, n int) { c.Themes = []string{long(n)} }), nil},
		{"attendance", 100_000, 1, "bad_request settings.attendance out_of_range min=1 max=100000", "bad_request settings.attendance out_of_range min=1", settings(func(s *campaign.Settings, n int) { s.Attendance = n }), nil},
		{"text_max", 100_000, 1, "bad_request settings.text_max out_of_range min=1 max=100000", "bad_request settings.text_max out_of_range min=1", settings(func(s *campaign.Settings, n int) { s.TextMax = n }), nil},
		{"small_cell", 100, 0, "bad_request settings.small_cell out_of_range min=0 max=100", "bad_request settings.small_cell out_of_range min=0", settings(func(s *campaign.Settings, n int) { s.SmallCell = n }), nil},
		{"schedule", 20, 0, "", "limit_reached settings.schedule too_many", settings(func(s *campaign.Settings, n int) { s.Schedule = switches(n) }), nil},
	} {
		t.Run(f.name, func(t *testing.T) {
			r := open(t, func(d *campaign.CreateData) {
				d.Challenge.Themes = append(several(6, 2), "zorg")
				if f.settings != nil {
					f.settings(&d.Settings)
				}
			}, "carla", "fay")
			r.post("carla", "Een")
			for _, n := range []int{f.least, f.most} {
				if got := told(f.try(r, n)); got != "ok" {
					t.Errorf("%d: %s", n, got)
				}
			}
			want := f.beyond + " max=" + strconv.Itoa(f.most)
			if strings.HasSuffix(f.beyond, "bad_channel") {
				want = f.beyond
			}
			if got := told(f.try(r, f.most+1)); got != want {
				t.Errorf("%d: %s, want %s", f.most+1, got, want)
			}
			if f.empty != "" {
				if got := told(f.try(r, f.least-1)); got != f.empty {
					t.Errorf("%d: %s, want %s", f.least-1, got, f.empty)
				}
			}
		})
	}

	t.Run("groups", func(t *testing.T) {
		create := func(groups []string) string {
			d := createData()
			d.Settings.Groups = groups
			return told(campaign.CheckCreate(d))
		}
		for n, want := range map[int]string{0: "bad_request settings.groups empty", 1: "ok", 20: "ok", 21: "limit_reached settings.groups too_many max=20"} {
			if got := create(several(n, 2)); got != want {
				t.Errorf("%d groups: %s, want %s", n, got, want)
			}
		}
		for n, want := range map[int]string{0: "bad_request settings.groups empty", 40: "ok", 41: "too_large settings.groups too_long max=40"} {
			if got := create([]string{long(n)}); got != want {
				t.Errorf("a group of %d: %s, want %s", n, got, want)
			}
		}
	})
}

// TestCounts tries the limits on how many there may be, in Check and in Apply.
func TestCounts(t *testing.T) {
	r := open(t, nil, "carla", "cem")
	both := func(c *machine.Command, want string) {
		t.Helper()
		if got := told(r.m.Check(c, r.at)); got != want {
			t.Errorf("Check: %s, want %s", got, want)
		}
		if got := told(r.apply(c).Refusal); got != want {
			t.Errorf("Apply: %s, want %s", got, want)
		}
	}
	for range ideas.MaxIdeasEach - 1 {
		r.must(r.apply(r.command(campaign.IdeaPost, "carla", ideaData("carla", "Een"))))
	}
	last := r.post("carla", "De laatste")
	both(r.command(campaign.IdeaPost, "carla", ideaData("carla", "Te veel")), "limit_reached ideas_each")
	r.must(r.act(campaign.IdeaRetract, "carla", last, "", ""))
	both(r.command(campaign.IdeaPost, "carla", ideaData("carla", "Weer een")), "ok")

	for range ideas.MaxComments {
		r.must(r.apply(r.command(campaign.CommentPost, "cem", &campaign.CommentData{Idea: r.m.Board().All()[0].ID, Kind: "question", Text: by("cem", "?")})))
	}
	both(r.command(campaign.CommentPost, "cem", &campaign.CommentData{Idea: r.m.Board().All()[0].ID, Kind: "question", Text: by("cem", "?")}), "limit_reached comments_full")

	r.m.Fill(campaign.MaxParticipants, 0)
	both(r.command(campaign.Join, "sara", &campaign.JoinData{Group: "civil_society"}), "limit_reached campaign_full")
	both(r.command(campaign.Join, "cem", &campaign.JoinData{Group: "citizen"}), "ok") // is in already
	r.m.Fill(0, ideas.MaxIdeas)
	both(r.command(campaign.IdeaPost, "cem", ideaData("cem", "Een te veel")), "limit_reached board_full")
}

// TestSmallCellStays: people vote under the promise of a smallest cell; from then on it can only grow.
func TestSmallCellStays(t *testing.T) {
	r := open(t, nil, "carla", "cem")
	set := func(small int) string {
		s := campaign.Defaults()
		s.SmallCell = small
		return told(r.send(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Settings: &s})).Refusal)
	}
	i := r.post("carla", "Een")
	if got := set(3); got != "ok" {
		t.Errorf("before a vote: %s", got)
	}
	r.must(r.support("cem", i, 1))
	for _, c := range []struct {
		small int
		want  string
	}{{2, "conflict settings.small_cell out_of_range min=3 max=100"}, {0, "conflict settings.small_cell out_of_range min=3 max=100"}, {3, "ok"}, {10, "ok"},
		{5, "conflict settings.small_cell out_of_range min=10 max=100"}} {
		if got := set(c.small); got != c.want {
			t.Errorf("%d: %s, want %s", c.small, got, c.want)
		}
	}
}
