package campaign

import (
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// What the commands about comments do.

func (m *Machine) changeComment(c *ideas.Comment, change func() bool) bool {
	before := hashComment(c)
	if !change() {
		return false
	}
	m.sum.Remove(before)
	m.sum.Add(hashComment(c))
	return true
}

// guardPostComment finds the idea to comment on, and the comment to which the new one is a reply, if any.
func (m *Machine) guardPostComment(c *machine.Command, d *CommentData) (i *ideas.Idea, replyTo id.ID, r *machine.Refusal) {
	i, r = m.ideaFor(c, d.Idea)
	switch {
	case r != nil:
		return nil, id.ID{}, r
	case !i.Status.Public() && !m.moderates(c): // the author sees it, but nobody is there to talk to
		return nil, id.ID{}, machine.Refuse(wire.NotFound, "idea", "no_idea")
	case i.Locked && !m.moderates(c):
		return nil, id.ID{}, machine.Refuse(wire.Forbidden, "idea", "locked")
	case len(i.Comments) >= ideas.MaxComments:
		return nil, id.ID{}, machine.Refuse(wire.LimitReached, "", "comments_full")
	case d.Text.Units == 0:
		return nil, id.ID{}, machine.Refuse(wire.BadRequest, "text", "empty")
	case d.ReplyTo.IsZero():
		return i, id.ID{}, nil
	}
	to := m.board.Comment(d.ReplyTo)
	switch {
	case to == nil || to.Idea != i.ID || !m.sees(m.people[c.Actor], to.Author, to.Status):
		return nil, id.ID{}, machine.Refuse(wire.NotFound, "reply_to", "no_comment")
	case to.ReplyTo.IsZero():
		return i, to.ID, nil
	}
	return i, to.ReplyTo, nil // one level: a reply to a reply stands beside it
}

func (m *Machine) postComment(c *machine.Command, d *CommentData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	i, replyTo, r := m.guardPostComment(c, d)
	if r != nil {
		return nil, r
	}
	_, made := Made(c)
	comment := &ideas.Comment{
		ID: made, Idea: i.ID, ReplyTo: replyTo, Author: c.Actor, Kind: d.Kind, Text: d.Text,
		Status: m.initialStatus(m.people[c.Actor]), At: s.At,
	}
	m.board.AddComment(i, comment)
	m.sum.Add(hashComment(comment))
	return []machine.Event{commentEvent(c, i, comment)}, nil
}

func commentEvent(c *machine.Command, i *ideas.Idea, on *ideas.Comment) machine.Event {
	e := machine.Event{Type: c.Type, By: c.Actor, Shown: machine.Moderators, To: on.Author, Subject: i.ID, Part: on.ID}
	if i.Status.Public() && on.Status.Public() && on.Pending == nil {
		e.Shown = everyone
	}
	return e
}

// commentFor finds the comment that a command is about, as ideaFor does. A comment is seen only where its idea is, but its author keeps it.
func (m *Machine) commentFor(c *machine.Command, target id.ID) (*ideas.Idea, *ideas.Comment, *machine.Refusal) {
	on, who := m.board.Comment(target), m.people[c.Actor]
	if on == nil || !m.sees(who, on.Author, on.Status) || !m.sees(who, on.Author, m.board.Idea(on.Idea).Status) {
		return nil, nil, machine.Refuse(wire.NotFound, "comment", "no_comment")
	}
	return m.board.Idea(on.Idea), on, m.owns(c, on.Author)
}

func (m *Machine) guardEditComment(c *machine.Command, d *CommentData) (*ideas.Idea, *ideas.Comment, *machine.Refusal) {
	i, on, r := m.commentFor(c, d.Comment)
	switch {
	case r != nil:
		return nil, nil, r
	case on.Status == ideas.Retracted || i.Locked && !m.moderates(c):
		return nil, nil, machine.Refuse(wire.Forbidden, "comment", "locked")
	case on.Late(c.Lane, c.N):
		return nil, nil, machine.Refuse(wire.Conflict, "n", "late")
	case d.Text.Units == 0:
		return nil, nil, machine.Refuse(wire.BadRequest, "text", "empty")
	}
	return i, on, nil
}

func (m *Machine) editComment(c *machine.Command, d *CommentData) ([]machine.Event, *machine.Refusal) {
	i, on, r := m.guardEditComment(c, d)
	if r != nil {
		return nil, r
	}
	m.changeComment(on, func() bool {
		on.Edit(d.Text, d.Kind, m.settings.Moderation == "pre" && !m.moderates(c), c.Lane, c.N)
		return true
	})
	return []machine.Event{commentEvent(c, i, on)}, nil
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
	e := commentEvent(c, i, on)
	switch {
	case was.Public() && !on.Status.Public() && i.Status.Public(): // those who saw it are told that it is gone
		e.Shown, e.Hides = everyone, true
	case was == on.Status && d.Action == "reject": // an edit that others know nothing of
		e.Shown = machine.Moderators
	}
	return []machine.Event{e}, nil
}
