package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kiem/hub/journal"
	"kiem/hub/wire"
	"kiem/id"
)

// TestRoundTrip: what the tables of a zip say is what the report said. Ballots, counted, are the totals and the figures of groups; figures are released ones
// and never exceed their total; texts, lists and links come back as they were.
func TestRoundTrip(t *testing.T) {
	l := newLog(t, 3)
	rapid.Check(t, func(rt *rapid.T) {
		r := newReport(l, drawIdeas(rt)...)
		f := unzip(rt, file(t, r, Options{Format: Zip}, l))
		if f.Manifest.Head != l.head.Hash.String() || f.Manifest.Seq != 3 || f.Manifest.Ideas != len(r.Ideas) || f.Manifest.Campaign.Code != "" {
			rt.Fatalf("%+v", f.Manifest)
		}
		byID := map[string]*wire.Idea{}
		for i := range r.Ideas {
			byID[r.Ideas[i].ID.String()] = &r.Ideas[i]
		}
		all, named := map[string]int{}, map[string]map[string]int{}
		for _, row := range read(rt, f.content(rt, fileBallots), ',') {
			all[row["idea"]]++
			if named[row["idea"]] == nil {
				named[row["idea"]] = map[string]int{}
			}
			named[row["idea"]][row["group"]]++
		}
		released := map[string]int{}
		for _, row := range read(rt, f.content(rt, fileGroups), ',') {
			v, err := strconv.Atoi(row["support"])
			i := byID[row["idea"]]
			switch {
			case err != nil || v != i.Support.ByGroup[row["group"]]:
				rt.Fatalf("figure %v, released %v", row, i.Support.ByGroup)
			case row["group"] == other && v > named[row["idea"]][""], row["group"] != other && v != named[row["idea"]][row["group"]]:
				rt.Fatalf("figure %v, ballots %v", row, named[row["idea"]])
			}
			released[row["idea"]] += v
		}
		last := -1
		rows := read(rt, f.content(rt, fileIdeas), ',')
		for n, row := range rows {
			i := byID[row["idea"]]
			total, _ := strconv.Atoi(row["support"])
			if total != i.Support.Total || all[row["idea"]] != total || released[row["idea"]] > total {
				rt.Fatalf("support %d, ballots %d, figures %d of %+v", total, all[row["idea"]], released[row["idea"]], i.Support)
			}
			if last >= 0 && total > last || row["rank"] != strconv.Itoa(n+1) {
				rt.Fatalf("rank %s has %d after %d", row["rank"], total, last)
			}
			last = total
		}
		var got []Idea
		if err := f.Ideas(func(i Idea) error { got = append(got, i); return nil }); err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(r.Ideas) {
			rt.Fatalf("%d ideas of %d", len(got), len(r.Ideas))
		}
		comments := map[id.ID]wire.Comment{}
		for _, g := range got {
			i := byID[g.ID.String()]
			d := fmt.Sprintf("%+v", i.Definition)
			if g.Title != i.Title || g.Text != i.Text || g.Need != i.Need || !slices.Equal(g.Themes, i.Themes) || !slices.Equal(g.Innovation, i.Innovation) ||
				fmt.Sprintf("%+v", g.Definition) != d {
				rt.Fatalf("%+v came back as %+v", i, g)
			}
			for _, c := range i.Comments {
				comments[c.ID] = c
			}
		}
		if err := f.Comments(func(c Comment) error {
			was := comments[c.ID]
			if was.Text != c.Text || was.Kind != c.Kind || (was.ReplyTo == nil) != c.ReplyTo.IsZero() {
				return fmt.Errorf("%+v came back as %+v", was, c)
			}
			delete(comments, c.ID)
			return nil
		}); err != nil || len(comments) > 0 {
			rt.Fatal(err, comments)
		}
	})
}

// TestSameBytes: the same report gives the same file, for there is neither a clock nor chance in it.
func TestSameBytes(t *testing.T) {
	l := newLog(t, 2)
	r := newReport(l, newIdea(1, 12, "citizen", 5), newIdea(2, 30, "citizen", 10, "firm", 15))
	for _, f := range Formats {
		if !bytes.Equal(file(t, r, Options{Format: f}, l), file(t, r, Options{Format: f}, l)) {
			t.Errorf("%s differs from itself", f)
		}
	}
}

// TestMeasures: support orders by the total. Bridging orders by the smallest released figure over the groups that have one anywhere: an idea that every group
// carries a little comes before one that a single group carries much. group_min and top leave out.
func TestMeasures(t *testing.T) {
	l := newLog(t, 1)
	r := newReport(l,
		newIdea(1, 100, "citizen", 95, "firm", 5),
		newIdea(2, 40, "citizen", 15, "firm", 15, "other", 5),
		newIdea(3, 90, "citizen", 90), // its firms are folded: 0
		newIdea(4, 40, "citizen", 20, "firm", 15),
		newIdea(5, 3),
	)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "1 3 2 4 5"},
		{Options{Measure: Bridging}, "2 4 1 3 5"},
		{Options{Measure: Bridging, Top: 2}, "2 4"},
		{Options{GroupMin: 5}, "1 2 4"},
		{Options{GroupMin: 15, Measure: Bridging}, "2 4"},
		{Options{GroupMin: 16}, ""},
		{Options{Top: 1}, "1"},
	} {
		for _, format := range []Format{CSV, JSON} {
			o := c.o
			o.Format, o.Lang = format, "en"
			var got []string
			text := file(t, r, o, l)
			if format == CSV {
				for _, row := range read(t, text, ',') {
					got = append(got, strings.TrimPrefix(row["title"], "Idee "))
					if row["rule"] != o.Rule() || row["measure"] != string(cmpOr(o.Measure)) || row["made_at"] != "2026-11-24T19:02:11.000Z" || row["log_head"] != l.head.Hash.String() || row["log_seq"] != "1" {
						t.Errorf("the file says of itself %v", row)
					}
				}
			} else {
				var made struct {
					Measure, Rule string
					Ideas         []struct {
						Title    string
						Bridging *int
					}
				}
				if err := json.Unmarshal(text, &made); err != nil {
					t.Fatal(err)
				}
				if made.Rule != o.Rule() || made.Measure != string(cmpOr(o.Measure)) {
					t.Errorf("the file says of itself %q %q", made.Measure, made.Rule)
				}
				for _, i := range made.Ideas {
					got = append(got, strings.TrimPrefix(i.Title, "Idee "))
					if (i.Bridging != nil) != (o.Measure == Bridging) {
						t.Errorf("bridging of %s is %v", i.Title, i.Bridging)
					}
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s %+v: %v, want %s", format, c.o, got, c.want)
			}
		}
	}
}

func cmpOr(m Measure) Measure {
	if m == "" {
		return Support
	}
	return m
}

// TestOnlyReleased: bridging and group_min see nothing but released figures. Two campaigns that show the same, whatever lies behind it, give the same file.
// What does not fit into the total, because support was taken back since, is left out, "other" first and then the smallest.
func TestOnlyReleased(t *testing.T) {
	for _, c := range []struct {
		i    wire.Idea
		want string
	}{
		{newIdea(1, 30, "citizen", 15, "firm", 10, "other", 5), "citizen 15 firm 10 other 5 rest 5"},
		{newIdea(1, 28, "citizen", 15, "firm", 10, "other", 5), "citizen 15 firm 10 rest 3"},
		{newIdea(1, 24, "citizen", 15, "firm", 10, "other", 5), "citizen 15 rest 9"},
		{newIdea(1, 3, "citizen", 15), "rest 3"},
		{newIdea(1, 0, "other", 5), "rest 0"},
	} {
		f := fitting(groups, &c.i.Support)
		got := ""
		for n, v := range f.by {
			if v > 0 {
				got += fmt.Sprintf("%s %d ", groups[n], v)
			}
		}
		if f.other > 0 {
			got += fmt.Sprintf("other %d ", f.other)
		}
		if got += fmt.Sprint("rest ", f.unnamed()); got != c.want {
			t.Errorf("%+v: %s, want %s", c.i.Support, got, c.want)
		}
	}
}

// TestNothingHidden: CSV, XLSX and zip hold posted ideas and comments only, whatever the report has; and no file without names has a name or an
// organisation, nor a table an author's id.
func TestNothingHidden(t *testing.T) {
	const hiddenIdea, hiddenComment = "kanarie-verborgen-idee", "kanarie-verborgen-reactie"
	l := newLog(t, 1)
	shownIdea, gone := newIdea(1, 12, "citizen", 10), newIdea(2, 50)
	gone.Title, gone.Status = hiddenIdea, "hidden"
	shownIdea.Comments = []wire.Comment{{ID: id.Derive(campaignID, "c"), Text: hiddenComment, Status: "waiting", Author: shownIdea.Authors[0]}, {
		ID: id.Derive(campaignID, "d"), Text: "zichtbaar", Kind: "concern", Status: posted, Author: shownIdea.Authors[0],
	}}
	for _, names := range []bool{true, false} {
		r := newReport(l, shownIdea, gone)
		r.Names = names
		for _, format := range Formats {
			text := string(plain(t, format, file(t, r, Options{Format: format}, l)))
			if format != JSON && (strings.Contains(text, hiddenIdea) || strings.Contains(text, hiddenComment) || strings.Contains(text, gone.ID.String())) {
				t.Errorf("%s shows what is hidden", format)
			}
			for _, secret := range []string{"Ana Naam", "Buurthuis"} {
				if strings.Contains(text, secret) != names {
					t.Errorf("%s with names %v: %q", format, names, secret)
				}
			}
			if format != JSON && strings.Contains(text, shownIdea.Authors[0].ID.String()) != names {
				t.Errorf("%s with names %v: the author's id", format, names)
			}
			if !strings.Contains(text, "Idee 1") {
				t.Errorf("%s does not show what is shown", format)
			}
		}
		if r.Ideas[0].Authors[0].Name == "" {
			t.Fatal("the report was changed")
		}
	}
}

// TestLogAndState: log.jsonl ends where the state stands; a log that is shorter, or another one, is an error and no file.
func TestLogAndState(t *testing.T) {
	l := newLog(t, 700)
	r := newReport(l, newIdea(1, 700))
	var told []uint64
	var b bytes.Buffer
	if err := Write(t.Context(), &b, r, Options{Format: Zip}, l, func(done, of uint64) { told = append(told, done, of) }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(told) != "[512 700 700 700]" {
		t.Errorf("progress %v", told)
	}
	f := unzip(t, b.Bytes())
	at := journal.Chain{Hash: journal.Genesis(l.name)}
	for line := range strings.Lines(string(f.content(t, fileLog))) {
		var one struct {
			Seq   uint64
			Hash  string
			Entry []byte
		}
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		if at = at.NextPublic(one.Entry); at.Seq != one.Seq || at.Hash.String() != one.Hash {
			t.Fatalf("line %d does not follow", one.Seq)
		}
		if bytes.Contains(one.Entry, []byte("secret choice")) {
			t.Fatal("a vote stands in the public log")
		}
	}
	if at != l.head {
		t.Errorf("the log ends at %v, want %v", at, l.head)
	}
	r.Seq = 701
	if err := Write(t.Context(), &b, r, Options{Format: Zip}, l, nil); !errors.Is(err, ErrMoved) {
		t.Errorf("a log that is too short: %v", err)
	}
	r.Seq, r.Head = 700, journal.Hash{1}
	if err := Write(t.Context(), &b, r, Options{Format: Zip}, l, nil); !errors.Is(err, ErrMoved) {
		t.Errorf("another log: %v", err)
	}
}

// TestOptions: what cannot be is refused with its own error.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want error
	}{
		{Options{}, nil}, {Options{Format: "pb"}, ErrFormat}, {Options{Measure: "loudness"}, ErrMeasure}, {Options{Top: -1}, ErrTop},
		{Options{Top: MaxTop + 1}, ErrTop}, {Options{GroupMin: -1}, ErrGroupMin}, {Options{Lang: "../../etc"}, nil},
	} {
		if err := c.o.Check(); !errors.Is(err, c.want) || err == nil && c.want != nil {
			t.Errorf("%+v: %v, want %v", c.o, err, c.want)
		}
	}
}

// mendable are characters that a backslash keeps from being mark-up.
var mendable = regexp.MustCompile(`\\[^a-z]`)

// TestReadme: in each language, README.md explains every file of the zip and every column of every table, with no sentence missing, and states measure, rule
// and date. A campaign's own title is text there and no mark-up.
func TestReadme(t *testing.T) {
	l := newLog(t, 1)
	r := newReport(l, newIdea(1, 12, "citizen", 10))
	r.Campaign.Title = "[klik](http://evil) <script>alert(1)</script> | `code`"
	r.Campaign.Groups = append(slices.Clone(groups), "Eigen|groep")
	for _, lang := range Languages {
		f := unzip(t, file(t, r, Options{Format: Zip, Lang: lang, Measure: Bridging, GroupMin: 5, Top: 3}, l))
		text := string(f.content(t, fileReadme))
		for _, name := range zipFiles {
			if !strings.Contains(text, "`"+name+"`") {
				t.Errorf("%s: %s is not explained", lang, name)
			}
			if strings.HasSuffix(name, ".csv") {
				for _, column := range strings.Split(strings.TrimSpace(strings.SplitN(string(f.content(t, name)), "\n", 2)[0]), ",") {
					if !strings.Contains(text, "| "+code(strings.Trim(column, `"`))+" |") {
						t.Errorf("%s: column %s of %s is not explained", lang, column, name)
					}
				}
			}
		}
		for _, secret := range []string{"](http", "<script", "field.", "head.", "{"} {
			if strings.Contains(mendable.ReplaceAllString(text, ""), secret) {
				t.Errorf("%s: the README has %q", lang, secret)
			}
		}
		for _, needed := range []string{"2026-11-24T19:02:11.000Z", l.head.Hash.String(), f.Manifest.Campaign.Challenge.Title} {
			if !strings.Contains(text, needed) {
				t.Errorf("%s: the README lacks %q", lang, needed)
			}
		}
	}
	for _, lang := range Languages {
		if len(catalogues[lang].text) != len(catalogues["nl"].text) {
			t.Errorf("%s has %d sentences, nl %d", lang, len(catalogues[lang].text), len(catalogues["nl"].text))
		}
		for key := range catalogues["nl"].text {
			if catalogues[lang].text[key] == "" {
				t.Errorf("%s has no sentence %s", lang, key)
			}
		}
	}
}
