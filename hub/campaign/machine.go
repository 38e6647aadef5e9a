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
// when it changes: mutations go through changeIdea, changeComment, changePerson and changeHead, which take the old hash out and put the new one in.
package campaign

import (
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
	"kiem/voting"
)

// Rules is the newest version of the rules of Apply.
const Rules = 1

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

	// tallied: by number of an idea, what is kept beside its tally. Tallies are hashed when the digest is asked for, not at each vote.
	tallied []tallied
	stale   []uint32 // numbers of those whose hash is out of date
	touched []uint32 // numbers of those that moved since TakeTouched
}

type tallied struct {
	hash           machine.Sum // what of the tally is in sum
	stale, touched bool
}

// New is a campaign before its first command.
func New() *Machine {
	m := &Machine{
		people:  map[id.ID]*Person{},
		board:   ideas.NewBoard(),
		number:  map[id.ID]uint32{},
		answers: machine.NewAnswers(),
	}
	m.support = voting.NewSupport(0, 0)
	return m
}

// Exists says whether the campaign was created.
func (m *Machine) Exists() bool { return !m.campaign.IsZero() }

// Settings of the campaign. The caller must not change what it points to.
func (m *Machine) Settings() Settings { return m.settings }

// Challenge of the campaign. The caller must not change what it points to.
func (m *Machine) Challenge() Challenge { return m.challenge }

// Board of the campaign. The caller must not change it.
func (m *Machine) Board() *ideas.Board { return m.board }

// Stage is the present stage.
func (m *Machine) Stage() string { return m.stage }

// Open says what the present stage allows participants.
func (m *Machine) Open() Open { return Templates[m.template].Open(m.stage) }

// TakeTouched gives the ideas whose tally moved since the last call.
func (m *Machine) TakeTouched() []id.ID {
	list := m.Touched()
	for _, n := range m.touched {
		m.tallied[n].touched = false
	}
	m.touched = m.touched[:0]
	return list
}

// Touched gives the same without forgetting it.
func (m *Machine) Touched() []id.ID {
	if len(m.touched) == 0 {
		return nil
	}
	list := make([]id.ID, len(m.touched))
	for i, n := range m.touched {
		list[i] = m.board.All()[n].ID
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

// do applies a command that was not applied before.
func (m *Machine) do(c *machine.Command, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	switch d := c.Data.(type) {
	case *SupportData: // the sender is a pseudonym; the room judged the voter
		return nil, m.setSupport(c, d)
	case *CreateData:
		return m.create(c, d, s)
	case *JoinData:
		return m.join(c, d, s)
	case *StageData:
		if c.Actor.IsZero() {
			return m.switchStage(c, d)
		}
	}
	if r := m.may(c); r != nil {
		return nil, r
	}
	switch d := c.Data.(type) {
	case *IdeaData:
		if c.Type == IdeaPost {
			return m.postIdea(c, d, s)
		}
		return m.editIdea(c, d, s)
	case *CommentData:
		if c.Type == CommentPost {
			return m.postComment(c, d, s)
		}
		return m.editComment(c, d)
	case *ActData:
		if c.Type == CommentModerate || c.Type == CommentRetract {
			return m.actOnComment(c, d)
		}
		return m.actOnIdea(c, d, s)
	case *StageData:
		return m.setStage(c, d)
	case *ParticipantData:
		return m.changeParticipant(c, d, s)
	case *EditData:
		return m.edit(c, d)
	}
	return nil, machine.Refuse(wire.BadRequest, "type", "unknown_type")
}

// Digest is the digest of the present state.
func (m *Machine) Digest() machine.Digest {
	for _, n := range m.stale {
		t := &m.tallied[n]
		m.sum.Remove(t.hash)
		t.hash, t.stale = m.hashTally(n), false
		m.sum.Add(t.hash)
	}
	m.stale = m.stale[:0]
	sum := m.sum
	sum.Add(m.answers.Digest())
	return sum.Digest()
}
