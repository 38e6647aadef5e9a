package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"kiem/hub/journal"
	"kiem/hub/wire"
)

// Format is the form of a file.
type Format string

// The formats, by the names that the protocol and the command line use.
const (
	JSON Format = "json"
	CSV  Format = "csv"
	XLSX Format = "xlsx"
	Zip  Format = "zip"
)

// Formats lists them.
var Formats = []Format{JSON, CSV, XLSX, Zip}

// ContentType is the media type of the format.
func (f Format) ContentType() string {
	switch f {
	case CSV:
		return "text/csv; charset=utf-8"
	case XLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case Zip:
		return "application/zip"
	}
	return "application/json; charset=utf-8"
}

// Measure is what ideas are ordered by.
type Measure string

const (
	// Support is the number of people who support an idea.
	Support Measure = "support"
	// Bridging is the floor support: the smallest released figure that an idea has over the groups of the campaign, so that an idea comes first which every
	// group carries, and not one that a single large group does. It is min over groups g of s_g, the floor (maximin) that stands beside the group-informed
	// consensus of Polis (Small et al., "Polis: Scaling Deliberation by Mapping High Dimensional Opinion Spaces", 2021), with s_g taken as the count: the
	// smoothed share (agree_g+1)/(seen_g+2) needs to know who saw an idea, and support alone does not say.
	//
	// The groups are those that have a released figure of their own for at least one idea of the campaign; a group that is folded into "other" for an idea
	// counts as 0 there. Nothing but released figures goes into it.
	Bridging Measure = "bridging"
)

// Measures lists them.
var Measures = []Measure{Support, Bridging}

// Options are what somebody asks for. The zero value of a field is its default.
type Options struct {
	Format   Format  // JSON
	Measure  Measure // Support
	Top      int     // only so many of the first; 0: all
	GroupMin int     // only ideas with at least this released support in each group of Bridging; 0: all
	Lang     string  // of headings and explanations: nl en fr de; ""  or another: nl
}

var (
	// ErrFormat, ErrMeasure, ErrTop and ErrGroupMin say which option cannot be.
	ErrFormat   = errors.New("export: no such format")
	ErrMeasure  = errors.New("export: no such measure")
	ErrTop      = fmt.Errorf("export: top must be between 0 and %d", MaxTop)
	ErrGroupMin = fmt.Errorf("export: group_min must be between 0 and %d", MaxGroupMin)
	// ErrMoved: the log does not hold the state that the report shows; it lost its end, or was repaired, meanwhile. Ask again.
	ErrMoved = errors.New("export: the log is no longer the one of this state")
)

// Check fills in defaults and says what cannot be.
func (o *Options) Check() error {
	o.Format, o.Measure, o.Lang = cmp.Or(o.Format, JSON), cmp.Or(o.Measure, Support), language(o.Lang)
	switch {
	case !slices.Contains(Formats, o.Format):
		return ErrFormat
	case !slices.Contains(Measures, o.Measure):
		return ErrMeasure
	case o.Top < 0 || o.Top > MaxTop:
		return ErrTop
	case o.GroupMin < 0 || o.GroupMin > MaxGroupMin:
		return ErrGroupMin
	}
	return nil
}

// Rule says in English how the ideas are chosen and ordered: it is part of the data. README.md and sheets say it in the reader's language.
func (o Options) Rule() string {
	rule := "support descending, then older first"
	if o.Measure == Bridging {
		rule = "smallest released support of a group descending, then " + rule
	}
	if o.GroupMin > 0 {
		rule += fmt.Sprintf("; only ideas with a released support of at least %d in each group", o.GroupMin)
	}
	if o.Top > 0 {
		rule += fmt.Sprintf("; the first %d", o.Top)
	}
	return rule
}

// Report is the state that a file shows, rendered for whoever gets it.
type Report struct {
	Campaign   wire.Campaign
	Ideas      []wire.Idea // oldest first
	Seq, Epoch uint64      // the entry after which this is the state
	Head       journal.Hash
	Durability journal.Durability
	MadeAt     time.Time
	Names      bool // names, organisations and, in tables, ids of authors
}

// Log is the campaign's log, as a journal.Log gives it.
type Log interface {
	Name() string
	Read(ctx context.Context, after uint64, max int) ([]journal.Stored, error)
}

// Progress is told how far a file is: entries of the log that were written, of how many. It may be nil.
type Progress func(done, of uint64)

// Write writes the file. Only Zip needs the log. What was written before an error is no file: whoever gets it must be told.
func Write(ctx context.Context, w io.Writer, r *Report, o Options, log Log, p Progress) error {
	if err := o.Check(); err != nil {
		return err
	}
	s := choose(r, o)
	switch o.Format {
	case CSV:
		return s.writeCSV(w)
	case XLSX:
		return s.writeXLSX(w)
	case Zip:
		return s.writeZip(ctx, w, log, p)
	}
	return s.writeJSON(w)
}

// selection is the ideas of a report that a file shows, in the file's order.
type selection struct {
	*Report
	Options
	words   words
	groups  []string // of the campaign
	counted []string // those that Bridging counts
	ideas   []ranked
}

// ranked is an idea with its figures.
type ranked struct {
	*wire.Idea
	figures
	floor int // Bridging
}

func choose(r *Report, o Options) *selection {
	s := &selection{Report: r, Options: o, words: catalogue(o.Lang), groups: r.Campaign.Groups, counted: []string{}}
	all := make([]ranked, 0, len(r.Ideas))
	has := map[string]bool{}
	for i := range r.Ideas {
		one := ranked{Idea: &r.Ideas[i], figures: fitting(r.Campaign.Groups, &r.Ideas[i].Support)}
		for n, g := range r.Campaign.Groups {
			if one.by[n] > 0 {
				has[g] = true
			}
		}
		if o.Format == JSON || one.Status == posted {
			all = append(all, one)
		}
	}
	for _, g := range r.Campaign.Groups {
		if has[g] {
			s.counted = append(s.counted, g)
		}
	}
	for i := range all {
		all[i].floor = all[i].least(r.Campaign.Groups, has)
	}
	if o.GroupMin > 0 {
		all = slices.DeleteFunc(all, func(one ranked) bool { return one.floor < o.GroupMin })
	}
	slices.SortStableFunc(all, func(a, b ranked) int {
		if o.Measure == Bridging && a.floor != b.floor {
			return cmp.Compare(b.floor, a.floor)
		}
		return cmp.Compare(b.total, a.total)
	})
	if o.Top > 0 {
		all = all[:min(o.Top, len(all))]
	}
	s.ideas = all
	return s
}

// posted is the status of what everybody sees.
const posted = "posted"
