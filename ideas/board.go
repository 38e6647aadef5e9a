package ideas

import (
	"slices"

	"kiem/id"
)

// Board is the ideas of one campaign in the order in which they were posted.
type Board struct {
	order    []*Idea
	byID     map[id.ID]*Idea
	comments map[id.ID]*Comment
	posted   map[id.ID]int     // ideas of each author that were not retracted
	of       map[id.ID][]*Idea // ideas that a person wrote or commented on, each once
}

// NewBoard is an empty board.
func NewBoard() *Board {
	return &Board{byID: map[id.ID]*Idea{}, comments: map[id.ID]*Comment{}, posted: map[id.ID]int{}, of: map[id.ID][]*Idea{}}
}

// Idea finds an idea, or nil.
func (b *Board) Idea(i id.ID) *Idea { return b.byID[i] }

// Comment finds a comment, or nil.
func (b *Board) Comment(i id.ID) *Comment { return b.comments[i] }

// All lists the ideas in order of posting. The caller must not change the list.
func (b *Board) All() []*Idea { return b.order }

// PostedBy is how many ideas that person has on the board.
func (b *Board) PostedBy(author id.ID) int { return b.posted[author] }

// Of lists the ideas that a person wrote or commented on. The caller must not change the list.
func (b *Board) Of(person id.ID) []*Idea { return b.of[person] }

func (b *Board) note(person id.ID, i *Idea) {
	if !slices.Contains(b.of[person], i) {
		b.of[person] = append(b.of[person], i)
	}
}

// Add puts a new idea on the board.
func (b *Board) Add(i *Idea) {
	b.order = append(b.order, i)
	b.byID[i.ID] = i
	if i.Status != Retracted {
		b.posted[i.Author]++
	}
	b.note(i.Author, i)
	for _, c := range i.Comments {
		b.comments[c.ID] = c
		b.note(c.Author, i)
	}
}

// AddComment puts a new comment on its idea.
func (b *Board) AddComment(i *Idea, c *Comment) {
	i.Comments = append(i.Comments, c)
	b.comments[c.ID] = c
	b.note(c.Author, i)
}

// Late says whether an edit comes after a newer one of its lane.
func (i *Idea) Late(lane, n uint64) bool { return i.lanes.Late(lane, n) }

// Late says whether an edit comes after a newer one of its lane.
func (c *Comment) Late(lane, n uint64) bool { return c.lanes.Late(lane, n) }

// Edit gives the idea a new revision. If it must be looked at first, the present one stays in view until Moderate approves.
func (i *Idea) Edit(r Revision, at int64, review bool, lane, n uint64) {
	i.lanes.Note(lane, n)
	if review && i.Status == Posted {
		i.Pending = &r
		return
	}
	i.Current, i.Pending = r, nil
	i.EditedAt = at
	i.Version++
	if review && i.Status == Rejected { // mended: it goes back to the queue
		i.Status = Waiting
	}
}

// Latest is the revision that an edit starts from: the pending one if there is one.
func (i *Idea) Latest() Revision {
	if i.Pending != nil {
		return *i.Pending
	}
	return i.Current
}

// Retract takes the idea back and says whether it was there to be taken back.
func (b *Board) Retract(i *Idea, reason Text) bool {
	if i.Status == Retracted {
		return false
	}
	b.posted[i.Author]--
	i.Status, i.Reason, i.Pending = Retracted, reason, nil
	return true
}

// Report notes that somebody thinks a moderator should look. Once each.
func (i *Idea) Report(by id.ID) {
	if !slices.Contains(i.Reports, by) && len(i.Reports) < MaxReports {
		i.Reports = append(i.Reports, by)
	}
}

// Actions of idea.moderate. A comment takes the first four.
var Actions = []string{"approve", "reject", "hide", "restore", "lock", "unlock", "pin", "unpin"}

// CommentActions of comment.moderate.
var CommentActions = Actions[:4]

// Moderate does what a moderator decided and says whether the action fits the idea's state; if not, nothing changed.
func (i *Idea) Moderate(action string, reason Text, at int64) bool {
	if i.Status == Retracted {
		return false
	}
	switch action {
	case "lock", "unlock":
		i.Locked = action == "lock"
	case "pin", "unpin":
		i.Pinned = action == "pin"
	case "approve":
		switch {
		case i.Pending != nil:
			i.Current, i.Pending = *i.Pending, nil
			i.EditedAt = at
			i.Version++
		case i.Status != Waiting && i.Status != Rejected && len(i.Reports) == 0:
			return false
		}
		if i.Status != Hidden {
			i.Status = Posted
		}
		i.Reports, i.Reason = nil, reason
	case "reject":
		switch {
		case i.Pending != nil:
			i.Pending = nil
		case i.Status == Waiting:
			i.Status = Rejected
		default:
			return false
		}
		i.Reports, i.Reason = nil, reason
	case "hide":
		if i.Status != Posted {
			return false
		}
		i.Status, i.Reports, i.Reason = Hidden, nil, reason
	case "restore":
		if i.Status != Hidden && i.Status != Rejected {
			return false
		}
		i.Status, i.Reports, i.Reason = Posted, nil, reason
	default:
		return false
	}
	return true
}

// Edit changes the words of a comment, with the same rule as Idea.Edit.
func (c *Comment) Edit(t Text, kind string, review bool, lane, n uint64) {
	c.lanes.Note(lane, n)
	c.Kind = kind
	if review && c.Status == Posted {
		c.Pending = &t
		return
	}
	c.Text, c.Pending, c.Edited = t, nil, true
	if review && c.Status == Rejected {
		c.Status = Waiting
	}
}

// Retract takes the comment back and says whether it was there to be taken back.
func (c *Comment) Retract(reason Text) bool {
	if c.Status == Retracted {
		return false
	}
	c.Status, c.Reason, c.Pending = Retracted, reason, nil
	return true
}

// Moderate does what a moderator decided and says whether the action fits the comment's state.
func (c *Comment) Moderate(action string, reason Text) bool {
	switch {
	case c.Status == Retracted:
		return false
	case action == "approve" && c.Pending != nil:
		c.Text, c.Pending, c.Edited = *c.Pending, nil, true
	case action == "approve" && (c.Status == Waiting || c.Status == Rejected):
		c.Status = Posted
	case action == "reject" && c.Pending != nil:
		c.Pending = nil
	case action == "reject" && c.Status == Waiting:
		c.Status = Rejected
	case action == "hide" && c.Status == Posted:
		c.Status = Hidden
	case action == "restore" && (c.Status == Hidden || c.Status == Rejected):
		c.Status = Posted
	default:
		return false
	}
	c.Reason = reason
	return true
}

// Lanes gives what is remembered of edits by lane. The caller must not change it.
func (i *Idea) Lanes() Lanes { return i.lanes }

// SetLanes puts it back.
func (i *Idea) SetLanes(l Lanes) { i.lanes = l }

// Lanes gives what is remembered of edits by lane. The caller must not change it.
func (c *Comment) Lanes() Lanes { return c.lanes }

// SetLanes puts it back.
func (c *Comment) SetLanes(l Lanes) { c.lanes = l }
