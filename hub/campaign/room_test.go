package campaign_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// Builders: a room plays the part of the hub. It gives ids, stamps and pseudonyms, checks as the participant and applies as the log would.

const noon = int64(1_800_000_000_000) // when every test begins, Unix milliseconds

var space = id.ID{0xca}

func person(name string) id.ID { return id.Derive(space, "person", name) }
func voter(name string) id.ID  { return id.Derive(space, "voter", name) }
func commandID(n int) id.ID    { return id.Derive(space, "command", fmt.Sprint(n)) }

var campaignID = id.Derive(space, "campaign")

// applied is a command as it stands in the log.
type applied struct {
	c *machine.Command
	s machine.Stamp
}

// tb is what a room needs of a test, which may be one of rapid.
type tb interface {
	Helper()
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

type room struct {
	t   tb
	m   *campaign.Machine
	log []applied
	seq uint64
	at  int64
	n   int // commands made
}

func (r *room) command(kind, who string, data any) *machine.Command {
	r.n++
	c := &machine.Command{Type: kind, ID: commandID(r.n), Actor: person(who), Tag: uint64(r.n), Data: data}
	if who == "" {
		c.Actor = id.ID{}
	}
	return c
}

// send checks and applies, and gives what the sender is told.
func (r *room) send(c *machine.Command) machine.Outcome {
	r.t.Helper()
	if c.Type == campaign.SupportSet {
		return r.sendVote(c)
	}
	if refusal := r.m.Check(c, r.at); refusal != nil {
		return machine.Outcome{Refusal: refusal}
	}
	return r.apply(c)
}

// sendVote stamps a vote as the room does. Its actor is the participant when it comes in.
func (r *room) sendVote(c *machine.Command) machine.Outcome {
	d := *c.Data.(*campaign.SupportData)
	d.Group, d.Stratum = r.m.Voter(c.Actor)
	vote := *c
	vote.Data = &d
	if refusal := r.m.Check(&vote, r.at); refusal != nil {
		return machine.Outcome{Refusal: refusal}
	}
	for _, name := range names {
		if person(name) == c.Actor {
			vote.Actor = voter(name)
		}
	}
	return r.apply(&vote)
}

// apply applies whatever it is given, as an entry of its own.
func (r *room) apply(c *machine.Command) machine.Outcome {
	r.seq++
	return r.applyStamped(c, machine.Stamp{Seq: r.seq, Epoch: 1, At: r.at, Rules: campaign.Rules, Base: r.seq - 1})
}

func (r *room) applyStamped(c *machine.Command, s machine.Stamp) machine.Outcome {
	r.t.Helper()
	r.log = append(r.log, applied{copyOf(c), s})
	o := r.m.Apply(c, s)
	if !reflect.DeepEqual(c, r.log[len(r.log)-1].c) {
		r.t.Fatalf("Apply changed the command %+v", c)
	}
	return o
}

// copyOf copies a command with its data, so that two machines share nothing.
func copyOf(c *machine.Command) *machine.Command {
	out := *c
	switch d := c.Data.(type) {
	case *campaign.IdeaData:
		v := *d
		v.Changes, v.Themes, v.Nodes, v.Innovation = slices.Clone(d.Changes), slices.Clone(d.Themes), slices.Clone(d.Nodes), slices.Clone(d.Innovation)
		if d.Definition != nil {
			of := *d.Definition
			v.Definition = &of
		}
		out.Data = &v
	case *campaign.EditData:
		v := *d
		if d.Settings != nil {
			s := *d.Settings
			s.Groups, s.Schedule = slices.Clone(s.Groups), slices.Clone(s.Schedule)
			v.Settings = &s
		}
		if d.Challenge != nil {
			of := *d.Challenge
			v.Challenge = &of
		}
		out.Data = &v
	case *campaign.CreateData:
		v := *d
		v.Settings.Groups, v.Settings.Schedule = slices.Clone(d.Settings.Groups), slices.Clone(d.Settings.Schedule)
		out.Data = &v
	case *campaign.ActData:
		v := *d
		out.Data = &v
	case *campaign.CommentData:
		v := *d
		out.Data = &v
	case *campaign.SupportData:
		v := *d
		out.Data = &v
	case *campaign.StageData:
		v := *d
		out.Data = &v
	case *campaign.JoinData:
		v := *d
		out.Data = &v
	case *campaign.ParticipantData:
		v := *d
		out.Data = &v
	}
	return &out
}

// blind takes the words out of a copy of a command, as on a node that holds nobody's key.
func blind(c *machine.Command) *machine.Command {
	out := copyOf(c)
	if w, ok := out.Data.(interface{ Texts() []*ideas.Text }); ok {
		for _, t := range w.Texts() {
			*t = ideas.Text{By: t.By, Units: t.Units, Shape: slices.Clone(t.Shape), Sealed: t.Sealed}
		}
	}
	return out
}

// names are the people of the tests: whose name starts with c is a citizen, f a firm, k of a knowledge institution, g of the government, s of civil
// society; fay and finn moderate besides, olga and otto organise, oscar observes.
var names = []string{
	"olga", "otto", "oscar", "fay", "finn", "carla", "cem", "chris", "cleo", "coen", "cyra", "fatma", "floor", "frits", "kim", "koen", "gita", "gust", "sara", "sven",
}

func groupOf(name string) string {
	switch name[0] {
	case 'f':
		return "firm"
	case 'k':
		return "knowledge"
	case 'g':
		return "government"
	case 's':
		return "civil_society"
	}
	return "citizen"
}

// roleOf is the role of the invitation; "" is none.
func roleOf(name string) string {
	switch name {
	case "otto":
		return "organiser"
	case "fay", "finn":
		return "facilitator"
	case "oscar":
		return "observer"
	}
	return ""
}

func challenge() campaign.Challenge {
	return campaign.Challenge{
		ID: id.Derive(space, "challenge"), Title: "Zorg dichtbij", Text: "Hoe zorgen we voor elkaar in de wijk?",
		Nodes: []string{"care", "social_innovation"}, Themes: []string{"wonen", "zorg", "groen"},
	}
}

func createData() *campaign.CreateData {
	return &campaign.CreateData{
		Campaign: campaignID, Title: "Zorg", Template: "campaign", Challenge: challenge(), Languages: []string{"nl"},
		Settings: campaign.Defaults(), Stage: "collect",
	}
}

// open gives a room with a campaign by olga, and the people named.
func open(t tb, change func(*campaign.CreateData), who ...string) *room {
	t.Helper()
	r := &room{t: t, m: campaign.New(), at: noon}
	d := createData()
	if change != nil {
		change(d)
	}
	r.must(r.send(r.command(campaign.Create, "olga", d)))
	for _, name := range who {
		r.join(name)
	}
	return r
}

func (r *room) join(name string) {
	r.t.Helper()
	d := &campaign.JoinData{Group: groupOf(name), Role: roleOf(name), Stratum: 1}
	r.must(r.send(r.command(campaign.Join, name, d)))
}

func (r *room) must(o machine.Outcome) machine.Outcome {
	r.t.Helper()
	if o.Refusal != nil {
		r.t.Fatalf("refused: %v", o.Refusal)
	}
	return o
}

// refused expects a refusal, as "code reason" or "code field reason".
func (r *room) refused(o machine.Outcome, want string) {
	r.t.Helper()
	if got := said(o); !strings.HasPrefix(got, "refused: ") || strings.Join(strings.Fields(strings.TrimPrefix(got, "refused: ")), " ") != want {
		r.t.Errorf("%s, want %s", got, want)
	}
}

func said(o machine.Outcome) string {
	switch {
	case o.Refusal == nil:
		return fmt.Sprintf("done in %d", o.Seq)
	case o.Stale:
		return fmt.Sprintf("stale: %v", o.Refusal)
	}
	return fmt.Sprintf("refused: %v", o.Refusal)
}

func by(name, words string) ideas.Text { return ideas.NewText(person(name), words) }

// ideaData is a whole idea.
func ideaData(name, title string) *campaign.IdeaData {
	return &campaign.IdeaData{
		Title: by(name, title), Text: by(name, "Wat we willen doen 🌱"), Need: by(name, "eenzaamheid in de wijk"), Reason: by(name, ""),
		Themes: []string{"zorg"}, Nodes: []string{"care"}, Innovation: []string{"service"}, Definition: &ideas.Definition{Need: true, Novelty: true},
	}
}

func (r *room) post(name, title string) id.ID {
	r.t.Helper()
	c := r.command(campaign.IdeaPost, name, ideaData(name, title))
	r.must(r.send(c))
	_, made := campaign.Made(c)
	return made
}

func (r *room) comment(name string, idea id.ID, words string) id.ID {
	r.t.Helper()
	c := r.command(campaign.CommentPost, name, &campaign.CommentData{Idea: idea, Kind: "question", Text: by(name, words)})
	r.must(r.send(c))
	_, made := campaign.Made(c)
	return made
}

func (r *room) act(kind, name string, target id.ID, action, reason string) machine.Outcome {
	r.t.Helper()
	d := &campaign.ActData{Idea: target, Action: action, Reason: by(name, reason)}
	if strings.HasPrefix(kind, "comment.") {
		d.Idea, d.Comment = id.ID{}, target
	}
	return r.send(r.command(kind, name, d))
}

func (r *room) support(name string, idea id.ID, value int8) machine.Outcome {
	r.t.Helper()
	return r.send(r.command(campaign.SupportSet, name, &campaign.SupportData{Idea: idea, Value: value}))
}

func (r *room) stage(stage string) {
	r.t.Helper()
	r.must(r.send(r.command(campaign.StageSet, "olga", &campaign.StageData{Stage: stage})))
}

func (r *room) about(kind, name, target string) machine.Outcome {
	r.t.Helper()
	return r.send(r.command(kind, name, &campaign.ParticipantData{Participant: person(target), Reason: by(name, "")}))
}

// nameOf is the vault of the tests.
func nameOf(i id.ID) (name, organisation string) {
	for _, n := range names {
		if person(n) == i {
			return strings.ToUpper(n[:1]) + n[1:], ""
		}
	}
	return "", ""
}

// restored gives the machine that a snapshot of this one makes.
func restored(t tb, m *campaign.Machine) *campaign.Machine {
	t.Helper()
	out := campaign.New()
	if err := out.Restore(m.Snapshot()); err != nil {
		t.Fatalf("a snapshot cannot be read: %v", err)
	}
	return out
}
