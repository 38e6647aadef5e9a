package campaign_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// shown collects every byte that somebody is shown: the snapshot of an audience, one's own part, and each event as it was rendered when it came.
type shown struct {
	r      *room
	name   string // whose eyes; "" for an audience
	view   campaign.View
	events []byte
}

// watch adds what an entry's events show.
func (s *shown) watch(t *testing.T, o machine.Outcome) {
	t.Helper()
	view := s.view
	if s.name != "" {
		view = view.As(person(s.name))
	}
	for i := range o.Events {
		data, ok := view.Event(&o.Events[i])
		if !ok {
			continue
		}
		s.events = append(s.events, must(json.Marshal(struct {
			Event machine.Event
			Data  any
		}{machine.Event{Type: o.Events[i].Type, By: o.Events[i].By, Subject: o.Events[i].Subject, Part: o.Events[i].Part}, data}))...)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// all is everything in sight now, and every event so far.
func (s *shown) all() string {
	out := append(must(json.Marshal(s.view.Campaign())), must(json.Marshal(s.view.Ideas()))...)
	out = append(out, must(json.Marshal(s.view.Listed(campaign.Participant)))...)
	for _, p := range s.r.m.People() {
		if s.view.Sees(&ideas.Idea{Author: person("nobody"), Status: ideas.Hidden}) { // a moderator's list of people
			out = append(out, must(json.Marshal(s.view.Participant(p.ID)))...)
		}
	}
	if s.name != "" {
		out = append(out, must(json.Marshal(s.view.Me(person(s.name), voter(s.name))))...)
	}
	return string(out) + string(s.events)
}

// stage of canaries: a campaign with pre-moderation in which each thing that some may not see has a word of its own.
type canaries struct {
	*room
	eyes map[string]*shown // by who looks
}

func newCanaries(t *testing.T) *canaries {
	c := &canaries{room: open(t, func(d *campaign.CreateData) { d.Settings.Moderation = "pre" }, "carla", "cem", "fay", "oscar")}
	c.eyes = map[string]*shown{
		"public":     {view: c.m.View(machine.Public, nameOf)},
		"cem":        {view: c.m.View(machine.Public, nameOf), name: "cem"},
		"carla":      {view: c.m.View(machine.Public, nameOf), name: "carla"},
		"moderators": {view: c.m.View(machine.Moderators, nameOf)},
	}
	for _, s := range c.eyes {
		s.r = c.room
	}
	return c
}

// do sends and lets everybody look.
func (c *canaries) do(t *testing.T, o machine.Outcome) {
	t.Helper()
	c.must(o)
	for _, s := range c.eyes {
		s.watch(t, o)
	}
}

// expect says who sees the word, now and in all events so far.
func (c *canaries) expect(t *testing.T, word string, who ...string) {
	t.Helper()
	for name, s := range c.eyes {
		want := false
		for _, w := range who {
			want = want || w == name
		}
		if got := strings.Contains(s.all(), word); got != want {
			t.Errorf("%s sees %q: %v, want %v", name, word, got, want)
		}
	}
}

func (c *canaries) postAs(t *testing.T, name, word string) id.ID {
	d := ideaData(name, "Titel "+word)
	d.Text, d.Need = by(name, "Tekst "+word), by(name, "Nood "+word)
	command := c.command(campaign.IdeaPost, name, d)
	c.do(t, c.send(command))
	_, made := campaign.Made(command)
	return made
}

func (c *canaries) approve(t *testing.T, i id.ID) {
	c.do(t, c.act(campaign.IdeaModerate, "fay", i, "approve", ""))
}

// TestViews hides a word in everything that not everybody may see, and searches all that is rendered for the public, for another participant, for
// the author and for moderators.
func TestViews(t *testing.T) {
	c := newCanaries(t)
	waiting := c.postAs(t, "carla", "kanarie-wacht")
	c.expect(t, "kanarie-wacht", "carla", "moderators")

	c.refused(c.send(c.command(campaign.CommentPost, "carla", &campaign.CommentData{Idea: waiting, Kind: "concern", Text: by("carla", "hallo?")})), "not_found idea no_idea")
	c.refused(c.send(c.command(campaign.CommentPost, "cem", &campaign.CommentData{Idea: waiting, Kind: "concern", Text: by("cem", "hallo?")})), "not_found idea no_idea")

	c.do(t, c.act(campaign.IdeaModerate, "fay", waiting, "reject", "kanarie-waarom"))
	c.expect(t, "kanarie-waarom", "carla", "moderators")
	c.expect(t, "kanarie-wacht", "carla", "moderators")

	hidden := c.postAs(t, "carla", "gezien-voordien")
	c.approve(t, hidden)
	c.expect(t, "gezien-voordien", "public", "cem", "carla", "moderators")
	for _, s := range c.eyes { // what was shown was shown: from here on it is hidden
		s.events = nil
	}
	c.do(t, c.act(campaign.IdeaModerate, "fay", hidden, "hide", "kanarie-verborgen"))
	c.expect(t, "gezien-voordien", "carla", "moderators")
	c.expect(t, "kanarie-verborgen", "carla", "moderators")
	c.do(t, c.send(c.command(campaign.IdeaEdit, "carla", &campaign.IdeaData{Idea: hidden, Changes: []string{"title"}, Title: by("carla", "kanarie-verbeterd"), Reason: by("carla", "")})))
	c.expect(t, "kanarie-verbeterd", "carla", "moderators")

	retracted := c.postAs(t, "carla", "kanarie-spijt")
	c.do(t, c.act(campaign.IdeaRetract, "carla", retracted, "", "kanarie-teruggenomen"))
	c.expect(t, "kanarie-spijt", "carla", "moderators")
	c.expect(t, "kanarie-teruggenomen", "carla", "moderators")

	open := c.postAs(t, "cem", "open")
	c.approve(t, open)
	report := c.act(campaign.IdeaReport, "carla", open, "", "kanarie-melding")
	c.do(t, report)
	if e := report.Events[0]; !e.By.IsZero() || !e.To.IsZero() || e.Shown != machine.Moderators {
		t.Errorf("it is told who reported, or to more than moderators: %+v", e)
	}
	c.expect(t, "kanarie-melding") // in the log only
	if n := c.eyes["moderators"].view.Idea(c.m.Board().Idea(open)).Reports; n != 1 {
		t.Errorf("moderators see %d reports", n)
	}
	for _, who := range []string{"public", "cem", "carla"} {
		if strings.Contains(c.eyes[who].all(), `"reports"`) {
			t.Errorf("%s sees that there are reports", who)
		}
	}

	say := c.command(campaign.CommentPost, "carla", &campaign.CommentData{Idea: open, Kind: "concern", Text: by("carla", "kanarie-reactie")})
	c.do(t, c.send(say))
	_, comment := campaign.Made(say)
	c.expect(t, "kanarie-reactie", "carla", "moderators")
	c.do(t, c.act(campaign.CommentModerate, "fay", comment, "reject", "kanarie-reactiereden"))
	c.expect(t, "kanarie-reactie\"", "carla", "moderators")
	c.expect(t, "kanarie-reactiereden")
	second := c.command(campaign.CommentPost, "cem", &campaign.CommentData{Idea: open, ReplyTo: comment, Kind: "concern", Text: by("cem", "antwoord")})
	c.refused(c.send(second), "not_found reply_to no_comment") // what one may not see cannot be answered

	// A reason is for the author and the moderators, also where everybody sees the idea.
	c.do(t, c.act(campaign.IdeaModerate, "fay", open, "lock", ""))
	c.do(t, c.send(c.command(campaign.IdeaEdit, "fay", &campaign.IdeaData{Idea: open, Changes: []string{"title"}, Title: by("fay", "open en beter"), Reason: by("fay", "kanarie-ingreep")})))
	c.expect(t, "open en beter", "public", "cem", "carla", "moderators")
	c.expect(t, "kanarie-ingreep", "cem", "moderators")

	// On a hidden idea nothing is seen but by its author and moderators, comments neither, whoever wrote them.
	talk := c.postAs(t, "carla", "gesprek")
	c.approve(t, talk)
	under := c.command(campaign.CommentPost, "cem", &campaign.CommentData{Idea: talk, Kind: "support", Text: by("cem", "kanarie-eronder")})
	c.do(t, c.send(under))
	_, at := campaign.Made(under)
	c.do(t, c.act(campaign.CommentModerate, "fay", at, "approve", ""))
	c.do(t, c.act(campaign.IdeaModerate, "fay", talk, "hide", ""))
	for _, s := range c.eyes {
		s.events = nil
	}
	c.expect(t, "kanarie-eronder", "carla", "moderators")
	c.do(t, c.send(c.command(campaign.CommentEdit, "cem", &campaign.CommentData{Comment: at, Kind: "support", Text: by("cem", "kanarie-stil")})))
	c.expect(t, "kanarie-stil", "moderators")

	// How people came, and what else only moderators know of them.
	c.join("oscar")
	c.do(t, c.send(c.command(campaign.Join, "kim", &campaign.JoinData{Group: "knowledge", Channel: "kanarie-kanaal"})))
	c.expect(t, "kanarie-kanaal", "moderators")
}

// TestPendingEdit (T28): an edit of what was approved waits, and until it is approved everybody but its author and the moderators goes on seeing
// the old text; rejecting the edit leaves the old text where it was.
func TestPendingEdit(t *testing.T) {
	c := newCanaries(t)
	i := c.postAs(t, "carla", "oud")
	c.approve(t, i)
	say := c.command(campaign.CommentPost, "carla", &campaign.CommentData{Idea: i, Kind: "concern", Text: by("carla", "reactie-oud")})
	c.do(t, c.send(say))
	_, comment := campaign.Made(say)
	c.do(t, c.act(campaign.CommentModerate, "fay", comment, "approve", ""))

	edit := func(word string) {
		c.do(t, c.send(c.command(campaign.IdeaEdit, "carla", &campaign.IdeaData{
			Idea: i, Changes: []string{"text", "nodes"}, Text: by("carla", word), Nodes: []string{"green_mobility"}, Reason: by("carla", ""),
		})))
		c.do(t, c.send(c.command(campaign.CommentEdit, "carla", &campaign.CommentData{Comment: comment, Kind: "concern", Text: by("carla", "reactie-"+word)})))
	}
	edit("kanarie-a")
	c.expect(t, "kanarie-a", "carla", "moderators")
	c.expect(t, "Tekst oud", "public", "cem", "carla", "moderators")
	for who, want := range map[string]string{"public": "Tekst oud care reactie-oud posted", "moderators": "kanarie-a green_mobility reactie-kanarie-a waiting"} {
		got := c.eyes[who].view.Idea(c.m.Board().Idea(i))
		if s := fmt.Sprint(got.Text, " ", strings.Join(got.Nodes, ","), " ", got.Comments[0].Text, " ", got.Status); s != want {
			t.Errorf("%s see %s, want %s", who, s, want)
		}
	}
	if got := c.eyes["public"].view.Nodes()["green_mobility"] + c.eyes["moderators"].view.Nodes()["care"]; got != 0 {
		t.Error("filters count another revision than is shown")
	}

	c.do(t, c.act(campaign.IdeaModerate, "fay", i, "reject", "niet zo"))
	c.do(t, c.act(campaign.CommentModerate, "fay", comment, "reject", "niet zo"))
	for _, who := range []string{"public", "cem", "carla", "moderators"} {
		got := c.eyes[who].view.As(person("carla")).Idea(c.m.Board().Idea(i))
		if got.Text != "Tekst oud" || got.Status != "posted" || got.Review || got.Version != 1 || got.Comments[0].Text != "reactie-oud" {
			t.Errorf("after rejecting the edit %s see %+v", who, got)
		}
	}

	edit("kanarie-b")
	c.approve(t, i)
	c.do(t, c.act(campaign.CommentModerate, "fay", comment, "approve", ""))
	c.expect(t, "kanarie-b", "public", "cem", "carla", "moderators")
	if got := c.eyes["public"].view.Idea(c.m.Board().Idea(i)); got.Version != 2 || got.EditedAt == nil || !got.Comments[0].Edited {
		t.Errorf("after approving the edit: %+v", got)
	}
}

// TestErased (T29): who is erased leaves neither words nor name, in no view, in no snapshot and in no later event; what others wrote stays, the
// counts stay, and the digest is that of a machine which never could read a word.
func TestErased(t *testing.T) {
	c := newCanaries(t)
	c.do(t, c.send(c.command(campaign.Join, "kim", &campaign.JoinData{Group: "knowledge", Channel: "folder"})))
	posted := c.postAs(t, "kim", "kanarie-idee")
	c.approve(t, posted)
	c.do(t, c.send(c.command(campaign.IdeaEdit, "kim", &campaign.IdeaData{Idea: posted, Changes: []string{"text"}, Text: by("kim", "kanarie-edit"), Reason: by("kim", "")})))
	waiting := c.postAs(t, "kim", "kanarie-wacht")
	c.do(t, c.act(campaign.IdeaRetract, "kim", waiting, "", "kanarie-reden"))
	other := c.postAs(t, "carla", "blijft")
	c.approve(t, other)
	say := c.command(campaign.CommentPost, "kim", &campaign.CommentData{Idea: other, Kind: "concern", Text: by("kim", "kanarie-reactie 🌱")})
	c.do(t, c.send(say))
	_, comment := campaign.Made(say)
	c.do(t, c.act(campaign.CommentModerate, "fay", comment, "approve", ""))
	c.do(t, c.send(c.command(campaign.CommentEdit, "kim", &campaign.CommentData{Comment: comment, Kind: "concern", Text: by("kim", "kanarie-later")})))
	c.must(c.support("kim", other, 1))
	c.m.Texts(func(x *ideas.Text) {
		if x.Units > 0 {
			x.Sealed = []byte("verzegeld: " + x.Words())
		}
	})
	before := c.eyes["moderators"].all()
	if !strings.Contains(before, "Kim") || !strings.Contains(string(c.m.Snapshot()), "kanarie") {
		t.Fatal("there is nothing to erase")
	}
	support, joined := c.total(other), c.m.Joined()

	for _, s := range c.eyes { // what was shown before is the ring's to forget
		s.events = nil
	}
	erased := c.about(campaign.PersonErased, "kim", "kim")
	c.do(t, erased)
	if e := erased.Events[0]; !e.Hides || !e.Recut || e.To != person("kim") {
		t.Errorf("nobody is told to start anew: %+v", e)
	}
	c.do(t, c.act(campaign.IdeaModerate, "fay", posted, "pin", ""))
	c.do(t, c.act(campaign.CommentModerate, "fay", comment, "approve", ""))
	c.expect(t, "kanarie")
	c.expect(t, "Kim")
	c.expect(t, "folder")
	c.expect(t, "Tekst blijft", "public", "cem", "carla", "moderators")
	if b := string(c.m.Snapshot()); strings.Contains(b, "kanarie") || !strings.Contains(b, "blijft") {
		t.Error("the snapshot holds what was erased, or has lost what was not")
	}
	if strings.Contains(string(must(json.Marshal(c.m.View(machine.Public, nameOf).Me(person("kim"), voter("kim"))))), "Kim") {
		t.Error("one's own part still has the name")
	}
	if c.total(other) != support || c.m.Joined() != joined || c.m.Channels()["folder"] != 1 {
		t.Error("the counts changed")
	}
	if got := c.eyes["public"].view.Idea(c.m.Board().Idea(posted)); len([]rune(got.Text)) == 0 || got.Status != "posted" {
		t.Errorf("what stands for the erased text: %+v", got)
	}

	unread := campaign.New()
	for _, a := range c.log {
		unread.Apply(blind(a.c), a.s)
	}
	if unread.Digest() != c.m.Digest() {
		t.Error("the digest knows the words")
	}
	c.refused(c.send(c.command(campaign.IdeaPost, "kim", ideaData("kim", "Terug"))), "forbidden not_joined")
	c.refused(c.send(c.command(campaign.Join, "kim", &campaign.JoinData{Group: "knowledge"})), "forbidden not_joined")
}

// TestMe: one's own part has one's votes, one's ideas, and those that one sees otherwise than the public does.
func TestMe(t *testing.T) {
	c := newCanaries(t)
	mine, theirs := c.postAs(t, "carla", "van mij"), c.postAs(t, "cem", "van hem")
	c.approve(t, theirs)
	c.must(c.support("carla", theirs, 1))
	c.must(c.support("cem", theirs, 1))
	me := func(name string) wire.Me { return c.m.View(machine.Public, nameOf).Me(person(name), voter(name)) }
	got := me("carla")
	if got.Name != "Carla" || got.Group != "citizen" || got.Role != "participant" || len(got.Ideas) != 1 || got.Ideas[0].ID != mine || got.Ideas[0].Status != "waiting" ||
		len(got.Authors) != 1 || len(got.Support) != 1 || got.Support[theirs.String()] != 1 || len(got.Rights) == 0 {
		t.Errorf("carla: %+v", got)
	}
	c.do(t, c.send(c.command(campaign.CommentPost, "carla", &campaign.CommentData{Idea: theirs, Kind: "concern", Text: by("carla", "wacht")})))
	if got := me("carla"); len(got.Ideas) != 2 || len(got.Ideas[1].Comments) != 1 {
		t.Errorf("carla does not see her comment: %+v", got.Ideas)
	}
	if got := me("cem"); len(got.Ideas) != 0 || len(got.Support) != 1 {
		t.Errorf("cem: %+v", got)
	}
	c.must(c.support("carla", theirs, 0))
	if got := me("carla"); len(got.Support) != 0 {
		t.Errorf("support taken back: %v", got.Support)
	}
	if got := me("sven"); got.Role != "" || got.Name != "" || got.Support == nil || got.Ideas == nil {
		t.Errorf("one who never joined: %+v", got)
	}
	moderator := c.m.View(machine.Moderators, nameOf).Me(person("fay"), voter("fay"))
	if len(moderator.Ideas) != 0 { // sees everything in the shared view
		t.Errorf("fay: %+v", moderator.Ideas)
	}
}

// TestListed: what a list of campaigns says, the queue included.
func TestListed(t *testing.T) {
	c := newCanaries(t)
	posted := c.postAs(t, "carla", "een")
	c.approve(t, posted)
	c.postAs(t, "cem", "twee")
	c.do(t, c.send(c.command(campaign.CommentPost, "cem", &campaign.CommentData{Idea: posted, Kind: "concern", Text: by("cem", "wacht")})))
	c.do(t, c.act(campaign.IdeaReport, "cem", posted, "", ""))
	got := c.m.View(machine.Moderators, nameOf).Listed(campaign.Facilitator)
	if got.ID != campaignID || got.Title != "Zorg" || got.Role != "facilitator" || got.Stage != "collect" || got.Joined != 3 || got.Ideas != 1 || got.Waiting != 3 {
		t.Errorf("%+v", got)
	}
}

// TestTouched: the ideas whose tally moved, once each, and figures that a new smallest cell folds.
func TestTouched(t *testing.T) {
	r := open(t, nil, "carla", "cem")
	a, b := r.post("carla", "Een"), r.post("carla", "Twee")
	for range 3 {
		r.must(r.support("cem", b, 1))
	}
	if got := r.m.Touched(); len(got) != 1 || got[0] != b {
		t.Errorf("touched: %v", got)
	}
	if got := r.m.TakeTouched(); len(got) != 1 || len(r.m.TakeTouched()) != 0 || len(r.m.Touched()) != 0 {
		t.Errorf("taken: %v", got)
	}
	r.must(r.support("cem", a, 1))
	if got := r.m.TakeTouched(); len(got) != 1 || got[0] != a {
		t.Errorf("touched: %v", got)
	}
	r.m.SetSmallCell(9)
	if got := r.m.TakeTouched(); len(got) != 2 {
		t.Errorf("a new smallest cell touches %d ideas", len(got))
	}
	if fresh := restored(t, r.m); fresh.Digest() != r.m.Digest() {
		t.Error("the digest is not that of the state")
	}
	if got := r.m.View(machine.Public, nameOf).Tally(commandID(1)); got.Support != 0 || len(got.ByGroup) != 0 {
		t.Errorf("the tally of nothing: %+v", got)
	}
}
