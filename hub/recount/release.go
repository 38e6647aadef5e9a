package recount

import "sort"

func newIdea(groups, small int) *idea {
	i := &idea{ballots: map[uint32]ballot{}, period: 1, cells: make([]cell, groups)}
	for g := range i.cells {
		i.cells[g].figure = Folded
	}
	return i
}

// count adds a ballot to what is exact, or takes it off.
func (i *idea) count(b ballot, by int) {
	switch b.choice {
	case 1:
		i.cells[b.group].supporters += by
	case -1:
		i.against += by
	}
}

// change moves a ballot into the present period, and looks at the figures if it is time.
func (i *idea) change(b *ballot, small int) {
	c := &i.cells[b.group]
	c.changed.move(b.period, i.period)
	b.period = i.period
	present := 0
	for g := range i.cells {
		present += i.cells[g].changed.after(i.period - 1)
	}
	if present >= small {
		i.look(small)
		i.period++
	}
}

// folded adds up the groups in "other": supporters, and fresh ballots.
func (i *idea) folded() (supporters, fresh int) {
	for g := range i.cells {
		if c := &i.cells[g]; c.figure == Folded {
			supporters += c.supporters
			fresh += c.fresh()
		}
	}
	return supporters, fresh
}

func (c *cell) fresh() int { return c.changed.after(c.moved) }

// fold puts a group with a figure of its own into "other".
func (i *idea) fold(c *cell) {
	i.other += c.figure
	c.figure = Folded
}

// foldSmallest folds the group with the smallest figure, the first of equals. False: none has a figure.
func (i *idea) foldSmallest() bool {
	var smallest *cell
	for g := range i.cells {
		if c := &i.cells[g]; c.figure != Folded && (smallest == nil || c.figure < smallest.figure) {
			smallest = c
		}
	}
	if smallest != nil {
		i.fold(smallest)
	}
	return smallest != nil
}

// look is the rule of the package comment, step by step.
func (i *idea) look(small int) {
	if small == 0 {
		i.exact()
		return
	}
	for g := range i.cells {
		if c := &i.cells[g]; c.figure != Folded && c.fresh() >= small && c.supporters < small {
			i.fold(c)
		}
	}
	for {
		if supporters, _ := i.folded(); supporters == 0 || supporters >= small || !i.foldSmallest() {
			break
		}
	}
	stay, fresh := i.folded()
	for g := range i.cells {
		if c := &i.cells[g]; c.figure != Folded && c.fresh() >= small {
			if now := c.supporters - c.supporters%small; now != c.figure {
				c.figure, c.moved = now, i.period
			}
		}
	}
	if fresh < small {
		return
	}
	left := false
	for {
		c := i.alone(stay, small)
		if c == nil {
			break
		}
		c.figure, c.moved = c.supporters-c.supporters%small, i.period
		stay -= c.supporters
		left = true
	}
	now := stay - stay%small
	if now == i.other && !left {
		return // it did not move, so what is fresh stays fresh
	}
	i.other = now
	for g := range i.cells {
		if c := &i.cells[g]; c.figure == Folded {
			c.moved = i.period
		}
	}
}

// alone is the folded group that gets a figure of its own next, or nil.
func (i *idea) alone(stay, small int) *cell {
	var largest *cell
	for g := range i.cells {
		c := &i.cells[g]
		rest := stay - c.supporters
		if c.figure == Folded && c.supporters >= small && (rest == 0 || rest >= small) && (largest == nil || c.supporters > largest.supporters) {
			largest = c
		}
	}
	return largest
}

// exact shows every group as it is.
func (i *idea) exact() {
	i.other = 0
	for g := range i.cells {
		c := &i.cells[g]
		c.figure, c.moved = c.supporters, i.period
	}
}

// resize is what another smallest figure does to what is shown.
func (i *idea) resize(small int) {
	if small == 0 {
		i.exact()
		i.period++
		return
	}
	for g := range i.cells {
		if c := &i.cells[g]; c.figure != Folded && c.figure < small {
			i.fold(c)
		}
	}
	for i.other > 0 && i.other < small {
		if !i.foldSmallest() {
			i.other = 0
		}
	}
}

// periods counts ballots by the period they belong to, oldest first; none of the counts is 0.
type periods []struct {
	period uint32
	n      int32
}

func (p periods) find(period uint32) int {
	return sort.Search(len(p), func(at int) bool { return p[at].period >= period })
}

// move takes a ballot from a period (0: it was in none) to the newest.
func (p *periods) move(from, to uint32) {
	if at := p.find(from); at < len(*p) && (*p)[at].period == from {
		if (*p)[at].n--; (*p)[at].n == 0 {
			*p = append((*p)[:at], (*p)[at+1:]...)
		}
	}
	if last := len(*p) - 1; last >= 0 && (*p)[last].period == to {
		(*p)[last].n++
		return
	}
	*p = append(*p, struct {
		period uint32
		n      int32
	}{to, 1})
}

// after counts the ballots of the periods after that one.
func (p periods) after(period uint32) (n int) {
	for at := len(p) - 1; at >= 0 && p[at].period > period; at-- {
		n += int(p[at].n)
	}
	return n
}
