package hub

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/hub/verify"
	"kiem/hub/verify/verifytest"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// published is a random campaign, run by the real machine, and what was published of it.
type published struct {
	campaign wire.Campaign
	ideas    []wire.Idea
	log      []journal.Stored
	seq      *sequencer
}

// randomCampaign runs a small campaign: some post, many vote and change their mind, comments come, something is hidden, the smallest figure is raised.
func randomCampaign(t testing.TB, r *rand.Rand, n int, c *codec, people []id.ID) *published {
	t.Helper()
	p := &published{seq: newSequencer(LogName(id.Derive(campaignID, "random", fmt.Sprint(n))), campaign.New(), c)}
	now, made := int64(1_760_000_000_000), 0
	do := func(kind string, who id.ID, data any) *machine.Command {
		t.Helper()
		made++
		cmd := &machine.Command{Type: kind, ID: id.Derive(campaignID, fmt.Sprint(n, " ", made)), Actor: who, Data: data}
		p.seq.submit(&Pending{From: who, Command: cmd})
		if r.IntN(4) > 0 && made > 12 { // several commands in an entry
			return cmd
		}
		now += int64(r.IntN(2000))
		if f := p.seq.next(now); f != nil {
			p.log = append(p.log, journal.Stored{Seq: p.seq.pos.Seq + 1, Body: f.body})
			if ok, err := p.seq.appended(f, p.seq.pos.Seq+1); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		return cmd
	}
	settings := campaign.Defaults()
	settings.SmallCell, settings.SupportAgainst = r.IntN(5), r.IntN(2) == 0
	settings.Groups = campaign.Groups[:2+r.IntN(3)]
	owner := Owner{Account: directory.Admin}.Participant(campaignID)
	do(campaign.Create, owner, &campaign.CreateData{
		Campaign: id.Derive(campaignID, "random", fmt.Sprint(n)), Title: fmt.Sprint("Campagne ", n), Template: "campaign", Stage: "collect", Languages: []string{"nl"}, Settings: settings,
		Challenge: campaign.Challenge{Title: "Vraag", Text: "Wat doen we?"},
	})
	for k, who := range people {
		do(campaign.Join, who, &campaign.JoinData{Group: settings.Groups[min(k*k%7, k)%len(settings.Groups)]})
	}
	var posted []id.ID
	for range 10 + r.IntN(50) {
		who := people[r.IntN(len(people))]
		switch k := r.IntN(20); {
		case k == 0 || len(posted) == 0:
			_, made := campaign.Made(do(campaign.IdeaPost, who, &campaign.IdeaData{Title: ideas.NewText(who, "=Idee; 'een'"), Text: ideas.NewText(who, "tekst,\n\"met\" tekens")}))
			posted = append(posted, made)
		case k == 1:
			do(campaign.CommentPost, who, &campaign.CommentData{Idea: posted[r.IntN(len(posted))], Kind: "question", Text: ideas.NewText(who, "Waarom?")})
		case k == 2:
			do(campaign.IdeaModerate, owner, &campaign.ActData{Idea: posted[r.IntN(len(posted))], Action: []string{"hide", "restore"}[r.IntN(2)], Reason: ideas.NewText(owner, "daarom")})
		case k == 3 && r.IntN(4) == 0:
			settings.SmallCell += r.IntN(3)
			s := settings
			do(campaign.CampaignEdit, owner, &campaign.EditData{Settings: &s})
		case k == 4 && r.IntN(8) == 0:
			do(campaign.StageSet, owner, &campaign.StageData{Stage: []string{"refine", "vote", "result", "collect"}[r.IntN(4)]})
		default:
			do(campaign.SupportSet, who, &campaign.SupportData{Idea: posted[r.IntN(len(posted))], Value: int8([]int{1, 1, 1, 1, 0, -1}[r.IntN(6)])})
		}
	}
	for len(p.seq.queue) > 0 {
		made = 0
		do("", owner, nil)
	}
	view := p.seq.machine.(*campaign.Machine).View(machine.Public, nobody)
	p.campaign, p.ideas = view.Campaign(), view.Ideas()
	return p
}

// campaignCodec is a codec with the keys of these people.
func campaignCodec(t testing.TB, people []id.ID) *codec {
	t.Helper()
	v := newMemVault()
	for _, who := range append(slices.Clone(people), Owner{Account: directory.Admin}.Participant(campaignID)) {
		if _, err := v.Put(t.Context(), campaignID, vault.Person{ID: who, Name: "Iemand"}); err != nil {
			t.Fatal(err)
		}
	}
	known, err := loadPeople(t.Context(), v, campaignID)
	if err != nil {
		t.Fatal(err)
	}
	key, err := v.VoteKey(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	return newCampaignCodec(campaignID, known, vault.NewBlinder(key), newRandomness(fillRandom))
}

// python is the interpreter, which `make test` installs if need be.
func python(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is needed: .ci/need python3")
	}
	return path
}

// TestRecountByOthers is P20: a program in another language, which knows only what docs/recount.py says of the form, recounts the published files of random campaigns in one process, and has the
// figures of the machine that ran them; and so has `kiem verify`. 10,000 campaigns, of all that `make soak` tries; without the race detector:
//
//	KIEM_SOAK=1m go test -run TestRecountByOthers -v ./hub
func TestRecountByOthers(t *testing.T) {
	many := 400
	switch {
	case os.Getenv(journaltest.Soak) != "":
		many = 10_000
	case testing.Short():
		many = 50
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	people := make([]id.ID, 9)
	for n := range people {
		people[n] = id.Derive(campaignID, fmt.Sprint("somebody ", n))
	}
	c, r, dir := campaignCodec(t, people), rand.New(rand.NewPCG(seed, 0)), t.TempDir()
	want := map[string]map[string]int{} // file: idea to total
	supports, figures := 0, 0
	for n := range many {
		p := randomCampaign(t, r, n, c, people)
		file := verifytest.Make(t, p.campaign, p.ideas, p.log)
		file.Sum()
		b := file.Zip(t)
		if found := verify.Zip(bytes.NewReader(b), int64(len(b))); len(found.Problems) > 0 {
			t.Fatalf("campaign %d: %v", n, found.Problems)
		}
		path := filepath.Join(dir, fmt.Sprint(n, ".zip"))
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		want[path] = map[string]int{}
		for _, i := range p.ideas {
			if i.Status == string(ideas.Posted) {
				want[path][i.ID.String()] = i.Support.Total
				supports += i.Support.Total
				figures += len(i.Support.ByGroup)
			}
		}
	}
	script, err := filepath.Abs("../docs/recount.py")
	if err != nil {
		t.Fatal(err)
	}
	args := make([]string, 0, many+2)
	for n := range many {
		args = append(args, fmt.Sprint(n, ".zip"))
	}
	cmd := exec.Command(python(t), append([]string{script, "--json"}, args...)...)
	cmd.Dir = dir
	start := time.Now()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var said struct {
			File  string
			Wrong []string
			Ideas map[string]struct{ Support int }
		}
		if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, said.File)
		if len(said.Wrong) > 0 || len(said.Ideas) != len(want[path]) {
			t.Errorf("%s: %v; %d ideas, want %d", said.File, said.Wrong, len(said.Ideas), len(want[path]))
		}
		for i, total := range want[path] {
			if said.Ideas[i].Support != total {
				t.Errorf("%s, idea %s: %d, the campaign says %d", said.File, i, said.Ideas[i].Support, total)
			}
		}
		delete(want, path)
	}
	if len(want) > 0 || supports == 0 || figures == 0 {
		t.Errorf("%d files were not counted; %d supports and %d figures in all", len(want), supports, figures)
	}
	t.Logf("%d campaigns, %d supports, %d figures by group; Python took %v", many, supports, figures, time.Since(start).Round(time.Millisecond))
}

// TestRecountFindsOut: the same program says what is wrong with a file, in one line.
func TestRecountFindsOut(t *testing.T) {
	people := []id.ID{id.Derive(campaignID, "a"), id.Derive(campaignID, "b"), id.Derive(campaignID, "c"), id.Derive(campaignID, "d"), id.Derive(campaignID, "e")}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var p *published
	for n := 0; p == nil || len(p.ideas) == 0 || p.ideas[0].Status != string(ideas.Posted) || p.ideas[0].Support.Total < 2; n++ {
		p = randomCampaign(t, r, n, campaignCodec(t, people), people)
	}
	dir := t.TempDir()
	for what, change := range map[string]func(f *verifytest.Published){
		"nothing": func(*verifytest.Published) {},
		"one more ballot": func(f *verifytest.Published) {
			f.Files["ballots.csv"] = append(f.Files["ballots.csv"], p.ideas[0].ID.String()+",\n"...)
		},
		"a line of the log": func(f *verifytest.Published) {
			f.Files["log.jsonl"] = f.Files["log.jsonl"][bytes.IndexByte(f.Files["log.jsonl"], '\n')+1:]
		},
		"another head": func(f *verifytest.Published) { f.Manifest["head"] = strings.Repeat("0", 64) },
	} {
		for _, summed := range []bool{true, false} {
			f := verifytest.Make(t, p.campaign, p.ideas, p.log)
			if !summed {
				f.Sum()
			}
			change(f)
			if summed {
				f.Sum()
			}
			path := filepath.Join(dir, "file.zip")
			if err := os.WriteFile(path, f.Zip(t), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(python(t), "../docs/recount.py", path).Output()
			last := strings.TrimSpace(string(out))
			last = last[strings.LastIndexByte(last, '\n')+1:]
			if want := fmt.Sprintf("head %s seq %d", p.seq.pos.Hash, p.seq.pos.Seq); (err == nil) != (what == "nothing") || (last == want) != (what == "nothing") {
				t.Errorf("%s: %v\n%s", what, err, out)
			}
			b := f.Zip(t)
			if found := verify.Zip(bytes.NewReader(b), int64(len(b))); (len(found.Problems) == 0) != (what == "nothing") {
				t.Errorf("%s: verify finds %v", what, found.Problems)
			}
		}
	}
}
