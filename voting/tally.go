package voting

// Tally is the count for one idea.
//
// Total, Against and Live are exact. Shown and Other are the released figures, the only ones by group that anybody is shown; the rest is
// the bookkeeping of the release.
type Tally struct {
	Total   int // supporters
	Against int // opponents
	Groups  []Cell
	Other   int    // released figure of "other"
	Look    uint32 // number of the coming look, from 1
	New     int    // ballots cast or changed since the last look
}

// Cell is what is counted for one group.
type Cell struct {
	Live  int    // supporters
	Shown int    // released figure; inOther: counted in "other"
	Moved int    // ballots cast or changed since the look Since
	Since uint32 // the look in which its figure, or that of "other" while it is in there, last moved
}

const inOther = -1

func newTally(groups int) Tally {
	t := Tally{Groups: make([]Cell, groups), Look: 1}
	for g := range t.Groups {
		t.Groups[g].Shown = inOther
	}
	return t
}

func (t *Tally) count(b *Ballot, by int) {
	switch b.Choice {
	case 1:
		t.Total += by
		t.Groups[b.Group].Live += by
	case -1:
		t.Against += by
	}
}

// change counts a ballot that replaces another (the zero Ballot if there was none) and gives its mark.
//
// Only what changes somebody's support is new: an opposing ballot is seen in Against, and would otherwise make up the numbers behind
// which the supporting ones hide. For the same reason a ballot is new once, however often its voter changes it.
func (t *Tally) change(was, now *Ballot, small int) (mark uint32) {
	t.count(was, -1)
	t.count(now, 1)
	if (was.Choice == 1) == (now.Choice == 1) {
		return was.Mark
	}
	if c := &t.Groups[now.Group]; was.Mark <= c.Since {
		c.Moved++
	}
	if was.Mark != t.Look {
		t.New++
	}
	look := t.Look
	if t.New >= small {
		t.release(small)
		t.Look++
		t.New = 0
	}
	return look
}

// release moves the figures that may move.
func (t *Tally) release(small int) {
	if small == 0 {
		t.live()
		return
	}
	for g := range t.Groups {
		if c := &t.Groups[g]; c.Shown != inOther && c.Moved >= small && c.Live < small {
			t.join(c) // too small now; it takes its new ballots along, so that "other" moves too
		}
	}
	rest, moved := t.fold(small)
	for g := range t.Groups {
		if c := &t.Groups[g]; c.Shown != inOther && c.Moved >= small {
			t.show(c, small)
		}
	}
	if moved < small {
		return
	}
	was := t.Other
	for g := t.leaver(rest, small); g >= 0; g = t.leaver(rest, small) {
		t.show(&t.Groups[g], small)
		rest -= t.Groups[g].Live
		was = -1
	}
	if t.Other = rest / small * small; t.Other == was {
		return
	}
	for g := range t.Groups {
		if c := &t.Groups[g]; c.Shown == inOther {
			c.Moved, c.Since = 0, t.Look
		}
	}
}

// show moves a group's own figure.
func (t *Tally) show(c *Cell, small int) {
	if now := c.Live / small * small; now != c.Shown {
		c.Shown, c.Moved, c.Since = now, 0, t.Look
	}
}

// fold lets groups join "other", those with the smallest figures first, as long as it holds somebody but fewer than small. Until "other" moves
// it is shown as the sum of figures that were shown before. It gives the supporters in "other" and its new ballots.
func (t *Tally) fold(small int) (rest, moved int) {
	for _, c := range t.Groups {
		if c.Shown == inOther {
			rest += c.Live
			moved += c.Moved
		}
	}
	for 0 < rest && rest < small {
		c := t.least()
		if c == nil {
			break
		}
		t.join(c)
		rest += c.Live
		moved += c.Moved
	}
	return rest, moved
}

func (t *Tally) join(c *Cell) {
	t.Other += c.Shown
	c.Shown = inOther
}

// least is the group with the smallest figure of its own.
func (t *Tally) least() (least *Cell) {
	for g := range t.Groups {
		if c := &t.Groups[g]; c.Shown != inOther && (least == nil || c.Shown < least.Shown) {
			least = c
		}
	}
	return least
}

// leaver is the largest group that may leave "other" with its rest of supporters: it is large enough to stand alone, and those who stay are
// nobody or enough themselves. -1: there is none.
func (t *Tally) leaver(rest, small int) int {
	largest := -1
	for g, c := range t.Groups {
		stay := rest - c.Live
		if c.Shown == inOther && c.Live >= small && (stay == 0 || stay >= small) && (largest < 0 || c.Live > t.Groups[largest].Live) {
			largest = g
		}
	}
	return largest
}

// live shows every group as it is.
func (t *Tally) live() {
	t.Other = 0
	for g := range t.Groups {
		c := &t.Groups[g]
		c.Shown, c.Moved, c.Since = c.Live, 0, t.Look
	}
}

// resize is what a new smallest cell does to what is shown.
func (t *Tally) resize(small int) {
	if small == 0 {
		t.live()
		t.Look, t.New = t.Look+1, 0
		return
	}
	for g := range t.Groups {
		if c := &t.Groups[g]; c.Shown != inOther && c.Shown < small {
			t.join(c)
		}
	}
	for t.Other > 0 && t.Other < small {
		c := t.least()
		if c == nil {
			t.Other = 0
			break
		}
		t.join(c)
	}
}
