package hub

import (
	"context"
	"fmt"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
	"kiem/ideas"
)

// Position is a place in a campaign's log: the last entry that was applied, the hash of everything up to it, and the epoch.
type Position struct {
	journal.Chain
	Epoch uint64
}

// Stand runs f with the state as an audience sees it and the position that this is the state of, on the room's goroutine. What it renders may be kept.
func (r *Room) Stand(ctx context.Context, audience machine.Audience, f func(campaign.View, *campaign.Machine, Position)) error {
	return r.Do(ctx, func() {
		f(r.machine().View(audience, r.people.names), r.machine(), Position{r.seq.pos, r.seq.epoch})
	})
}

// OpenLog gives the room's log for reading, also beyond the room's end. The caller closes it.
func (r *Room) OpenLog(ctx context.Context) (journal.Log, error) {
	return r.hub.journal.Open(ctx, r.name)
}

// Still is a campaign at one entry of its log, read without a room: for programs beside the server. It is not safe for concurrent use.
type Still struct {
	Position
	machine *campaign.Machine
	people  *people
	log     journal.Log
}

// ReadStill reads a campaign to the end of its log, with its words. The vault is read after the log's end is known, so whoever was erased in between has
// no words, and nobody who is in the log lacks theirs. A log that is not there is ErrNoCampaign. Close ends the log, not the journal.
func ReadStill(ctx context.Context, j journal.Journal, v vault.Vault, campaignID id.ID) (*Still, error) {
	name := LogName(campaignID)
	log, err := j.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	s, err := readStill(ctx, log, v, campaignID)
	if err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("hub: read %s: %w", name, err)
	}
	return s, nil
}

func readStill(ctx context.Context, log journal.Log, v vault.Vault, campaignID id.ID) (*Still, error) {
	head, err := log.Head(ctx)
	switch {
	case err != nil:
		return nil, err
	case head == 0:
		return nil, ErrNoCampaign
	}
	known, err := loadPeople(ctx, v, campaignID)
	if err != nil {
		return nil, err
	}
	c := &codec{scope: campaignID, people: known, newData: campaign.NewData}
	seq, err := replay(ctx, log, func() *sequencer { return newSequencer(log.Name(), campaign.New(), c) }, head)
	if err != nil {
		return nil, err
	}
	m := seq.machine.(*campaign.Machine)
	m.Texts(func(t *ideas.Text) {
		if !t.Readable() {
			c.open(t)
		}
	})
	return &Still{Position: Position{seq.pos, seq.epoch}, machine: m, people: known, log: log}, nil
}

// View is the state as an audience sees it.
func (s *Still) View(audience machine.Audience) campaign.View {
	return s.machine.View(audience, s.people.names)
}

// Log is the log that was read. It may have grown since.
func (s *Still) Log() journal.Log { return s.log }

// Close releases the log.
func (s *Still) Close() error { return s.log.Close() }
