package verify

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kiem/id"
)

// maxIdeas bounds the rows of ideas.csv, and so what is kept of the tables: the limit of a campaign (ideas.MaxIdeas), with room for later ones.
const maxIdeas = 1 << 20

// checkTables reads every table and holds them against each other and against the log.
func (a *archive) checkTables() {
	a.checkOpen()
	a.readIdeas()
	a.readGroups()
	a.readBallots()
	a.readComments()
	a.readStages()
	a.compare()
}

// row is a row of a table by columns.
type row struct {
	at     map[string]int
	record []string
}

func (r *row) text(column string) string { return r.record[r.at[column]] }

// number reads a figure; an empty cell is 0.
func (r *row) number(column string) (int, error) {
	text := r.text(column)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("column %s has %q", column, text)
	}
	return n, nil
}

// idea reads an id of an idea, and finds it.
func (a *archive) idea(r *row) (*figuresOf, error) {
	i, err := id.Parse(r.text("idea"))
	if err != nil {
		return nil, fmt.Errorf("column idea has %q", r.text("idea"))
	}
	f := a.ideas[i]
	if f == nil {
		return nil, fmt.Errorf("idea %s is not in %s", i, fileIdeas)
	}
	return f, nil
}

// table visits the rows of a table that must have these columns. The first error ends it and is a problem, with the row.
func (a *archive) table(name string, columns []string, visit func(n int, r *row) error) {
	a.read(name, maxTable, func(r io.Reader) error {
		limited := &meter{r: r, left: maxRecord}
		c := csv.NewReader(limited)
		c.ReuseRecord = true
		head, err := c.Read()
		if err != nil {
			return fmt.Errorf("it has no columns: %w", err)
		}
		one := row{at: map[string]int{}}
		for n, code := range head {
			if _, twice := one.at[code]; twice {
				return fmt.Errorf("the column %s is there twice", code)
			}
			one.at[strings.Clone(code)] = n
		}
		for _, code := range columns {
			if _, ok := one.at[code]; !ok {
				return fmt.Errorf("it has no column %s", code)
			}
		}
		for n := 1; ; n++ {
			limited.left = maxRecord
			if one.record, err = c.Read(); errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = visit(n, &one)
			}
			if err != nil {
				return fmt.Errorf("row %d: %w", n, err)
			}
		}
	})
}

func (a *archive) readIdeas() {
	columns := []string{"idea", "support", "against", "bridging", "comments", "posted_at", "support_" + other}
	for _, g := range a.m.Campaign.Groups {
		columns = append(columns, "support_"+g)
	}
	a.table(fileIdeas, columns, func(n int, r *row) error {
		i, err := id.Parse(r.text("idea"))
		if err != nil || a.ideas[i] != nil {
			return fmt.Errorf("idea %q is no id, or comes twice", r.text("idea"))
		}
		if n > maxIdeas {
			return errTooMuch
		}
		f := &figuresOf{row: n, posted: strings.Clone(r.text("posted_at")), groups: map[string]int{}, shown: map[string]int{}, byGroup: map[string]int{}}
		var errs [4]error
		f.support, errs[0] = r.number("support")
		f.against, errs[1] = r.number("against")
		f.bridging, errs[2] = r.number("bridging")
		f.comments, errs[3] = r.number("comments")
		if err := errors.Join(errs[:]...); err != nil {
			return err
		}
		for _, g := range append([]string{other}, a.m.Campaign.Groups...) {
			v, err := r.number("support_" + g)
			if err != nil {
				return err
			}
			if v > 0 {
				f.shown[g] = v
			}
		}
		a.ideas[i] = f
		a.Ideas++
		return nil
	})
}

func (a *archive) readGroups() {
	a.table(fileGroups, []string{"idea", "group", "support"}, func(_ int, r *row) error {
		f, err := a.idea(r)
		if err != nil {
			return err
		}
		g := strings.Clone(r.text("group"))
		if _, twice := f.groups[g]; twice || g != other && !slices.Contains(a.m.Campaign.Groups, g) {
			return fmt.Errorf("group %q is none of the campaign's, or comes twice", g)
		}
		f.groups[g], err = r.number("support")
		return err
	})
}

func (a *archive) readBallots() {
	a.table(fileBallots, []string{"idea", "group"}, func(_ int, r *row) error {
		f, err := a.idea(r)
		if err != nil {
			return err
		}
		a.Ballots++
		f.ballots++
		if g := r.text("group"); g != "" {
			if !slices.Contains(a.m.Campaign.Groups, g) {
				return fmt.Errorf("group %q is none of the campaign's", g)
			}
			f.byGroup[strings.Clone(g)]++
		}
		return nil
	})
}

func (a *archive) readComments() {
	seen := map[id.ID]id.ID{} // comment to its idea
	times := map[string]int{}
	a.table(fileComments, []string{"comment", "idea", "reply_to", "posted_at"}, func(_ int, r *row) error {
		f, err := a.idea(r)
		if err != nil {
			return err
		}
		idea, _ := id.Parse(r.text("idea")) // a.idea has read it
		c, err := id.Parse(r.text("comment"))
		if _, twice := seen[c]; err != nil || twice {
			return fmt.Errorf("comment %q is no id, or comes twice", r.text("comment"))
		}
		if len(seen) >= maxPosts {
			return errTooMuch
		}
		seen[c] = idea
		if to := r.text("reply_to"); to != "" {
			if parent, err := id.Parse(to); err != nil || seen[parent] != idea {
				return fmt.Errorf("it replies to %q, which is no comment before it on the same idea", to)
			}
		}
		f.commentRows++
		a.Comments++
		times[strings.Clone(r.text("posted_at"))]++
		return nil
	})
	a.within(fileComments, "comments", times, a.log.comments)
}

// within holds the times of rows against those of the log's records: at no time may there be more.
func (a *archive) within(file, what string, rows, records map[string]int) {
	for _, at := range slices.Sorted(maps.Keys(rows)) {
		if rows[at] > records[at] {
			a.problem(Differs, file, "%d %s say that they were posted at %s; the log has %d at that time", rows[at], what, at, records[at])
		}
	}
}

func (a *archive) readStages() {
	current := ""
	a.table(fileStages, []string{"stage", "current"}, func(_ int, r *row) error {
		if r.text("current") == "true" {
			current += strings.Clone(r.text("stage"))
		}
		return nil
	})
	if current != a.m.Campaign.Stage && (current != "" || a.m.Campaign.Stage != "draft") {
		a.problem(Differs, fileStages, "the stage is %q, %s says %q", current, fileManifest, a.m.Campaign.Stage)
	}
}

// compare holds the tables against each other.
func (a *archive) compare() {
	times := map[string]int{}
	list := slices.SortedFunc(maps.Keys(a.ideas), func(x, y id.ID) int { return cmp.Compare(a.ideas[x].row, a.ideas[y].row) })
	var before *figuresOf
	for _, i := range list {
		f := a.ideas[i]
		times[f.posted]++
		a.compareIdea(i, f)
		if before != nil && a.after(before, f) {
			a.problem(Differs, fileIdeas, "idea %s stands after one that it should stand before, by the measure %q", i, a.m.Measure)
		}
		before = f
	}
	a.within(fileIdeas, "ideas", times, a.log.ideas)
	if a.Ideas != a.m.Ideas || a.Comments != a.m.Comments || a.Ballots != a.m.Ballots {
		a.problem(Differs, fileManifest, "it says %d ideas, %d comments and %d ballots; the tables have %d, %d and %d", a.m.Ideas, a.m.Comments, a.m.Ballots, a.Ideas, a.Comments, a.Ballots)
	}
	if a.m.Top > 0 && a.Ideas > a.m.Top {
		a.problem(Differs, fileIdeas, "there are %d ideas, the first %d were asked for", a.Ideas, a.m.Top)
	}
	if a.Ballots > a.log.choices {
		a.problem(Differs, fileBallots, "there are %d ballots, and the log has %d choices", a.Ballots, a.log.choices)
	}
}

// after says whether the second should stand before the first: by the measure, then by support. Of equals the older one stands first, which the log says, and not a clock.
func (a *archive) after(first, second *figuresOf) bool {
	if a.m.Measure == "bridging" && first.bridging != second.bridging {
		return first.bridging < second.bridging
	}
	return first.support < second.support
}

// compareIdea recounts one idea.
func (a *archive) compareIdea(i id.ID, f *figuresOf) {
	named := 0
	for _, g := range slices.Sorted(maps.Keys(f.groups)) {
		v := f.groups[g]
		if v < max(a.m.SmallCell, 1) { // a multiple of it only as long as nobody raised it
			a.problem(Differs, fileGroups, "idea %s, group %s: %d is less than the smallest figure that is shown, %d", i, g, v, a.m.SmallCell)
		}
		if g != other {
			named += f.byGroup[g]
		}
		if g != other && f.byGroup[g] != v {
			a.problem(Differs, fileBallots, "idea %s has %d ballots of the group %s; %s says %d", i, f.byGroup[g], g, fileGroups, v)
		}
	}
	if f.ballots != f.support {
		a.problem(Differs, fileBallots, "idea %s has %d ballots; %s says %d", i, f.ballots, fileIdeas, f.support)
	}
	if rest := f.ballots - named; f.groups[other] > rest {
		a.problem(Differs, fileGroups, "idea %s: %d in small groups, and %d ballots without a group", i, f.groups[other], rest)
	}
	for g := range f.byGroup {
		if f.groups[g] == 0 {
			a.problem(Differs, fileBallots, "idea %s has ballots of the group %s, which has no figure in %s", i, g, fileGroups)
		}
	}
	if !maps.Equal(f.groups, f.shown) {
		a.problem(Differs, fileIdeas, "idea %s has the figures %v; %s says %v", i, f.shown, fileGroups, f.groups)
	}
	if f.comments != f.commentRows {
		a.problem(Differs, fileComments, "idea %s has %d comments; %s says %d", i, f.commentRows, fileIdeas, f.comments)
	}
	floor := 0
	for n, g := range a.m.Groups {
		if n == 0 || f.groups[g] < floor {
			floor = f.groups[g]
		}
	}
	if f.bridging != floor || floor < a.m.GroupMin {
		a.problem(Differs, fileIdeas, "idea %s has %d in the column bridging; the smallest figure of the groups %v is %d, and at least %d was asked for", i, f.bridging, a.m.Groups, floor, a.m.GroupMin)
	}
}
