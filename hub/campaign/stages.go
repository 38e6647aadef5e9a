package campaign

import (
	"cmp"
	"slices"
	"strconv"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
	"kiem/voting"
)

// What the commands about the campaign itself do.

func (m *Machine) changeHead(change func()) {
	m.sum.Remove(m.hashHead())
	change()
	m.sum.Add(m.hashHead())
}

// asks says whether there is a question that a campaign can be opened with.
func (c *Challenge) asks() bool { return !ideas.CheckBlank(c.Text) }

func (m *Machine) create(c *machine.Command, d *CreateData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	switch {
	case m.Exists():
		return nil, machine.Refuse(wire.Conflict, "", "exists")
	case c.Actor.IsZero() || d.Campaign.IsZero():
		return nil, machine.Refuse(wire.BadRequest, "", "no_campaign")
	case d.Stage != Draft && !d.Challenge.asks():
		return nil, machine.Refuse(wire.BadRequest, "challenge.text", "challenge_needed")
	}
	m.campaign, m.title, m.template = d.Campaign, d.Title, d.Template
	m.challenge, m.languages, m.settings = d.Challenge, d.Languages, d.Settings
	if m.challenge.ID.IsZero() { // ideas link to it
		m.challenge.ID = id.Derive(d.Campaign, "challenge")
	}
	m.stage, m.createdAt = d.Stage, s.At
	m.support = voting.NewSupport(len(d.Settings.Groups), d.Settings.SmallCell)
	m.rights = s.Seq
	m.sum.Add(m.hashHead())
	m.addPerson(&Person{ID: c.Actor, Role: Organiser, JoinedAt: s.At})
	return []machine.Event{{Type: Create, By: c.Actor, Shown: everyone, Subject: m.campaign}}, nil
}

func (m *Machine) guardStage(d *StageData) *machine.Refusal {
	switch {
	case !Templates[m.template].Has(d.Stage):
		return machine.Refuse(wire.BadRequest, "stage", "bad_stage")
	case d.Stage != Draft && !m.challenge.asks():
		return machine.Refuse(wire.Conflict, "stage", "challenge_needed")
	}
	return nil
}

func (m *Machine) setStage(c *machine.Command, d *StageData) ([]machine.Event, *machine.Refusal) {
	if r := m.guardStage(d); r != nil {
		return nil, r
	}
	m.changeHead(func() { m.stage = d.Stage })
	return []machine.Event{{Type: c.Type, By: c.Actor, Shown: everyone, Subject: m.campaign}}, nil
}

// switchStage is setStage at the hands of the clock. What is scheduled is owed once: if the stage cannot be set, organisers find it gone from the
// schedule, and the stage as it was.
func (m *Machine) switchStage(c *machine.Command, d *StageData) ([]machine.Event, *machine.Refusal) {
	at := slices.Index(m.settings.Schedule, Switch{Stage: d.Stage, At: d.At})
	if at < 0 {
		return nil, machine.Refuse(wire.Conflict, "stage", "not_scheduled")
	}
	m.changeHead(func() {
		m.settings.Schedule = slices.Delete(slices.Clone(m.settings.Schedule), at, at+1)
	})
	events, r := m.setStage(c, d)
	if r != nil {
		return []machine.Event{{Type: CampaignEdit, Shown: everyone, Subject: m.campaign}}, nil
	}
	return events, nil
}

// Due gives the stages that the schedule owes at that time.
func (m *Machine) Due(now int64) (owed []*machine.Command, next int64) {
	for _, sw := range m.settings.Schedule {
		if sw.At <= now {
			owed = append(owed, &machine.Command{
				Type: StageSet,
				ID:   id.Derive(m.campaign, "schedule", sw.Stage, strconv.FormatInt(sw.At, 10)),
				Data: &StageData{Stage: sw.Stage, At: sw.At},
			})
		} else if next == 0 || sw.At < next {
			next = sw.At
		}
	}
	slices.SortStableFunc(owed, func(a, b *machine.Command) int {
		return cmp.Compare(a.Data.(*StageData).At, b.Data.(*StageData).At)
	})
	return owed, next
}

func (m *Machine) guardEdit(d *EditData) *machine.Refusal {
	if d.Challenge != nil && !d.Challenge.asks() && m.stage != Draft {
		return machine.Refuse(wire.Conflict, "challenge.text", "challenge_needed")
	}
	if d.Settings == nil {
		return nil
	}
	switch s := d.Settings; {
	case (len(m.joined) > 1 || len(m.board.All()) > 0) && !slices.Equal(s.Groups, m.settings.Groups):
		return machine.Refuse(wire.Conflict, "settings.groups", "groups_in_use")
	case s.SmallCell < m.settings.SmallCell && m.support.Len() > 0: // people voted under the promise of the larger one
		return machine.Refuse(wire.Conflict, "settings.small_cell", "out_of_range").
			With("min", strconv.Itoa(m.settings.SmallCell)).With("max", strconv.Itoa(MaxSmallCell))
	}
	return nil
}

func (m *Machine) edit(c *machine.Command, d *EditData) ([]machine.Event, *machine.Refusal) {
	if r := m.guardEdit(d); r != nil {
		return nil, r
	}
	m.changeHead(func() {
		if d.Title != nil {
			m.title = *d.Title
		}
		if d.Challenge != nil {
			keep := m.challenge.ID
			m.challenge = *d.Challenge
			m.challenge.ID = keep
		}
		if d.Languages != nil {
			m.languages = d.Languages
		}
		if d.Settings != nil {
			m.resize(d.Settings)
			m.settings = *d.Settings
		}
	})
	return []machine.Event{{Type: c.Type, By: c.Actor, Shown: everyone, Subject: m.campaign}}, nil
}

// resize makes the counts follow new settings.
func (m *Machine) resize(s *Settings) {
	switch {
	case !slices.Equal(s.Groups, m.settings.Groups): // nobody has voted yet
		m.support = voting.NewSupport(len(s.Groups), s.SmallCell)
	case s.SmallCell != m.settings.SmallCell:
		m.support.SetSmall(s.SmallCell)
		for n := range m.tallied {
			m.touch(uint32(n))
		}
	}
}
