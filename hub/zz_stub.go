package hub

import (
	"context"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
)

func newDirectory() machine.Machine { return campaign.New() }
func directoryData(k string) any    { return campaign.NewData(k) }

type Directory struct{ room *Room }

func (d *Directory) register(ctx context.Context, o Owner, c id.ID, t string) (string, *machine.Refusal, error) {
	return "ABC234", nil, nil
}

func (h *Hub) address(i id.ID) (string, string) { _ = context.Background; return "", "" }
