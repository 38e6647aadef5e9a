package sample

import (
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/ideas"
)

func load(t *testing.T) *Campaign {
	t.Helper()
	c, err := Inclusie()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// line checks a one-line text against a limit in UTF-16 units.
func line(t *testing.T, what, s string, max int) {
	t.Helper()
	if ideas.CheckBlank(s) || ideas.CheckLine(s) != "" || ideas.Units(s) > max || s != strings.TrimSpace(s) {
		t.Errorf("%s: %q: %d units of at most %d, fault %q", what, s, ideas.Units(s), max, ideas.CheckLine(s))
	}
}

func codes(t *testing.T, what string, vocabulary, got []string, min, max int) {
	t.Helper()
	if len(got) < min || len(got) > max {
		t.Errorf("%s: %d codes, want %d to %d", what, len(got), min, max)
	}
	seen := map[string]bool{}
	for _, g := range got {
		if !ideas.OneOf(vocabulary, g) || seen[g] {
			t.Errorf("%s: %q is twice in the list or not one of %v", what, g, vocabulary)
		}
		seen[g] = true
	}
}

func TestChallenge(t *testing.T) {
	c := load(t)
	line(t, "campaign title", c.Title, campaign.MaxCampaignTitle)
	line(t, "challenge title", c.Challenge.Title, campaign.MaxChallengeTitle)
	if n := ideas.Units(c.Challenge.Text); n < 400 || n > campaign.MaxChallengeText || ideas.CheckText(c.Challenge.Text) != "" {
		t.Errorf("challenge text has %d units", n)
	}
	if _, ok := campaign.Templates[c.Template]; !ok {
		t.Errorf("no template %q", c.Template)
	}
	codes(t, "challenge nodes", ideas.Nodes, c.Challenge.Nodes, 1, len(ideas.Nodes))
	if len(c.Challenge.Themes) > campaign.MaxThemes {
		t.Errorf("%d themes", len(c.Challenge.Themes))
	}
	for _, th := range c.Challenge.Themes {
		line(t, "theme", th, campaign.MaxTheme)
	}
}

func TestPeople(t *testing.T) {
	c := load(t)
	groups, names := map[string]int{}, map[string]bool{}
	for _, p := range c.People {
		if ideas.CheckName(p.Name) != "" || len([]rune(p.Name)) > campaign.MaxName || names[p.Name] {
			t.Errorf("name %q is not fit or there twice", p.Name)
		}
		names[p.Name] = true
		groups[p.Group]++
		line(t, "channel of "+p.Name, p.Channel, campaign.MaxChannel)
	}
	for _, g := range campaign.Groups {
		if groups[g] < 5 {
			t.Errorf("only %d people of group %s", groups[g], g)
		}
		if c.Crowd[g] == 0 {
			t.Errorf("no crowd of group %s", g)
		}
		delete(groups, g)
	}
	if len(groups) > 0 {
		t.Errorf("unknown groups: %v", groups)
	}
	if len(c.Crowd) != len(campaign.Groups) {
		t.Errorf("crowd has %d groups, want %d", len(c.Crowd), len(campaign.Groups))
	}
}

// TestIdeas asks for a campaign that looks alive: enough ideas, all codes used, comments of all kinds, support that differs by group.
func TestIdeas(t *testing.T) {
	c := load(t)
	if len(c.Ideas) < 44 {
		t.Errorf("%d ideas, want at least 44", len(c.Ideas))
	}
	people, size := map[string]Person{}, map[string]int{}
	for _, p := range c.People {
		people[p.Name] = p
		size[p.Group]++
	}
	for g, n := range c.Crowd {
		size[g] += n
	}
	titles, used, authors := map[string]bool{}, map[string]int{}, map[string]int{}
	kinds, comments, replies := map[string]int{}, 0, 0
	for _, i := range c.Ideas {
		line(t, "title", i.Title, ideas.MaxTitle)
		line(t, "need of "+i.Title, i.Need, ideas.MaxNeed)
		if titles[strings.ToLower(i.Title)] {
			t.Errorf("two ideas are called %q", i.Title)
		}
		titles[strings.ToLower(i.Title)] = true
		if n := len(strings.Fields(i.Text)); n < 40 || n > 120 || ideas.CheckText(i.Text) != "" || ideas.Units(i.Text) > campaign.Defaults().TextMax {
			t.Errorf("%s: text of %d words", i.Title, n)
		}
		codes(t, "innovation of "+i.Title, ideas.InnovationTypes, i.Innovation, 1, len(ideas.InnovationTypes))
		codes(t, "nodes of "+i.Title, ideas.Nodes, i.Nodes, 1, ideas.MaxNodes)
		codes(t, "themes of "+i.Title, c.Challenge.Themes, i.Themes, 1, ideas.MaxThemes)
		for _, list := range [][]string{i.Innovation, i.Nodes, i.Themes} {
			for _, code := range list {
				used[code]++
			}
		}
		author, ok := people[i.Author]
		if !ok {
			t.Errorf("%s: nobody is called %q", i.Title, i.Author)
		}
		authors[author.Group]++
		for g, n := range i.Support {
			if n < 0 || n > size[g] {
				t.Errorf("%s: %d of %d people of group %q support it", i.Title, n, size[g], g)
			}
		}
		for n, k := range i.Comments {
			codes(t, "kind of a comment on "+i.Title, ideas.CommentKinds, []string{k.Kind}, 1, 1)
			line(t, "comment on "+i.Title, k.Text, ideas.MaxComment)
			if _, ok := people[k.Author]; !ok {
				t.Errorf("%s: nobody is called %q", i.Title, k.Author)
			}
			if k.ReplyTo != nil {
				replies++
				if *k.ReplyTo < 0 || *k.ReplyTo >= n || i.Comments[*k.ReplyTo].ReplyTo != nil {
					t.Errorf("%s: comment %d answers %d", i.Title, n, *k.ReplyTo)
				}
			}
			kinds[k.Kind]++
			comments++
		}
	}
	for _, vocabulary := range [][]string{ideas.InnovationTypes, ideas.Nodes, c.Challenge.Themes} {
		for _, code := range vocabulary {
			if used[code] == 0 {
				t.Errorf("no idea has %q", code)
			}
		}
	}
	for _, g := range campaign.Groups {
		if authors[g] == 0 {
			t.Errorf("nobody of group %s has an idea", g)
		}
	}
	for _, k := range ideas.CommentKinds {
		if kinds[k] < 10 {
			t.Errorf("only %d comments of kind %s", kinds[k], k)
		}
	}
	if comments < 70 || replies == 0 {
		t.Errorf("%d comments, %d of them replies", comments, replies)
	}
}

func TestSimulated(t *testing.T) {
	c := load(t)
	s := &c.Simulated
	if len(s.Ideas)+len(s.Comments) < 60 {
		t.Errorf("%d short ideas and %d remarks, want 60 together", len(s.Ideas), len(s.Comments))
	}
	for n := range s.Comments {
		k := s.Comment(n)
		codes(t, "kind of a remark", ideas.CommentKinds, []string{k.Kind}, 1, 1)
		line(t, "remark", k.Text, ideas.MaxComment)
	}
	titles := map[string]bool{}
	for n := range len(s.Ideas) * len(c.Neighbourhoods) {
		i := s.Idea(n)
		line(t, "title", i.Title, ideas.MaxTitle)
		line(t, "text", i.Text, campaign.Defaults().TextMax)
		line(t, "need", i.Need, ideas.MaxNeed)
		codes(t, "innovation of "+i.Title, ideas.InnovationTypes, i.Innovation, 1, len(ideas.InnovationTypes))
		codes(t, "themes of "+i.Title, c.Challenge.Themes, i.Themes, 1, ideas.MaxThemes)
		if titles[i.Title] || strings.Contains(i.Title, "{") {
			t.Errorf("idea %d: title %q is there twice or has no place", n, i.Title)
		}
		titles[i.Title] = true
	}
	names, groups := map[string]bool{}, map[string]int{}
	for n := range 1000 {
		p := s.Person(n)
		if ideas.CheckName(p.Name) != "" || len([]rune(p.Name)) > campaign.MaxName || names[p.Name] {
			t.Errorf("person %d: name %q is not fit or there twice", n, p.Name)
		}
		names[p.Name] = true
		if n < 20 {
			groups[p.Group]++
		}
	}
	if len(groups) != len(campaign.Groups) {
		t.Errorf("the first 20 simulated people are of %d groups: %v", len(groups), groups)
	}
}
