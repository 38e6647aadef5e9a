package campaign

import (
	"slices"
	"strconv"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// Check looks at a command before it is appended: all that depends on words or vocabularies, and what Apply would refuse as things stand, so that
// the log holds few void commands. The actor is the participant, for votes too.
func (m *Machine) Check(c *machine.Command, _ int64) *machine.Refusal {
	if NewData(c.Type) == nil {
		return machine.Refuse(wire.BadRequest, "type", "unknown_type")
	}
	if r := m.checkContent(c); r != nil {
		return r
	}
	switch d := c.Data.(type) {
	case *CreateData:
		return nil
	case *JoinData:
		return m.guardJoin(c, d)
	}
	if c.Actor.IsZero() { // the clock
		return nil
	}
	if r := m.may(c); r != nil {
		return r
	}
	return m.guard(c)
}

// guard asks the guard of the command's type.
func (m *Machine) guard(c *machine.Command) (r *machine.Refusal) {
	switch d := c.Data.(type) {
	case *SupportData:
		_, r = m.guardSupport(d)
	case *IdeaData:
		if c.Type == IdeaPost {
			return m.guardPostIdea(c, d)
		}
		var i *ideas.Idea
		if i, r = m.guardEditIdea(c, d); r == nil && c.Actor != i.Author && ideas.CheckBlank(d.Reason.Words()) {
			return machine.Refuse(wire.BadRequest, "reason", "reason_needed")
		}
	case *CommentData:
		if c.Type == CommentPost {
			_, _, r = m.guardPostComment(c, d)
		} else {
			_, _, r = m.guardEditComment(c, d)
		}
	case *ActData:
		if c.Type == CommentModerate || c.Type == CommentRetract {
			_, _, r = m.commentFor(c, d.Comment)
		} else {
			_, r = m.ideaFor(c, d.Idea)
		}
	case *StageData:
		return m.guardStage(d)
	case *ParticipantData:
		_, r = m.guardParticipant(c, d)
	case *EditData:
		return m.guardEdit(d)
	}
	return r
}

func (m *Machine) checkContent(c *machine.Command) *machine.Refusal {
	switch d := c.Data.(type) {
	case *IdeaData:
		return m.checkIdea(c.Type, d)
	case *CommentData:
		if !ideas.OneOf(ideas.CommentKinds, d.Kind) {
			return machine.Refuse(wire.BadRequest, "kind", "not_in_list")
		}
		return checkText("text", &d.Text, 1, ideas.MaxComment)
	case *ActData:
		if r := checkText("reason", &d.Reason, 0, ideas.MaxReason); r != nil {
			return r
		}
		switch {
		case c.Type == IdeaModerate && !ideas.OneOf(ideas.Actions, d.Action),
			c.Type == CommentModerate && !ideas.OneOf(ideas.CommentActions, d.Action):
			return machine.Refuse(wire.BadRequest, "action", "not_in_list")
		case c.Type == IdeaAnswer && !ideas.OneOf(ideas.AnswerStatuses, d.Action):
			return machine.Refuse(wire.BadRequest, "status", "not_in_list")
		case (c.Type == IdeaAnswer || d.Action == "reject") && ideas.CheckBlank(d.Reason.Words()):
			return machine.Refuse(wire.BadRequest, "reason", "reason_needed")
		}
	case *ParticipantData:
		return checkText("reason", &d.Reason, 0, ideas.MaxReason)
	case *CreateData:
		return CheckCreate(d)
	case *EditData:
		return m.checkEdit(d)
	case *JoinData:
		if f := ideas.CheckLine(d.Channel); f != "" || ideas.Units(d.Channel) > MaxChannel {
			return machine.Refuse(wire.BadRequest, "channel", "bad_channel")
		}
	}
	return nil
}

func (m *Machine) checkIdea(kind string, d *IdeaData) *machine.Refusal {
	changes := func(field string) bool { return kind == IdeaPost || slices.Contains(d.Changes, field) }
	atMost := min(m.settings.TextMax, ideas.MaxTextPosted)
	for _, t := range []struct {
		field    string
		text     *ideas.Text
		min, max int
	}{{"title", &d.Title, 1, ideas.MaxTitle}, {"text", &d.Text, 0, atMost}, {"need", &d.Need, 0, ideas.MaxNeed}, {"reason", &d.Reason, 0, ideas.MaxReason}} {
		if t.field != "reason" && !changes(t.field) {
			continue
		}
		if r := checkText(t.field, t.text, t.min, t.max); r != nil {
			return r
		}
	}
	if f := ideas.CheckLine(d.Title.Words()); f != "" {
		return machine.Refuse(wire.BadRequest, "title", string(f))
	}
	for _, l := range []struct {
		field      string
		list       []string
		vocabulary []string
		max        int
	}{
		{"themes", d.Themes, m.challenge.Themes, ideas.MaxThemes},
		{"nodes", d.Nodes, ideas.Nodes, ideas.MaxNodes},
		{"innovation", d.Innovation, ideas.InnovationTypes, len(ideas.InnovationTypes)},
	} {
		if r := checkList(l.field, l.list, l.vocabulary, l.max); r != nil {
			return r
		}
	}
	return nil
}

// checkText checks words and length. Line breaks are allowed; the fields that are one line check that themselves.
func checkText(field string, t *ideas.Text, least, most int) *machine.Refusal {
	if f := ideas.CheckText(t.Words()); f != "" {
		return machine.Refuse(wire.BadRequest, field, string(f))
	}
	switch {
	case t.Units > most:
		return machine.Refuse(wire.TooLarge, field, "too_long").With("max", strconv.Itoa(most))
	case t.Units < least || least > 0 && ideas.CheckBlank(t.Words()):
		return machine.Refuse(wire.BadRequest, field, "empty")
	}
	return nil
}

func checkList(field string, list, vocabulary []string, most int) *machine.Refusal {
	if len(list) > most {
		return machine.Refuse(wire.LimitReached, field, "too_many").With("max", strconv.Itoa(most))
	}
	for n, code := range list {
		if slices.Contains(list[:n], code) || !ideas.OneOf(vocabulary, code) {
			return machine.Refuse(wire.BadRequest, field, "not_in_list")
		}
	}
	return nil
}

// CheckCreate looks at the data of a new campaign, before there is a machine to ask.
func CheckCreate(d *CreateData) *machine.Refusal {
	t, ok := Templates[d.Template]
	switch {
	case !ok:
		return machine.Refuse(wire.BadRequest, "template", "not_in_list")
	case !t.Has(d.Stage):
		return machine.Refuse(wire.BadRequest, "settings.stage", "bad_stage")
	case d.Stage != Draft && !d.Challenge.asks():
		return machine.Refuse(wire.BadRequest, "challenge.text", "challenge_needed")
	}
	if r := checkPlain("title", d.Title, 1, MaxCampaignTitle, true); r != nil {
		return r
	}
	if r := checkChallenge(&d.Challenge); r != nil {
		return r
	}
	if r := checkLanguages(d.Languages); r != nil {
		return r
	}
	return checkSettings(&d.Settings, t)
}

func (m *Machine) checkEdit(d *EditData) *machine.Refusal {
	if d.Title != nil {
		if r := checkPlain("title", *d.Title, 1, MaxCampaignTitle, true); r != nil {
			return r
		}
	}
	if d.Challenge != nil {
		if r := checkChallenge(d.Challenge); r != nil {
			return r
		}
	}
	if d.Languages != nil {
		if r := checkLanguages(d.Languages); r != nil {
			return r
		}
	}
	if d.Settings != nil {
		return checkSettings(d.Settings, Templates[m.template])
	}
	return nil
}

func checkPlain(field, s string, least, most int, line bool) *machine.Refusal {
	t := ideas.NewText(id.ID{}, s)
	if r := checkText(field, &t, least, most); r != nil {
		return r
	}
	if f := ideas.CheckLine(s); line && f != "" {
		return machine.Refuse(wire.BadRequest, field, string(f))
	}
	return nil
}

func checkChallenge(c *Challenge) *machine.Refusal {
	if r := checkPlain("challenge.title", c.Title, 0, MaxChallengeTitle, true); r != nil {
		return r
	}
	if r := checkPlain("challenge.text", c.Text, 0, MaxChallengeText, false); r != nil {
		return r
	}
	if r := checkList("challenge.nodes", c.Nodes, ideas.Nodes, len(ideas.Nodes)); r != nil {
		return r
	}
	return checkNames("challenge.themes", c.Themes, MaxThemes, MaxTheme)
}

// checkNames checks a list that somebody makes up: lines, none twice.
func checkNames(field string, list []string, most, length int) *machine.Refusal {
	if len(list) > most {
		return machine.Refuse(wire.LimitReached, field, "too_many").With("max", strconv.Itoa(most))
	}
	for n, s := range list {
		if r := checkPlain(field, s, 1, length, true); r != nil {
			return r
		}
		if ideas.CheckName(s) != "" || slices.Contains(list[:n], s) {
			return machine.Refuse(wire.BadRequest, field, "not_in_list")
		}
	}
	return nil
}

func checkLanguages(list []string) *machine.Refusal {
	if len(list) == 0 || len(list) > 4 {
		return machine.Refuse(wire.BadRequest, "languages", "not_in_list")
	}
	return checkList("languages", list, []string{"nl", "en", "fr", "de"}, 4)
}

func checkSettings(s *Settings, t Template) *machine.Refusal {
	for _, n := range []struct {
		field        string
		v, min, most int
	}{
		{"settings.attendance", s.Attendance, 1, MaxAttendance},
		{"settings.text_max", s.TextMax, 1, ideas.MaxTextEver},
		{"settings.small_cell", s.SmallCell, 0, MaxSmallCell},
	} {
		if n.v < n.min || n.v > n.most {
			return machine.Refuse(wire.BadRequest, n.field, "out_of_range").With("min", strconv.Itoa(n.min)).With("max", strconv.Itoa(n.most))
		}
	}
	switch {
	case !ideas.OneOf([]string{"post", "pre"}, s.Moderation):
		return machine.Refuse(wire.BadRequest, "settings.moderation", "not_in_list")
	case !ideas.OneOf([]string{"declared", "confirmed"}, s.GroupCheck):
		return machine.Refuse(wire.BadRequest, "settings.group_check", "not_in_list")
	case len(s.Groups) == 0:
		return machine.Refuse(wire.BadRequest, "settings.groups", "empty")
	case slices.Contains(s.Groups, "other"): // the name of the cell in which small groups are counted together
		return machine.Refuse(wire.BadRequest, "settings.groups", "not_in_list")
	case len(s.Schedule) > MaxSchedule:
		return machine.Refuse(wire.LimitReached, "settings.schedule", "too_many").With("max", strconv.Itoa(MaxSchedule))
	}
	for n, sw := range s.Schedule {
		if !t.Has(sw.Stage) || sw.At <= 0 || slices.Contains(s.Schedule[:n], sw) {
			return machine.Refuse(wire.BadRequest, "settings.schedule", "bad_stage")
		}
	}
	return checkNames("settings.groups", s.Groups, MaxGroups, MaxGroup)
}
