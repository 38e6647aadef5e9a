package verify

import (
	"fmt"
	"io"
	"time"

	"kiem/id"
)

// File is what was found of a published file.
//
// # What a published file proves
//
// A zip (format kiem.export/1) holds tables, one row for each supporter, and the public form of the campaign's log. From it alone follows that
//
//   - no file in it was changed since campaign.json was written;
//   - the log is one chain from the campaign's first entry to the head that campaign.json names. Whoever noted that head, from the projector, an answer of the server or an earlier file, knows
//     that nothing before it was exchanged, left out or put in: what is hidden in the public form stands in the chain with its salted SHA-256;
//   - what stands in the open there agrees with the tables: when ideas and comments were posted and how many of them there are at most, stage, title, groups and smallest figure;
//   - totals and figures by group are those that the rows of ballots.csv give, and there are no more ballots than choices in the log.
//
// # What it does not prove
//
// That the ballots are those of the log. Choices are not in a published file, and could not be without telling how people chose. The operator shows it with `kiem verify --data`, which reads
// them, and whose last line is the same head. That the log holds what people did is for them to say: each has the answers to their own commands, with numbers of entries.
type File struct {
	Path     string    `json:"path,omitempty"`
	Campaign id.ID     `json:"campaign"`
	Title    string    `json:"title"`
	MadeAt   time.Time `json:"made_at"`
	Seq      uint64    `json:"seq"`
	Head     string    `json:"head"`
	Ideas    int       `json:"ideas"`
	Comments int       `json:"comments"`
	Ballots  int       `json:"ballots"`
	Choices  int       `json:"choices"`  // in the log, refused ones included
	Proven   []string  `json:"proven"`   // what follows from the file alone
	Unproven []string  `json:"unproven"` // what it cannot show
	Problems []Problem `json:"problems"`

	found map[string]int // problems by file
}

// Print says what was found, for people.
func (f *File) Print(w io.Writer) {
	fmt.Fprintf(w, "%s\n  campaign %s %q, made at %s\n", f.Path, f.Campaign, f.Title, f.MadeAt.Format(time.RFC3339))
	if len(f.Problems) == 0 {
		for _, p := range f.Proven {
			fmt.Fprintf(w, "  checked: %s\n", p)
		}
	}
	for _, p := range f.Unproven {
		fmt.Fprintf(w, "  cannot be told from this file: %s\n", p)
	}
}

// maxListed is how many problems of one file are listed.
const maxListed = 20

// problem notes what is wrong in a file.
func (f *File) problem(kind, file, format string, args ...any) {
	if f.found == nil {
		f.found = map[string]int{}
	}
	switch f.found[file]++; {
	case f.found[file] < maxListed:
		f.Problems = append(f.Problems, Problem{Kind: kind, File: file, Detail: fmt.Sprintf(format, args...)})
	case f.found[file] == maxListed:
		f.Problems = append(f.Problems, Problem{Kind: kind, File: file, Detail: "and more, which are not listed"})
	}
}

// figuresOf is what the tables say of one idea.
type figuresOf struct {
	row         int // in ideas.csv, from 1
	support     int
	against     int
	bridging    int
	groups      map[string]int // groups.csv
	shown       map[string]int // columns of ideas.csv
	ballots     int            // rows of ballots.csv
	byGroup     map[string]int
	comments    int // column
	commentRows int
	posted      string
}

// other is the figure of small groups together.
const other = "other"
