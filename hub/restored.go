package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kiem/hub/campaign"
	"kiem/id"
)

// What has to happen after an older state of a log was put back.

// epochPoll is how often it is looked whether a new epoch began.
const epochPoll = 5 * time.Millisecond

// BeginEpochs begins a new epoch in every log that can be opened; the error names the others. After a restore the numbers of entries that were lost are given again: a client that has seen the lost ones must not go on from
// them as if nothing had happened. In another epoch it is told to fetch everything anew.
func (h *Hub) BeginEpochs(ctx context.Context) error {
	names, err := h.journal.Names(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		r, err := h.room(ctx, name, false)
		if err == nil {
			err = r.beginEpoch(ctx)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("hub: a new epoch of %s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

func (r *Room) beginEpoch(ctx context.Context) error {
	r.touch()
	var was, now uint64
	if err := r.Do(ctx, func() {
		was = r.seq.epoch
		r.seq.redo = append(r.seq.redo, newEpoch(was+1, r.hub.now()))
	}); err != nil {
		return err
	}
	tick := time.NewTicker(epochPoll)
	defer tick.Stop()
	for {
		if err := r.Do(ctx, func() { now = r.seq.epoch }); err != nil || now > was {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Forget erases again people of a campaign who were erased after the log's state was put back, and says how many of them the campaign knows. Those whom it does not know are left to the
// vault.
func (h *Hub) Forget(ctx context.Context, scope id.ID, people []id.ID) (known int, err error) {
	r, err := h.Room(ctx, scope)
	if errors.Is(err, ErrNoCampaign) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, who := range people {
		there := false
		if err := r.Campaign(ctx, func(m *campaign.Machine) { p := m.Person(who); there = p != nil && !p.Erased }); err != nil {
			return known, err
		}
		if !there {
			continue
		}
		refusal, err := r.Erase(ctx, who)
		if err != nil {
			return known, err
		}
		if refusal != nil {
			return known, fmt.Errorf("hub: erase again: %w", refusal)
		}
		known++
	}
	return known, nil
}
