package intake

import (
	"slices"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/ideas"
)

func campaignEdit(ctx Context, _ string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	d := &campaign.EditData{Languages: o.Strings("languages")}
	if o.Has("title") {
		title := line(o.String("title"))
		d.Title = &title
	}
	if o.Has("challenge") {
		of := o.Object("challenge")
		d.Challenge = &campaign.Challenge{}
		if ctx.Challenge != nil {
			*d.Challenge = ctx.Challenge()
		} else {
			of.Need("title", "text", "nodes", "themes")
		}
		patchChallenge(of, d.Challenge)
	}
	if o.Has("settings") {
		s := ctx.Settings()
		r := patchSettings(o.Object("settings"), &s)
		if r != nil {
			return nil, r
		}
		d.Settings = &s
	}
	if d.Title == nil && d.Challenge == nil && d.Settings == nil && d.Languages == nil {
		return nil, machine.Refuse(wire.BadRequest, "", "nothing_changes")
	}
	return d, nil
}

func patchChallenge(o wire.Object, c *campaign.Challenge) {
	if o.Has("title") {
		c.Title = line(o.String("title"))
	}
	if o.Has("text") {
		c.Text = o.String("text")
	}
	if o.Has("nodes") {
		c.Nodes = o.Strings("nodes")
	}
	if o.Has("themes") {
		c.Themes = lines(o.Strings("themes"))
	}
}

// patchSettings changes what the object names. The lists in s are replaced, never written to: they may be the machine's own.
func patchSettings(o wire.Object, s *campaign.Settings) *machine.Refusal {
	for _, f := range []struct {
		field string
		to    *int
	}{{"attendance", &s.Attendance}, {"text_max", &s.TextMax}, {"small_cell", &s.SmallCell}} {
		if o.Has(f.field) {
			*f.to = int(o.Int(f.field))
		}
	}
	for _, f := range []struct {
		field string
		to    *string
	}{{"moderation", &s.Moderation}, {"group_check", &s.GroupCheck}} {
		if o.Has(f.field) {
			*f.to = o.String(f.field)
		}
	}
	if o.Has("support_against") {
		s.SupportAgainst = o.Bool("support_against")
	}
	if o.Has("groups") {
		s.Groups = lines(o.Strings("groups"))
	}
	if !o.Has("schedule") {
		return nil
	}
	list := o.Objects("schedule")
	s.Schedule = make([]campaign.Switch, 0, len(list))
	for _, of := range list {
		of.Need("stage", "at")
		sw := campaign.Switch{Stage: of.String("stage")}
		text := of.String("at")
		if o.Fault() != nil {
			return nil
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return machine.Refuse(wire.BadRequest, "settings.schedule", "bad_time")
		}
		sw.At = at.UnixMilli()
		s.Schedule = append(s.Schedule, sw)
	}
	return nil
}

// Create reads the body of POST /campaigns, fills in the defaults and leaves the ids of the campaign and of its challenge to the caller. Whether
// the result will do is for campaign.CheckCreate to say, which the machine's Check asks.
func Create(o wire.Object) (*campaign.CreateData, *machine.Refusal) {
	d := &campaign.CreateData{
		Template:  "campaign",
		Languages: []string{"nl"},
		Settings:  campaign.Defaults(),
		Challenge: campaign.Challenge{Nodes: []string{}, Themes: []string{}},
	}
	o.Need("title")
	d.Title = line(o.String("title"))
	if o.Has("template") {
		d.Template = o.String("template")
	}
	patchChallenge(o.Object("challenge"), &d.Challenge)
	if o.Has("languages") {
		d.Languages = slices.Clip(o.Strings("languages"))
	}
	settings := o.Object("settings")
	d.Stage = settings.String("stage")
	refused := patchSettings(settings, &d.Settings)
	if f := o.Done(); f != nil {
		return nil, Refusal(f)
	}
	if refused != nil {
		return nil, refused
	}
	switch template, known := campaign.Templates[d.Template]; {
	case settings.Has("stage"):
	case ideas.CheckBlank(d.Challenge.Text):
		d.Stage = campaign.Draft
	case known:
		d.Stage = template.Stages[0]
	}
	return d, nil
}
