package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"kiem/id"
)

// exported is what is read of a JSON export.
type exported struct {
	Campaign struct {
		ID       id.ID    `json:"id"`
		Title    string   `json:"title"`
		Groups   []string `json:"groups"`
		Settings struct {
			SmallCell int `json:"small_cell"`
		} `json:"settings"`
	} `json:"campaign"`
	Seq    uint64    `json:"seq"`
	Head   string    `json:"head"`
	MadeAt time.Time `json:"made_at"`
	Top    int       `json:"top"`
	Ideas  []struct {
		ID      id.ID `json:"id"`
		Support struct {
			Total   *int           `json:"total"`
			Against int            `json:"against"`
			ByGroup map[string]int `json:"by_group"`
		} `json:"support"`
		Comments []struct {
			ID id.ID `json:"id"`
		} `json:"comments"`
	} `json:"ideas"`
}

// JSON checks an export in JSON. It holds no log and no ballots, so little follows from it.
func JSON(r io.Reader) *File {
	f := &File{}
	var e exported
	d := json.NewDecoder(&meter{r: r, left: MaxJSON})
	if err := d.Decode(&e); err != nil {
		f.problem(Form, "", "it cannot be read: %v", err)
		return f
	}
	f.Campaign, f.Title, f.MadeAt, f.Seq, f.Head, f.Ideas = e.Campaign.ID, e.Campaign.Title, e.MadeAt, e.Seq, e.Head, len(e.Ideas)
	if e.Campaign.ID.IsZero() || e.Seq == 0 || len(e.Head) != 64 {
		f.problem(Form, "", "it is no export of a campaign: campaign %s, entry %d, head %q", e.Campaign.ID, e.Seq, e.Head)
		return f
	}
	groups := map[string]bool{other: true}
	for _, g := range e.Campaign.Groups {
		groups[g] = true
	}
	seen, small := map[id.ID]bool{}, e.Campaign.Settings.SmallCell
	for _, i := range e.Ideas {
		if i.ID.IsZero() || seen[i.ID] || i.Support.Total == nil || *i.Support.Total < 0 || i.Support.Against < 0 {
			f.problem(Form, "", "idea %s comes twice, or has no total", i.ID)
			continue
		}
		seen[i.ID] = true
		f.Ballots += *i.Support.Total
		f.Comments += len(i.Comments)
		for g, v := range i.Support.ByGroup {
			if !groups[g] || v < max(small, 1) {
				f.problem(Differs, "", "idea %s: %d of the group %q, which is none of the campaign's, or less than the smallest figure that is shown, %d", i.ID, v, g, small)
			}
		}
	}
	f.Proven = []string{fmt.Sprintf("%d ideas, each once; no figure by group is below %d", f.Ideas, small)}
	f.Unproven = []string{
		"whether anything in it was changed: it holds neither the log nor ballots, and the head is only what it says. A zip of the same campaign holds both",
		"that the head is the one that everybody was shown: compare it with one that you noted",
	}
	return f
}
