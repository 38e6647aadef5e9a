package similar_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kiem/id"
	"kiem/ideas/similar"
)

// pair is an idea, and the same idea as somebody else would say it.
type pair struct {
	lang     string
	of, same similar.Text
}

// pairs reads the labelled set. all are the ideas that are there; alone are some that nobody else had.
func pairs(t testing.TB) (list []pair, all, alone []similar.Text) {
	t.Helper()
	read := func(file string, into any) {
		raw, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type idea struct{ Title, Text, Need string }
	var sample struct{ Ideas []idea }
	read("../../cmd/kiem/sample/inclusie.json", &sample)
	byTitle := map[string]similar.Text{}
	for _, i := range sample.Ideas {
		text := similar.Text{Title: i.Title, Body: i.Text + " " + i.Need}
		byTitle[i.Title] = text
		all = append(all, text)
	}
	var raw map[string]json.RawMessage
	read("testdata/pairs.json", &raw)
	for _, lang := range []string{"nl", "en", "fr", "de", "other"} {
		var rows []struct {
			Of          json.RawMessage
			Title, Text string
		}
		if err := json.Unmarshal(raw[lang], &rows); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			p := pair{lang: lang, same: similar.Text{Title: r.Title, Body: r.Text}}
			switch lang {
			case "other":
				alone = append(alone, p.same)
				continue
			case "nl":
				var title string
				if err := json.Unmarshal(r.Of, &title); err != nil || byTitle[title].Title == "" {
					t.Fatalf("no idea %s: %v", r.Of, err)
				}
				p.of = byTitle[title]
			default:
				var of [2]string
				if err := json.Unmarshal(r.Of, &of); err != nil {
					t.Fatal(err)
				}
				p.of = similar.Text{Title: of[0], Body: of[1]}
				all = append(all, p.of)
			}
			list = append(list, p)
		}
	}
	return list, all, alone
}

func ideaID(n int) id.ID { return id.NewV7(int64(n), [10]byte{byte(n), byte(n >> 8), byte(n >> 16)}) }

func index(all []similar.Text) (*similar.Index, map[string]id.ID) {
	x, ids := similar.New(), map[string]id.ID{}
	for n, t := range all {
		ids[t.Title] = ideaID(n)
		x.Put(ideaID(n), t)
	}
	return x, ids
}

// threshold is the score from which an idea is worth showing, see similar.Likely.
const threshold = similar.Likely

// TestFinds: of the labelled pairs, in four languages, the look-alike is nearly always first, also when only the title has been typed; and what nobody else had
// resembles nothing.
func TestFinds(t *testing.T) {
	list, all, alone := pairs(t)
	x, ids := index(all)
	for _, way := range []struct {
		name        string
		cut         func(similar.Text) similar.Text
		first, five float64 // the least share that is found
	}{
		{"whole", func(s similar.Text) similar.Text { return s }, 0.95, 1},
		{"title", func(s similar.Text) similar.Text { return similar.Text{Title: s.Title} }, 0.7, 0.85},
	} {
		var first, five, shown int
		for _, p := range list {
			found := x.Find(way.cut(p.same), 5, 0)
			at := slices.IndexFunc(found, func(m similar.Match) bool { return m.Idea == ids[p.of.Title] })
			if at == 0 {
				first++
			}
			if at >= 0 {
				five++
				if found[at].Score >= threshold {
					shown++
				}
			}
			if at != 0 || found[at].Score < threshold {
				t.Logf("%s, %s: %q at %d, %v", way.name, p.lang, p.same.Title, at, found[:min(2, len(found))])
			}
		}
		n := float64(len(list))
		t.Logf("%s: first %.2f, among five %.2f, shown %.2f of %d", way.name, float64(first)/n, float64(five)/n, float64(shown)/n, len(list))
		if float64(first) < way.first*n || float64(five) < way.five*n {
			t.Errorf("%s: too few found", way.name)
		}
	}
	wrong := 0
	for _, a := range alone {
		if found := x.Find(a, 1, threshold); len(found) > 0 {
			wrong++
			t.Logf("%q looks like %v", a.Title, found)
		}
	}
	if wrong > 1 {
		t.Errorf("%d of %d that nobody else had look like something", wrong, len(alone))
	}
}

// TestSame: the same text scores 1, and is first.
func TestSame(t *testing.T) {
	_, all, _ := pairs(t)
	x, ids := index(all)
	for _, text := range all {
		found := x.Find(text, 3, 0)
		if len(found) == 0 || found[0].Idea != ids[text.Title] || found[0].Score < 0.9 {
			t.Errorf("%q: %v", text.Title, found)
		}
	}
}

// TestRemove: random changes leave an index that finds what a new one with the same ideas finds, and nothing that was removed.
func TestRemove(t *testing.T) {
	_, all, _ := pairs(t)
	rapid.Check(t, func(t *rapid.T) {
		x, have := similar.New(), map[id.ID]similar.Text{}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			i := ideaID(rapid.IntRange(0, 20).Draw(t, "idea"))
			if rapid.Bool().Draw(t, "put") {
				have[i] = rapid.SampledFrom(all).Draw(t, "text")
				x.Put(i, have[i])
			} else {
				delete(have, i)
				x.Remove(i)
			}
		}
		if x.Len() != len(have) {
			t.Fatalf("%d ideas, want %d", x.Len(), len(have))
		}
		fresh := similar.New()
		for i, text := range have {
			fresh.Put(i, text)
		}
		ask := rapid.SampledFrom(all).Draw(t, "ask")
		got, want := x.Find(ask, 100, 0.3), fresh.Find(ask, 100, 0.3)
		for _, m := range got {
			if _, ok := have[m.Idea]; !ok {
				t.Fatalf("found %v, which is not there", m)
			}
		}
		// The two are in scales of different ages, so what is on the edge may differ.
		if len(want) > 0 && want[0].Score > 0.9 && (len(got) == 0 || have[got[0].Idea] != have[want[0].Idea]) {
			t.Fatalf("best is %v, a new index says %v", got, want)
		}
	})
}

// FuzzFind: no text makes it panic, and scores are from 0 to 1.
func FuzzFind(f *testing.F) {
	f.Add("Bakfietsen delen", "ß ø ł ﬁ \u202e l'idée Straße 🚲🚲 日本語", "x")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, title, body, ask string) {
		x := similar.New()
		x.Put(ideaID(1), similar.Text{Title: title, Body: body})
		x.Put(ideaID(2), similar.Text{Title: body, Body: ask})
		for _, m := range x.Find(similar.Text{Title: ask, Body: title}, 5, 0) {
			if !(m.Score >= 0 && m.Score <= 1) {
				t.Fatal(m)
			}
		}
		x.Remove(ideaID(1))
		x.Remove(ideaID(2))
		if found := x.Find(similar.Text{Title: title}, 5, 0); len(found) > 0 {
			t.Fatal(found)
		}
	})
}

// BenchmarkFind looks among 10,000 ideas, while a title and a sentence are typed.
func BenchmarkFind(b *testing.B) {
	list, all, _ := pairs(b)
	x := similar.New()
	for n := range 10_000 { // sentences of the set, put together anew
		x.Put(ideaID(n), similar.Text{
			Title: fmt.Sprintf("%s %d", all[n%len(all)].Title, n), Body: all[n*7%len(all)].Body + " " + all[n*13%len(all)].Title,
		})
	}
	var slowest time.Duration
	for n := 0; b.Loop(); n++ {
		start := time.Now()
		x.Find(list[n%len(list)].same, 5, threshold)
		slowest = max(slowest, time.Since(start))
	}
	b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
}
