package export

import (
	"bufio"
	"bytes"
	"encoding/json"
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
	b.Write(bytes.TrimSuffix(head, []byte("\n}")))
	b.WriteString(",\n  \"ideas\": [")
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
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		if _, err := b.Write(text); err != nil { // a bufio.Writer keeps its first error; looked at here so that a reader who is gone ends the work
			return err
		}
	}
	if len(s.ideas) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("],\n  \"rounds\": []\n}\n")
	return b.Flush()
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
