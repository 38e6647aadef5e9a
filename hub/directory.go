package hub

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"kiem/hub/directory"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

func newDirectory() machine.Machine { return directory.New() }
func directoryData(kind string) any { return directory.NewData(kind) }

// Directory is the accounts, codes and links of the installation, as a room of their own.
type Directory struct {
	room *Room
	now  func() time.Time
}

func (d *Directory) read(ctx context.Context, f func(*directory.Machine)) error {
	return d.room.Do(ctx, func() { f(d.room.seq.machine.(*directory.Machine)) })
}

// find is read for what may have been made a moment ago on another node: f says whether it is there, and is called again when this node is sure not to be behind.
func (d *Directory) find(ctx context.Context, f func(*directory.Machine) bool) error {
	found := false
	if err := d.read(ctx, func(m *directory.Machine) { found = f(m) }); err != nil || found || !d.room.hub.journal.Shared() {
		return err
	}
	current, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	_ = d.room.current(current) // if the log cannot be read, what is known here has to do
	return d.read(ctx, func(m *directory.Machine) { f(m) })
}

// codeTries is how often another code is drawn when one is taken.
const codeTries = 8

func (d *Directory) register(ctx context.Context, owner Owner, campaignID id.ID, title string) (string, *machine.Refusal, error) {
	for range codeTries {
		if c, err := d.Campaign(ctx, campaignID); err != nil || c != nil {
			if err != nil {
				return "", nil, err
			}
			return c.Code, nil, nil // registered before
		}
		var random [8]byte
		_, _ = rand.Read(random[:]) // never fails
		code := directory.NewCode(random)
		o, err := d.room.Execute(ctx, &Pending{From: owner.Account, Command: &machine.Command{
			Type: directory.CampaignRegister, ID: id.Derive(campaignID, "register", code), Actor: owner.Account,
			Data: &directory.RegisterData{Campaign: campaignID, Code: code, Title: title, Owner: owner.Account, Created: d.now().UnixMilli()},
		}})
		switch {
		case err != nil:
			return "", nil, err
		case o.Refusal == nil:
			return code, nil, nil
		case o.Refusal.Code != wire.Conflict:
			return "", o.Refusal, nil
		}
	}
	return "", machine.Refuse(wire.Unavailable, "", "unavailable"), nil
}

// Campaign finds a campaign, or nil.
func (d *Directory) Campaign(ctx context.Context, i id.ID) (found *directory.Campaign, err error) {
	err = d.find(ctx, func(m *directory.Machine) bool {
		c := m.Campaign(i)
		if c != nil {
			clone := *c
			found = &clone
		}
		return c != nil
	})
	return found, err
}

// ByCode finds the campaign of a code as people type it, or nil.
func (d *Directory) ByCode(ctx context.Context, code string) (found *directory.Campaign, err error) {
	err = d.find(ctx, func(m *directory.Machine) bool {
		c := m.ByCode(code)
		if c != nil {
			clone := *c
			found = &clone
		}
		return c != nil
	})
	return found, err
}

// CampaignsOf lists the campaigns that an account owns or takes part in, oldest first.
func (d *Directory) CampaignsOf(ctx context.Context, account id.ID) (list []directory.Campaign, err error) {
	err = d.read(ctx, func(m *directory.Machine) {
		for _, c := range m.CampaignsOf(account) {
			list = append(list, *c)
		}
	})
	return list, err
}

// Retitle keeps the directory's list current.
func (d *Directory) Retitle(ctx context.Context, command, campaignID id.ID, title string) error {
	_, err := d.room.Execute(ctx, &Pending{Command: &machine.Command{
		Type: directory.CampaignRetitle, ID: id.Derive(command, "retitle"), Data: &directory.CampaignData{Campaign: campaignID, Title: title},
	}})
	return err
}

// NewLink is a link to be made.
type NewLink struct {
	Kind     string // directory.SignIn or directory.Invite
	By       id.ID  // account
	Account  id.ID  // signin: who is signed in
	Campaign id.ID  // invite
	Role     string
	Valid    time.Duration
	Uses     int
}

// MakeLink stores a link and gives its secret, which is kept nowhere else.
func (d *Directory) MakeLink(ctx context.Context, l NewLink) (secret string, refusal *machine.Refusal, err error) {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	secret = base64.RawURLEncoding.EncodeToString(random[:])
	hash := directory.HashOf([]byte(secret))
	o, err := d.room.Execute(ctx, &Pending{From: l.By, Command: &machine.Command{
		Type: directory.LinkCreate, ID: id.Derive(id.ID{}, "link", string(hash[:])), Actor: l.By,
		Data: &directory.LinkData{
			Hash: hash, Kind: l.Kind, Account: l.Account, Campaign: l.Campaign, Role: l.Role,
			Expires: d.now().Add(l.Valid).UnixMilli(), Uses: l.Uses,
		},
	}})
	return secret, o.Refusal, err
}

// UseLink uses up one use of a link of that kind. Of many at the same moment as many succeed as the link has uses.
func (d *Directory) UseLink(ctx context.Context, kind, secret string) (used directory.Link, refusal *machine.Refusal, err error) {
	hash := directory.HashOf([]byte(secret))
	found := false
	err = d.find(ctx, func(m *directory.Machine) bool {
		if l := m.Link(hash); l != nil && l.Kind == kind {
			used, found = *l, true
		}
		return found
	})
	if err != nil {
		return used, nil, err
	}
	if !found {
		return used, machine.Refuse(wire.NotFound, "token", "no_link"), nil
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	o, err := d.room.Execute(ctx, &Pending{Command: &machine.Command{
		Type: directory.LinkUse, ID: id.Derive(id.ID(random), "use"), Data: &directory.UseData{Hash: hash},
	}})
	return used, o.Refusal, err
}

// address is the code of a campaign and where to join it, as the room shows it.
func (h *Hub) address(campaignID id.ID) (code, url string) {
	if c, ok := h.codes.Load(campaignID); ok {
		code = c.(string)
		return code, h.JoinURL(code)
	}
	return "", ""
}

// JoinURL is where a campaign is joined, or "" if nobody said how this server is reached: then a page knows better, from its own address.
func (h *Hub) JoinURL(code string) string {
	if h.BaseURL == "" {
		return ""
	}
	return fmt.Sprintf("%s/j/%s", h.BaseURL, code)
}
