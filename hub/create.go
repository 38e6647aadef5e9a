package hub

import (
	"context"
	"errors"
	"fmt"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/hub/wire"
	"kiem/id"
)

// Owner is who creates a campaign: an account of the directory.
type Owner struct {
	Account id.ID
	Name    string
}

// Participant is who an account is in a campaign.
func (o Owner) Participant(campaignID id.ID) id.ID {
	return id.Derive(campaignID, "account", o.Account.String())
}

// Create makes a campaign. Its log comes first: should the server stop before the directory knows it, nobody ever had its address. data.Campaign names
// it; the same again with the same data is the same campaign.
func (h *Hub) Create(ctx context.Context, owner Owner, data *campaign.CreateData) (code string, refusal *machine.Refusal, err error) {
	who := owner.Participant(data.Campaign)
	data.Challenge.ID = id.Derive(data.Campaign, "challenge")
	stored, err := h.Vault.Put(ctx, data.Campaign, vault.Person{ID: who, Name: owner.Name})
	switch {
	case errors.Is(err, vault.ErrUnavailable):
		return "", machine.Refuse(wire.Unavailable, "", "unavailable"), nil
	case err != nil:
		return "", nil, fmt.Errorf("hub: create a campaign: %w", err)
	}
	r, err := h.room(ctx, LogName(data.Campaign), true)
	if err != nil {
		return "", nil, err
	}
	r.touch()
	r.people.put(stored)
	o, err := r.Execute(ctx, &Pending{
		From:    who,
		Command: &machine.Command{Type: campaign.Create, ID: id.Derive(data.Campaign, "create"), Actor: who, Data: data},
	})
	if err != nil || o.Refusal != nil {
		return "", o.Refusal, err
	}
	code, refusal, err = h.index.register(ctx, owner, data.Campaign, data.Title)
	if code != "" {
		h.codes.Store(data.Campaign, code)
	}
	return code, refusal, err
}
