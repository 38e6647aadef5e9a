package campaign_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

var update = flag.Bool("update", false, "write what the scenarios say now; read the difference before committing it")

// TestScenarios plays the files of testdata/scenarios. A line is a command, or a question; the indented lines below it are what came of it. How
// commands are written stands in testdata/scenarios/README.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			was, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			is := play(t, string(was))
			if *update {
				if err := os.WriteFile(file, []byte(is), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, got := strings.Split(string(was), "\n"), strings.Split(is, "\n")
			for n := range max(len(want), len(got)) {
				if line(want, n) != line(got, n) {
					t.Fatalf("%s:%d:\n got %s\nwant %s\n(accept with -update)", file, n+1, line(got, n), line(want, n))
				}
			}
		})
	}
}

func line(list []string, n int) string {
	if n < len(list) {
		return list[n]
	}
	return "(end)"
}

// scenario is a room whose things have names.
type scenario struct {
	*room
	t     *testing.T
	named map[string]id.ID
	names map[id.ID]string
	last  *machine.Command
}

func play(t *testing.T, script string) string {
	s := &scenario{room: &room{t: t, m: campaign.New(), at: noon}, t: t, named: map[string]id.ID{}, names: map[id.ID]string{campaignID: "campaign"}}
	for _, n := range names {
		s.names[person(n)] = n
	}
	var out strings.Builder
	for _, text := range strings.Split(strings.TrimRight(script, "\n"), "\n") {
		if strings.HasPrefix(text, "\t") {
			continue
		}
		out.WriteString(text + "\n")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		for _, answer := range s.line(text) {
			out.WriteString("\t" + answer + "\n")
		}
		if fresh := restored(t, s.m); fresh.Digest() != s.m.Digest() {
			t.Fatalf("after %s the digest is not that of the state", text)
		}
	}
	return out.String()
}

// parts of a line: names in order, and the values of key=value.
type parts struct {
	list []string
	keys map[string]string
}

func (w *parts) next() string {
	if len(w.list) == 0 {
		return ""
	}
	first := w.list[0]
	w.list = w.list[1:]
	return first
}

func read(t *testing.T, text string) *parts {
	w := &parts{keys: map[string]string{}}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		end := strings.IndexByte(text+" ", ' ')
		word := text[:min(end, len(text))]
		key, value, pair := strings.Cut(word, "=")
		if pair && strings.HasPrefix(value, `"`) {
			quoted, err := strconv.QuotedPrefix(text[len(key)+1:])
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			value, _ = strconv.Unquote(quoted)
			end = len(key) + 1 + len(quoted)
		}
		if pair {
			w.keys[key] = value
		} else {
			w.list = append(w.list, word)
		}
		text = text[min(end, len(text)):]
	}
	return w
}

func (s *scenario) line(text string) []string {
	w := read(s.t, text)
	switch first := w.next(); first {
	case "show":
		return s.show(w.next())
	case "wait":
		ms, err := strconv.Atoi(strings.TrimSuffix(w.next(), "ms"))
		if err != nil {
			s.t.Fatal(text, err)
		}
		s.at += int64(ms)
		return nil
	case "clock":
		owed, next := s.m.Due(s.at)
		out := []string{fmt.Sprintf("%d owed, the next in %dms", len(owed), max(0, next-s.at))}
		for _, c := range owed {
			s.last = c
			out = append(out, s.told(s.apply(copyOf(c)))...)
		}
		return out
	case "again":
		c := copyOf(s.last)
		if as := w.next(); as != "" {
			c.Actor = person(as)
		}
		return s.told(s.apply(c))
	case "forget":
		for range machine.Window { // commands that do nothing else
			c := copyOf(s.last)
			s.n++
			c.ID, c.Type, c.Data = commandID(s.n), "nothing", nil
			s.apply(c)
		}
		return nil
	case "restart":
		s.m = restored(s.t, s.m)
		return nil
	default:
		return s.command(first, w)
	}
}

func (s *scenario) find(name string) id.ID {
	if i, ok := s.named[name]; ok {
		return i
	}
	return id.Derive(space, "nothing", name)
}

// command sends what a line says, and gives names to what it makes.
func (s *scenario) command(name string, w *parts) []string {
	kind := w.next()
	text := func(key string) ideas.Text { return by(name, w.keys[key]) }
	list := func(key string) []string {
		return strings.FieldsFunc(w.keys[key], func(r rune) bool { return r == ',' })
	}
	made, data := "", any(nil)
	switch kind {
	case campaign.Create:
		data = s.campaign(w)
	case campaign.Join:
		data = &campaign.JoinData{Group: groupOf(name), Role: roleOf(name), Channel: w.keys["channel"]}
	case campaign.IdeaPost, campaign.IdeaEdit:
		d := &campaign.IdeaData{
			Title: text("title"), Text: text("text"), Need: text("need"), Reason: text("reason"),
			Themes: list("themes"), Nodes: list("nodes"), Innovation: list("innovation"),
		}
		if w.keys["definition"] != "" {
			d.Definition = &ideas.Definition{Need: true, Novelty: w.keys["definition"] == "yes"}
		}
		if made = w.next(); kind == campaign.IdeaEdit {
			d.Idea, made = s.find(made), ""
			d.Changes = slices.DeleteFunc(slices.Sorted(maps.Keys(w.keys)), func(k string) bool { return k == "reason" || k == "lane" || k == "n" })
		}
		data = d
	case campaign.IdeaRetract, campaign.IdeaReport, campaign.IdeaModerate, campaign.IdeaAnswer:
		data = &campaign.ActData{Idea: s.find(w.next()), Action: w.next(), Reason: text("reason")}
	case campaign.CommentPost:
		made = w.next()
		d := &campaign.CommentData{Idea: s.find(w.next()), Kind: "question", Text: text("text")}
		if to := w.keys["to"]; to != "" {
			d.ReplyTo = s.find(to)
		}
		data = d
	case campaign.CommentEdit:
		data = &campaign.CommentData{Comment: s.find(w.next()), Kind: "question", Text: text("text")}
	case campaign.CommentModerate, campaign.CommentRetract:
		data = &campaign.ActData{Comment: s.find(w.next()), Action: w.next(), Reason: text("reason")}
	case campaign.SupportSet:
		d := &campaign.SupportData{Idea: s.find(w.next())}
		value, err := strconv.Atoi(w.next())
		if err != nil {
			s.t.Fatal(err)
		}
		d.Value = int8(value)
		data = d
	case campaign.StageSet:
		data = &campaign.StageData{Stage: w.next()}
	case campaign.CampaignEdit:
		d := s.campaign(w)
		data = &campaign.EditData{Challenge: &d.Challenge, Settings: &d.Settings}
	default:
		data = &campaign.ParticipantData{Participant: person(w.next()), Role: w.keys["role"], Muted: w.keys["muted"] != "no", Reason: text("reason")}
	}
	c := s.room.command(kind, name, data)
	c.Lane, _ = strconv.ParseUint(w.keys["lane"], 10, 64)
	c.N, _ = strconv.ParseUint(w.keys["n"], 10, 64)
	if made != "" {
		_, i := campaign.Made(c)
		s.named[made], s.names[i] = i, made
	}
	before := len(s.log)
	o := s.send(c)
	if len(s.log) > before {
		s.last = copyOf(s.log[len(s.log)-1].c)
		return s.told(o)
	}
	return append([]string{"not appended"}, s.told(o)...)
}

func (s *scenario) campaign(w *parts) *campaign.CreateData {
	d := createData()
	for key, value := range w.keys {
		n, _ := strconv.Atoi(value)
		switch key {
		case "moderation":
			d.Settings.Moderation = value
		case "small":
			d.Settings.SmallCell = n
		case "against":
			d.Settings.SupportAgainst = value == "yes"
		case "stage":
			d.Stage = value
		case "question":
			d.Challenge.Text = value
		case "schedule": // stage:milliseconds from noon
			for _, part := range strings.Split(value, ",") {
				stage, at, _ := strings.Cut(part, ":")
				ms, _ := strconv.Atoi(at)
				d.Settings.Schedule = append(d.Settings.Schedule, campaign.Switch{Stage: stage, At: noon + int64(ms)})
			}
		default:
			s.t.Fatalf("a campaign has no %s", key)
		}
	}
	return d
}

// told is what the sender is told, and the events.
func (s *scenario) told(o machine.Outcome) []string {
	out := []string{fmt.Sprintf("done in %d", o.Seq)}
	if o.Refusal != nil {
		out = []string{strings.Join(strings.Fields(said(o)), " ")}
	}
	for _, e := range o.Events {
		text := e.Type
		if !e.By.IsZero() {
			text += " by " + s.names[e.By]
		}
		text += map[machine.Audience]string{machine.Public | machine.Moderators: ", shown to everyone", machine.Moderators: ", shown to moderators"}[e.Shown]
		if !e.To.IsZero() {
			text += " and " + s.names[e.To]
		}
		text += ": " + s.names[e.Subject]
		if !e.Part.IsZero() {
			text += ", " + s.names[e.Part]
		}
		if e.Hides {
			text += "; hides"
		}
		if e.Recut {
			text += "; recut"
		}
		out = append(out, text)
	}
	return out
}

// show prints what an audience, or a person, sees.
func (s *scenario) show(who string) (out []string) {
	view := s.m.View(machine.Public, nameOf)
	list := view.Ideas
	switch who {
	case "public":
		out = append(out, fmt.Sprintf("stage %s", s.m.Stage()))
	case "moderators":
		view = s.m.View(machine.Moderators, nameOf)
		list = view.Ideas
	default:
		me := view.Me(person(who), voter(who))
		list = func() []wire.Idea { return me.Ideas }
		for i, value := range me.Support {
			v, _ := id.Parse(i)
			out = append(out, fmt.Sprintf("%s: %+d", s.names[v], value))
		}
		slices.Sort(out)
	}
	for _, i := range list() {
		text := fmt.Sprintf("%s %s %q %q by %q", s.names[i.ID], i.Status, i.Title, i.Text, i.Authors[0].Name)
		for _, of := range []struct {
			is   bool
			text string
		}{
			{i.Review, " (an edit waits)"}, {i.Locked, " (locked)"}, {i.Pinned, " (pinned)"}, {i.Reason != "", fmt.Sprintf(" (because %q)", i.Reason)},
			{i.Reports > 0, fmt.Sprintf(" (%d reports)", i.Reports)}, {i.Version > 1, fmt.Sprintf(" (version %d)", i.Version)},
			{i.Answer != nil, fmt.Sprintf(" (answered %+v)", i.Answer)}, {len(i.Nodes) > 0, " on " + strings.Join(i.Nodes, " and ")},
			{len(i.Incomplete) > 0, " lacks " + strings.Join(i.Incomplete, ", ")},
		} {
			if of.is {
				text += of.text
			}
		}
		text += fmt.Sprintf(", support %d", i.Support.Total)
		if i.Support.Against > 0 {
			text += fmt.Sprintf(" against %d", i.Support.Against)
		}
		for _, group := range slices.Sorted(maps.Keys(i.Support.ByGroup)) {
			text += fmt.Sprintf(" %s %d", group, i.Support.ByGroup[group])
		}
		out = append(out, text)
		for _, c := range i.Comments {
			text := fmt.Sprintf("  %s %s %q by %q", s.names[c.ID], c.Status, c.Text, c.Author.Name)
			if c.ReplyTo != nil {
				text += " to " + s.names[*c.ReplyTo]
			}
			if c.Edited {
				text += " (edited)"
			}
			out = append(out, text)
		}
	}
	return out
}
