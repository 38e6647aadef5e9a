package web

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/verify"
)

// exportFormats are all forms of a file.
var exportFormats = []string{"json", "csv", "xlsx", "zip"}

// inFull is a file in which texts can be searched: zips are unpacked.
func inFull(t *testing.T, a answer) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		return string(a.body)
	}
	var all strings.Builder
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
	}
	return all.String()
}

// TestExportRights is the row of the permission matrix on exports, for every format: who is not in the campaign gets nothing; a participant gets the public part
// in the last stage and before that nothing; observers and facilitators always, without names; organisers with names, or without if they ask. Each is logged.
func TestExportRights(t *testing.T) {
	w := newWorld(t)
	c := w.create("Rechten", nil)
	ana := w.join(c, "Ana Naamsma")
	w.post(c, ana, "Zichtbaar idee")
	people := []person{ana, w.invite(c, "observer", "Scherm"), w.invite(c, "facilitator", "Fay"), w.invite(c, "organiser", "Oda"), organiser}
	other := w.join(w.create("Elders", nil), "Ben")
	for _, stage := range []string{"collect", "vote", "result"} {
		w.did(c, organiser, newCommand("stage.set", "stage", stage))
		for _, format := range exportFormats {
			path := "/api/v1/campaigns/" + c + "/export?lang=en&format=" + format
			w.refused(http.StatusUnauthorized, "unauthorised", "GET", path, nil)
			w.refused(http.StatusNotFound, "not_found", "GET", path, nil, "Bearer", other.token)
			for _, who := range people {
				if who.role == "participant" && stage != "result" {
					w.refused(http.StatusForbidden, "forbidden", "GET", path, nil, "Bearer", who.token)
					continue
				}
				text := inFull(t, w.must(http.StatusOK, nil, "GET", path, nil, "Bearer", who.token))
				if !strings.Contains(text, "Zichtbaar idee") || strings.Contains(text, "Naamsma") != (who.role == "organiser") {
					t.Errorf("%s in %s gets %s: %.300s", who.role, stage, format, text)
				}
				if text := inFull(t, w.must(http.StatusOK, nil, "GET", path+"&names=no", nil, "Bearer", who.token)); strings.Contains(text, "Naamsma") {
					t.Errorf("%s asks for %s without names and gets them", who.role, format)
				}
			}
		}
	}
	for _, needed := range []string{"an export was made", "format=csv", "format=zip", "names=true", "names=false"} {
		if !strings.Contains(w.log.String(), needed) {
			t.Errorf("the log does not say %s", needed)
		}
	}
	if strings.Contains(w.log.String(), "Naamsma") {
		t.Error("the log of exports has names")
	}
}

// TestExportHidesWhatIsHidden: a CSV, a workbook and a zip never hold what not everybody sees, an organiser's neither; nor what somebody wrote who was erased,
// nor who it was. The log in the zip names nobody: not who joined by which channel, not who reported whom.
func TestExportHidesWhatIsHidden(t *testing.T) {
	a := newAviary(t)
	w := a.w
	for _, who := range []person{organiser, a.ben} {
		if who.role == "participant" {
			w.did(a.campaign, organiser, newCommand("stage.set", "stage", "result"))
		}
		for _, format := range exportFormats[1:] {
			text := inFull(t, w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+a.campaign+"/export?format="+format, nil, "Bearer", who.token))
			for what, word := range a.word {
				if strings.Contains(text, word) {
					t.Errorf("%q is in the %s of %s", what, format, who.role)
				}
			}
		}
	}
	for _, line := range logLines(t, w.do("GET", "/api/v1/campaigns/"+a.campaign+"/export?format=zip", nil, "Bearer", operatorToken)) {
		for what, word := range a.word {
			if bytes.Contains(line.Entry, []byte(word)) {
				t.Errorf("%q is in entry %d of the public log", what, line.Seq)
			}
		}
		for _, who := range []person{a.ana, a.ben} {
			if i := mustID(t, who.id); bytes.Contains(line.Entry, i[:]) || bytes.Contains(line.Entry, []byte(who.id)) {
				t.Errorf("entry %d of the public log names a participant", line.Seq)
			}
		}
	}

	c := w.create("Vergeten", nil)
	bird := w.join(c, "Kanarie Vogel")
	w.post(c, bird, "kanarie-19c4")
	before := inFull(t, w.do("GET", "/api/v1/campaigns/"+c+"/export?format=zip", nil, "Bearer", operatorToken))
	if !strings.Contains(before, "kanarie-19c4") || !strings.Contains(before, "Kanarie Vogel") {
		t.Fatal("this test would find nothing")
	}
	if a := w.do("DELETE", "/api/v1/me", nil, "Bearer", bird.token); a.status != http.StatusNoContent {
		t.Fatal(a)
	}
	for _, format := range exportFormats {
		text := inFull(t, w.do("GET", "/api/v1/campaigns/"+c+"/export?format="+format, nil, "Bearer", operatorToken))
		if strings.Contains(text, "kanarie-19c4") || strings.Contains(text, "Kanarie Vogel") {
			t.Errorf("the %s has what was erased", format)
		}
	}
}

// logLine is a line of log.jsonl.
type logLine struct {
	Seq   uint64
	Hash  string
	Entry []byte
}

func logLines(t *testing.T, a answer) (list []logLine) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := z.Open("log.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for d := json.NewDecoder(r); ; {
		var one logLine
		if err := d.Decode(&one); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
}

// TestExportStandsAtOneEntry: while people vote, each zip is the state at the entry that it names: the votes that its log holds are the support that it shows, and
// its chain ends with the head that it names.
func TestExportStandsAtOneEntry(t *testing.T) {
	w := newWorld(t)
	c := w.create("Terwijl er gestemd wordt", nil)
	idea := w.post(c, w.join(c, "Ana"), "Doel")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				w.send(c, w.join(c, fmt.Sprint("Stemmer ", n)), newCommand("support.set", "idea", idea, "value", 1))
			}
		}
	}()
	for range 10 {
		a := w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/export?format=zip", nil, "Bearer", operatorToken)
		var manifest struct {
			Seq     uint64
			Head    string
			Ballots int
		}
		z, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := z.Open("campaign.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewDecoder(r).Decode(&manifest); err != nil {
			t.Fatal(err)
		}
		at, votes := journal.Chain{Hash: journal.Genesis("c:" + c)}, 0
		for _, line := range logLines(t, a) {
			if at = at.NextPublic(line.Entry); at.Seq != line.Seq || at.Hash.String() != line.Hash {
				t.Fatalf("entry %d does not follow", line.Seq)
			}
			votes += bytes.Count(line.Entry, []byte("support.set"))
		}
		if at.Seq != manifest.Seq || at.Hash.String() != manifest.Head || votes != manifest.Ballots {
			t.Errorf("the log ends at %d %s with %d votes; the file says %d %s and %d", at.Seq, at.Hash, votes, manifest.Seq, manifest.Head, manifest.Ballots)
		}
	}
	close(stop)
	<-done
}

// TestExportPlaces: when all places of those who are no moderators are taken, the next is told to come back, and an organiser gets the file.
func TestExportPlaces(t *testing.T) {
	w := newWorld(t)
	c := w.create("Vol", map[string]any{"stage": "result"})
	w.did(c, organiser, newCommand("stage.set", "stage", "collect"))
	ana := w.join(c, "Ana")
	w.did(c, organiser, newCommand("stage.set", "stage", "result"))
	for range exportsAtOnce {
		w.server.exports.others <- struct{}{}
	}
	path := "/api/v1/campaigns/" + c + "/export"
	if a := w.refused(http.StatusServiceUnavailable, "unavailable", "GET", path, nil, "Bearer", ana.token); a.header.Get("Retry-After") == "" {
		t.Error("it does not say when to come back")
	}
	w.must(http.StatusOK, nil, "GET", path, nil, "Bearer", operatorToken)
	<-w.server.exports.others
	w.must(http.StatusOK, nil, "GET", path, nil, "Bearer", ana.token)
}

// TestBrokenExportIsNoFile: a file whose making fails after its beginning was sent ends the connection, so that nobody takes the piece for the whole; and the
// server goes on.
func TestBrokenExportIsNoFile(t *testing.T) {
	w := newWorld(t)
	w.server.engine.GET("/breaks", w.server.handle(func(c *gin.Context) error {
		c.Header("Content-Type", "application/zip")
		c.String(http.StatusOK, strings.Repeat("half a file ", 1000))
		c.Writer.Flush()
		panic(http.ErrAbortHandler)
	}))
	if a, err := w.try("GET", "/breaks", nil); err == nil {
		t.Errorf("half a file came as a whole one: %v", a)
	}
	w.must(http.StatusOK, nil, "GET", "/healthz", nil)
}

// TestExportQuery: what cannot be asked for is refused with the field's name.
func TestExportQuery(t *testing.T) {
	w := newWorld(t)
	c := w.create("Vragen", nil)
	for query, field := range map[string]string{
		"format=pb": "format", "measure=loud": "measure", "top=0": "top", "top=-1": "top", "top=x": "top", "group_min=-5": "group_min", "group_min=99999999": "group_min",
		"names=maybe": "names",
	} {
		a := w.refused(http.StatusBadRequest, "bad_request", "GET", "/api/v1/campaigns/"+c+"/export?"+query, nil, "Bearer", operatorToken)
		if !strings.Contains(string(a.body), `"field":"`+field+`"`) {
			t.Errorf("%s: %s", query, a.body)
		}
	}
}

// TestCreateWithKey: the same key of the same account names the same campaign, however often and whatever happened in between; another account's does not.
func TestCreateWithKey(t *testing.T) {
	w := newWorld(t)
	body := map[string]any{"key": newUUID(), "title": "Een keer", "challenge": map[string]any{"title": "V", "text": "Vraag"}}
	var first, second struct{ ID, Code string }
	w.must(http.StatusCreated, &first, "POST", "/api/v1/campaigns", body, "Bearer", operatorToken)
	w.codes[first.ID] = first.Code
	ana := w.join(first.ID, "Ana")
	for n := range 300 { // the answer to the first is forgotten
		w.did(first.ID, organiser, newCommand("campaign.edit", "title", fmt.Sprint("Titel ", n)))
	}
	w.must(http.StatusOK, &second, "POST", "/api/v1/campaigns", body, "Bearer", operatorToken)
	if first != second {
		t.Errorf("%+v, then %+v", first, second)
	}
	w.refused(http.StatusForbidden, "forbidden", "POST", "/api/v1/campaigns", body, "Bearer", ana.token)
	body["key"] = newUUID()
	w.must(http.StatusCreated, &second, "POST", "/api/v1/campaigns", body, "Bearer", operatorToken)
	if first == second {
		t.Error("another key gave the same campaign")
	}
}

// TestExportsVerify: campaigns in which people of five groups support, take back and oppose at random give files in which an independent reader finds nothing wrong,
// at any time and for any choice of ideas: hashes, chain, totals, figures that are released in steps, ballots that give both, order, and the floor over groups.
func TestExportsVerify(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(7, 11))
	for n, small := range []int{0, 2, 5} {
		c := w.create(fmt.Sprint("Willekeur ", n), map[string]any{"small_cell": small, "support_against": true})
		var people []person
		for k := range 30 {
			body := joinBody(w.codes[c], fmt.Sprint("Mens ", k))
			body["group"] = campaign.Groups[min(random.IntN(7), 4)] // one group is large
			var s struct {
				Token       string
				Participant struct{ ID string }
			}
			w.must(http.StatusCreated, &s, "POST", "/api/v1/join", body)
			people = append(people, person{s.Participant.ID, s.Token, "participant", ""})
		}
		var list []string
		for k := range 6 {
			list = append(list, w.post(c, people[k], fmt.Sprint("Idee ", k)))
		}
		w.did(c, people[0], newCommand("comment.post", "idea", list[0], "kind", "question", "text", "Waarom?"))
		for range 8 {
			for range 40 {
				value := []int{1, 1, 1, 0, -1}[random.IntN(5)]
				w.send(c, people[random.IntN(len(people))], newCommand("support.set", "idea", list[min(random.IntN(len(list)), random.IntN(len(list)))], "value", value))
			}
			query := fmt.Sprintf("?format=zip&measure=%s&names=%s", []string{"support", "bridging"}[random.IntN(2)], []string{"yes", "no"}[random.IntN(2)])
			if random.IntN(3) == 0 {
				query += fmt.Sprint("&top=", 1+random.IntN(6))
			}
			if random.IntN(3) == 0 {
				query += fmt.Sprint("&group_min=", random.IntN(6))
			}
			a := w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/export"+query, nil, "Bearer", operatorToken)
			if f := verify.Zip(bytes.NewReader(a.body), int64(len(a.body))); len(f.Problems) > 0 {
				t.Fatalf("small cell %d, %s: %+v", small, query, f.Problems)
			}
			a = w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/export?"+strings.TrimPrefix(query, "?format=zip&"), nil, "Bearer", operatorToken)
			if f := verify.JSON(bytes.NewReader(a.body)); len(f.Problems) > 0 {
				t.Fatalf("small cell %d, %s as JSON: %+v", small, query, f.Problems)
			}
		}
		w.did(c, organiser, newCommand("idea.moderate", "idea", list[0], "action", "hide", "reason", "x"))
		w.did(c, organiser, newCommand("campaign.edit", "title", "Een andere naam"))
		a := w.must(http.StatusOK, nil, "GET", "/api/v1/campaigns/"+c+"/export?format=zip", nil, "Bearer", operatorToken)
		if f := verify.Zip(bytes.NewReader(a.body), int64(len(a.body))); len(f.Problems) > 0 || f.Ideas != 5 {
			t.Fatalf("small cell %d, after hiding one: %d ideas, %+v", small, f.Ideas, f.Problems)
		}
	}
}
