package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/ideas"
)

// Rows of the seed register (docs/seed-register.md) as somebody who uses the program sees them.

// rowScript starts a server for a row.
func rowScript(t *testing.T) *protoScript {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a server")
	}
	t.Parallel()
	server := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "data"))
	server.start()
	return &protoScript{server: server}
}

// organise sends a command of the organiser.
func (s *protoScript) organise(t *testing.T, kind string, data map[string]any) protoFrame {
	t.Helper()
	return s.command(t, adminToken, protoCommand{ID: newUUID(), Type: kind, Data: data})
}

// TestRowChallenge (R01): a campaign cannot open without a challenge text, and every idea in it links to that challenge.
func TestRowChallenge(t *testing.T) {
	s := rowScript(t)
	bare := map[string]any{"title": "Zonder vraag", "template": "campaign", "challenge": map[string]any{"title": "Later"}}
	opened := maps.Clone(bare)
	opened["settings"] = map[string]any{"stage": "collect"}
	s.server.refused(http.StatusBadRequest, "bad_request", "POST", "/campaigns", adminToken, opened)

	var made struct{ ID, Code string }
	s.server.want(http.StatusCreated, &made, "POST", "/campaigns", adminToken, bare)
	s.campaign = made.ID
	s.server.refused(http.StatusConflict, "phase_closed", "POST", "/join", "", joinBody(made.Code, "Ana", "citizen", newUUID()))
	if f := s.organise(t, "stage.set", map[string]any{"stage": "collect"}); f.Error == nil {
		t.Error("a campaign without a challenge text was opened")
	}
	const question = "Hoe blijft de stad een thuis voor wie er woont?"
	if f := s.organise(t, "campaign.edit", map[string]any{"challenge": map[string]any{"text": question}}); f.Error != nil {
		t.Fatalf("campaign.edit: %+v", f.Error)
	}
	if f := s.organise(t, "stage.set", map[string]any{"stage": "collect"}); f.Error != nil {
		t.Fatalf("stage.set with a challenge: %+v", f.Error)
	}
	ana := s.client(t, s.join(t, made.Code, "Ana", "citizen")).connect()
	ana.must(protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": "Eerste", "text": "x"}})
	ana.must(protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": "Tweede", "text": "x"}})

	var file struct {
		Campaign struct {
			Challenge struct{ ID, Text string }
		}
		Ideas []struct{ Title, Challenge string }
	}
	s.server.want(http.StatusOK, &file, "GET", "/campaigns/"+s.campaign+"/export?format=json", adminToken, nil)
	if file.Campaign.Challenge.Text != question || !uuidForm.MatchString(file.Campaign.Challenge.ID) || len(file.Ideas) != 2 {
		t.Errorf("exported challenge %+v with %d ideas", file.Campaign.Challenge, len(file.Ideas))
	}
	for _, i := range file.Ideas {
		if i.Challenge != file.Campaign.Challenge.ID {
			t.Errorf("idea %q links to challenge %q, want %q", i.Title, i.Challenge, file.Campaign.Challenge.ID)
		}
	}
}

// TestRowNodes (R04): the six innovation nodes ship as a taxonomy, the filter by node counts right, and an idea may carry two.
func TestRowNodes(t *testing.T) {
	s := rowScript(t)
	if want := []string{"industrial_transformation", "eco_innovation", "green_mobility", "renewable_energy", "care", "social_innovation"}; !slices.Equal(ideas.Nodes, want) {
		t.Fatalf("the taxonomy is %v, want %v", ideas.Nodes, want)
	}
	var code string
	s.campaign, code = s.create(t, "Knooppunten", map[string]any{})
	session := s.join(t, code, "Ana", "citizen")
	ana := s.client(t, session).connect()
	post := func(nodes ...string) protoCommand {
		return protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": fmt.Sprint("Idee ", nodes), "text": "x", "nodes": nodes}}
	}
	want := map[string]int{}
	var last uint64
	for n, node := range ideas.Nodes {
		for range n + 1 {
			last = ana.must(post(node)).Seq
			want[node]++
		}
	}
	last = max(last, ana.must(post("care", "green_mobility")).Seq)
	want["care"]++
	want["green_mobility"]++
	ana.refuse(post("astrology"), "bad_request")
	ana.refuse(post("care", "green_mobility", "social_innovation"), "bad_request", "too_large", "limit_reached")
	s.server.poll("the snapshot to have all", func() bool { return ana.snapshot().Seq >= last })
	for _, node := range ideas.Nodes {
		var page struct {
			Total int
			Ideas []struct{ Nodes []string }
		}
		s.server.want(http.StatusOK, &page, "GET", "/campaigns/"+s.campaign+"?node="+node, session.Token, nil)
		if page.Total != want[node] || len(page.Ideas) != want[node] {
			t.Errorf("filter by %s: %d ideas, total %d, want %d", node, len(page.Ideas), page.Total, want[node])
		}
		for _, i := range page.Ideas {
			if !slices.Contains(i.Nodes, node) {
				t.Errorf("filter by %s gave an idea with nodes %v", node, i.Nodes)
			}
		}
	}
}

// TestRowInnovationTypes (R06): an idea carries one or more of the five types of novelty, and the export holds exactly these codes.
func TestRowInnovationTypes(t *testing.T) {
	s := rowScript(t)
	var code string
	s.campaign, code = s.create(t, "Vernieuwing", map[string]any{})
	ana := s.client(t, s.join(t, code, "Ana", "citizen")).connect()
	types := []string{"product", "service", "process", "marketing", "organisation"}
	want := map[string][]string{"Alles": types}
	for _, one := range types {
		want["Alleen "+one] = []string{one}
	}
	for title, innovation := range want {
		ana.must(protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": title, "text": "x", "innovation": innovation}})
	}
	for _, wrong := range [][]string{{"Product"}, {"technology"}, {"product", "product"}, {""}} {
		ana.refuse(protoCommand{ID: newUUID(), Type: "idea.post", Data: map[string]any{"title": "Fout", "text": "x", "innovation": wrong}}, "bad_request")
	}
	var file protoExport
	s.server.want(http.StatusOK, &file, "GET", "/campaigns/"+s.campaign+"/export?format=json", adminToken, nil)
	if len(file.Ideas) != len(want) {
		t.Errorf("%d ideas in the export, want %d", len(file.Ideas), len(want))
	}
	for _, i := range file.Ideas {
		if got := slices.Sorted(slices.Values(i.Innovation)); !slices.Equal(got, slices.Sorted(slices.Values(want[i.Title]))) {
			t.Errorf("%s: exported as %v, want %v", i.Title, i.Innovation, want[i.Title])
		}
	}
	_, _, text := s.server.call("GET", "/campaigns/"+s.campaign+"/export?format=csv&lang=en", adminToken, nil)
	rows := rowsOf(t, bytes.NewReader(text), ',')
	if len(rows) != len(want) {
		t.Errorf("%d rows in the table, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		if got := slices.Sorted(slices.Values(strings.Split(row["innovation"], "; "))); !slices.Equal(got, slices.Sorted(slices.Values(want[row["title"]]))) {
			t.Errorf("%s: the column holds %q, want %v", row["title"], row["innovation"], want[row["title"]])
		}
	}
}

// TestRowChannels (R20): a join carries the channel of its link, and joins are counted per channel: each person once, organisers and projectors not.
func TestRowChannels(t *testing.T) {
	s := rowScript(t)
	var code string
	s.campaign, code = s.create(t, "Kanalen", map[string]any{})
	want := map[string]int{"affiche": 3, "school": 2, "": 1}
	for channel, people := range want {
		for n := range people {
			body := joinBody(code, fmt.Sprintf("%s %d", "Gast", n), "citizen", newUUID())
			body["channel"] = channel
			for range 2 { // once more with the same key: the same person
				if status, _, text := s.server.call("POST", "/join", "", body); status/100 != 2 {
					t.Fatalf("join: %d %.200s", status, text)
				}
			}
		}
	}
	var list struct{ Channels map[string]int }
	s.server.want(http.StatusOK, &list, "GET", "/campaigns/"+s.campaign+"/participants", adminToken, nil)
	if !maps.Equal(list.Channels, want) {
		t.Errorf("joins by channel: %v, want %v", list.Channels, want)
	}
}

// TestRowRoles (R94): the five roles of a social innovator are the groups offered at join, and entrepreneur is a flag beside them, not a sixth.
func TestRowRoles(t *testing.T) {
	s := rowScript(t)
	var code string
	s.campaign, code = s.create(t, "Groepen", map[string]any{"small_cell": 0})
	five := []string{"citizen", "civil_society", "firm", "knowledge", "government"}
	if !slices.Equal(campaign.Groups, five) {
		t.Fatalf("the groups are %v, want %v", campaign.Groups, five)
	}
	var clients []*protoClient
	for _, group := range five {
		body := joinBody(code, "Lid van "+group, group, newUUID())
		body["entrepreneur"] = group == "firm"
		var session protoSession
		s.server.want(http.StatusCreated, &session, "POST", "/join", "", body)
		clients = append(clients, s.client(t, session).connect())
	}
	s.server.refused(http.StatusBadRequest, "bad_request", "POST", "/join", "", joinBody(code, "Zes", "entrepreneur", newUUID()))
	if got := clients[0].snapshot().Campaign["groups"]; fmt.Sprint(got) != fmt.Sprint(five) {
		t.Errorf("the campaign offers %v, want %v", got, five)
	}
	idea, _ := clients[0].post("Van iedereen")
	for _, c := range clients {
		c.must(setSupport(newUUID(), idea, 1))
	}
	c := clients[0]
	c.wait("the support of all five", func() bool { return c.tallies[idea].Support == 5 && len(c.tallies[idea].ByGroup) == 5 })
	c.mu.Lock()
	for group, n := range c.tallies[idea].ByGroup {
		if n != 1 || !slices.Contains(five, group) {
			t.Errorf("by_group has %d of %s", n, group)
		}
	}
	c.mu.Unlock()
	_, _, text := s.server.call("GET", "/campaigns/"+s.campaign+"/participants", adminToken, nil)
	var list struct {
		Participants []struct {
			Group        string
			Entrepreneur bool
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	flagged := 0
	for _, p := range list.Participants {
		if p.Entrepreneur {
			flagged++
			if p.Group != "firm" {
				t.Errorf("the entrepreneur is of group %q", p.Group)
			}
		}
	}
	if flagged != 1 {
		t.Errorf("%d entrepreneurs, want 1", flagged)
	}
}
