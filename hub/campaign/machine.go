// Package campaign is the machine of one campaign: it joins people, stages, ideas and votes, and decides what a command does.
//
// # The rules in short
//
//   - A campaign leaves the stage draft only with a challenge text, and every idea belongs to that challenge.
//   - Who may do what stands in rights.go and nowhere else; what a stage allows, in settings.go.
//   - Names, addresses and organisations are not here: people are ids. What they wrote is ideas.Text, of which nothing here depends on the words.
//   - Votes come under a pseudonym, with group and stratum stamped by the room. The machine cannot tell whose they are, so it cannot judge the
//     voter's rights. The room does, before appending; and the machine voids, as stale, every vote whose writer had not yet applied the newest
//     change of anybody's rights (Stamp.Base). The room then judges and appends again. So after the entry that removes somebody no vote
//     of theirs counts, and no entry links a person to a pseudonym.
//
// # State
//
// A Machine is owned by one room (or one replay); nothing is safe for concurrent use. Every object is hashed into the digest
// when it changes: mutations go through changeIdea, changePerson and changeHead, which take the old hash out and put the new one in.
package campaign

import (
	"slices"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
	"kiem/voting"
)

// Rules is the newest version of the rules of Apply.
const Rules = 1

// Person is a participant as the log knows one.
type Person struct {
	ID           id.ID
	Role         Role
	Group        uint8 // index into Settings.Groups
	Stratum      uint8
	Channel      string
	Entrepreneur bool
	Muted        bool
	Removed      bool
	Erased       bool
	JoinedAt     int64
}

// Machine is the state of one campaign.
type Machine struct {
	// head: the campaign itself
	campaign  id.ID
	title     string
	template  string
	challenge Challenge
	languages []string
	settings  Settings
	stage     string
	createdAt int64
	rights    uint64 // the entry that last changed anybody's rights

	people  map[id.ID]*Person
	joined  []*Person // in order of joining
	board   *ideas.Board
	number  map[id.ID]uint32 // of an idea, in support
	support *voting.Support
	answers *machine.Answers
	sum     machine.Sum

	// tallied: by number of an idea, the hash of its tally in sum. Tallies are hashed when the digest is asked for, not at each vote.
	tallied []tallied
	stale   []uint32 // numbers of those whose hash is out of date

	// touched: ideas whose tally moved since TakeTouched. No part of the state.
	touched map[id.ID]struct{}
}

type tallied struct {
	hash  machine.Sum
	stale bool
}

// New is a campaign before its first command.
func New() *Machine {
	m := &Machine{
		people:  map[id.ID]*Person{},
		board:   ideas.NewBoard(),
		number:  map[id.ID]uint32{},
		answers: machine.NewAnswers(),
		touched: map[id.ID]struct{}{},
	}
	m.support = voting.NewSupport(0, 0)
	return m
}

// Exists says whether the campaign was created.
func (m *Machine) Exists() bool { return !m.campaign.IsZero() }

// Person finds a participant, or nil. The caller must not change it.
func (m *Machine) Person(i id.ID) *Person { return m.people[i] }

// People lists the participants in order of joining. The caller must not change the list.
func (m *Machine) People() []*Person { return m.joined }

// Settings of the campaign. The caller must not change what it points to.
func (m *Machine) Settings() Settings { return m.settings }

// Board of the campaign. The caller must not change it.
func (m *Machine) Board() *ideas.Board { return m.board }

// Stage is the present stage.
func (m *Machine) Stage() string { return m.stage }

// Open says what the present stage allows participants.
func (m *Machine) Open() Open { return Templates[m.template].Open(m.stage) }

// TakeTouched gives the ideas whose tally moved since the last call.
func (m *Machine) TakeTouched() []id.ID {
	if len(m.touched) == 0 {
		return nil
	}
	list := make([]id.ID, 0, len(m.touched))
	for i := range m.touched {
		list = append(list, i)
	}
	clear(m.touched)
	return list
}

// Touched gives the same without forgetting it.
func (m *Machine) Touched() []id.ID {
	list := make([]id.ID, 0, len(m.touched))
	for i := range m.touched {
		list = append(list, i)
	}
	return list
}

// Texts lists every text with words in the campaign, for sealing, opening and erasing.
func (m *Machine) Texts(visit func(*ideas.Text)) {
	for _, i := range m.board.All() {
		for _, t := range i.Texts() {
			visit(t)
		}
		for _, c := range i.Comments {
			for _, t := range c.Texts() {
				visit(t)
			}
		}
	}
}

// Look finds the outcome of a command that was applied before.
func (m *Machine) Look(c *machine.Command) (machine.Outcome, bool) {
	if o, done := m.answers.Look(c); done {
		return o, true
	}
	// Out of the window: what it created is still there.
	var author id.ID
	switch _, made := Made(c); {
	case made.IsZero():
		return machine.Outcome{}, false
	case m.board.Idea(made) != nil:
		author = m.board.Idea(made).Author
	case m.board.Comment(made) != nil:
		author = m.board.Comment(made).Author
	default:
		return machine.Outcome{}, false
	}
	if author != c.Actor {
		return machine.Outcome{Refusal: machine.Refuse(wire.Forbidden, "id", "id_of_another")}, true
	}
	return machine.Outcome{Refusal: machine.Refuse(wire.Duplicate, "id", "done_before")}, true
}

// Apply applies a command in the order of the log.
func (m *Machine) Apply(c *machine.Command, s machine.Stamp) machine.Outcome {
	if o, done := m.Look(c); done {
		return o
	}
	if IsVote(c.Type) && s.Base < m.rights {
		return machine.Outcome{Stale: true, Refusal: machine.Refuse(wire.Unavailable, "", "rights_changed")}
	}
	events, refusal := m.do(c, s)
	m.answers.Put(c, s.Seq, refusal)
	return machine.Outcome{Refusal: refusal, Seq: s.Seq, Events: events}
}

func (m *Machine) do(c *machine.Command, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	if d, ok := c.Data.(*SupportData); ok {
		return nil, m.setSupport(c, d)
	}
	if c.Type == Create {
		return m.create(c, s)
	}
	if !m.Exists() {
		return nil, machine.Refuse(wire.NotFound, "", "no_campaign")
	}
	switch d := c.Data.(type) {
	case *JoinData:
		return m.join(c, d, s)
	case *StageData:
		if c.Actor.IsZero() && d.At != 0 {
			return m.switchStage(c, d)
		}
	}
	who := m.people[c.Actor]
	if r := m.may(who, c); r != nil {
		return nil, r
	}
	switch d := c.Data.(type) {
	case *IdeaData:
		if c.Type == IdeaPost {
			return m.postIdea(c, d, s)
		}
		return m.editIdea(c, d, s)
	case *ActData:
		if !d.Comment.IsZero() {
			return m.actOnComment(c, d)
		}
		return m.actOnIdea(c, d, s)
	case *CommentData:
		if c.Type == CommentPost {
			return m.postComment(c, d, s)
		}
		return m.editComment(c, d)
	case *StageData:
		return m.setStage(c, d)
	case *ParticipantData:
		return m.changeParticipant(c, d, s)
	case *EditData:
		return m.edit(c, d)
	}
	return nil, machine.Refuse(wire.BadRequest, "type", "unknown_type")
}

// may judges role and stage; Check and Apply share it. What is one's own is judged where the target is at hand.
func (m *Machine) may(who *Person, c *machine.Command) *machine.Refusal {
	switch {
	case who == nil, who.Removed, who.Erased:
		return machine.Refuse(wire.Forbidden, "", "not_joined")
	case !who.Role.Holds(c.Type):
		return machine.Refuse(wire.Forbidden, "", "no_right")
	case who.Role.Moderates():
		return nil // stages bind participants
	}
	open := m.Open()
	switch c.Type {
	case IdeaPost:
		return closedUnless(open.Posting, who)
	case IdeaEdit:
		return closedUnless(open.Posting || open.Editing, who)
	case CommentPost, CommentEdit:
		return closedUnless(open.Comments, who)
	case SupportSet:
		if !open.Support {
			return machine.Refuse(wire.PhaseClosed, "", "stage_closed")
		}
	}
	return nil
}

func closedUnless(open bool, who *Person) *machine.Refusal {
	if !open {
		return machine.Refuse(wire.PhaseClosed, "", "stage_closed")
	}
	if who.Muted {
		return machine.Refuse(wire.Forbidden, "", "muted")
	}
	return nil
}

func (m *Machine) setSupport(c *machine.Command, d *SupportData) *machine.Refusal {
	number, ok := m.number[d.Idea]
	if !ok || !m.board.Idea(d.Idea).Status.Public() {
		return machine.Refuse(wire.NotFound, "idea", "no_idea")
	}
	if !m.Open().Support {
		return machine.Refuse(wire.PhaseClosed, "", "stage_closed")
	}
	if d.Value == -1 && !m.settings.SupportAgainst {
		return machine.Refuse(wire.BadRequest, "value", "no_against")
	}
	if int(d.Group) >= len(m.settings.Groups) || d.Value < -1 || d.Value > 1 {
		return machine.Refuse(wire.BadRequest, "value", "bad_value")
	}
	voter, known := m.support.Voters.Find(c.Actor)
	if !known {
		voter = m.addVoter(c.Actor)
	}
	done := m.support.Set(voter, number, voting.Ballot{Choice: d.Value, Group: d.Group, Stratum: d.Stratum, Lane: c.Lane, N: c.N})
	if done.Late {
		return machine.Refuse(wire.Conflict, "n", "late")
	}
	if done.Had {
		m.sum.Remove(hashBallot(voter, number, &done.Was, done.OlderWas))
	}
	m.sum.Add(hashBallot(voter, number, &done.Now, done.OlderNow))
	m.touch(d.Idea, number)
	return nil
}

// addVoter gives a new voter the next number.
func (m *Machine) addVoter(pseudonym id.ID) uint32 {
	n := m.support.Voters.Number(pseudonym)
	m.sum.Add(machine.NewHasher('V').Int(uint64(n)).ID(pseudonym).Sum())
	return n
}

// touch notes that the tally of an idea moved.
func (m *Machine) touch(idea id.ID, number uint32) {
	m.touched[idea] = struct{}{}
	if t := &m.tallied[number]; !t.stale {
		t.stale = true
		m.stale = append(m.stale, number)
	}
}

// Digest is the digest of the present state.
func (m *Machine) Digest() machine.Digest {
	for _, n := range m.stale {
		t := &m.tallied[n]
		m.sum.Remove(t.hash)
		t.hash, t.stale = m.hashTally(m.board.All()[n].ID, n), false
		m.sum.Add(t.hash)
	}
	m.stale = m.stale[:0]
	sum := m.sum
	sum.Add(m.answers.Digest())
	return sum.Digest()
}

// Due gives the stages that the schedule owes at that time.
func (m *Machine) Due(now int64) (owed []*machine.Command, next int64) {
	for _, sw := range m.settings.Schedule {
		if sw.At <= now {
			owed = append(owed, &machine.Command{
				Type: StageSet,
				ID:   id.Derive(m.campaign, "schedule", sw.Stage, itoa(sw.At)),
				Data: &StageData{Stage: sw.Stage, At: sw.At},
			})
		} else if next == 0 || sw.At < next {
			next = sw.At
		}
	}
	slices.SortStableFunc(owed, func(a, b *machine.Command) int {
		return int(a.Data.(*StageData).At - b.Data.(*StageData).At)
	})
	return owed, next
}
