package verify_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"kiem/hub/journal"
	"kiem/hub/verify"
	"kiem/hub/verify/verifytest"
	"kiem/hub/wire"
	"kiem/id"
)

func name(parts ...any) id.ID { return id.Derive(id.ID{}, "verify", fmt.Sprint(parts...)) }

// campaignFile is a small published campaign: three ideas, of which one is old news, a comment and its reply, 14 choices.
func campaignFile(t testing.TB) *verifytest.Published {
	t.Helper()
	c := wire.Campaign{
		ID: name("campaign"), Title: "Samen", Template: "campaign", Languages: []string{"nl"}, Groups: []string{"citizen", "firm"}, Stages: []string{"collect", "result"}, Stage: "result",
		Settings: wire.Settings{SmallCell: 5},
	}
	at := journal.Chain{Hash: journal.Genesis("c:" + c.ID.String())}
	var log []journal.Stored
	add := func(records ...journal.Record) time.Time {
		e := &journal.Entry{Rules: 1, At: 1_760_000_000_000 + 1000*int64(at.Seq), Base: journal.Base{Epoch: 1, Chain: at}, Records: records}
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		at = at.Next(e)
		log = append(log, journal.Stored{Seq: at.Seq, Body: body})
		return time.UnixMilli(e.At).UTC()
	}
	hidden := func(kind string) journal.Record {
		return journal.Record{Type: kind, Parts: []journal.Part{journal.NewPart(journal.Hidden, [16]byte{1}, []byte("not public"))}}
	}
	add(journal.Record{Type: "campaign.create", Data: []byte(`{"title":"Samen","stage":"collect","settings":{"small_cell":5,"groups":["citizen","firm"]}}`)})
	first := add(hidden("idea.post"), hidden("idea.post"))
	second := add(hidden("idea.post"))
	said := add(hidden("comment.post"), hidden("comment.post"))
	for n := range 14 {
		add(journal.Record{Type: "support.set", ID: name("vote", n), Parts: []journal.Part{journal.NewPart(journal.Vote, [16]byte{2}, []byte("who and what"))}})
	}
	add(journal.Record{Type: "stage.set", Data: []byte(`{"stage":"result"}`)})
	top := wire.Idea{ID: name("idea 2"), Title: "=Twee", Text: "Een \"tekst\";\nmeer", Status: "posted", PostedAt: first, Support: wire.TallyOf{Total: 12, ByGroup: map[string]int{"citizen": 5, "other": 5}}}
	parent := name("comment 1")
	top.Comments = []wire.Comment{
		{ID: parent, Kind: "question", Text: "Waarom?", Status: "posted", At: said}, {ID: name("comment 2"), Kind: "concern", Text: "Daarom", Status: "posted", At: said, ReplyTo: &parent},
	}
	return verifytest.Make(t, c, []wire.Idea{
		{ID: name("idea 1"), Title: "Een", Status: "posted", PostedAt: first, Support: wire.TallyOf{Total: 2, ByGroup: map[string]int{}}}, top,
		{ID: name("idea 3"), Title: "Drie", Status: "posted", PostedAt: second, Support: wire.TallyOf{ByGroup: map[string]int{}}},
	}, log)
}

func check(b []byte) *verify.File { return verify.Zip(bytes.NewReader(b), int64(len(b))) }

// TestZip is P20: a file as it was published.
func TestZip(t *testing.T) {
	p := campaignFile(t)
	p.Sum()
	f := check(p.Zip(t))
	if len(f.Problems) > 0 || f.Head != p.Manifest["head"] || f.Seq != 19 || f.Ideas != 3 || f.Comments != 2 || f.Ballots != 14 || f.Choices != 14 || f.Title != "Samen" {
		t.Errorf("%+v", f)
	}
	text := &strings.Builder{}
	f.Print(text)
	for _, want := range []string{"Samen", "one chain of 19 entries", "14 rows of ballots.csv", "cannot be told"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

// replaced is a change of one file's text.
func replaced(file, old, new string) func(*verifytest.Published) {
	return func(p *verifytest.Published) {
		b := bytes.Replace(p.Files[file], []byte(old), []byte(new), 1)
		if bytes.Equal(b, p.Files[file]) {
			panic(file + " has no " + old)
		}
		p.Files[file] = b
	}
}

func said(field string, value any) func(*verifytest.Published) {
	return func(p *verifytest.Published) { p.Manifest[field] = value }
}

// TestZipLies: somebody who changes a table and gives all hashes anew is found out by the rest of the file.
func TestZipLies(t *testing.T) {
	one, two := name("idea 1").String(), name("idea 2").String()
	for what, c := range map[string]struct {
		change func(*verifytest.Published)
		file   string
	}{
		"a ballot more":                  {func(p *verifytest.Published) { p.Files["ballots.csv"] = append(p.Files["ballots.csv"], two+",\n"...) }, "ballots.csv"},
		"a ballot of another group":      {replaced("ballots.csv", two+",citizen", two+",firm"), "ballots.csv"},
		"a ballot without its group":     {replaced("ballots.csv", two+",citizen", two+","), "ballots.csv"},
		"a ballot for another idea":      {replaced("ballots.csv", two+",\n", one+",\n"), "ballots.csv"},
		"a ballot for no idea":           {replaced("ballots.csv", two+",\n", name("no idea").String()+",\n"), "ballots.csv"},
		"a ballot of a group of no one":  {replaced("ballots.csv", two+",citizen", two+",martian"), "ballots.csv"},
		"a total":                        {replaced("ideas.csv", ",12,0,", ",13,0,"), "ballots.csv"},
		"a figure":                       {replaced("groups.csv", "citizen,5", "citizen,10"), "ballots.csv"},
		"a figure below the smallest":    {replaced("groups.csv", "other,5", "other,4"), "groups.csv"},
		"a figure of small groups":       {replaced("groups.csv", "other,5", "other,10"), "groups.csv"},
		"a figure in the table of ideas": {replaced("ideas.csv", ",5,,5,posted", ",,5,5,posted"), "ideas.csv"},
		"the column bridging":            {replaced("ideas.csv", ",12,0,5,", ",12,0,7,"), "ideas.csv"},
		"a figure that is no number":     {replaced("ideas.csv", ",12,0,", ",012,0,"), "ideas.csv"},
		"a time of posting":              {replaced("ideas.csv", "08:53:21.000Z", "08:53:22.500Z"), "ideas.csv"},
		"the order":                      {func(p *verifytest.Published) { swapRows(p, "ideas.csv", 1, 2) }, "ideas.csv"},
		"an idea twice": {func(p *verifytest.Published) {
			p.Files["ideas.csv"] = append(p.Files["ideas.csv"], rowOf(p, "ideas.csv", 3)...)
		}, "ideas.csv"},
		"a comment that replies forward": {func(p *verifytest.Published) { swapRows(p, "comments.csv", 1, 2) }, "comments.csv"},
		"a comment's time":               {replaced("comments.csv", "23.000Z", "24.000Z"), "comments.csv"},
		"a comment less": {func(p *verifytest.Published) {
			p.Files["comments.csv"] = bytes.TrimSuffix(p.Files["comments.csv"], []byte(rowOf(p, "comments.csv", 2)))
		}, "comments.csv"},
		"the stage":                    {replaced("stages.csv", "collect,false", "collect,true"), "stages.csv"},
		"a column less":                {replaced("groups.csv", "support", "figure"), "groups.csv"},
		"a quote that is not closed":   {replaced("ideas.csv", "Drie", "\"Drie"), "ideas.csv"},
		"the head":                     {said("head", strings.Repeat("ab", 32)), "log.jsonl"},
		"the number of the last entry": {said("seq", 18), "log.jsonl"},
		"the number of ideas":          {said("ideas", 4), "campaign.json"},
		"the smallest figure":          {said("small_cell", 1), "campaign.json"},
		"the measure":                  {said("group_min", 6), "ideas.csv"},
		"fewer ideas than there are":   {said("top", 2), "ideas.csv"},
		"an entry of the log":          {func(p *verifytest.Published) { swapRows(p, "log.jsonl", 4, 5) }, "log.jsonl"},
		"a log that lacks its end": {func(p *verifytest.Published) {
			p.Files["log.jsonl"] = bytes.TrimSuffix(p.Files["log.jsonl"], []byte(rowOf(p, "log.jsonl", 18)))
		}, "log.jsonl"},
		"a hash in the log":               {replaced("log.jsonl", `"hash":"`, `"hash":"0`), "log.jsonl"},
		"a log that is none":              {func(p *verifytest.Published) { p.Files["log.jsonl"] = []byte("{}\n") }, "log.jsonl"},
		"a file that nothing vouches for": {func(p *verifytest.Published) { p.Manifest["late"] = true }, "extra.txt"},
		"another campaign's log": {func(p *verifytest.Published) {
			p.Manifest["campaign"] = map[string]any{"id": name("x"), "title": "Samen", "stage": "result", "groups": []string{"citizen", "firm"}}
		}, "log.jsonl"},
		"a title that was never given": {func(p *verifytest.Published) {
			p.Manifest["campaign"] = map[string]any{"id": name("campaign"), "title": "Anders", "stage": "result", "groups": []string{"citizen", "firm"}}
		}, "campaign.json"},
		"groups that were never set": {func(p *verifytest.Published) {
			p.Manifest["campaign"] = map[string]any{"id": name("campaign"), "title": "Samen", "stage": "result", "groups": []string{"citizen"}}
		}, "campaign.json"},
		"a stage that was never set": {func(p *verifytest.Published) {
			p.Manifest["campaign"] = map[string]any{"id": name("campaign"), "title": "Samen", "stage": "vote", "groups": []string{"citizen", "firm"}}
		}, "campaign.json"},
		"another format": {said("format", "kiem.export/2"), "campaign.json"},
		"more ballots than choices, evenly": {func(p *verifytest.Published) {
			replaced("ideas.csv", ",12,0,", ",112,0,")(p)
			p.Files["ballots.csv"] = append(p.Files["ballots.csv"], strings.Repeat(two+",\n", 100)...)
			p.Manifest["ballots"] = 114
		}, "ballots.csv"},
	} {
		t.Run(what, func(t *testing.T) {
			p := campaignFile(t)
			c.change(p)
			p.Sum()
			if p.Manifest["late"] == true {
				p.Files["extra.txt"] = []byte("x")
			}
			f := check(p.Zip(t))
			if !slices.ContainsFunc(f.Problems, func(one verify.Problem) bool { return one.File == c.file }) {
				t.Errorf("no problem of %s: %v", c.file, f.Problems)
			}
		})
	}
}

func rowOf(p *verifytest.Published, file string, n int) string {
	return strings.SplitAfter(string(p.Files[file]), "\n")[n]
}

func swapRows(p *verifytest.Published, file string, x, y int) {
	rows := strings.SplitAfter(string(p.Files[file]), "\n")
	rows[x], rows[y] = rows[y], rows[x]
	p.Files[file] = []byte(strings.Join(rows, ""))
}

// TestZipChanged: any byte of any file that is changed is named by its hash, and a file that is missing by its name.
func TestZipChanged(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, file := range slices.Sorted(maps.Keys(campaignFile(t).Files)) {
		p := campaignFile(t)
		p.Sum()
		b := p.Files[file]
		b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
		if f := check(p.Zip(t)); len(f.Problems) == 0 || f.Problems[0].File != file || !strings.Contains(f.Problems[0].Detail, "it was changed") {
			t.Errorf("%s changed: %v", file, f.Problems)
		}
		delete(p.Files, file)
		if f := check(p.Zip(t)); len(f.Problems) == 0 || f.Problems[0].File != file {
			t.Errorf("%s missing: %v", file, f.Problems)
		}
	}
}

// TestZipBombs is T22 for what is verified: claims are not believed, and what is inflated is bounded.
func TestZipBombs(t *testing.T) {
	pack := func(fill func(z *zip.Writer)) []byte {
		b := &bytes.Buffer{}
		z := zip.NewWriter(b)
		fill(z)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	zeros := func(z *zip.Writer, name string, n int) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		chunk := make([]byte, 1<<20)
		for ; n > 0; n -= len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
	}
	for what, b := range map[string][]byte{
		"nothing":             nil,
		"no zip":              []byte("PK\x03\x04 and nothing else"),
		"a manifest of zeros": pack(func(z *zip.Writer) { zeros(z, "campaign.json", 8<<20) }),
		"many files": pack(func(z *zip.Writer) {
			for n := range 100 {
				zeros(z, fmt.Sprint(n), 0)
			}
		}),
		"one twice":          pack(func(z *zip.Writer) { zeros(z, "campaign.json", 0); zeros(z, "campaign.json", 0) }),
		"a folder":           pack(func(z *zip.Writer) { zeros(z, "campaign.json/", 0) }),
		"nothing in it":      pack(func(*zip.Writer) {}),
		"a manifest of null": pack(func(z *zip.Writer) { w, _ := z.Create("campaign.json"); _, _ = w.Write([]byte("null")) }),
		"a manifest of arrays": pack(func(z *zip.Writer) {
			w, _ := z.Create("campaign.json")
			_, _ = w.Write(bytes.Repeat([]byte("["), 1<<20))
		}),
	} {
		if f := check(b); len(f.Problems) == 0 {
			t.Errorf("%s: nothing is wrong with it", what)
		}
	}
	p := campaignFile(t)
	p.Files["ideas.csv"] = append(p.Files["ideas.csv"], bytes.Repeat([]byte("a"), 2<<20)...)
	p.Sum()
	if f := check(p.Zip(t)); len(f.Problems) == 0 {
		t.Error("a row of 2 MiB is read")
	}
	p = campaignFile(t)
	p.Files["log.jsonl"] = bytes.Repeat([]byte(" "), 8<<20)
	p.Sum()
	if f := check(p.Zip(t)); len(f.Problems) == 0 {
		t.Error("a line of 8 MiB is read")
	}
	if f := verify.Zip(bytes.NewReader(nil), verify.MaxZip+1); len(f.Problems) == 0 {
		t.Error("a zip over the limit is read")
	}
}

// TestJSON: what can be told of an export in JSON, and what not.
func TestJSON(t *testing.T) {
	good := func() map[string]any {
		return map[string]any{
			"campaign": map[string]any{"id": name("campaign"), "title": "Samen", "groups": []string{"citizen"}, "settings": map[string]any{"small_cell": 5}},
			"seq":      9, "head": strings.Repeat("ab", 32), "made_at": "2026-11-24T19:02:11Z",
			"ideas": []any{map[string]any{"id": name(1), "support": map[string]any{"total": 7, "by_group": map[string]int{"citizen": 5}}}},
		}
	}
	idea := func(support any) []any { return []any{map[string]any{"id": name(1), "support": support}} }
	for what, c := range map[string]struct {
		field string
		value any
		wrong bool
	}{
		"as it was":              {"rounds", []any{}, false},
		"no head":                {"head", "", true},
		"no entry":               {"seq", 0, true},
		"no total":               {"ideas", idea(map[string]any{}), true},
		"a small figure":         {"ideas", idea(map[string]any{"total": 7, "by_group": map[string]int{"citizen": 4}}), true},
		"a group of no one":      {"ideas", idea(map[string]any{"total": 7, "by_group": map[string]int{"martian": 5}}), true},
		"an idea twice":          {"ideas", append(idea(map[string]any{"total": 0}), idea(map[string]any{"total": 0})...), true},
		"something else":         {"ideas", "none", true},
		"what a later one added": {"later", 1, false},
	} {
		e := good()
		e[c.field] = c.value
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if f := verify.JSON(bytes.NewReader(text)); (len(f.Problems) > 0) != c.wrong || !c.wrong && (len(f.Unproven) == 0 || f.Seq != 9) {
			t.Errorf("%s: %+v", what, f)
		}
	}
	for _, text := range []string{"", "null", "[]", "{", `{"campaign":5}`} {
		if f := verify.JSON(strings.NewReader(text)); len(f.Problems) == 0 {
			t.Errorf("%q: nothing is wrong with it", text)
		}
	}
}

// FuzzZip: whatever stands in the files of a zip, reading it ends, and finds problems rather than panics.
func FuzzZip(f *testing.F) {
	p := campaignFile(f)
	p.Sum()
	f.Add(uint8(0), 0, []byte("x"), true)
	f.Add(uint8(3), 40, []byte("\","), false)
	names := slices.Sorted(maps.Keys(p.Files))
	f.Fuzz(func(t *testing.T, which uint8, at int, with []byte, whole bool) {
		p := campaignFile(t)
		file := names[int(which)%len(names)]
		b := p.Files[file]
		if at < 0 || at > len(b) {
			return
		}
		p.Files[file] = append(append(slices.Clone(b[:at]), with...), b[min(len(b), at+len(with)):]...)
		p.Sum()
		packed := p.Zip(t)
		if !whole {
			binary.LittleEndian.PutUint16(packed[min(at, len(packed)-2):], uint16(len(with)))
		}
		found := check(packed)
		text := &strings.Builder{}
		found.Print(text)
		if whole && file == "log.jsonl" && len(found.Problems) == 0 && !bytes.Equal(bytes.TrimSpace(b), bytes.TrimSpace(p.Files[file])) && !sameLines(b, p.Files[file]) {
			t.Errorf("another log has the same head:\n%s", p.Files[file])
		}
	})
}

// sameLines says whether two logs say the same, in whatever spelling of JSON.
func sameLines(a, b []byte) bool {
	x, y := json.NewDecoder(bytes.NewReader(a)), json.NewDecoder(bytes.NewReader(b))
	for {
		var v, w struct {
			Seq   uint64
			Hash  string
			Entry []byte
		}
		e, g := x.Decode(&v), y.Decode(&w)
		if e != nil || g != nil {
			return e != nil && g != nil
		}
		if v.Seq != w.Seq || !strings.EqualFold(v.Hash, w.Hash) || !bytes.Equal(v.Entry, w.Entry) {
			return false
		}
	}
}
