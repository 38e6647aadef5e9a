package main_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// protoExport is export?format=json.
type protoExport struct {
	Campaign map[string]any `json:"campaign"`
	Seq      uint64         `json:"seq"`
	Head     string         `json:"head"`
	Ideas    []struct {
		ID         string   `json:"id"`
		Title      string   `json:"title"`
		Text       string   `json:"text"`
		Status     string   `json:"status"`
		Themes     []string `json:"themes"`
		Innovation []string `json:"innovation"`
		Support    struct {
			Total   *int           `json:"total"`
			ByGroup map[string]int `json:"by_group"`
		} `json:"support"`
		Comments []struct {
			Text string `json:"text"`
		} `json:"comments"`
		Authors  []any          `json:"authors"`
		Lineage  map[string]any `json:"lineage"`
		PostedAt string         `json:"posted_at"`
	} `json:"ideas"`
	Rounds []any `json:"rounds"`
}

// export compares the file with everything that was acknowledged.
func (s *protoScript) export(t *testing.T) {
	var file protoExport
	s.server.want(http.StatusOK, &file, "GET", "/campaigns/"+s.campaign+"/export?format=json", adminToken, nil)
	if !hashForm.MatchString(file.Head) || file.Seq == 0 || file.Campaign["title"] != "Samen wonen" || file.Rounds == nil {
		t.Errorf("export: seq %d, head %q, campaign %v, rounds %v", file.Seq, file.Head, file.Campaign["title"], file.Rounds)
	}
	titles, comments := map[string]int{}, 0
	for _, i := range file.Ideas {
		titles[i.Title]++
		comments += len(i.Comments)
		want, ok := s.posted[i.ID]
		switch {
		case !ok:
			t.Errorf("idea %s %q was never acknowledged", i.ID, i.Title)
		case i.Title != want || i.Text != "Wat we willen doen: "+want:
			t.Errorf("idea %s is %q %q, want %q", i.ID, i.Title, i.Text, want)
		case i.Support.Total == nil || *i.Support.Total != s.support[i.ID]:
			t.Errorf("%s: support is not %d: %+v", i.Title, s.support[i.ID], i.Support.ByGroup)
		case i.Status == "" || i.PostedAt == "" || len(i.Authors) == 0 || i.Lineage == nil || !slices.Equal(i.Themes, []string{"Wonen"}) || !slices.Equal(i.Innovation, []string{"service"}):
			t.Errorf("%s: a field is missing: %+v", i.Title, i)
		}
	}
	for id, title := range s.posted {
		if titles[title] != 1 {
			t.Errorf("idea %s %q is %d times in the export", id, title, titles[title])
		}
	}
	if len(file.Ideas) != len(s.posted) || comments != 5 {
		t.Errorf("%d ideas and %d comments, want %d and 5", len(file.Ideas), comments, len(s.posted))
	}
	if status, _, _ := s.server.call("GET", "/campaigns/"+s.campaign+"/export?format=json", "", nil); status != http.StatusUnauthorized {
		t.Errorf("export without a session: %d", status)
	}
}

// erasure: GET /me gives one's own data, DELETE /me removes it for everybody.
func (s *protoScript) erasure(t *testing.T) {
	id, code := s.create(t, "Vergeten worden", map[string]any{})
	const name, words = "Kanarie Vogel", "kanarie-19c4"
	bird, other := s.join(t, code, name, "citizen"), s.join(t, code, "Ben", "firm")
	idea, _ := newClient(t, s.server, id, bird.Token).connect().post(words)
	witness := newClient(t, s.server, id, other.Token).connect()
	witness.must(setSupport(newUUID(), idea, 1))
	status, _, text := s.server.call("GET", "/me", bird.Token, nil)
	if status != http.StatusOK || !strings.Contains(string(text), name) || !strings.Contains(string(text), words) {
		t.Errorf("GET /me: %d, without one's name and words: %.300s", status, text)
	}
	if status, _, text = s.server.call("DELETE", "/me", bird.Token, nil); status/100 != 2 {
		t.Fatalf("DELETE /me: %d %.200s", status, text)
	}
	s.server.poll("the name and the words to be gone", func() bool {
		_, _, snapshot := s.server.call("GET", "/campaigns/"+id, other.Token, nil)
		_, _, file := s.server.call("GET", "/campaigns/"+id+"/export?format=json", adminToken, nil)
		both := string(snapshot) + string(file)
		return !strings.Contains(both, name) && !strings.Contains(both, words)
	})
	s.server.refused(http.StatusUnauthorized, "unauthorised", "GET", "/campaigns/"+id+"/me", bird.Token, nil)
}

// goingAway ends the server as an operator does: clients are told to come back, and the exit is clean.
func (s *protoScript) goingAway(t *testing.T) {
	ana := s.client(t, s.ana).connect()
	resp, err := http.Get(s.server.url("/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kiem_connections", "kiem_commands_total", "kiem_frames_sent_total", "kiem_journal_fsync_seconds"} {
		if !strings.Contains(string(metrics), name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
	if code := s.server.terminate(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	if code := ana.closeCode(); code != 4001 {
		t.Errorf("the socket ended with %d, want 4001", code)
	}
}
