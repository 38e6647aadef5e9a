// Package verifytest writes published files in the form kiem.export/1 for tests of those who read them. It is written for that and not with what writes real ones, so that a misunderstanding
// between writer and reader shows.
package verifytest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/wire"
)

// Published is a file before it is packed. Tests change what they like.
type Published struct {
	Manifest map[string]any
	Files    map[string][]byte // without campaign.json
}

// Make makes a published file of a state and the log that led to it. Ideas come oldest first.
func Make(t testing.TB, c wire.Campaign, ideas []wire.Idea, log []journal.Stored) *Published {
	t.Helper()
	at := journal.Chain{Hash: journal.Genesis("c:" + c.ID.String())}
	lines := &bytes.Buffer{}
	for _, stored := range log {
		e, next, err := at.NextStored(stored)
		if err != nil {
			t.Fatal(err)
		}
		at = next
		fmt.Fprintf(lines, `{"seq":%d,"hash":"%s","entry":"%s"}`+"\n", at.Seq, at.Hash, base64.StdEncoding.EncodeToString(e.Public()))
	}
	p := &Published{Files: map[string][]byte{"README.md": []byte("# About\n"), "log.jsonl": lines.Bytes()}}
	p.tables(c, ideas)
	p.Manifest["campaign"], p.Manifest["seq"], p.Manifest["head"] = c, at.Seq, at.Hash.String()
	return p
}

// tables writes what the state shows.
func (p *Published) tables(c wire.Campaign, ideas []wire.Idea) {
	ideas = slices.DeleteFunc(slices.Clone(ideas), func(i wire.Idea) bool { return i.Status != "posted" })
	slices.SortStableFunc(ideas, func(a, b wire.Idea) int { return b.Support.Total - a.Support.Total })
	ideaRows := [][]string{{"rank", "idea", "title", "text", "support", "against", "bridging"}}
	for _, g := range append(slices.Clone(c.Groups), "other") {
		ideaRows[0] = append(ideaRows[0], "support_"+g)
	}
	ideaRows[0] = append(ideaRows[0], "status", "comments", "posted_at")
	groupRows, ballotRows := [][]string{{"idea", "group", "support"}}, [][]string{{"idea", "group"}}
	commentRows := [][]string{{"comment", "idea", "reply_to", "kind", "text", "posted_at"}}
	counted, figures := []string{}, make([]map[string]int, len(ideas))
	for n, i := range ideas {
		figures[n] = fitting(i.Support.Total, i.Support.ByGroup)
	}
	for _, g := range c.Groups {
		if slices.ContainsFunc(figures, func(f map[string]int) bool { return f[g] > 0 }) {
			counted = append(counted, g)
		}
	}
	ballots := 0
	for n, i := range ideas {
		f, name := figures[n], i.ID.String()
		floor := 0
		for k, g := range counted {
			if k == 0 || f[g] < floor {
				floor = f[g]
			}
		}
		row := []string{strconv.Itoa(n + 1), name, i.Title, i.Text, strconv.Itoa(i.Support.Total), strconv.Itoa(i.Support.Against), strconv.Itoa(floor)}
		rest := i.Support.Total
		for _, g := range append(slices.Clone(c.Groups), "other") {
			row = append(row, "")
			if f[g] > 0 {
				row[len(row)-1] = strconv.Itoa(f[g])
				groupRows = append(groupRows, []string{name, g, strconv.Itoa(f[g])})
			}
			if g != "other" {
				rest -= f[g]
				for range f[g] {
					ballotRows = append(ballotRows, []string{name, g})
				}
			}
		}
		for range rest {
			ballotRows = append(ballotRows, []string{name, ""})
		}
		ballots += i.Support.Total
		shown := 0
		for _, k := range i.Comments {
			if k.Status != "posted" {
				continue
			}
			shown++
			to := ""
			if k.ReplyTo != nil {
				to = k.ReplyTo.String()
			}
			commentRows = append(commentRows, []string{k.ID.String(), name, to, k.Kind, k.Text, moment(k.At)})
		}
		ideaRows = append(ideaRows, append(row, i.Status, strconv.Itoa(shown), moment(i.PostedAt)))
	}
	stageRows := [][]string{{"stage", "current"}}
	for _, s := range c.Stages {
		stageRows = append(stageRows, []string{s, strconv.FormatBool(s == c.Stage)})
	}
	for name, rows := range map[string][][]string{"ideas.csv": ideaRows, "groups.csv": groupRows, "ballots.csv": ballotRows, "comments.csv": commentRows, "stages.csv": stageRows} {
		p.Files[name] = Table(rows)
	}
	p.Manifest = map[string]any{
		"format": "kiem.export/1", "epoch": 1, "measure": "support", "rule": "support descending, then older first", "made_at": "2026-11-24T19:02:11Z", "durability": "durable",
		"small_cell": c.Settings.SmallCell, "group_min": 0, "top": 0, "groups": counted, "ideas": len(ideas), "comments": len(commentRows) - 1, "ballots": ballots,
	}
}

// fitting leaves figures out until the rest fits into the total: other first, then the smallest.
func fitting(total int, by map[string]int) map[string]int {
	f := maps.Clone(by)
	for {
		sum, least := 0, ""
		for _, g := range slices.Sorted(maps.Keys(f)) {
			sum += f[g]
			if least != "other" && (least == "" || f[g] < f[least] || g == "other") {
				least = g
			}
		}
		if sum <= total {
			return f
		}
		delete(f, least)
	}
}

func moment(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// Table writes rows as CSV.
func Table(rows [][]string) []byte {
	b := &bytes.Buffer{}
	_ = csv.NewWriter(b).WriteAll(rows) // to memory
	return b.Bytes()
}

// Sum makes campaign.json name the files as they are.
func (p *Published) Sum() {
	files := map[string]string{}
	for name, b := range p.Files {
		sum := sha256.Sum256(b)
		files[name] = hex.EncodeToString(sum[:])
	}
	p.Manifest["files"] = files
}

// Zip packs the file as it is; Sum comes before if the hashes are to be right.
func (p *Published) Zip(t testing.TB) []byte {
	t.Helper()
	b := &bytes.Buffer{}
	z := zip.NewWriter(b)
	add := func(name string, content []byte) {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		add(name, p.Files[name])
	}
	manifest, err := json.Marshal(p.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	add("campaign.json", manifest)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
