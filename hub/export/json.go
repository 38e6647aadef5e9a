package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"kiem/hub/journal"
	"kiem/hub/wire"
)

// jsonHead is export?format=json up to its ideas. It says by which measure it is ordered, when it was made, and where in the log.
type jsonHead struct {
	Campaign   wire.Campaign      `json:"campaign"`
	Seq        uint64             `json:"seq"`
	Epoch      uint64             `json:"epoch"`
	Head       string             `json:"head"`
	Measure    Measure            `json:"measure"`
	Rule       string             `json:"rule"`
	Top        int                `json:"top,omitempty"`
	GroupMin   int                `json:"group_min,omitempty"`
	Durability journal.Durability `json:"durability"`
	MadeAt     time.Time          `json:"made_at"`
}

// bridged is an idea with its floor support.
type bridged struct {
	wire.Idea
	Bridging int `json:"bridging"`
}

// writeJSON writes the head, then idea after idea.
func (s *selection) writeJSON(w io.Writer) error {
	b := bufio.NewWriterSize(w, 64<<10)
	head, err := json.MarshalIndent(jsonHead{
		Campaign: s.Campaign, Seq: s.Seq, Epoch: s.Epoch, Head: s.Head.String(), Measure: s.Measure, Rule: s.Rule(), Top: s.Top, GroupMin: s.GroupMin,
		Durability: s.Durability, MadeAt: s.MadeAt,
	}, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s,\n  \"ideas\": [", bytes.TrimSuffix(head, []byte("\n}")))
	for n := range s.ideas {
		idea := *s.ideas[n].Idea
		if !s.Names {
			idea = nameless(idea)
		}
		var v any = idea
		if s.Measure == Bridging {
			v = bridged{idea, s.ideas[n].floor}
		}
		text, err := json.MarshalIndent(v, "    ", "  ")
		if err != nil {
			return err
		}
		between := ",\n    "
		if n == 0 {
			between = between[1:]
		}
		if _, err := fmt.Fprintf(b, "%s%s", between, text); err != nil { // a reader who is gone ends the work
			return err
		}
	}
	if len(s.ideas) > 0 {
		fmt.Fprint(b, "\n  ")
	}
	fmt.Fprint(b, "],\n  \"rounds\": []\n}\n")
	return b.Flush() // a bufio.Writer keeps its first error
}

// nameless is the idea without names and organisations. The lists of i stay as they are.
func nameless(i wire.Idea) wire.Idea {
	authors := make([]wire.Person, len(i.Authors))
	for n, p := range i.Authors {
		p.Name, p.Organisation = "", ""
		authors[n] = p
	}
	comments := make([]wire.Comment, len(i.Comments))
	for n, c := range i.Comments {
		c.Author.Name, c.Author.Organisation = "", ""
		comments[n] = c
	}
	i.Authors, i.Comments = authors, comments
	return i
}
