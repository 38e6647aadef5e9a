package campaign_test

import (
	"maps"
	"slices"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// Rows of the seed register that the campaign's machine shows.

// TestChallengeDriven (R01): a campaign cannot open without a challenge text, by whatever way; every idea in it links to that challenge.
func TestChallengeDriven(t *testing.T) {
	for _, text := range []string{"", " \n", "\u200b"} {
		d := createData()
		d.Challenge.Text = text
		if got := told(campaign.CheckCreate(d)); got != "bad_request challenge.text challenge_needed" {
			t.Errorf("created open with %q: %s", text, got)
		}
		r := &room{t: t, m: campaign.New(), at: noon}
		r.refused(r.apply(r.command(campaign.Create, "olga", d)), "bad_request challenge.text challenge_needed")
		if r.m.Exists() {
			t.Fatal("it exists")
		}
		d.Stage = campaign.Draft
		r.must(r.send(r.command(campaign.Create, "olga", d)))
		r.refused(r.send(r.command(campaign.StageSet, "olga", &campaign.StageData{Stage: "collect"})), "conflict stage challenge_needed")
		r.refused(r.apply(r.command(campaign.StageSet, "olga", &campaign.StageData{Stage: "collect"})), "conflict stage challenge_needed")
		r.refused(r.send(r.command(campaign.Join, "carla", &campaign.JoinData{Group: "citizen"})), "phase_closed not_open_yet")
		asked := challenge()
		r.must(r.send(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Challenge: &asked})))
		r.stage("collect")
		r.join("carla")
		asked.Text = text
		r.refused(r.send(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Challenge: &asked})), "conflict challenge.text challenge_needed")
		r.refused(r.apply(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Challenge: &asked})), "conflict challenge.text challenge_needed")

		asked = challenge()
		asked.ID = commandID(77) // whatever a client says: there is one challenge, and ideas keep their link
		asked.Title = "Anders gevraagd"
		of := r.m.Challenge().ID
		r.post("carla", "Een")
		r.must(r.send(r.command(campaign.CampaignEdit, "olga", &campaign.EditData{Challenge: &asked})))
		r.post("carla", "Twee")
		view := r.m.View(machine.Public, nameOf)
		for _, i := range view.Ideas() {
			if i.Challenge.IsZero() || i.Challenge != of || view.Campaign().Challenge.ID != of {
				t.Errorf("idea %s links to %s, the challenge is %s", i.Title, i.Challenge, of)
			}
		}
	}
	r := open(t, func(d *campaign.CreateData) { d.Challenge.ID = id.ID{} })
	if r.m.Challenge().ID.IsZero() {
		t.Error("a challenge without id cannot be linked to")
	}
}

// TestInnovationNodes (R04): the six nodes ship as taxonomy; an idea may carry two (and not three); filtering by node gives the ideas that the count
// says, in every view.
func TestInnovationNodes(t *testing.T) {
	want := []string{"industrial_transformation", "eco_innovation", "green_mobility", "renewable_energy", "care", "social_innovation"}
	if !slices.Equal(ideas.Nodes, want) {
		t.Errorf("the nodes are %v", ideas.Nodes)
	}
	r := open(t, nil, "carla", "fay")
	post := func(title string, nodes ...string) id.ID {
		d := ideaData("carla", title)
		d.Nodes = nodes
		c := r.command(campaign.IdeaPost, "carla", d)
		r.must(r.send(c))
		_, made := campaign.Made(c)
		return made
	}
	post("zorg", "care")
	post("zorgfiets", "care", "green_mobility")
	hidden := post("zorgbus", "green_mobility", "care")
	post("geen")
	d := ideaData("carla", "drie")
	d.Nodes = want[:3]
	r.refused(r.send(r.command(campaign.IdeaPost, "carla", d)), "limit_reached nodes too_many")
	r.must(r.act(campaign.IdeaModerate, "fay", hidden, "hide", ""))

	for audience, counts := range map[machine.Audience]map[string]int{
		machine.Public:     {"care": 2, "green_mobility": 1},
		machine.Moderators: {"care": 3, "green_mobility": 2},
	} {
		view := r.m.View(audience, nameOf)
		got := view.Nodes()
		if len(got) != 6 {
			t.Errorf("%d nodes are counted", len(got))
		}
		for _, node := range ideas.Nodes {
			filtered := view.IdeasOn(node)
			if got[node] != counts[node] || len(filtered) != counts[node] {
				t.Errorf("%s: %d counted and %d shown, want %d", node, got[node], len(filtered), counts[node])
			}
			for _, i := range filtered {
				if !slices.Contains(i.Nodes, node) {
					t.Errorf("%s is shown under %s", i.Title, node)
				}
			}
		}
	}
	if n := len(r.m.View(machine.Public, nameOf).Ideas()); n != 3 {
		t.Errorf("%d ideas without a filter", n)
	}
}

// TestNoveltyTypes (R06): the five types and no other; an idea takes one or more. Without a type it is posted and says that it is incomplete.
func TestNoveltyTypes(t *testing.T) {
	if want := []string{"product", "service", "process", "marketing", "organisation"}; !slices.Equal(ideas.InnovationTypes, want) {
		t.Errorf("the types are %v", ideas.InnovationTypes)
	}
	r := open(t, nil, "carla")
	for _, c := range []struct {
		types []string
		want  string
		lacks bool
	}{{nil, "ok", true}, {[]string{"service"}, "ok", false}, {ideas.InnovationTypes, "ok", false}, {[]string{"dienst"}, "bad_request innovation not_in_list", false}} {
		d := ideaData("carla", "Een")
		d.Innovation = c.types
		command := r.command(campaign.IdeaPost, "carla", d)
		if got := told(r.send(command).Refusal); got != c.want {
			t.Errorf("%v: %s, want %s", c.types, got, c.want)
		}
		if c.want != "ok" {
			continue
		}
		_, made := campaign.Made(command)
		for _, audience := range machine.Audiences {
			i := r.m.View(audience, nameOf).Idea(r.m.Board().Idea(made))
			if slices.Contains(i.Incomplete, "innovation") != c.lacks || !slices.Equal(i.Innovation, append([]string{}, c.types...)) {
				t.Errorf("%v: shown as %v, incomplete %v", c.types, i.Innovation, i.Incomplete)
			}
		}
	}
}

// TestReach (R20): each join is counted under the channel of the link by which the person came, once, and stays counted when the person leaves. The
// projector and the organisers are not reached by anything.
func TestReach(t *testing.T) {
	r := open(t, nil)
	come := func(name, channel, role string) {
		r.must(r.send(r.command(campaign.Join, name, &campaign.JoinData{Group: groupOf(name), Channel: channel, Role: role})))
	}
	come("carla", "flyer", "")
	come("cem", "flyer", "")
	come("carla", "school", "") // is in already
	come("fatma", "school", "")
	come("kim", "", "")
	come("fay", "mail", "facilitator")
	come("oscar", "flyer", "observer")
	come("otto", "flyer", "organiser")
	want := map[string]int{"flyer": 2, "school": 1, "": 1, "mail": 1}
	if got := r.m.Channels(); !maps.Equal(got, want) || r.m.Joined() != 5 {
		t.Errorf("reached %v, %d joined, want %v", got, r.m.Joined(), want)
	}
	r.must(r.about(campaign.ParticipantRemove, "fay", "cem"))
	r.must(r.about(campaign.PersonErased, "carla", "carla"))
	if got := restored(t, r.m).Channels(); !maps.Equal(got, want) {
		t.Errorf("after two left: %v", got)
	}
}

// TestFiveGroups (R94): the five roles of a social innovator are the groups at joining; being a social entrepreneur is a flag beside them, not a
// sixth group, and no figure by group counts it.
func TestFiveGroups(t *testing.T) {
	want := []string{"citizen", "civil_society", "firm", "knowledge", "government"}
	if got := campaign.Defaults().Groups; !slices.Equal(got, want) {
		t.Errorf("the groups are %v", got)
	}
	r := open(t, nil, "carla")
	r.refused(r.send(r.command(campaign.Join, "fatma", &campaign.JoinData{Group: "entrepreneur"})), "bad_request group bad_group")
	r.refused(r.send(r.command(campaign.Join, "fatma", &campaign.JoinData{Entrepreneur: true})), "bad_request group bad_group")
	idea := r.post("carla", "Een")
	for _, name := range []string{"fatma", "floor", "frits", "cem", "chris", "cleo", "coen", "cyra"} {
		r.must(r.send(r.command(campaign.Join, name, &campaign.JoinData{Group: groupOf(name), Entrepreneur: name[0] == 'f'})))
	}
	moderators := r.m.View(machine.Moderators, nameOf)
	if p := moderators.Participant(person("fatma")); p.Group != "firm" || !p.Entrepreneur {
		t.Errorf("fatma is %+v", p)
	}
	if p := moderators.Participant(person("cem")); p.Group != "citizen" || p.Entrepreneur {
		t.Errorf("cem is %+v", p)
	}
	r.m.SetSmallCell(0)
	for _, name := range []string{"fatma", "floor", "cem"} {
		r.must(r.support(name, idea, 1))
	}
	if got := r.m.View(machine.Public, nameOf).Tally(idea).ByGroup; !maps.Equal(got, map[string]int{"citizen": 1, "firm": 2}) {
		t.Errorf("support by group: %v", got)
	}
	if got := r.m.View(machine.Public, nameOf).Campaign().Groups; !slices.Equal(got, want) {
		t.Errorf("clients are told of %v", got)
	}
}
