package campaign

import (
	"slices"
	"strconv"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
	"kiem/voting"
)

// What each command does, in the order of the log. A function either refuses and has changed nothing, or changes and says what happened.

const everyone = machine.Public | machine.Moderators

func itoa(v int64) string { return strconv.FormatInt(v, 10) }

func (m *Machine) create(c *machine.Command, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	d, ok := c.Data.(*CreateData)
	if !ok || m.Exists() || d.Campaign.IsZero() {
		return nil, machine.Refuse(wire.Conflict, "", "exists")
	}
	if d.Stage != Draft && d.Challenge.Text == "" {
		return nil, machine.Refuse(wire.BadRequest, "challenge.text", "challenge_needed")
	}
	m.campaign, m.title, m.template = d.Campaign, d.Title, d.Template
	m.challenge, m.languages, m.settings = d.Challenge, d.Languages, d.Settings
	m.stage, m.createdAt = d.Stage, s.At
	m.support = voting.NewSupport(len(d.Settings.Groups), d.Settings.SmallCell)
	m.rights = s.Seq
	m.sum.Add(m.hashHead())
	m.addPerson(&Person{ID: c.Actor, Role: Organiser, JoinedAt: s.At})
	return []machine.Event{{Type: Create, By: c.Actor, Shown: everyone, Subject: m.campaign}}, nil
}

func (m *Machine) join(c *machine.Command, d *JoinData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	if was := m.people[c.Actor]; was != nil {
		if was.Removed || was.Erased {
			return nil, machine.Refuse(wire.Forbidden, "", "not_joined")
		}
		return nil, nil // joined before
	}
	role := Role(d.Role)
	if role == "" {
		role = Participant
	}
	group := slices.Index(m.settings.Groups, d.Group)
	if d.Group == "" { // nothing declared: the first of the list
		group = 0
	}
	switch {
	case !slices.Contains(Roles, role):
		return nil, machine.Refuse(wire.BadRequest, "role", "bad_role")
	case role == Participant && m.stage == Draft:
		return nil, machine.Refuse(wire.PhaseClosed, "", "not_open_yet")
	case group < 0 && role == Participant:
		return nil, machine.Refuse(wire.BadRequest, "group", "bad_group")
	case len(m.joined) >= MaxParticipants:
		return nil, machine.Refuse(wire.LimitReached, "", "campaign_full")
	}
	m.addPerson(&Person{
		ID: c.Actor, Role: role, Group: uint8(max(group, 0)), Stratum: d.Stratum,
		Channel: d.Channel, Entrepreneur: d.Entrepreneur, JoinedAt: s.At,
	})
	return []machine.Event{{Type: Join, By: c.Actor, Shown: machine.Moderators, Subject: c.Actor}}, nil
}

func (m *Machine) addPerson(p *Person) {
	m.people[p.ID] = p
	m.joined = append(m.joined, p)
	m.sum.Add(hashPerson(p))
}

func (m *Machine) changePerson(p *Person, change func()) {
	m.sum.Remove(hashPerson(p))
	change()
	m.sum.Add(hashPerson(p))
}

func (m *Machine) changeHead(change func()) {
	m.sum.Remove(m.hashHead())
	change()
	m.sum.Add(m.hashHead())
}

func (m *Machine) changeIdea(i *ideas.Idea, change func() bool) bool {
	before := hashIdea(i)
	if !change() {
		return false
	}
	m.sum.Remove(before)
	m.sum.Add(hashIdea(i))
	return true
}

func (m *Machine) changeComment(c *ideas.Comment, change func() bool) bool {
	before := hashComment(c)
	if !change() {
		return false
	}
	m.sum.Remove(before)
	m.sum.Add(hashComment(c))
	return true
}

func (m *Machine) initialStatus(who *Person) ideas.Status {
	if m.settings.Moderation == "pre" && !who.Role.Moderates() {
		return ideas.Waiting
	}
	return ideas.Posted
}

// shownTo is who sees what has this status; its author always does.
func shownTo(s ideas.Status) machine.Audience {
	if s.Public() {
		return everyone
	}
	return machine.Moderators
}

func (m *Machine) postIdea(c *machine.Command, d *IdeaData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	switch {
	case d.Title.Units == 0:
		return nil, machine.Refuse(wire.BadRequest, "title", "empty")
	case len(m.board.All()) >= ideas.MaxIdeas:
		return nil, machine.Refuse(wire.LimitReached, "", "board_full")
	case m.board.PostedBy(c.Actor) >= ideas.MaxIdeasEach:
		return nil, machine.Refuse(wire.LimitReached, "", "ideas_each")
	}
	_, made := Made(c)
	i := &ideas.Idea{
		ID: made, Author: c.Actor, PostedAt: s.At, Version: 1, Status: m.initialStatus(m.people[c.Actor]),
		Current: ideas.Revision{
			Title: d.Title, Text: d.Text, Need: d.Need,
			Themes: d.Themes, Nodes: d.Nodes, Innovation: d.Innovation, Definition: d.Definition,
		},
	}
	m.board.Add(i)
	m.addTally(i.ID)
	m.sum.Add(hashIdea(i))
	return []machine.Event{{Type: c.Type, By: c.Actor, Shown: shownTo(i.Status), To: c.Actor, Subject: i.ID}}, nil
}

// addTally gives a new idea its number and its tally.
func (m *Machine) addTally(idea id.ID) *voting.Tally {
	n := m.support.AddIdea()
	m.number[idea] = n
	m.tallied = append(m.tallied, tallied{stale: true})
	m.stale = append(m.stale, n)
	return m.support.Tally(n)
}

// ideaFor finds the idea that a command is about; what its sender may not see is not found.
func (m *Machine) ideaFor(c *machine.Command, target id.ID) (*ideas.Idea, *machine.Refusal) {
	i := m.board.Idea(target)
	if i == nil || !m.sees(m.people[c.Actor], i.Author, i.Status) {
		return nil, machine.Refuse(wire.NotFound, "idea", "no_idea")
	}
	return i, nil
}

func (m *Machine) sees(who *Person, author id.ID, s ideas.Status) bool {
	return s.Public() || who != nil && (who.Role.Moderates() || who.ID == author)
}

// owns judges the `own` and `mine` of rights.
func (m *Machine) owns(c *machine.Command, owner id.ID) *machine.Refusal {
	r := rights[c.Type]
	if c.Actor == owner || !r.mine && (!r.own || m.people[c.Actor].Role.Moderates()) {
		return nil
	}
	return machine.Refuse(wire.Forbidden, "", "not_yours")
}

func (m *Machine) editIdea(c *machine.Command, d *IdeaData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	i, r := m.ideaFor(c, d.Idea)
	if r != nil {
		return nil, r
	}
	if r := m.owns(c, i.Author); r != nil {
		return nil, r
	}
	moderates := m.people[c.Actor].Role.Moderates()
	switch {
	case i.Status == ideas.Retracted || i.Locked && !moderates:
		return nil, machine.Refuse(wire.Forbidden, "idea", "locked")
	case i.Late(c.Lane, c.N):
		return nil, machine.Refuse(wire.Conflict, "n", "late")
	}
	next := i.Latest()
	for _, f := range d.Changes {
		switch f {
		case "title":
			next.Title = d.Title
		case "text":
			next.Text = d.Text
		case "need":
			next.Need = d.Need
		case "themes":
			next.Themes = d.Themes
		case "nodes":
			next.Nodes = d.Nodes
		case "innovation":
			next.Innovation = d.Innovation
		case "definition":
			next.Definition = d.Definition
		}
	}
	if next.Title.Units == 0 {
		return nil, machine.Refuse(wire.BadRequest, "title", "empty")
	}
	m.changeIdea(i, func() bool {
		i.Edit(next, s.At, m.settings.Moderation == "pre" && !moderates, c.Lane, c.N)
		if d.Reason.Units > 0 {
			i.Reason = d.Reason
		}
		return true
	})
	e := machine.Event{Type: c.Type, By: c.Actor, Shown: shownTo(i.Status), To: i.Author, Subject: i.ID}
	if i.Pending != nil { // others go on seeing what was approved
		e.Shown = machine.Moderators
	}
	return []machine.Event{e}, nil
}

func (m *Machine) actOnIdea(c *machine.Command, d *ActData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	i, r := m.ideaFor(c, d.Idea)
	if r != nil {
		return nil, r
	}
	if r := m.owns(c, i.Author); r != nil {
		return nil, r
	}
	was := i.Status
	e := machine.Event{Type: c.Type, By: c.Actor, Subject: i.ID, To: i.Author}
	fits := m.changeIdea(i, func() bool {
		switch c.Type {
		case IdeaRetract:
			return m.board.Retract(i, d.Reason)
		case IdeaReport:
			i.Report(c.Actor)
			e.To = id.ID{}
			return true
		case IdeaModerate:
			return i.Moderate(d.Action, d.Reason, s.At)
		case IdeaAnswer:
			i.Answer = &ideas.Answer{Status: d.Action, Reason: d.Reason, At: s.At, By: c.Actor}
			return true
		}
		return false
	})
	if !fits {
		return nil, machine.Refuse(wire.Conflict, "action", "not_in_this_state")
	}
	e.Hides = was.Public() && !i.Status.Public()
	e.Shown = shownTo(i.Status)
	if e.Hides {
		e.Shown = everyone // those who saw it are told that it is gone
	}
	if c.Type == IdeaReport {
		e.Shown, e.By = machine.Moderators, id.ID{}
	}
	return []machine.Event{e}, nil
}

func (m *Machine) postComment(c *machine.Command, d *CommentData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	i, r := m.ideaFor(c, d.Idea)
	if r != nil {
		return nil, r
	}
	who := m.people[c.Actor]
	switch {
	case !i.Status.Public() && !who.Role.Moderates():
		return nil, machine.Refuse(wire.NotFound, "idea", "no_idea")
	case i.Locked && !who.Role.Moderates():
		return nil, machine.Refuse(wire.Forbidden, "idea", "locked")
	case len(i.Comments) >= ideas.MaxComments:
		return nil, machine.Refuse(wire.LimitReached, "", "comments_full")
	case d.Text.Units == 0:
		return nil, machine.Refuse(wire.BadRequest, "text", "empty")
	}
	if !d.ReplyTo.IsZero() {
		to := m.board.Comment(d.ReplyTo)
		if to == nil || to.Idea != i.ID || !m.sees(who, to.Author, to.Status) {
			return nil, machine.Refuse(wire.NotFound, "reply_to", "no_comment")
		}
		if !to.ReplyTo.IsZero() { // one level: a reply to a reply stands beside it
			d.ReplyTo = to.ReplyTo
		}
	}
	_, made := Made(c)
	comment := &ideas.Comment{
		ID: made, Idea: i.ID, ReplyTo: d.ReplyTo, Author: c.Actor, Kind: d.Kind, Text: d.Text,
		Status: m.initialStatus(who), At: s.At,
	}
	m.board.AddComment(i, comment)
	m.sum.Add(hashComment(comment))
	return []machine.Event{m.commentEvent(c, i, comment)}, nil
}

func (m *Machine) commentEvent(c *machine.Command, i *ideas.Idea, on *ideas.Comment) machine.Event {
	e := machine.Event{Type: c.Type, By: c.Actor, Shown: machine.Moderators, To: on.Author, Subject: i.ID, Part: on.ID}
	if i.Status.Public() && on.Status.Public() && on.Pending == nil {
		e.Shown = everyone
	}
	return e
}

func (m *Machine) commentFor(c *machine.Command, target id.ID) (*ideas.Idea, *ideas.Comment, *machine.Refusal) {
	on := m.board.Comment(target)
	if on == nil || !m.sees(m.people[c.Actor], on.Author, on.Status) {
		return nil, nil, machine.Refuse(wire.NotFound, "comment", "no_comment")
	}
	i := m.board.Idea(on.Idea)
	if !m.sees(m.people[c.Actor], on.Author, i.Status) {
		return nil, nil, machine.Refuse(wire.NotFound, "comment", "no_comment")
	}
	return i, on, m.owns(c, on.Author)
}

func (m *Machine) editComment(c *machine.Command, d *CommentData) ([]machine.Event, *machine.Refusal) {
	i, on, r := m.commentFor(c, d.Comment)
	if r != nil {
		return nil, r
	}
	switch {
	case on.Status == ideas.Retracted || i.Locked && !m.people[c.Actor].Role.Moderates():
		return nil, machine.Refuse(wire.Forbidden, "comment", "locked")
	case on.Late(c.Lane, c.N):
		return nil, machine.Refuse(wire.Conflict, "n", "late")
	case d.Text.Units == 0:
		return nil, machine.Refuse(wire.BadRequest, "text", "empty")
	}
	m.changeComment(on, func() bool {
		review := m.settings.Moderation == "pre" && !m.people[c.Actor].Role.Moderates()
		on.Edit(d.Text, d.Kind, review, c.Lane, c.N)
		return true
	})
	return []machine.Event{m.commentEvent(c, i, on)}, nil
}

func (m *Machine) actOnComment(c *machine.Command, d *ActData) ([]machine.Event, *machine.Refusal) {
	i, on, r := m.commentFor(c, d.Comment)
	if r != nil {
		return nil, r
	}
	was := on.Status
	fits := m.changeComment(on, func() bool {
		if c.Type == CommentModerate {
			return on.Moderate(d.Action, d.Reason)
		}
		return on.Retract(d.Reason)
	})
	if !fits {
		return nil, machine.Refuse(wire.Conflict, "action", "not_in_this_state")
	}
	e := m.commentEvent(c, i, on)
	if was.Public() && !on.Status.Public() && i.Status.Public() {
		e.Hides, e.Shown = true, everyone
	}
	return []machine.Event{e}, nil
}

func (m *Machine) switchStage(c *machine.Command, d *StageData) ([]machine.Event, *machine.Refusal) {
	at := slices.Index(m.settings.Schedule, Switch{Stage: d.Stage, At: d.At})
	if at < 0 {
		return nil, machine.Refuse(wire.Conflict, "stage", "not_scheduled")
	}
	m.changeHead(func() {
		m.settings.Schedule = slices.Delete(slices.Clone(m.settings.Schedule), at, at+1)
	})
	return m.setStage(c, d)
}

func (m *Machine) setStage(c *machine.Command, d *StageData) ([]machine.Event, *machine.Refusal) {
	switch {
	case !Templates[m.template].Has(d.Stage):
		return nil, machine.Refuse(wire.BadRequest, "stage", "bad_stage")
	case d.Stage != Draft && m.challenge.Text == "":
		return nil, machine.Refuse(wire.Conflict, "stage", "challenge_needed")
	}
	m.changeHead(func() { m.stage = d.Stage })
	return []machine.Event{{Type: c.Type, By: c.Actor, Shown: everyone, Subject: m.campaign}}, nil
}

func (m *Machine) edit(c *machine.Command, d *EditData) ([]machine.Event, *machine.Refusal) {
	if d.Challenge != nil && d.Challenge.Text == "" && m.stage != Draft {
		return nil, machine.Refuse(wire.Conflict, "challenge.text", "challenge_needed")
	}
	if d.Settings != nil && (len(m.joined) > 1 || len(m.board.All()) > 0) && !slices.Equal(d.Settings.Groups, m.settings.Groups) {
		return nil, machine.Refuse(wire.Conflict, "settings.groups", "groups_in_use")
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
			if !slices.Equal(d.Settings.Groups, m.settings.Groups) {
				m.support = voting.NewSupport(len(d.Settings.Groups), d.Settings.SmallCell)
			}
			m.settings = *d.Settings
			m.support.SetSmall(d.Settings.SmallCell)
		}
	})
	return []machine.Event{{Type: c.Type, By: c.Actor, Shown: everyone, Subject: m.campaign}}, nil
}

func (m *Machine) changeParticipant(c *machine.Command, d *ParticipantData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	p := m.people[d.Participant]
	if p == nil || p.Erased {
		return nil, machine.Refuse(wire.NotFound, "participant", "no_participant")
	}
	if r := m.owns(c, p.ID); r != nil {
		return nil, r
	}
	actor := m.people[c.Actor]
	e := machine.Event{Type: c.Type, By: c.Actor, Shown: machine.Moderators, To: p.ID, Subject: p.ID}
	switch c.Type {
	case ParticipantRename: // the name is in the vault; what others were shown of it is replaced
		e.Shown = everyone
		return []machine.Event{e}, nil
	case PersonErased:
		m.changePerson(p, func() { p.Erased, p.Channel = true, "" })
		m.changeHead(func() { m.rights = s.Seq })
		m.Texts(func(t *ideas.Text) {
			if t.By == p.ID {
				t.Erase()
			}
		})
		e.Shown, e.Hides, e.Recut = everyone, true, true
		return []machine.Event{e}, nil
	}
	switch {
	case p.Role == Organiser && actor.Role != Organiser:
		return nil, machine.Refuse(wire.Forbidden, "participant", "no_right")
	case c.Type != ParticipantMute && p.Role == Organiser && m.organisers() == 1:
		return nil, machine.Refuse(wire.Conflict, "participant", "last_organiser")
	}
	change := func() {}
	switch c.Type {
	case ParticipantRemove:
		change = func() { p.Removed = true }
	case ParticipantMute:
		change = func() { p.Muted = d.Muted }
	case RoleGrant:
		role := Role(d.Role)
		if !slices.Contains(Roles, role) {
			return nil, machine.Refuse(wire.BadRequest, "role", "bad_role")
		}
		change = func() { p.Role = role }
	case RoleRevoke:
		change = func() { p.Role = Participant }
	}
	m.changePerson(p, change)
	m.changeHead(func() { m.rights = s.Seq })
	e.Recut = c.Type != ParticipantMute
	return []machine.Event{e}, nil
}

func (m *Machine) organisers() int {
	n := 0
	for _, p := range m.joined {
		if p.Role == Organiser && !p.Removed && !p.Erased {
			n++
		}
	}
	return n
}
