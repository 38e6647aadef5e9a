package campaign_test

import (
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
)

func scheduled(list ...campaign.Switch) func(*campaign.CreateData) {
	return func(d *campaign.CreateData) { d.Settings.Schedule = list }
}

// TestDue: the clock owes each scheduled stage once, in the order of time. Whoever asks gets the same command with the same id; sent again it gets
// the first answer; and what was set by hand meanwhile does not matter.
func TestDue(t *testing.T) {
	list := []campaign.Switch{{Stage: "vote", At: noon + 2000}, {Stage: "refine", At: noon + 1000}, {Stage: "result", At: noon + 9000}}
	r := open(t, scheduled(list...))
	if owed, next := r.m.Due(noon); len(owed) != 0 || next != noon+1000 {
		t.Fatalf("at noon: %d owed, next %d", len(owed), next)
	}
	if owed, next := r.m.Due(noon + 1000); len(owed) != 1 || next != noon+2000 { // late at most, never early
		t.Fatalf("on time: %d owed, next %d", len(owed), next)
	}
	owed, next := r.m.Due(noon + 5000)
	again, _ := r.m.Due(noon + 6000)
	other, _ := restored(t, r.m).Due(noon + 5000)
	if len(owed) != 2 || next != noon+9000 || owed[0].Data.(*campaign.StageData).Stage != "refine" {
		t.Fatalf("late: %d owed, next %d", len(owed), next)
	}
	seen := map[id.ID]bool{}
	for i, c := range owed {
		if c.ID.IsZero() || seen[c.ID] || c.ID != again[i].ID || c.ID != other[i].ID || !c.Actor.IsZero() {
			t.Errorf("command %d is %v, then %v, elsewhere %v", i, c.ID, again[i].ID, other[i].ID)
		}
		seen[c.ID] = true
		if refusal := r.m.Check(c, noon+5000); refusal != nil {
			t.Errorf("Check: %v", refusal)
		}
	}
	r.stage("collect") // by hand
	first := r.must(r.apply(owed[0]))
	if r.m.Stage() != "refine" || len(first.Events) != 1 || !first.Events[0].By.IsZero() {
		t.Errorf("stage %s, events %+v", r.m.Stage(), first.Events)
	}
	second := r.must(r.apply(again[0])) // from another node
	if second.Seq != first.Seq || len(second.Events) != 0 {
		t.Errorf("sent twice: %s, then %s with %+v", said(first), said(second), second.Events)
	}
	r.must(r.apply(owed[1]))
	if owed, next := r.m.Due(noon + 5000); len(owed) != 0 || next != noon+9000 || r.m.Stage() != "vote" {
		t.Errorf("afterwards %d owed, next %d, stage %s", len(owed), next, r.m.Stage())
	}
	if got := len(r.m.Settings().Schedule); got != 1 {
		t.Errorf("%d stages are still scheduled", got)
	}
	if list[0].Stage != "vote" || list[1].Stage != "refine" || list[2].Stage != "result" {
		t.Errorf("the command that brought the schedule now says %v", list)
	}
}

// TestDueIsNotMadeUp: the clock sets what is scheduled and nothing else, and nobody but the clock does.
func TestDueIsNotMadeUp(t *testing.T) {
	r := open(t, scheduled(campaign.Switch{Stage: "vote", At: noon + 2000}), "carla")
	state := r.m.StateDigest()
	for _, d := range []campaign.StageData{{Stage: "result", At: noon + 2000}, {Stage: "vote", At: noon}, {Stage: "vote"}, {Stage: "nowhere", At: noon}} {
		r.refused(r.apply(r.command(campaign.StageSet, "", &d)), "conflict stage not_scheduled")
	}
	r.refused(r.apply(r.command(campaign.StageSet, "carla", &campaign.StageData{Stage: "vote", At: noon + 2000})), "forbidden no_right")
	for _, kind := range []string{campaign.IdeaPost, campaign.CampaignEdit, campaign.PersonErased, campaign.Join} {
		c := r.command(kind, "", campaign.NewData(kind))
		if o := r.apply(c); o.Refusal == nil {
			t.Errorf("the clock does %s", kind)
		}
	}
	if r.m.StateDigest() != state {
		t.Error("something changed")
	}
}

// TestDueWithoutQuestion: a stage that cannot be set when its time comes is owed once all the same, or every node would send it for ever.
func TestDueWithoutQuestion(t *testing.T) {
	r := open(t, func(d *campaign.CreateData) {
		d.Stage, d.Challenge.Text = "draft", ""
		d.Settings.Schedule = []campaign.Switch{{Stage: "collect", At: noon}}
	})
	owed, _ := r.m.Due(noon)
	o := r.must(r.apply(owed[0]))
	if owed, next := r.m.Due(noon); len(owed) != 0 || next != 0 || r.m.Stage() != "draft" {
		t.Errorf("%d owed, next %d, stage %s", len(owed), next, r.m.Stage())
	}
	if len(o.Events) != 1 || o.Events[0].Type != campaign.CampaignEdit {
		t.Errorf("organisers are told %+v", o.Events)
	}
	if fresh := restored(t, r.m); fresh.Digest() != r.m.Digest() {
		t.Error("the digest is not that of the state")
	}
}

// TestStagesAreSoft: any stage at any time, by facilitators too; what was collected stays.
func TestStagesAreSoft(t *testing.T) {
	r := open(t, nil, "carla", "fay")
	i := r.post("carla", "Een")
	for _, stage := range []string{"result", "collect", "vote", "draft", "refine"} {
		r.must(r.send(r.command(campaign.StageSet, "fay", &campaign.StageData{Stage: stage})))
		if r.m.Stage() != stage || r.m.Board().Idea(i) == nil || r.m.View(machine.Public, nameOf).Campaign().Stage != stage {
			t.Errorf("stage %s, want %s", r.m.Stage(), stage)
		}
	}
	for name, template := range campaign.Templates {
		for _, stage := range append([]string{campaign.Draft}, template.Stages...) {
			if !template.Has(stage) {
				t.Errorf("%s has no stage %s", name, stage)
			}
		}
		if o := template.Open(template.Stages[0]); !o.Posting || !o.Comments || !o.Support { // fixed for scripts
			t.Errorf("%s does not open posting, comments and support at creation", name)
		}
		if template.Open(campaign.Draft) != (campaign.Open{}) || template.Has("nowhere") {
			t.Errorf("%s is open in draft, or has any stage", name)
		}
	}
}
