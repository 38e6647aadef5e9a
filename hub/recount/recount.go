// Package recount counts support a second time.
//
// What a campaign shows is counted by package voting, inside the machine that every node runs. If that code counts wrongly, every node agrees on the wrong
// figure, and no replay of it finds out. So `kiem verify` gives each support that the log accepted to this package as well, which was written from the rules and
// not from that code, keeps other things, and shares nothing with it: it may import neither voting nor campaign. Both must come to the same figures.
//
// # The rules
//
// A voter has one ballot on an idea. Its newest choice counts: for (1), against (-1), or neither (0). It stays in the group in which it was first cast.
//
// The total of an idea is the number of its ballots that are for it. Figures by group follow in steps, so that who watches them beside the total cannot tell how one
// person chose (docs/decisions/0008):
//
//   - A change is a ballot that becomes one for the idea, or is one no longer. The time between two looks at an idea is a period; a ballot belongs
//     to the period in which it changed last. Once `small` ballots belong to the present period, all figures are looked at, and the next period begins.
//   - A group has a figure of its own, or is folded into "other"; at first all are folded. A figure is fresh in so many ballots as changed after the period in
//     which it moved last. A folded group moves when "other" does.
//   - At a look, in this order: (1) a group with a figure of its own that is fresh in `small` ballots, and has fewer than `small` supporters, is folded. (2) While those
//     folded have some supporters but fewer than `small`, the group with the smallest figure is folded too. Until "other" is next counted it shows the sum of the figures that
//     were folded into it. (3) Each figure of its own that is fresh in `small` ballots becomes the group's supporters, rounded down to a multiple of `small`. (4) If those
//     folded are fresh in `small` ballots together: the largest folded group with at least `small` supporters gets a figure of its own, as long as no supporters stay folded, or
//     at least `small`; then the next; and "other" becomes the supporters that stay, rounded down.
//   - With `small` at 0 every figure is what it is, at every moment.
//   - When `small` is raised, figures below it are folded at once, and while "other" is above 0 but below `small`, the smallest figure is folded too.
package recount

import (
	"errors"
	"fmt"
	"slices"

	"kiem/id"
)

// Folded is the figure of a group that has none of its own: it is part of "other".
const Folded = -1

// ErrRule: what it was told cannot be in a log that was accepted.
var ErrRule = errors.New("recount: against the rules")

// Figures are what is shown of an idea.
type Figures struct {
	Total   int   // for it
	Against int   // against it
	Groups  []int // released figure by number of the group, or Folded
	Other   int   // released figure of those folded
}

// Equal says whether two are the same.
func (f Figures) Equal(g Figures) bool {
	return f.Total == g.Total && f.Against == g.Against && f.Other == g.Other && slices.Equal(f.Groups, g.Groups)
}

func (f Figures) String() string {
	return fmt.Sprintf("%d for, %d against, by group %v, other %d", f.Total, f.Against, f.Groups, f.Other)
}

// Count is the recount of one campaign. The zero Count has no groups: Rules comes first.
type Count struct {
	small, groups int
	ideas         map[id.ID]*idea
	voters        map[id.ID]uint32
	ballots       int
	supports      int // given to Support
}

// idea is what is kept of one: its ballots, and when each figure moved.
type idea struct {
	ballots map[uint32]ballot // by number of the voter
	period  uint32            // the present one, from 1
	cells   []cell
	other   int
	against int
}

type ballot struct {
	choice int8
	group  uint8
	period uint32 // in which it changed last; 0: it never did
}

type cell struct {
	figure     int // or Folded
	moved      uint32
	supporters int
	changed    periods // its ballots by the period they belong to
}

// Rules sets the number of groups and the smallest figure shown. Groups are fixed once there is an idea.
func (c *Count) Rules(groups, small int) error {
	switch {
	case groups < 1 || groups > 255 || small < 0:
		return fmt.Errorf("%w: %d groups, smallest figure %d", ErrRule, groups, small)
	case c.ideas == nil:
		c.ideas, c.voters = map[id.ID]*idea{}, map[id.ID]uint32{}
	case groups != c.groups && len(c.ideas) > 0:
		return fmt.Errorf("%w: from %d groups to %d with %d ideas posted", ErrRule, c.groups, groups, len(c.ideas))
	}
	changed := small != c.small
	c.groups, c.small = groups, small
	if changed {
		for _, i := range c.ideas {
			i.resize(small)
		}
	}
	return nil
}

// Idea is told of an idea, before the first ballot on it.
func (c *Count) Idea(posted id.ID) error {
	if c.ideas == nil || c.ideas[posted] != nil {
		return fmt.Errorf("%w: idea %s is there already, or there are no groups", ErrRule, posted)
	}
	c.ideas[posted] = newIdea(c.groups, c.small)
	return nil
}

// Support counts a voter's choice that the log accepted. Group is that of the voter now; it matters at the first ballot only.
func (c *Count) Support(voter, on id.ID, choice int8, group uint8) error {
	if c.ideas == nil || int(group) >= c.groups || choice < -1 || choice > 1 {
		return fmt.Errorf("%w: choice %d of group %d, there are %d groups", ErrRule, choice, group, c.groups)
	}
	i := c.ideas[on]
	if i == nil {
		return fmt.Errorf("%w: a ballot on idea %s, which nobody posted", ErrRule, on)
	}
	n, ok := c.voters[voter]
	if !ok {
		n = uint32(len(c.voters))
		c.voters[voter] = n
	}
	c.supports++
	was, had := i.ballots[n]
	if !had {
		c.ballots++
		was.group = group
	}
	now := was
	now.choice = choice
	i.count(was, -1)
	i.count(now, 1)
	if (was.choice == 1) != (choice == 1) {
		i.change(&now, c.small)
	}
	i.ballots[n] = now
	return nil
}

// Figures gives what is to be shown of an idea; of one that was not posted, nothing.
func (c *Count) Figures(on id.ID) Figures {
	i := c.ideas[on]
	if i == nil {
		return Figures{}
	}
	f := Figures{Against: i.against, Other: i.other, Groups: make([]int, len(i.cells))}
	for g := range i.cells {
		f.Groups[g] = i.cells[g].figure
		f.Total += i.cells[g].supporters
	}
	return f
}

// Live gives the supporters of an idea by group as they are. Nobody is shown them.
func (c *Count) Live(on id.ID) []int {
	live := make([]int, c.groups)
	if i := c.ideas[on]; i != nil {
		for g := range i.cells {
			live[g] = i.cells[g].supporters
		}
	}
	return live
}

// Ideas is how many were posted.
func (c *Count) Ideas() int { return len(c.ideas) }

// Ballots is how many there are: one for each voter and idea. Supports is how many choices made them.
func (c *Count) Ballots() int { return c.ballots }

// Supports is how many choices were counted.
func (c *Count) Supports() int { return c.supports }
