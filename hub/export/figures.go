package export

import (
	"kiem/hub/wire"
)

// other is the name of the figure of all small groups together.
const other = "other"

// figures are the counts of one idea.
type figures struct {
	total, against int
	by             []int // released figure by group of the campaign; 0: none of its own
	other          int   // released figure of the small groups together; 0: none
}

// fitting takes the released figures, as far as they fit into the total. Figures move in steps and only after enough new ballots, so for a while they can
// add up to more than the total, when people have taken their support back. Then "other" is left out, and after it the smallest figures, until the rest fits:
// what is left out was shown to everybody, so this tells nothing new, and in a table the parts never exceed the whole.
func fitting(groups []string, t *wire.TallyOf) figures {
	f := figures{total: t.Total, against: t.Against, by: make([]int, len(groups)), other: t.ByGroup[other]}
	sum := f.other
	for n, g := range groups {
		f.by[n] = t.ByGroup[g]
		sum += f.by[n]
	}
	if sum > f.total {
		sum, f.other = sum-f.other, 0
	}
	for sum > f.total {
		least := -1
		for n, v := range f.by {
			if v > 0 && (least < 0 || v < f.by[least]) {
				least = n
			}
		}
		sum, f.by[least] = sum-f.by[least], 0
	}
	return f
}

// least is the smallest figure over the groups that count; 0 if none does.
func (f *figures) least(groups []string, counts map[string]bool) int {
	least := -1
	for n, g := range groups {
		if counts[g] && (least < 0 || f.by[n] < least) {
			least = f.by[n]
		}
	}
	return max(least, 0)
}

// unnamed is how many of the supporters no group's own figure counts.
func (f *figures) unnamed() int {
	rest := f.total
	for _, v := range f.by {
		rest -= v
	}
	return rest
}
