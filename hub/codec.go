package hub

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
	"kiem/ideas"
)

// codec turns commands into records and back. A person's texts stand in it as sealed parts, one for each text; what else a person's command says, and whose
// it is, stands in a hidden part before them (hidden.go); a vote is one part under the voter's pseudonym. What Kiem and those who run the campaign say about
// the campaign itself stands in the open, as JSON. It is owned by one sequencer.
//
// A codec without people (the snapshotter's) reads everything but words: texts keep their sealed form, which is what snapshots hold.
type codec struct {
	scope   id.ID // campaign, or vault.Directory
	people  *people
	votes   *vault.Blinder // nil for a machine without votes, and once the vote key was destroyed
	voters  map[id.ID]id.ID
	newData func(kind string) any
	random  *randomness
}

// errNewer: the log holds what this version of Kiem cannot read.
var errNewer = errors.New("hub: the log was written by a newer version of Kiem")

// withTexts is what data structs with texts implement.
type withTexts interface{ Texts() []*ideas.Text }

// textForm is what the record says openly about a text.
type textForm struct {
	By    id.ID `json:"by"`
	Units int   `json:"units"`
	Shape []int `json:"shape,omitempty"`
}

// stored is Record.Data of a command with texts.
type storedData struct {
	Data  json.RawMessage `json:"data"`
	Texts []textForm      `json:"texts"`
}

// errNoVotes: the vote key was destroyed, so nobody can vote any more.
var errNoVotes = errors.New("hub: the vote key is gone")

func newCampaignCodec(scope id.ID, p *people, votes *vault.Blinder, random *randomness) *codec {
	return &codec{scope: scope, people: p, votes: votes, voters: map[id.ID]id.ID{}, newData: campaign.NewData, random: random}
}

func newDirectoryCodec(random *randomness) *codec {
	return &codec{scope: vault.Directory, newData: directoryData, random: random}
}

// reader is a codec that only reads, for another goroutine.
func (c *codec) reader() *codec { return &codec{scope: c.scope, people: c.people, newData: c.newData} }

// voter is the participant's pseudonym; zero once the vote key is gone.
func (c *codec) voter(participant id.ID) id.ID {
	if c.votes == nil {
		return id.ID{}
	}
	v, ok := c.voters[participant]
	if !ok {
		v = c.votes.Voter(participant)
		c.voters[participant] = v
	}
	return v
}

// name gives the command the form in which it stands in the log: the tag of its content and, for a vote, the pseudonym. From then on nothing in it
// tells who votes.
func (c *codec) name(p *Pending, m machine.Machine) error {
	cmd := p.Command
	if v, ok := cmd.Data.(*campaign.SupportData); ok {
		if c.votes == nil {
			return errNoVotes
		}
		cmd.Actor = c.voter(p.From)
		switch {
		case cmd.N == 0: // no lane; and none in the clear
			cmd.Lane = 0
		case !p.named: // one that comes again has its blinded lane
			cmd.Lane = c.votes.Lane(p.From, cmd.Lane)
		}
		p.named = true
		if voters, ok := m.(*campaign.Machine); ok {
			v.Group, v.Stratum = voters.Voter(p.From)
		}
		cmd.Tag = voteTag(v)
		return nil
	}
	if c.people == nil || cmd.Actor.IsZero() { // nothing personal in it
		return plainTag(cmd)
	}
	sealer := c.people.sealer(cmd.Actor)
	if sealer == nil && cmd.Type == campaign.PersonErased { // after an older log was put back beside a vault that has forgotten the person
		return plainTag(cmd)
	}
	if sealer == nil {
		return fmt.Errorf("hub: no key for a participant: %w", vault.ErrNotFound)
	}
	if p.Content == nil {
		var err error
		if p.Content, err = json.Marshal(cmd.Data); err != nil {
			return fmt.Errorf("hub: encode %s: %w", cmd.Type, err)
		}
		if w, ok := cmd.Data.(withTexts); ok {
			for _, t := range w.Texts() {
				p.Content = append(append(p.Content, 0), t.Words()...)
			}
		}
	}
	cmd.Tag = sealer.Tag(p.Content)
	return nil
}

// plainTag is a plain digest of the content, to tell contents apart.
func plainTag(cmd *machine.Command) error {
	data, err := json.Marshal(cmd.Data)
	if err != nil {
		return fmt.Errorf("hub: encode %s: %w", cmd.Type, err)
	}
	sum := sha256.Sum256(data)
	cmd.Tag = binary.BigEndian.Uint64(sum[:])
	return nil
}

func voteTag(v *campaign.SupportData) uint64 {
	return binary.BigEndian.Uint64(v.Idea[:8])*0x9e3779b97f4a7c15 ^ binary.BigEndian.Uint64(v.Idea[8:]) ^ uint64(v.Value+1)<<62
}

// voteSpace is room for the stored form of a vote: they come by the thousands.
type voteSpace struct {
	part  [1]journal.Part
	bytes [80]byte
}

// record gives the stored form. It seals the texts. A vote's stands in space.
func (c *codec) record(cmd *machine.Command, space *voteSpace) (journal.Record, error) {
	r := journal.Record{Type: cmd.Type, ID: cmd.ID, Actor: cmd.Actor, Lane: cmd.Lane, N: cmd.N, Tag: cmd.Tag}
	if v, ok := cmd.Data.(*campaign.SupportData); ok {
		r.Actor, r.Lane, r.N, r.Tag = id.ID{}, 0, 0, 0
		space.part[0] = journal.NewPart(journal.Vote, c.random.salt(), appendVote(space.bytes[:0], cmd, v))
		r.Parts = space.part[:]
		return r, nil
	}
	data, err := json.Marshal(cmd.Data)
	if err != nil {
		return r, fmt.Errorf("hub: encode %s: %w", cmd.Type, err)
	}
	hidden := !isOpen(cmd)
	if hidden { // its part comes first; what it holds is known last
		r.Parts = make([]journal.Part, 1, 5)
	}
	r.Data = data
	if w, ok := cmd.Data.(withTexts); ok {
		s := storedData{Data: data}
		for _, t := range w.Texts() {
			if err := c.seal(t, &r); err != nil {
				return r, err
			}
			s.Texts = append(s.Texts, textForm{By: t.By, Units: t.Units, Shape: t.Shape})
		}
		if r.Data, err = json.Marshal(s); err != nil {
			return r, err
		}
	}
	if hidden {
		r.Parts[0] = journal.NewPart(journal.Hidden, c.random.salt(), appendHidden(nil, &r))
		r.ID, r.Actor, r.Lane, r.N, r.Tag, r.Data = id.ID{}, id.ID{}, 0, 0, 0, nil
	}
	return r, nil
}

func (c *codec) seal(t *ideas.Text, r *journal.Record) error {
	if t.Units == 0 {
		return nil
	}
	if t.Sealed == nil {
		sealer := c.people.sealer(t.By)
		if sealer == nil {
			return fmt.Errorf("hub: no key to seal a text with: %w", vault.ErrNotFound)
		}
		t.Sealed = sealer.Seal(nil, c.random.nonce(), []byte(t.Words()), c.scope[:])
	}
	r.Parts = append(r.Parts, journal.NewPart(journal.Sealed, c.random.salt(), t.Sealed))
	return nil
}

// open puts the words into a text if the key is here.
func (c *codec) open(t *ideas.Text) {
	if t.Units == 0 || t.Sealed == nil || c.people == nil {
		return
	}
	sealer := c.people.sealer(t.By)
	if sealer == nil {
		return
	}
	if words, err := sealer.Open(nil, t.Sealed, c.scope[:]); err == nil {
		t.Open(string(words))
	}
}

// command reads a record back.
func (c *codec) command(stored *journal.Record) (*machine.Command, error) {
	r, err := reveal(stored)
	if err != nil {
		return nil, err
	}
	cmd := &machine.Command{Type: r.Type, ID: r.ID, Actor: r.Actor, Lane: r.Lane, N: r.N, Tag: r.Tag}
	if data := newSystemData(r.Type); data != nil {
		cmd.Data = data
		return cmd, json.Unmarshal(r.Data, data)
	}
	cmd.Data = c.newData(r.Type)
	if cmd.Data == nil {
		return nil, fmt.Errorf("%w: command %q", errNewer, r.Type)
	}
	if v, ok := cmd.Data.(*campaign.SupportData); ok {
		if len(r.Parts) != 1 || !readVote(r.Parts[0].Bytes, cmd, v) {
			return nil, fmt.Errorf("%w: a vote cannot be read", journal.ErrCorrupt)
		}
		cmd.Tag = voteTag(v)
		return cmd, nil
	}
	w, ok := cmd.Data.(withTexts)
	if !ok {
		return cmd, unmarshal(r.Data, cmd.Data)
	}
	var s storedData
	if err := unmarshal(r.Data, &s); err != nil {
		return nil, err
	}
	if err := unmarshal(s.Data, cmd.Data); err != nil {
		return nil, err
	}
	texts, parts := w.Texts(), r.Parts
	if len(s.Texts) != len(texts) {
		return nil, fmt.Errorf("%w: %d texts in %s", journal.ErrCorrupt, len(s.Texts), r.Type)
	}
	for i, t := range texts {
		f := s.Texts[i]
		*t = ideas.Text{By: f.By, Units: f.Units, Shape: f.Shape}
		if f.Units == 0 {
			if !f.By.IsZero() {
				*t = ideas.NewText(f.By, "")
			}
			continue
		}
		if len(parts) == 0 {
			return nil, fmt.Errorf("%w: a text is missing in %s", journal.ErrCorrupt, r.Type)
		}
		if parts[0].Present() {
			t.Sealed = append([]byte{}, parts[0].Bytes...) // not a piece of a whole entry
			c.open(t)
		}
		parts = parts[1:]
	}
	return cmd, nil
}

func unmarshal(b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %w", journal.ErrCorrupt, err)
	}
	return nil
}

// A vote part: voter[16] | lane | n | group | stratum | idea[16] | value+1, with varints for lane and n.
func appendVote(b []byte, cmd *machine.Command, v *campaign.SupportData) []byte {
	b = append(b, cmd.Actor[:]...)
	b = binary.AppendUvarint(b, cmd.Lane)
	b = binary.AppendUvarint(b, cmd.N)
	b = append(b, v.Group, v.Stratum)
	b = append(b, v.Idea[:]...)
	return append(b, byte(v.Value+1))
}

func readVote(b []byte, cmd *machine.Command, v *campaign.SupportData) bool {
	if len(b) < 16 {
		return false
	}
	copy(cmd.Actor[:], b)
	b = b[16:]
	for _, n := range [...]*uint64{&cmd.Lane, &cmd.N} {
		value, size := binary.Uvarint(b)
		if size <= 0 {
			return false
		}
		*n, b = value, b[size:]
	}
	if len(b) != 19 || b[18] > 2 {
		return false
	}
	v.Group, v.Stratum = b[0], b[1]
	copy(v.Idea[:], b[2:18])
	v.Value = int8(b[18]) - 1
	return true
}
