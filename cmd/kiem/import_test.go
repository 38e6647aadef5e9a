package main_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kiem/id"
)

// TestRowSecondInstance (R19, R48): a campaign in nl, en and fr, exported from one server, becomes a campaign on another: its challenge, languages, settings,
// ideas, comments and replies. Nothing of its people comes along, and where an idea comes from is said. Brought again it is still one campaign, and people
// take part in it.
func TestRowSecondInstance(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two servers")
	}
	t.Parallel()
	a := &protoScript{server: serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "a"))}
	b := &protoScript{server: serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "b"))}
	a.server.start()
	b.server.start()
	var made struct{ ID, Code string }
	a.server.want(http.StatusCreated, &made, "POST", "/campaigns", adminToken, map[string]any{
		"title": "Over de grens", "languages": []string{"nl", "en", "fr"}, "settings": map[string]any{"small_cell": 7, "support_against": true, "groups": []string{"citizen", "firm", "=buur"}},
		"challenge": map[string]any{"title": "Vraag", "text": "Wat delen we?", "nodes": []string{"care"}, "themes": []string{"Wonen; werken", "Zorg"}},
	})
	a.campaign = made.ID
	const name = "Ana Kanarie"
	ana := a.client(t, a.join(t, made.Code, name, "citizen")).connect()
	post := protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{
		"title": "=1+1 is geen formule", "text": "Regel een\n- streep\n'citaat'", "need": "@iedereen", "themes": []string{"Wonen; werken"}, "innovation": []string{"service", "process"},
		"definition": map[string]any{"need": true, "novelty": false},
	}}
	idea := madeIdea(t, ana.must(post))
	hidden := madeIdea(t, ana.must(protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": "Verborgen"}}))
	comment := protoCommand{ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": idea, "kind": "question", "text": "-Wanneer?"}}
	ana.must(comment)
	first, err := id.Parse(comment.ID)
	if err != nil {
		t.Fatal(err)
	}
	ana.must(protoCommand{ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": idea, "kind": "experience", "text": "Morgen", "reply_to": id.Derive(first, "comment")}})
	ana.must(setSupport(newUUID(), idea, 1))
	if f := a.organise(t, "idea.moderate", map[string]any{"idea": hidden, "action": "hide", "reason": "x"}); f.Error != nil {
		t.Fatal(f.Error)
	}
	file := exportTo(t, a.campaign, "zip", "--url", "http://"+a.server.addr)
	var said [2]string
	for n := range said { // twice
		out, problems, code := runKiem(t, "import", file, "--url", "http://"+b.server.addr)
		if code != 0 || problems != "" {
			t.Fatalf("import: exit %d: %s", code, problems)
		}
		said[n] = out
	}
	if said[0] != said[1] || !strings.Contains(said[0], "ideas 1\ncomments 2\nleft out 0\n") {
		t.Errorf("the first import said\n%s\nthe second\n%s", said[0], said[1])
	}
	b.campaign = strings.TrimPrefix(strings.SplitN(said[0], "\n", 2)[0], "campaign ")
	code := strings.TrimPrefix(strings.SplitN(said[0], "\n", 3)[1], "code ")
	var list struct{ Campaigns []struct{ ID, Stage string } }
	b.server.want(http.StatusOK, &list, "GET", "/campaigns", adminToken, nil)
	if len(list.Campaigns) != 1 || list.Campaigns[0].Stage != "draft" || b.campaign == a.campaign || code == made.Code {
		t.Errorf("campaigns on the second server: %+v", list)
	}
	var there struct {
		Campaign struct {
			Title             string
			Languages, Groups []string
			Joined            int
			Challenge         struct {
				Text   string
				Themes []string
			}
			Settings struct {
				SmallCell      int  `json:"small_cell"`
				SupportAgainst bool `json:"support_against"`
			}
		}
		Ideas []struct {
			ID, Title, Text, Need string
			Themes, Innovation    []string
			Definition            struct{ Need, Novelty bool }
			Support               struct{ Total int }
			Lineage               struct{ From []string }
			Authors               []struct{ ID, Role string }
			Comments              []struct {
				ID, Kind, Text string
				ReplyTo        string `json:"reply_to"`
			}
		}
	}
	_, _, text := b.server.call("GET", "/campaigns/"+b.campaign+"/export", adminToken, nil)
	if err := json.Unmarshal(text, &there); err != nil {
		t.Fatal(err)
	}
	c := there.Campaign
	if c.Title != "Over de grens" || !slices.Equal(c.Languages, []string{"nl", "en", "fr"}) || !slices.Equal(c.Groups, []string{"citizen", "firm", "=buur"}) ||
		c.Challenge.Text != "Wat delen we?" || !slices.Equal(c.Challenge.Themes, []string{"Wonen; werken", "Zorg"}) || c.Settings.SmallCell != 7 || !c.Settings.SupportAgainst || c.Joined != 0 {
		t.Errorf("the campaign became %+v", c)
	}
	if len(there.Ideas) != 1 || len(there.Ideas[0].Comments) != 2 {
		t.Fatalf("the ideas became %+v", there.Ideas)
	}
	i := there.Ideas[0]
	want := post.Data.(map[string]any)
	if i.Title != want["title"] || i.Text != want["text"] || i.Need != want["need"] || !slices.Equal(i.Themes, []string{"Wonen; werken"}) ||
		!slices.Equal(i.Innovation, []string{"service", "process"}) || !i.Definition.Need || i.Definition.Novelty {
		t.Errorf("the idea became %+v", i)
	}
	if i.Support.Total != 0 || i.ID == idea || !slices.Equal(i.Lineage.From, []string{idea}) || i.Authors[0].Role != "organiser" {
		t.Errorf("the idea took over what it must not, or does not say where it comes from: %+v", i)
	}
	if i.Comments[0].Text != "-Wanneer?" || i.Comments[1].Kind != "experience" || i.Comments[1].ReplyTo != i.Comments[0].ID {
		t.Errorf("the comments became %+v", i.Comments)
	}
	if strings.Contains(string(text), name) || strings.Contains(string(text), "Verborgen") {
		t.Error("a name or what was hidden came along")
	}
	if f := b.organise(t, "stage.set", map[string]any{"stage": "collect"}); f.Error != nil {
		t.Fatalf("the imported campaign does not open: %+v", f.Error)
	}
	ben := b.client(t, b.join(t, code, "Ben", "firm")).connect()
	ben.must(setSupport(newUUID(), i.ID, 1))
	ben.must(protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": "Nieuw"}})

	// A file that is not as it was exported is refused before anything happens.
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string][]byte{"half a file": whole[:len(whole)/2], "a changed byte": flipped(whole), "no zip": []byte("PK"), "nothing": nil} {
		broken := filepath.Join(t.TempDir(), "broken.zip")
		if err := os.WriteFile(broken, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, problems, code := runKiem(t, "import", broken, "--url", "http://"+b.server.addr); code != 1 || !strings.Contains(problems, "not an export of Kiem") {
			t.Errorf("%s: exit %d: %s", what, code, problems)
		}
	}
}

// flipped changes one byte in the first file of a zip.
func flipped(b []byte) []byte {
	b = bytes.Clone(b)
	b[200] ^= 1
	return b
}
