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

// What the commands about ideas do. Each has a guard, which Check asks before the command is appended and Apply when it is its turn, and an effect.
// A command either is refused and has changed nothing, or changes and says what happened.

const everyone = machine.Public | machine.Moderators

func (m *Machine) changeIdea(i *ideas.Idea, change func() bool) bool {
	before := hashIdea(i)
	if !change() {
		return false
	}
	m.sum.Remove(before)
	m.sum.Add(hashIdea(i))
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

func (m *Machine) sees(who *Person, author id.ID, s ideas.Status) bool {
	return s.Public() || who != nil && (who.Role.Moderates() || who.ID == author)
}

// moderates says whether the sender of a command does.
func (m *Machine) moderates(c *machine.Command) bool { return m.people[c.Actor].Role.Moderates() }

// ideaFor finds the idea that a command is about, if its sender may send such a command about it; what the sender may not see is not found.
func (m *Machine) ideaFor(c *machine.Command, target id.ID) (*ideas.Idea, *machine.Refusal) {
	i := m.board.Idea(target)
	if i == nil || !m.sees(m.people[c.Actor], i.Author, i.Status) {
		return nil, machine.Refuse(wire.NotFound, "idea", "no_idea")
	}
	return i, m.owns(c, i.Author)
}

func (m *Machine) guardPostIdea(c *machine.Command, d *IdeaData) *machine.Refusal {
	switch {
	case d.Title.Units == 0:
		return machine.Refuse(wire.BadRequest, "title", "empty")
	case len(d.From) > 0 && m.people[c.Actor].Role != Organiser:
		return machine.Refuse(wire.Forbidden, "from", "no_right")
	case len(d.From) > ideas.MaxFrom:
		return machine.Refuse(wire.LimitReached, "from", "too_many").With("max", strconv.Itoa(ideas.MaxFrom))
	case len(m.board.All()) >= ideas.MaxIdeas:
		return machine.Refuse(wire.LimitReached, "", "board_full")
	case len(d.From) == 0 && m.board.PostedBy(c.Actor) >= ideas.MaxIdeasEach: // what is brought from elsewhere is not one person's
		return machine.Refuse(wire.LimitReached, "", "ideas_each")
	}
	return nil
}

func (m *Machine) postIdea(c *machine.Command, d *IdeaData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	if r := m.guardPostIdea(c, d); r != nil {
		return nil, r
	}
	_, made := Made(c)
	i := &ideas.Idea{
		ID: made, Author: c.Actor, PostedAt: s.At, Version: 1, Status: m.initialStatus(m.people[c.Actor]),
		Current: ideas.Revision{
			Title: d.Title, Text: d.Text, Need: d.Need,
			Themes: d.Themes, Nodes: d.Nodes, Innovation: d.Innovation, Definition: d.Definition,
		},
		From: d.From,
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

func (m *Machine) guardEditIdea(c *machine.Command, d *IdeaData) (*ideas.Idea, *machine.Refusal) {
	i, r := m.ideaFor(c, d.Idea)
	switch {
	case r != nil:
		return nil, r
	case i.Status == ideas.Retracted || i.Locked && !m.moderates(c):
		return nil, machine.Refuse(wire.Forbidden, "idea", "locked")
	case i.Late(c.Lane, c.N):
		return nil, machine.Refuse(wire.Conflict, "n", "late")
	case slices.Contains(d.Changes, "title") && d.Title.Units == 0:
		return nil, machine.Refuse(wire.BadRequest, "title", "empty")
	}
	return i, nil
}

func (m *Machine) editIdea(c *machine.Command, d *IdeaData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	i, r := m.guardEditIdea(c, d)
	if r != nil {
		return nil, r
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
	m.changeIdea(i, func() bool {
		i.Edit(next, s.At, m.settings.Moderation == "pre" && !m.moderates(c), c.Lane, c.N)
		if c.Actor != i.Author {
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
	was := *i
	fits := m.changeIdea(i, func() bool {
		switch c.Type {
		case IdeaRetract:
			return m.board.Retract(i, d.Reason)
		case IdeaReport:
			i.Report(c.Actor)
		case IdeaModerate:
			return i.Moderate(d.Action, d.Reason, s.At)
		case IdeaAnswer:
			i.Answer = &ideas.Answer{Status: d.Action, Reason: d.Reason, At: s.At, By: c.Actor}
		}
		return true
	})
	if !fits {
		return nil, machine.Refuse(wire.Conflict, "action", "not_in_this_state")
	}
	e := machine.Event{Type: c.Type, By: c.Actor, Subject: i.ID, To: i.Author, Shown: shownTo(i.Status)}
	switch {
	case c.Type == IdeaReport: // nobody but moderators learns of it, and not who it was
		e.Shown, e.By, e.To = machine.Moderators, id.ID{}, id.ID{}
	case was.Status.Public() && !i.Status.Public(): // those who saw it are told that it is gone
		e.Shown, e.Hides = everyone, true
	case c.Type == IdeaModerate && was.Status == i.Status && was.Version == i.Version && was.Locked == i.Locked && was.Pinned == i.Pinned:
		e.Shown = machine.Moderators // reports or an edit that others know nothing of
	}
	return []machine.Event{e}, nil
}

func (m *Machine) guardSupport(d *SupportData) (number uint32, r *machine.Refusal) {
	number, ok := m.number[d.Idea]
	switch {
	case !ok || !m.board.All()[number].Status.Public():
		return 0, machine.Refuse(wire.NotFound, "idea", "no_idea")
	case !m.Open().Support:
		return 0, machine.Refuse(wire.PhaseClosed, "", "stage_closed")
	case d.Value < -1 || d.Value > 1 || int(d.Group) >= len(m.settings.Groups):
		return 0, machine.Refuse(wire.BadRequest, "value", "bad_value")
	case d.Value == -1 && !m.settings.SupportAgainst:
		return 0, machine.Refuse(wire.BadRequest, "value", "no_against")
	}
	return number, nil
}

func (m *Machine) setSupport(c *machine.Command, d *SupportData) *machine.Refusal {
	number, r := m.guardSupport(d)
	if r != nil {
		return r
	}
	voter, known := m.support.Voters.Find(c.Actor)
	if !known {
		voter = m.addVoter(c.Actor)
	}
	done := m.support.Set(voter, number, voting.Ballot{Choice: d.Value, Group: d.Group, Stratum: d.Stratum, Lane: c.Lane, N: c.N})
	if done.Late {
		return machine.Refuse(wire.Conflict, "n", "late")
	}
	if done.Had {
		m.sum.Remove(hashBallot(voter, number, &done.Was, done.OlderWas))
	}
	m.sum.Add(hashBallot(voter, number, &done.Now, done.OlderNow))
	m.touch(number)
	return nil
}

// addVoter gives a new voter the next number.
func (m *Machine) addVoter(pseudonym id.ID) uint32 {
	n := m.support.Voters.Number(pseudonym)
	m.sum.Add(machine.NewHasher('V').Int(uint64(n)).ID(pseudonym).Sum())
	return n
}

// touch notes that the tally of an idea moved.
func (m *Machine) touch(number uint32) {
	t := &m.tallied[number]
	if !t.touched {
		t.touched = true
		m.touched = append(m.touched, number)
	}
	if !t.stale {
		t.stale = true
		m.stale = append(m.stale, number)
	}
}
