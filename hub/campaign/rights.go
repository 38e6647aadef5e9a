package campaign

import (
	"slices"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Role is what a participant may do in a campaign. The declared group never is a privilege.
type Role string

// The roles.
const (
	Observer    Role = "observer"    // reads; the projector is one
	Participant Role = "participant" // joined by code
	Facilitator Role = "facilitator" // moderates live
	Organiser   Role = "organiser"   // owns the campaign
)

// Roles lists the roles in the order of their codes in snapshots.
var Roles = []Role{Participant, Observer, Facilitator, Organiser}

// Moderates says whether the role sees what the public does not.
func (r Role) Moderates() bool { return r == Facilitator || r == Organiser }

// right says who may send a type of command. There are no conditions but these, and no other place where roles are judged.
type right struct {
	roles []Role
	own   bool // participants may on what is their own only
	mine  bool // everybody may on what is their own only
}

var (
	everybody  = []Role{Participant, Facilitator, Organiser}
	moderators = []Role{Facilitator, Organiser}
	organisers = []Role{Organiser}
)

// rights is the permission matrix for commands, as data: what is not in it nobody may do.
var rights = map[string]right{
	IdeaPost:     {roles: everybody},
	IdeaEdit:     {roles: everybody, own: true},
	IdeaRetract:  {roles: everybody, mine: true},
	IdeaReport:   {roles: everybody},
	IdeaModerate: {roles: moderators},
	IdeaAnswer:   {roles: organisers},

	// Organisers have an interest in the outcome: they do not vote.
	SupportSet: {roles: []Role{Participant, Facilitator}},

	CommentPost:     {roles: everybody},
	CommentEdit:     {roles: everybody, mine: true},
	CommentRetract:  {roles: everybody, mine: true},
	CommentModerate: {roles: moderators},

	StageSet: {roles: moderators},

	ParticipantRemove: {roles: moderators},
	ParticipantMute:   {roles: moderators},
	ParticipantRename: {roles: append([]Role{Observer}, everybody...), own: true},
	RoleGrant:         {roles: organisers},
	RoleRevoke:        {roles: organisers},

	CampaignEdit: {roles: organisers},
	PersonErased: {roles: append([]Role{Observer}, everybody...), mine: true},
}

// Holds says whether the role has the right to send that type of command at all (perhaps on its own things only).
func (r Role) Holds(kind string) bool { return slices.Contains(rights[kind].roles, r) }

// Rights lists the types of commands that the role may send, sorted.
func (r Role) Rights() []string {
	var list []string
	for kind := range rights {
		if r.Holds(kind) && kind != PersonErased {
			list = append(list, kind)
		}
	}
	slices.Sort(list)
	return list
}

// Matrix gives, for each type of command, the roles that hold it and whether participants hold it on their own things only. For printing.
func Matrix() map[string][]string {
	m := map[string][]string{}
	for kind, r := range rights {
		for _, role := range r.roles {
			s := string(role)
			if r.mine || r.own && !role.Moderates() {
				s += " (own)"
			}
			m[kind] = append(m[kind], s)
		}
	}
	return m
}

// may judges role and stage; Check and Apply share it. What is one's own is judged where the target is at hand.
func (m *Machine) may(c *machine.Command) *machine.Refusal {
	if !m.Exists() {
		return machine.Refuse(wire.NotFound, "", "no_campaign")
	}
	who := m.people[c.Actor]
	switch {
	case who == nil || who.Erased, who.Removed && c.Type != PersonErased: // being erased is everybody's right
		return machine.Refuse(wire.Forbidden, "", "not_joined")
	case !who.Role.Holds(c.Type):
		return machine.Refuse(wire.Forbidden, "", "no_right")
	}
	if who.Role.Moderates() { // stages bind participants
		return nil
	}
	var open bool
	switch now := m.Open(); c.Type {
	case IdeaPost:
		open = now.Posting
	case IdeaEdit:
		open = now.Posting || now.Editing
	case CommentPost, CommentEdit:
		open = now.Comments
	default: // votes are judged by guardSupport, the facilitators' too
		return nil
	}
	switch {
	case !open:
		return machine.Refuse(wire.PhaseClosed, "", "stage_closed")
	case who.Muted:
		return machine.Refuse(wire.Forbidden, "", "muted")
	}
	return nil
}

// owns judges the `own` and `mine` of rights.
func (m *Machine) owns(c *machine.Command, owner id.ID) *machine.Refusal {
	r := rights[c.Type]
	if c.Actor == owner || !r.mine && (!r.own || m.people[c.Actor].Role.Moderates()) {
		return nil
	}
	return machine.Refuse(wire.Forbidden, "", "not_yours")
}
