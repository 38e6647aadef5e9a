package campaign_test

import (
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// TestBroughtFromElsewhere: an organiser may post ideas that say where they come from, more of them than one person's own; nobody else may say so, also not past
// Check. The link is shown, and survives a snapshot.
func TestBroughtFromElsewhere(t *testing.T) {
	r := open(t, nil, "carla", "fay")
	there := id.Derive(space, "elsewhere")
	from := func(who string, list ...id.ID) *machine.Command {
		d := ideaData(who, "Van elders")
		d.From = list
		return r.command(campaign.IdeaPost, who, d)
	}
	c := from("olga", there)
	r.must(r.send(c))
	_, made := campaign.Made(c)
	for _, who := range []string{"carla", "fay"} {
		r.refused(r.send(from(who, there)), "forbidden from no_right")
		r.refused(r.apply(from(who, there)), "forbidden from no_right")
	}
	r.refused(r.send(from("olga", make([]id.ID, ideas.MaxFrom+1)...)), "limit_reached from too_many")
	for range ideas.MaxIdeasEach {
		r.must(r.apply(from("olga", there)))
	}
	r.m = restored(t, r.m)
	shown := r.m.View(machine.Public, nameOf).Idea(r.m.Board().Idea(made))
	if len(shown.Lineage.From) != 1 || shown.Lineage.From[0] != there {
		t.Errorf("lineage %+v", shown.Lineage)
	}
}
