package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kiem/hub/journal"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

var (
	campaignID = id.Derive(id.ID{}, "export", "campaign")
	madeAt     = time.Date(2026, 11, 24, 19, 2, 11, 0, time.UTC)
	groups     = []string{"citizen", "civil_society", "firm", "knowledge", "government"}
)

// entries is a log in memory.
type entries struct {
	name string
	list []journal.Stored
	head journal.Chain
}

func (l *entries) Name() string { return l.name }

func (l *entries) Read(_ context.Context, after uint64, most int) ([]journal.Stored, error) {
	return l.list[after:min(int(after)+most, len(l.list))], nil
}

// newLog is a log of that many votes.
func newLog(t testing.TB, votes int) *entries {
	t.Helper()
	l := &entries{name: "c:" + campaignID.String()}
	l.head = journal.Chain{Hash: journal.Genesis(l.name)}
	for n := range votes {
		e := &journal.Entry{At: madeAt.UnixMilli(), Base: journal.Base{Epoch: 1, Chain: l.head}, Records: []journal.Record{{
			Type: "support.set", ID: id.Derive(campaignID, fmt.Sprint(n)), Parts: []journal.Part{journal.NewPart(journal.Vote, [16]byte{byte(n)}, []byte("secret choice"))},
		}}}
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		l.head = l.head.Next(e)
		l.list = append(l.list, journal.Stored{Seq: l.head.Seq, Body: body})
	}
	return l
}

// newReport is a report of these ideas that stands at the end of the log.
func newReport(l *entries, list ...wire.Idea) *Report {
	return &Report{
		Campaign: wire.Campaign{
			ID: campaignID, Title: "Samen wonen", Template: "campaign", Code: "KM37QP", Languages: []string{"nl", "en"}, Groups: groups,
			Challenge: wire.Challenge{Title: "Vraag", Text: "Hoe wonen we samen?", Nodes: []string{"care"}, Themes: []string{"Wonen"}},
			Stages:    []string{"collect", "refine", "vote", "result"}, Stage: "vote", Settings: wire.Settings{SmallCell: 5},
		},
		Ideas: list, Seq: l.head.Seq, Epoch: 1, Head: l.head.Hash, Durability: journal.Durable, MadeAt: madeAt, Names: true,
	}
}

// newIdea is a posted idea with that support; figures are pairs of a group and its released figure.
func newIdea(n, total int, figures ...any) wire.Idea {
	i := wire.Idea{
		ID: id.Derive(campaignID, "idea", fmt.Sprint(n)), Title: fmt.Sprint("Idee ", n), Text: "Tekst", Status: posted, Version: 1, PostedAt: madeAt.Add(time.Duration(n) * time.Second),
		Themes: []string{}, Nodes: []string{}, Innovation: []string{}, Comments: []wire.Comment{},
		Authors: []wire.Person{{ID: id.Derive(campaignID, "person", fmt.Sprint(n)), Name: "Ana Naam", Organisation: "Buurthuis", Group: "citizen"}},
		Lineage: wire.Lineage{From: []id.ID{}, Into: []id.ID{}}, Support: wire.TallyOf{Total: total, ByGroup: map[string]int{}},
	}
	for k := 0; k < len(figures); k += 2 {
		i.Support.ByGroup[figures[k].(string)] = figures[k+1].(int)
	}
	return i
}

// file writes a file that has to succeed.
func file(t testing.TB, r *Report, o Options, l Log) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(t.Context(), &b, r, o, l, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read gives a table's rows by column.
func read(t interface{ Fatal(...any) }, text []byte, comma rune) []map[string]string {
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte(mark))))
	c.Comma = comma
	all, err := c.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]map[string]string, 0, len(all))
	for _, record := range all[1:] {
		row := map[string]string{}
		for n, code := range all[0] {
			row[code] = record[n]
		}
		rows = append(rows, row)
	}
	return rows
}

// unzip opens a zip that was just written.
func unzip(t interface{ Fatal(...any) }, text []byte) *File {
	f, err := Open(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// content is one file of a zip.
func (f *File) content(t interface{ Fatal(...any) }, name string) []byte {
	var text []byte
	if err := f.read(name, maxTable, func(r io.Reader) (err error) {
		text, err = io.ReadAll(r)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return text
}

// drawIdeas makes ideas as a campaign can have them, with whatever people may write.
func drawIdeas(t *rapid.T) []wire.Idea {
	text := func(most int, label string) string {
		s := rapid.StringMatching(`([=+\-@'"\t\n ;,|\\＝－x1]{0,4}[^\x00]{0,12})?`).Filter(func(s string) bool { return ideas.CheckText(s) == "" && clean(s) == s && ideas.Units(s) <= most }).Draw(t, label)
		return s
	}
	n := rapid.IntRange(0, 6).Draw(t, "ideas")
	list := make([]wire.Idea, n)
	for k := range list {
		i := newIdea(k, 0)
		i.Title = strings.ReplaceAll(text(ideas.MaxTitle, "title"), "\n", " ")
		i.Text, i.Need = text(1000, "text"), text(500, "need")
		i.Themes = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"Wonen", "a;b", `c\`, "=d", "Zorg, jeugd"}), 0, 3, rapid.ID[string]).Draw(t, "themes")
		i.Innovation = rapid.SliceOfNDistinct(rapid.SampledFrom(ideas.InnovationTypes), 0, 5, rapid.ID[string]).Draw(t, "innovation")
		if rapid.Bool().Draw(t, "defined") {
			i.Definition = &wire.Definition{Need: rapid.Bool().Draw(t, "need"), Novelty: true}
		}
		for _, g := range append([]string{other}, groups...) {
			if v := rapid.IntRange(-6, 4).Draw(t, g); v > 0 {
				i.Support.ByGroup[g] = 5 * v
				i.Support.Total += 5 * v
			}
		}
		i.Support.Total = max(0, i.Support.Total+rapid.IntRange(-12, 12).Draw(t, "since"))
		for c := range rapid.IntRange(0, 3).Draw(t, "comments") {
			comment := wire.Comment{
				ID: id.Derive(i.ID, fmt.Sprint(c)), Kind: "question", Text: text(500, "comment"), Status: posted, Author: i.Authors[0], At: madeAt,
			}
			if c > 0 && rapid.Bool().Draw(t, "reply") {
				first := i.Comments[0].ID
				comment.ReplyTo = &first
			}
			i.Comments = append(i.Comments, comment)
		}
		list[k] = i
	}
	return list
}
