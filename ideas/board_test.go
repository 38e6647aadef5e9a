package ideas

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kiem/id"
)

func text(s string) Text { return NewText(ana, s) }

func idea(n byte, status Status) *Idea {
	return &Idea{ID: id.ID{n}, Author: ana, Version: 1, Status: status, Current: Revision{Title: text("was"), Text: text("old")}}
}

// TestModerateIdea is the table of what a moderator may do to an idea in each state. A row gives, for each action, the state that follows, or
// "-": the action does not fit and nothing changes. "+" stands for an edit that waits beside what is posted.
func TestModerateIdea(t *testing.T) {
	states := map[string]func() *Idea{
		"posted":    func() *Idea { return idea(1, Posted) },
		"posted+":   func() *Idea { i := idea(1, Posted); i.Pending = &Revision{Title: text("new")}; return i },
		"reported":  func() *Idea { i := idea(1, Posted); i.Report(id.ID{9}); return i },
		"waiting":   func() *Idea { return idea(1, Waiting) },
		"rejected":  func() *Idea { return idea(1, Rejected) },
		"hidden":    func() *Idea { return idea(1, Hidden) },
		"hidden+":   func() *Idea { i := idea(1, Hidden); i.Pending = &Revision{Title: text("new")}; return i },
		"retracted": func() *Idea { return idea(1, Retracted) },
	}
	table := `
		state     | approve | reject   | hide    | restore | lock    | unlock  | pin     | unpin    | nonsense
		posted    | -       | -        | hidden  | -       | posted  | posted  | posted  | posted   | -
		posted+   | posted  | posted   | hidden+ | -       | posted+ | posted+ | posted+ | posted+  | -
		reported  | posted  | -        | hidden  | -       | posted  | posted  | posted  | posted   | -
		waiting   | posted  | rejected | -       | -       | waiting | waiting | waiting | waiting  | -
		rejected  | posted  | -        | -       | posted  | rejected| rejected| rejected| rejected | -
		hidden    | -       | -        | -       | posted  | hidden  | hidden  | hidden  | hidden   | -
		hidden+   | hidden  | hidden   | -       | posted+ | hidden+ | hidden+ | hidden+ | hidden+  | -
		retracted | -       | -        | -       | -       | -       | -       | -       | -        | -`
	eachCell(t, table, func(state, action, want string) {
		i := states[state]()
		before := fmt.Sprintf("%+v", i)
		if !i.Moderate(action, text("because"), 7) {
			if want != "-" || fmt.Sprintf("%+v", i) != before {
				t.Errorf("%s, %s: refused, want %s; %+v", state, action, want, i)
			}
			return
		}
		got := string(i.Status)
		if i.Pending != nil {
			got += "+"
		}
		if got != want {
			t.Errorf("%s, %s: %s, want %s", state, action, got, want)
		}
		approved := action == "approve" && strings.HasSuffix(state, "+")
		if title := i.Current.Title.Words(); (title == "new") != approved || approved && (i.Version != 2 || i.EditedAt != 7) {
			t.Errorf("%s, %s: title %q, version %d, edited at %d", state, action, title, i.Version, i.EditedAt)
		}
		switch action {
		case "lock", "unlock", "pin", "unpin":
			if i.Reason.Units != 0 || i.Locked != (action == "lock") || i.Pinned != (action == "pin") {
				t.Errorf("%s, %s: %+v", state, action, i)
			}
		default:
			if i.Reason.Words() != "because" || len(i.Reports) != 0 {
				t.Errorf("%s, %s: reason %q, %d reports", state, action, i.Reason.Words(), len(i.Reports))
			}
		}
	})
}

// TestModerateComment is the same table for comments.
func TestModerateComment(t *testing.T) {
	make := func(s Status, pending bool) *Comment {
		c := &Comment{ID: id.ID{1}, Status: s, Text: text("old")}
		if pending {
			now := text("new")
			c.Pending = &now
		}
		return c
	}
	table := `
		state     | approve | reject   | hide    | restore | lock
		posted    | -       | -        | hidden  | -       | -
		posted+   | posted  | posted   | hidden+ | -       | -
		waiting   | posted  | rejected | -       | -       | -
		rejected  | posted  | -        | -       | posted  | -
		hidden    | -       | -        | -       | posted  | -
		hidden+   | hidden  | hidden   | -       | posted+ | -
		retracted | -       | -        | -       | -       | -`
	eachCell(t, table, func(state, action, want string) {
		status, pending := strings.CutSuffix(state, "+")
		c := make(Status(status), pending)
		before := fmt.Sprintf("%+v", *c)
		if !c.Moderate(action, text("because")) {
			if want != "-" || fmt.Sprintf("%+v", *c) != before {
				t.Errorf("%s, %s: refused, want %s; %+v", state, action, want, c)
			}
			return
		}
		got := string(c.Status)
		if c.Pending != nil {
			got += "+"
		}
		if got != want || c.Reason.Words() != "because" || (c.Text.Words() == "new") != (pending && action == "approve") {
			t.Errorf("%s, %s: %s, want %s; %+v", state, action, got, want, c)
		}
	})
}

// eachCell reads a table with a head.
func eachCell(t *testing.T, table string, visit func(row, column, cell string)) {
	t.Helper()
	var columns []string
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if columns == nil {
			columns = cells
			continue
		}
		if len(cells) != len(columns) {
			t.Fatalf("%q has %d cells, want %d", line, len(cells), len(columns))
		}
		for i := 1; i < len(cells); i++ {
			visit(cells[0], columns[i], cells[i])
		}
	}
}

// TestEditIdea: what an edit does in each state, with and without a moderator to look first. "old" is what others go on seeing.
func TestEditIdea(t *testing.T) {
	for _, c := range []struct {
		status  Status
		review  bool
		current string
		pending string
		then    Status
		version int
	}{
		{Posted, false, "new", "", Posted, 2},
		{Posted, true, "was", "new", Posted, 1},
		{Waiting, false, "new", "", Waiting, 2},
		{Waiting, true, "new", "", Waiting, 2},
		{Rejected, false, "new", "", Rejected, 2},
		{Rejected, true, "new", "", Waiting, 2},
		{Hidden, false, "new", "", Hidden, 2},
		{Hidden, true, "new", "", Hidden, 2},
	} {
		i := idea(1, c.status)
		i.Edit(Revision{Title: text("new")}, 5, c.review, 0, 0)
		pending := ""
		if i.Pending != nil {
			pending = i.Pending.Title.Words()
		}
		latest := i.Latest()
		if i.Current.Title.Words() != c.current || pending != c.pending || i.Status != c.then || i.Version != c.version || latest.Title.Words() != "new" {
			t.Errorf("%s, review %v: %q, pending %q, %s, version %d", c.status, c.review, i.Current.Title.Words(), pending, i.Status, i.Version)
		}
	}
}

// TestEditComment is the same for comments.
func TestEditComment(t *testing.T) {
	for _, c := range []struct {
		status  Status
		review  bool
		now     string
		pending bool
		then    Status
	}{
		{Posted, false, "new", false, Posted}, {Posted, true, "old", true, Posted}, {Waiting, true, "new", false, Waiting},
		{Rejected, true, "new", false, Waiting}, {Rejected, false, "new", false, Rejected}, {Hidden, true, "new", false, Hidden},
	} {
		m := &Comment{Status: c.status, Text: text("old"), Kind: "question"}
		m.Edit(text("new"), "concern", c.review, 0, 0)
		if m.Text.Words() != c.now || (m.Pending != nil) != c.pending || m.Status != c.then || m.Kind != "concern" || m.Edited == c.pending {
			t.Errorf("%s, review %v: %+v", c.status, c.review, m)
		}
	}
}

// TestBoard: what is on it is found, counted and taken back once.
func TestBoard(t *testing.T) {
	b := NewBoard()
	first, second := idea(1, Posted), idea(2, Waiting)
	b.Add(first)
	b.Add(second)
	b.Add(&Idea{ID: id.ID{3}, Author: ana, Status: Retracted, Comments: []*Comment{{ID: id.ID{30}}}})
	b.AddComment(first, &Comment{ID: id.ID{10}})
	if b.Idea(id.ID{2}) != second || b.Idea(id.ID{9}) != nil || b.Comment(id.ID{10}) == nil || b.Comment(id.ID{30}) == nil || b.Comment(id.ID{9}) != nil {
		t.Error("something is not found, or found that is not there")
	}
	if len(b.All()) != 3 || b.All()[0] != first || b.PostedBy(ana) != 2 {
		t.Errorf("%d ideas, %d by the author", len(b.All()), b.PostedBy(ana))
	}
	second.Pending = &Revision{}
	if !b.Retract(second, text("mine")) || second.Status != Retracted || second.Pending != nil || b.PostedBy(ana) != 1 {
		t.Errorf("retracted: %+v, %d left", second, b.PostedBy(ana))
	}
	if b.Retract(second, text("again")) || second.Reason.Words() != "mine" || b.PostedBy(ana) != 1 {
		t.Error("retracted twice")
	}
	c := b.Comment(id.ID{10})
	if !c.Retract(text("mine")) || c.Retract(text("again")) || c.Reason.Words() != "mine" {
		t.Errorf("comment retracted: %+v", c)
	}
}

// TestReport: once each, up to the limit.
func TestReport(t *testing.T) {
	i := idea(1, Posted)
	for range 3 {
		i.Report(id.ID{9})
	}
	if len(i.Reports) != 1 {
		t.Errorf("%d reports by one person", len(i.Reports))
	}
	for n := range MaxReports + 10 {
		i.Report(id.Derive(id.ID{}, fmt.Sprint(n)))
	}
	if len(i.Reports) != MaxReports {
		t.Errorf("%d reports", len(i.Reports))
	}
}

// TestLanes: of one lane the newest wins for ever, as long as it is among the newest lanes; a list that was handed out does not change.
func TestLanes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l Lanes
		newest := map[uint64]uint64{}
		var order []uint64 // newest last
		for range rapid.IntRange(0, 60).Draw(t, "commands") {
			lane, n := rapid.Uint64Range(1, 11).Draw(t, "lane"), rapid.Uint64Range(0, 9).Draw(t, "n")
			late := n > 0 && newest[lane] >= n
			if l.Late(lane, n) != late {
				t.Fatalf("lane %d, n %d after %v: late %v", lane, n, l, !late)
			}
			if late {
				continue
			}
			before := fmt.Sprint(l)
			out := l
			l.Note(lane, n)
			if fmt.Sprint(out) != before {
				t.Fatalf("a list that was handed out became %v, it was %s", out, before)
			}
			if n == 0 {
				continue
			}
			newest[lane] = n
			for i, o := range order {
				if o == lane {
					order = append(order[:i:i], order[i+1:]...)
					break
				}
			}
			order = append(order, lane)
			if len(order) > MaxLanes {
				delete(newest, order[0])
				order = order[1:]
			}
			if len(l) != len(order) {
				t.Fatalf("%d lanes, want %d", len(l), len(order))
			}
		}
	})
}

// TestTexts: every text is listed, or erasing would leave it.
func TestTexts(t *testing.T) {
	i := &Idea{
		Current: Revision{Title: text("1"), Text: text("2"), Need: text("3")}, Reason: text("4"),
		Pending: &Revision{Title: text("5"), Text: text("6"), Need: text("7")}, Answer: &Answer{Reason: text("8")},
	}
	now := text("2")
	c := &Comment{Text: text("1"), Pending: &now, Reason: text("3")}
	for what, list := range map[string][]*Text{"12345678": i.Texts(), "123": c.Texts()} {
		seen := map[string]bool{}
		for _, x := range list {
			seen[x.Words()] = true
			x.Erase()
		}
		if len(seen) != len(what) || len(list) != len(what) {
			t.Errorf("%d of %d texts are listed", len(seen), len(what))
		}
	}
	for _, x := range append(i.Texts(), c.Texts()...) {
		if x.Readable() {
			t.Error("a text was listed as a copy")
		}
	}
}

// TestIncomplete (R06, R02): an idea may be posted without type, need and self-check, and says so.
func TestIncomplete(t *testing.T) {
	for want, r := range map[string]Revision{
		"innovation need definition": {},
		"need":                       {Innovation: []string{"service"}, Definition: &Definition{}},
		"innovation":                 {Need: text("care at home"), Definition: &Definition{}},
		"definition":                 {Need: text("care at home"), Innovation: []string{"service", "process"}},
		"":                           {Need: text("care at home"), Innovation: []string{"service"}, Definition: &Definition{Need: true}},
	} {
		if got := strings.Join(r.Incomplete(), " "); got != want {
			t.Errorf("incomplete: %q, want %q", got, want)
		}
	}
}
