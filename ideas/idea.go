// Package ideas holds what a campaign collects: ideas, the comments on them, their moderation and their lineage.
//
// It knows no people (only their ids), no stages and no votes; package campaign joins those. A Board is owned by one machine; nothing here
// is safe for concurrent use, and nothing here reads a clock: times come in as Unix milliseconds.
package ideas

import (
	"slices"

	"kiem/id"
)

// Status is where an idea or a comment stands.
type Status string

// The moderation states. What is posted everybody sees; what waits or was rejected, its author and the moderators; hidden and
// retracted, the moderators (and the author, who is told).
const (
	Posted    Status = "posted"
	Waiting   Status = "waiting"
	Rejected  Status = "rejected"
	Hidden    Status = "hidden"
	Retracted Status = "retracted"
)

// Statuses lists the states in the order of their codes in snapshots.
var Statuses = []Status{Posted, Waiting, Rejected, Hidden, Retracted}

// Public says whether everybody sees what has this status.
func (s Status) Public() bool { return s == Posted }

// Definition is the author's self-check of the two-part definition of social innovation: both parts are required for an idea to be eligible.
type Definition struct {
	Need    bool `json:"need"`    // aims structurally at a societal need
	Novelty bool `json:"novelty"` // a new or significantly improved product, service, process, marketing method or organisation
}

// Revision is the content of an idea at one time.
type Revision struct {
	Title      Text
	Text       Text
	Need       Text // which need, and whose; empty blocks a shortlist, not posting
	Themes     []string
	Nodes      []string
	Innovation []string
	Definition *Definition
}

// Texts lists the texts in their stored order.
func (r *Revision) Texts() []*Text { return []*Text{&r.Title, &r.Text, &r.Need} }

// Incomplete names what is missing before the idea can be shortlisted: "innovation" (which of the five kinds of novelty), "need" (which need, and
// whose), "definition" (the self-check). Posting needs none of them.
func (r *Revision) Incomplete() (missing []string) {
	if len(r.Innovation) == 0 {
		missing = append(missing, "innovation")
	}
	if r.Need.Units == 0 {
		missing = append(missing, "need")
	}
	if r.Definition == nil {
		missing = append(missing, "definition")
	}
	return missing
}

// Idea is one idea. Owned by its Board.
type Idea struct {
	ID       id.ID
	Author   id.ID
	PostedAt int64
	EditedAt int64 // 0: never
	Version  int   // counts revisions, from 1

	Current Revision  // what others see if the status allows
	Pending *Revision // an edit that waits for a moderator, who goes on showing Current

	Status  Status
	Reason  Text // of the last moderation
	Locked  bool // no edits by participants, no comments
	Pinned  bool
	Reports []id.ID // who reported it since the last moderation
	Answer  *Answer

	From, Into []id.ID // lineage: what it was merged or split from, and what it went into

	Comments []*Comment // in order of posting
	lanes    Lanes
}

// Answer is the organiser's official answer.
type Answer struct {
	Status string
	Reason Text
	At     int64
	By     id.ID
}

// Comment on an idea, or on a comment of it (one level).
type Comment struct {
	ID      id.ID
	Idea    id.ID
	ReplyTo id.ID // zero: on the idea itself
	Author  id.ID
	Kind    string
	Text    Text
	Pending *Text // as Idea.Pending
	Status  Status
	Reason  Text
	At      int64
	Edited  bool
	lanes   Lanes
}

// Texts lists every text of the idea itself, present and pending, not those of its comments.
func (i *Idea) Texts() []*Text {
	list := append(i.Current.Texts(), &i.Reason)
	if i.Pending != nil {
		list = append(list, i.Pending.Texts()...)
	}
	if i.Answer != nil {
		list = append(list, &i.Answer.Reason)
	}
	return list
}

// Texts lists the texts of the comment.
func (c *Comment) Texts() []*Text {
	if c.Pending != nil {
		return []*Text{&c.Text, c.Pending, &c.Reason}
	}
	return []*Text{&c.Text, &c.Reason}
}

// Lanes remembers, for one target, the newest number of each lane that set it.
type Lanes []Lane

// Lane is one lane's newest number.
type Lane struct{ Lane, N uint64 }

// Late says whether a command with that lane and number comes after a newer one of its lane, or again. n = 0: it carries no lane.
func (l Lanes) Late(lane, n uint64) bool {
	for _, have := range l {
		if have.Lane == lane {
			return n > 0 && n <= have.N
		}
	}
	return false
}

// Note remembers that a command with that lane and number was applied. The lane set longest ago is forgotten first.
func (l *Lanes) Note(lane, n uint64) {
	if n == 0 {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(*l), func(have Lane) bool { return have.Lane == lane })
	if len(kept) >= MaxLanes {
		kept = kept[1:]
	}
	*l = append(kept, Lane{lane, n})
}
