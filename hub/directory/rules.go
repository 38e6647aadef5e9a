package directory

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Check looks at a command before it is appended: sizes, ages and numbers, and whatever Apply would refuse now.
func (m *Machine) Check(c *machine.Command, now int64) *machine.Refusal {
	switch d := c.Data.(type) {
	case *RegisterData:
		if r := checkTitle(d.Title); r != nil {
			return r
		}
	case *CampaignData:
		if c.Type == CampaignRetitle {
			if r := checkTitle(d.Title); r != nil {
				return r
			}
		}
	case *AccountData:
		if a := m.accounts[d.Account]; c.Type == AccountJoin && a != nil && len(a.members) >= MaxMembers && m.Participant(d.Account, d.Campaign).IsZero() {
			return machine.Refuse(wire.LimitReached, "campaign", "too_many_campaigns").With("max", strconv.Itoa(MaxMembers))
		}
	case *LinkData:
		age := int64(MaxSignInAge)
		if d.Kind == Invite {
			age = MaxInviteAge
		}
		switch {
		case d.Expires <= now || d.Expires > now+age:
			return machine.Refuse(wire.BadRequest, "expires", "bad_expiry")
		case d.Uses > MaxUses || d.Kind == SignIn && d.Uses != 1:
			return machine.Refuse(wire.BadRequest, "uses", "bad_uses").With("max", strconv.Itoa(MaxUses))
		case len(d.Role) > MaxRole:
			return machine.Refuse(wire.BadRequest, "role", "bad_role")
		case len(m.links) >= MaxLinks:
			return machine.Refuse(wire.LimitReached, "", "too_many_links").With("max", strconv.Itoa(MaxLinks))
		}
	}
	return m.guard(c, now)
}

func checkTitle(title string) *machine.Refusal {
	if title == "" || len(title) > MaxTitle || !utf8.ValidString(title) {
		return machine.Refuse(wire.BadRequest, "title", "bad_title").With("max", strconv.Itoa(MaxTitle))
	}
	return nil
}

// guard judges what the result depends on; Check and Apply share it.
func (m *Machine) guard(c *machine.Command, at int64) *machine.Refusal {
	switch d := c.Data.(type) {
	case *RegisterData:
		switch {
		case d.Campaign.IsZero():
			return machine.Refuse(wire.BadRequest, "campaign", "no_id")
		case !validCode(d.Code):
			return machine.Refuse(wire.BadRequest, "code", "bad_code")
		case c.Actor != d.Owner && c.Actor != Admin:
			return machine.Refuse(wire.Forbidden, "owner", "no_right")
		case !m.CanSignIn(d.Owner):
			return machine.Refuse(wire.NotFound, "owner", "no_account")
		case m.campaigns[d.Campaign] != nil:
			return machine.Refuse(wire.Conflict, "campaign", "exists")
		case m.codes[d.Code] != nil:
			return machine.Refuse(wire.Conflict, "code", "code_taken")
		}
		return nil
	case *CampaignData:
		was := m.campaigns[d.Campaign]
		switch {
		case was == nil:
			return machine.Refuse(wire.NotFound, "campaign", "no_campaign")
		case c.Actor != was.Owner && c.Actor != Admin && !c.Actor.IsZero():
			return machine.Refuse(wire.Forbidden, "campaign", "no_right")
		}
		return nil
	case *AccountData:
		return m.guardAccount(c, d)
	case *LinkData:
		switch {
		case d.Hash.IsZero():
			return machine.Refuse(wire.BadRequest, "hash", "no_id")
		case d.Uses < 1:
			return machine.Refuse(wire.BadRequest, "uses", "bad_uses")
		case d.Kind == SignIn && !m.CanSignIn(d.Account):
			return machine.Refuse(wire.NotFound, "account", "no_account")
		case d.Kind == Invite && m.campaigns[d.Campaign] == nil:
			return machine.Refuse(wire.NotFound, "campaign", "no_campaign")
		case d.Kind != SignIn && d.Kind != Invite:
			return machine.Refuse(wire.BadRequest, "kind", "bad_kind")
		case m.links[d.Hash] != nil:
			return machine.Refuse(wire.Conflict, "hash", "exists")
		}
		return nil
	case *UseData:
		l := m.links[d.Hash]
		switch {
		case l == nil, l.Kind == SignIn && !m.CanSignIn(l.Account):
			return machine.Refuse(wire.NotFound, "", "no_link")
		case at >= l.Expires:
			return machine.Refuse(wire.Forbidden, "", "link_expired")
		case l.Left() < 1:
			return machine.Refuse(wire.Conflict, "", "link_used")
		case !l.Browser.IsZero() && l.Browser != d.Browser:
			return machine.Refuse(wire.Forbidden, "", "other_browser")
		}
		return nil
	}
	return machine.Refuse(wire.BadRequest, "type", "unknown_type")
}

func (m *Machine) guardAccount(c *machine.Command, d *AccountData) *machine.Refusal {
	if c.Type == AccountCreate {
		if m.accounts[Made(c)] != nil {
			return machine.Refuse(wire.Conflict, "id", "exists")
		}
		return nil
	}
	switch {
	case d.Account == Admin && c.Type == AccountErase:
		return machine.Refuse(wire.Forbidden, "account", "no_right")
	case m.accounts[d.Account] == nil && d.Account != Admin:
		return machine.Refuse(wire.NotFound, "account", "no_account")
	case c.Actor != d.Account && c.Actor != Admin && !c.Actor.IsZero():
		return machine.Refuse(wire.Forbidden, "account", "no_right")
	case c.Type == AccountErase:
		return nil
	case !m.CanSignIn(d.Account):
		return machine.Refuse(wire.NotFound, "account", "no_account")
	case m.campaigns[d.Campaign] == nil:
		return machine.Refuse(wire.NotFound, "campaign", "no_campaign")
	case d.Participant.IsZero():
		return machine.Refuse(wire.BadRequest, "participant", "no_id")
	}
	if was := m.Participant(d.Account, d.Campaign); !was.IsZero() && was != d.Participant {
		return machine.Refuse(wire.Conflict, "participant", "joined_as_another")
	}
	return nil
}

// do changes the state. The event's type is empty if nothing changed.
func (m *Machine) do(c *machine.Command, s machine.Stamp) (e machine.Event, r *machine.Refusal) {
	if r := m.guard(c, s.At); r != nil {
		return e, r
	}
	e = machine.Event{Type: c.Type, By: c.Actor, Shown: machine.Public | machine.Moderators}
	switch d := c.Data.(type) {
	case *RegisterData:
		m.addCampaign(&Campaign{ID: d.Campaign, Code: d.Code, Title: d.Title, Owner: d.Owner, CreatedAt: d.Created, command: c.ID})
		e.Subject = d.Campaign
	case *CampaignData:
		was := m.campaigns[d.Campaign]
		e.Subject = d.Campaign
		m.sum.Remove(was.hash())
		switch {
		case c.Type == CampaignClose && was.Closed, c.Type == CampaignRetitle && was.Title == d.Title:
			e.Type = ""
		case c.Type == CampaignClose:
			was.Closed = true
		default:
			was.Title = d.Title
		}
		m.sum.Add(was.hash())
	case *AccountData:
		e.Subject = d.Account
		switch c.Type {
		case AccountCreate:
			e.Subject = Made(c)
			m.addAccount(&Account{ID: e.Subject, Organiser: d.Organiser, CreatedAt: s.At, by: c.Actor})
		case AccountJoin:
			if m.accounts[d.Account] == nil { // the administrator, who was never created
				m.addAccount(&Account{ID: d.Account, Organiser: true, CreatedAt: s.At})
			}
			if !m.join(m.accounts[d.Account], d.Campaign, d.Participant) {
				e.Type = ""
			}
		case AccountErase:
			a := m.accounts[d.Account]
			if a.Erased {
				e.Type = ""
			}
			m.sum.Remove(a.hash())
			a.Erased, a.Organiser, a.members = true, false, nil
			m.sum.Add(a.hash())
		}
	case *LinkData:
		m.forget(s.At)
		m.addLink(&Link{
			Hash: d.Hash, Kind: d.Kind, Account: d.Account, Campaign: d.Campaign, Role: d.Role, Browser: d.Browser,
			Expires: d.Expires, Uses: d.Uses, By: c.Actor, command: c.ID,
		})
		e.Subject = d.Campaign
	case *UseData:
		l := m.links[d.Hash]
		m.sum.Remove(l.hash())
		l.used = append(l.used, c.ID)
		m.sum.Add(l.hash())
		e.Subject = l.Campaign
	}
	return e, nil
}

func (m *Machine) addCampaign(c *Campaign) {
	m.campaigns[c.ID], m.codes[c.Code] = c, c
	m.order = append(m.order, c)
	m.sum.Add(c.hash())
}

func (m *Machine) addAccount(a *Account) {
	m.accounts[a.ID] = a
	m.created = append(m.created, a)
	m.sum.Add(a.hash())
}

// join says whether that was new.
func (m *Machine) join(a *Account, campaign, participant id.ID) bool {
	at, ok := a.find(campaign)
	if ok {
		return false
	}
	m.sum.Remove(a.hash())
	a.members = slices.Insert(a.members, at, member{campaign, participant})
	m.sum.Add(a.hash())
	return true
}

func (m *Machine) addLink(l *Link) {
	m.links[l.Hash] = l
	at, _ := slices.BinarySearchFunc(m.ending, l, byEnd)
	m.ending = slices.Insert(m.ending, at, l)
	m.sum.Add(l.hash())
}

func byEnd(a, b *Link) int {
	if a.Expires != b.Expires {
		if a.Expires < b.Expires {
			return -1
		}
		return 1
	}
	return slices.Compare(a.Hash[:], b.Hash[:])
}

// forget drops the links that ended long before that time.
func (m *Machine) forget(at int64) {
	n := 0
	for n < len(m.ending) && at-m.ending[n].Expires > forgetAfter {
		m.sum.Remove(m.ending[n].hash())
		delete(m.links, m.ending[n].Hash)
		n++
	}
	m.ending = slices.Delete(m.ending, 0, n)
}
