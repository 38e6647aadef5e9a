// Package directory is the machine of what an installation knows beyond its campaigns: which campaigns there are and under which code they
// are joined, which accounts there are, and the links by which people sign in or are invited.
//
// # The rules in short
//
//   - A code names one campaign for ever, also after the campaign closed: an old poster must not lead into somebody else's campaign. Of two that
//     register the same code the log's order decides; the other hears conflict and tries another one.
//   - The directory says who signs in as whom, and nothing about rights: roles, grants and bans are in each campaign's own log.
//   - A link is known by the hash of its secret. It is used by the first applied entries, as many as it has uses: of a hundred that use a single
//     one at the same moment, one succeeds. After its end, by the time of the entry's stamp, it is refused; a day later it is forgotten.
//   - Names and addresses are not here but in the vault; an account is an id. Titles of campaigns are not personal.
//   - Its commands come from the server, not from clients. Whoever sends one has judged that the caller may; the machine guards only what
//     its own state can tell: that a campaign is closed by its owner, and an account erased by itself or the administrator.
//
// A Machine is owned by one room (or one replay); nothing is safe for concurrent use. Every object is hashed into the digest when it changes.
package directory

import (
	"slices"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Rules is the newest version of the rules of Apply.
const Rules = 1

// Admin is the account that the operator's token acts as. It exists without being created, and cannot be erased.
var Admin = id.Derive(id.ID{}, "kiem", "admin")

// Campaign is a campaign as the directory knows one.
type Campaign struct {
	ID        id.ID
	Code      string
	Title     string
	Owner     id.ID // the account that opened it
	CreatedAt int64 // Unix milliseconds
	Closed    bool
	command   id.ID // that registered it
}

// Account is somebody who can sign in.
type Account struct {
	ID        id.ID
	Organiser bool // may open campaigns
	Erased    bool
	CreatedAt int64
	by        id.ID // who created it
	members   []member
}

// member says as whom an account takes part in a campaign. They are sorted by campaign.
type member struct{ campaign, participant id.ID }

// Link is a way in that can be used a number of times.
type Link struct {
	Hash     Hash
	Kind     string
	Account  id.ID // signin: who is signed in
	Campaign id.ID // invite: to where
	Role     string
	Browser  Hash // zero, or the hash of what only the browser that asked for the link knows
	Expires  int64
	Uses     int // how often it may be used in all
	By       id.ID
	command  id.ID   // that made it
	used     []id.ID // the commands that used it, in order
}

// Left is how often the link may still be used.
func (l *Link) Left() int { return l.Uses - len(l.used) }

// Machine is the state of the directory.
type Machine struct {
	campaigns map[id.ID]*Campaign
	order     []*Campaign // as registered
	codes     map[string]*Campaign
	accounts  map[id.ID]*Account
	created   []*Account // in order of creation
	links     map[Hash]*Link
	ending    []*Link // by end, then by hash
	answers   *machine.Answers
	sum       machine.Sum
}

var _ machine.Machine = (*Machine)(nil)

// New is an empty directory.
func New() *Machine {
	return &Machine{
		campaigns: map[id.ID]*Campaign{}, codes: map[string]*Campaign{}, accounts: map[id.ID]*Account{}, links: map[Hash]*Link{},
		answers: machine.NewAnswers(),
	}
}

// Campaign finds a campaign, or nil. The caller must not change it.
func (m *Machine) Campaign(i id.ID) *Campaign { return m.campaigns[i] }

// ByCode finds the campaign of a code as people type it, or nil.
func (m *Machine) ByCode(typed string) *Campaign {
	code, ok := NormaliseCode(typed)
	if !ok {
		return nil
	}
	return m.codes[code]
}

// Campaigns lists all, oldest first. The caller must not change the list.
func (m *Machine) Campaigns() []*Campaign { return m.order }

// CampaignsOf lists the campaigns that an account owns or takes part in, oldest first.
func (m *Machine) CampaignsOf(account id.ID) []*Campaign {
	var list []*Campaign
	for _, c := range m.order {
		if c.Owner == account || !m.Participant(account, c.ID).IsZero() {
			list = append(list, c)
		}
	}
	return list
}

// Participant is who an account is in a campaign, or zero.
func (m *Machine) Participant(account, campaign id.ID) id.ID {
	a := m.accounts[account]
	if a == nil {
		return id.ID{}
	}
	if at, ok := a.find(campaign); ok {
		return a.members[at].participant
	}
	return id.ID{}
}

// Members gives the campaigns that an account takes part in, with the participant that it is in each. The map is the caller's.
func (m *Machine) Members(account id.ID) map[id.ID]id.ID {
	all := map[id.ID]id.ID{}
	if a := m.accounts[account]; a != nil {
		for _, one := range a.members {
			all[one.campaign] = one.participant
		}
	}
	return all
}

func (a *Account) find(campaign id.ID) (int, bool) {
	return slices.BinarySearchFunc(a.members, campaign, func(one member, i id.ID) int { return slices.Compare(one.campaign[:], i[:]) })
}

// Account finds an account, or nil; Admin only once it took part in a campaign. The caller must not change it.
func (m *Machine) Account(i id.ID) *Account { return m.accounts[i] }

// Accounts lists all, oldest first, erased ones included. The caller must not change the list.
func (m *Machine) Accounts() []*Account { return m.created }

// CanSignIn says whether an account exists and was not erased.
func (m *Machine) CanSignIn(account id.ID) bool {
	a := m.accounts[account]
	return account == Admin || a != nil && !a.Erased
}

// MayOpen says whether an account may open campaigns.
func (m *Machine) MayOpen(account id.ID) bool {
	a := m.accounts[account]
	return account == Admin || a != nil && a.Organiser && !a.Erased
}

// Link finds a link that was not forgotten, or nil. The caller must not change it.
func (m *Machine) Link(h Hash) *Link { return m.links[h] }

// Look finds the outcome of a command that was applied before.
func (m *Machine) Look(c *machine.Command) (machine.Outcome, bool) {
	if o, done := m.answers.Look(c); done {
		return o, true
	}
	// Out of the window: what it made is still there.
	var by id.ID
	switch d := c.Data.(type) {
	case *RegisterData:
		was := m.campaigns[d.Campaign]
		if was == nil || was.command != c.ID {
			return machine.Outcome{}, false
		}
		by = was.Owner
	case *AccountData:
		was := m.accounts[Made(c)]
		if c.Type != AccountCreate || was == nil {
			return machine.Outcome{}, false
		}
		by = was.by
	case *LinkData:
		was := m.links[d.Hash]
		if was == nil || was.command != c.ID {
			return machine.Outcome{}, false
		}
		by = was.By
	case *UseData:
		was := m.links[d.Hash]
		if was == nil || !slices.Contains(was.used, c.ID) {
			return machine.Outcome{}, false
		}
		by = c.Actor // uses are not remembered by user
	default:
		return machine.Outcome{}, false
	}
	if by != c.Actor {
		return machine.Outcome{Refusal: machine.Refuse(wire.Forbidden, "id", "id_of_another")}, true
	}
	return machine.Outcome{Refusal: machine.Refuse(wire.Duplicate, "id", "done_before")}, true
}

// Apply applies a command in the order of the log.
func (m *Machine) Apply(c *machine.Command, s machine.Stamp) machine.Outcome {
	if o, done := m.Look(c); done {
		return o
	}
	event, refusal := m.do(c, s)
	m.answers.Put(c, s.Seq, refusal)
	o := machine.Outcome{Refusal: refusal, Seq: s.Seq}
	if refusal == nil && event.Type != "" {
		o.Events = []machine.Event{event}
	}
	return o
}

// Due gives nothing: whatever ends here is looked at when it is used.
func (m *Machine) Due(int64) (owed []*machine.Command, next int64) { return nil, 0 }

// Digest is the digest of the present state.
func (m *Machine) Digest() machine.Digest {
	sum := m.sum
	sum.Add(m.answers.Digest())
	return sum.Digest()
}
