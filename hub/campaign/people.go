package campaign

import (
	"slices"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// What the commands about people do.

// Person is a participant as the log knows one.
type Person struct {
	ID           id.ID
	Role         Role
	Group        uint8 // index into Settings.Groups
	Stratum      uint8
	Channel      string // of the link by which they came; stays when they are erased, for the count of joins by channel
	Entrepreneur bool   // earns an income on the market for the mission: a flag beside the group, not a group
	Muted        bool
	Removed      bool
	Erased       bool
	JoinedAt     int64
}

// active says whether the person takes part.
func (p *Person) active() bool { return p != nil && !p.Removed && !p.Erased }

// Person finds a participant, or nil. The caller must not change it.
func (m *Machine) Person(i id.ID) *Person { return m.people[i] }

// People lists the participants in order of joining. The caller must not change the list.
func (m *Machine) People() []*Person { return m.joined }

// Joined is the number of people who ever joined as participants, erased ones included.
func (m *Machine) Joined() int {
	n := 0
	for _, p := range m.joined {
		if p.reached() {
			n++
		}
	}
	return n
}

// Channels counts joins by the channel of the link that people came by: REACH.
func (m *Machine) Channels() map[string]int {
	counts := map[string]int{}
	for _, p := range m.joined {
		if p.reached() {
			counts[p.Channel]++
		}
	}
	return counts
}

// reached says whether the person counts as one who was reached: neither the projector nor who organises.
func (p *Person) reached() bool { return p.Role == Participant || p.Role == Facilitator }

// Voter is how the room stamps a vote: the participant's group and stratum.
func (m *Machine) Voter(participant id.ID) (group, stratum uint8) {
	if p := m.people[participant]; p != nil {
		return p.Group, p.Stratum
	}
	return 0, 0
}

// MayRename judges participant.rename before the vault is changed.
func (m *Machine) MayRename(actor, participant id.ID) *machine.Refusal {
	c := &machine.Command{Type: ParticipantRename, Actor: actor}
	if r := m.may(c); r != nil {
		return r
	}
	_, r := m.participantFor(c, participant)
	return r
}

func (m *Machine) guardJoin(c *machine.Command, d *JoinData) *machine.Refusal {
	group := slices.Index(m.settings.Groups, d.Group)
	switch role := d.role(); {
	case !m.Exists():
		return machine.Refuse(wire.NotFound, "", "no_campaign")
	case c.Actor.IsZero():
		return machine.Refuse(wire.Forbidden, "", "not_joined")
	case m.people[c.Actor] != nil:
		if !m.people[c.Actor].active() {
			return machine.Refuse(wire.Forbidden, "", "not_joined")
		}
		return nil
	case !slices.Contains(Roles, role):
		return machine.Refuse(wire.BadRequest, "role", "bad_role")
	case role == Participant && m.stage == Draft:
		return machine.Refuse(wire.PhaseClosed, "", "not_open_yet")
	case group < 0 && role == Participant:
		return machine.Refuse(wire.BadRequest, "group", "bad_group")
	case len(m.joined) >= MaxParticipants:
		return machine.Refuse(wire.LimitReached, "", "campaign_full")
	}
	return nil
}

func (d *JoinData) role() Role {
	if d.Role == "" {
		return Participant
	}
	return Role(d.Role)
}

func (m *Machine) join(c *machine.Command, d *JoinData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	if r := m.guardJoin(c, d); r != nil {
		return nil, r
	}
	if m.people[c.Actor] != nil { // joined before
		return nil, nil
	}
	m.addPerson(&Person{
		ID: c.Actor, Role: d.role(), Group: uint8(max(slices.Index(m.settings.Groups, d.Group), 0)), Stratum: d.Stratum,
		Channel: d.Channel, Entrepreneur: d.Entrepreneur, JoinedAt: s.At,
	})
	return []machine.Event{{Type: Join, By: c.Actor, Shown: machine.Moderators, Subject: c.Actor}}, nil
}

func (m *Machine) addPerson(p *Person) {
	m.people[p.ID] = p
	m.joined = append(m.joined, p)
	m.sum.Add(hashPerson(p))
}

func (m *Machine) changePerson(p *Person, change func()) {
	m.sum.Remove(hashPerson(p))
	change()
	m.sum.Add(hashPerson(p))
}

// participantFor finds the person that a command is about, if its sender may send such a command about them.
func (m *Machine) participantFor(c *machine.Command, target id.ID) (*Person, *machine.Refusal) {
	p := m.people[target]
	if p == nil || p.Erased {
		return nil, machine.Refuse(wire.NotFound, "participant", "no_participant")
	}
	return p, m.owns(c, p.ID)
}

func (m *Machine) guardParticipant(c *machine.Command, d *ParticipantData) (*Person, *machine.Refusal) {
	p, r := m.participantFor(c, d.Participant)
	switch {
	case r != nil || c.Type == ParticipantRename || c.Type == PersonErased:
		return p, r
	case c.Type == RoleGrant && !slices.Contains(Roles, Role(d.Role)):
		return nil, machine.Refuse(wire.BadRequest, "role", "bad_role")
	case p.Role == Organiser && m.people[c.Actor].Role != Organiser:
		return nil, machine.Refuse(wire.Forbidden, "participant", "no_right")
	case c.Type != ParticipantMute && m.lastOrganiser(p):
		return nil, machine.Refuse(wire.Conflict, "participant", "last_organiser")
	}
	return p, nil
}

func (m *Machine) lastOrganiser(p *Person) bool {
	return p.Role == Organiser && p.active() && !slices.ContainsFunc(m.joined, func(other *Person) bool {
		return other != p && other.Role == Organiser && other.active()
	})
}

func (m *Machine) changeParticipant(c *machine.Command, d *ParticipantData, s machine.Stamp) ([]machine.Event, *machine.Refusal) {
	p, r := m.guardParticipant(c, d)
	if r != nil {
		return nil, r
	}
	e := machine.Event{Type: c.Type, By: c.Actor, Shown: machine.Moderators, To: p.ID, Subject: p.ID}
	if c.Type == ParticipantRename { // the name is in the vault; what others were shown of it is replaced
		e.Shown = everyone
		return []machine.Event{e}, nil
	}
	m.changePerson(p, func() {
		switch c.Type {
		case ParticipantRemove:
			p.Removed = true
		case ParticipantMute:
			p.Muted = d.Muted
		case RoleGrant:
			p.Role = Role(d.Role)
		case RoleRevoke:
			p.Role = Participant
		case PersonErased:
			p.Erased = true
		}
	})
	m.changeHead(func() { m.rights = s.Seq })
	e.Recut = c.Type != ParticipantMute
	if c.Type == PersonErased {
		m.Texts(func(t *ideas.Text) {
			if t.By == p.ID {
				t.Erase()
			}
		})
		e.Shown, e.Hides = everyone, true
	}
	return []machine.Event{e}, nil
}
