package export

import (
	"strconv"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/wire"
)

// table is rows under columns. A value is a string, an int, a bool, a time.Time or nil; a string was not cleaned yet.
type table struct {
	name    string
	columns []string // codes
	rows    func(put func(...any) error) error
}

// supportColumn is the column of a group's released figure.
func supportColumn(group string) string { return "support_" + group }

var (
	ideaBefore = []string{
		"rank", "idea", "title", "text", "need", "themes", "nodes", "innovation", "definition_need", "definition_novelty", "incomplete",
		"support", "against", "bridging",
	}
	ideaAfter = []string{
		"status", "answer", "answer_reason", "answered_at", "comments", "author", "author_name", "author_organisation", "author_group", "author_role",
		"from", "into", "version", "posted_at", "edited_at",
	}
	commentColumns = []string{"comment", "idea", "reply_to", "kind", "text", "author", "author_name", "author_organisation", "author_group", "author_role", "posted_at", "edited"}
	groupColumns   = []string{"idea", "group", "support"}
	ballotColumns  = []string{"idea", "group"}
	stageColumns   = []string{"stage", "position", "current", "posting", "editing", "comments", "support"}
	// statement is what a file of one table says about itself, in columns after all others.
	statement = []string{"measure", "rule", "made_at", "log_seq", "log_head"}
)

// ideaTable has a column for each group of the campaign.
func (s *selection) ideaTable() table {
	t := table{name: "ideas", columns: append([]string{}, ideaBefore...)}
	for _, g := range s.groups {
		t.columns = append(t.columns, supportColumn(g))
	}
	t.columns = append(append(t.columns, supportColumn(other)), ideaAfter...)
	t.rows = func(put func(...any) error) error {
		row := make([]any, 0, len(t.columns))
		for n := range s.ideas {
			row = s.ideaRow(row[:0], n)
			if err := put(row...); err != nil {
				return err
			}
		}
		return nil
	}
	return t
}

func (s *selection) ideaRow(row []any, n int) []any {
	i := &s.ideas[n]
	row = append(row, n+1, i.ID.String(), i.Title, i.Text, i.Need, join(i.Themes), join(i.Nodes), join(i.Innovation))
	if d := i.Definition; d != nil {
		row = append(row, d.Need, d.Novelty)
	} else {
		row = append(row, nil, nil)
	}
	row = append(row, join(i.Incomplete), i.total, i.against, i.floor)
	for _, v := range i.by {
		row = append(row, figure(v))
	}
	row = append(row, figure(i.other), i.Status)
	if a := i.Answer; a != nil {
		row = append(row, a.Status, a.Reason, a.At)
	} else {
		row = append(row, nil, nil, nil)
	}
	row = append(row, shown(i.Comments))
	if len(i.Authors) > 0 {
		row = s.author(row, &i.Authors[0])
	} else {
		row = append(row, nil, nil, nil, nil, nil)
	}
	row = append(row, ids(i.Lineage.From), ids(i.Lineage.Into), i.Version, i.PostedAt)
	if i.EditedAt != nil {
		return append(row, *i.EditedAt)
	}
	return append(row, nil)
}

// figure is nil for a group without a figure of its own.
func figure(v int) any {
	if v == 0 {
		return nil
	}
	return v
}

// author is the five columns about who wrote something.
func (s *selection) author(row []any, p *wire.Person) []any {
	if s.Names {
		row = append(row, p.ID.String(), p.Name, p.Organisation)
	} else {
		row = append(row, nil, nil, nil)
	}
	return append(row, p.Group, p.Role)
}

// shown counts the comments that a table has.
func shown(list []wire.Comment) (n int) {
	for i := range list {
		if list[i].Status == posted {
			n++
		}
	}
	return n
}

func (s *selection) commentTable() table {
	return table{name: "comments", columns: commentColumns, rows: func(put func(...any) error) error {
		row := make([]any, 0, len(commentColumns))
		for n := range s.ideas {
			for k := range s.ideas[n].Comments {
				c := &s.ideas[n].Comments[k]
				if c.Status != posted {
					continue
				}
				row = append(row[:0], c.ID.String(), s.ideas[n].ID.String(), nil, c.Kind, c.Text)
				if c.ReplyTo != nil {
					row[2] = c.ReplyTo.String()
				}
				row = append(s.author(row, &c.Author), c.At, c.Edited)
				if err := put(row...); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// groupTable has a row for each released figure.
func (s *selection) groupTable() table {
	return table{name: "groups", columns: groupColumns, rows: func(put func(...any) error) error {
		for n := range s.ideas {
			i := &s.ideas[n]
			idea := i.ID.String()
			for g, v := range i.by {
				if v > 0 {
					if err := put(idea, s.groups[g], v); err != nil {
						return err
					}
				}
			}
			if i.other > 0 {
				if err := put(idea, other, i.other); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// ballotTable has a row for each person who supports an idea, with the group as far as a released figure says it. The rows are made of the figures: who counts
// them finds totals and figures again, and there is nothing else in them, their order included.
func (s *selection) ballotTable() table {
	return table{name: "ballots", columns: ballotColumns, rows: func(put func(...any) error) error {
		for n := range s.ideas {
			i := &s.ideas[n]
			idea := i.ID.String()
			for g, v := range i.by {
				for range v {
					if err := put(idea, s.groups[g]); err != nil {
						return err
					}
				}
			}
			for range i.unnamed() {
				if err := put(idea, ""); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// stageTable has the stages of the campaign, in order, with what each lets participants do.
func (s *selection) stageTable() table {
	return table{name: "stages", columns: stageColumns, rows: func(put func(...any) error) error {
		for n, stage := range s.Campaign.Stages {
			open := campaign.Templates[s.Campaign.Template].Open(stage)
			if err := put(stage, n+1, stage == s.Campaign.Stage, open.Posting, open.Editing, open.Comments, open.Support); err != nil {
				return err
			}
		}
		return nil
	}}
}

// stated adds to each row what the file says about itself.
func (s *selection) stated(t table) table {
	return table{name: t.name, columns: append(append([]string{}, t.columns...), statement...), rows: func(put func(...any) error) error {
		about := []any{string(s.Measure), s.Rule(), s.MadeAt, strconv.FormatUint(s.Seq, 10), s.Head.String()}
		var row []any
		return t.rows(func(values ...any) error {
			row = append(append(row[:0], values...), about...)
			return put(row...)
		})
	}}
}

// ids writes a list of ids into one cell.
func ids[T interface{ String() string }](list []T) string {
	text := make([]string, len(list))
	for i := range list {
		text[i] = list[i].String()
	}
	return join(text)
}

// moment is how times stand in tables: RFC 3339 in UTC, to the millisecond.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
