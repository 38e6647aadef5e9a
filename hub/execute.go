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

// ask waits for one outcome outside of the room.
type ask chan machine.Outcome

// Answer is called by the room's owner.
func (a ask) Answer(_ *Pending, o machine.Outcome) { a <- o }

// Refuse is called when the command was not even queued.
func (a ask) Refuse(_ *Pending, r *machine.Refusal) { a <- machine.Outcome{Refusal: r} }

// Execute submits a command and waits for its outcome. An error says that nobody knows it (the context ended); a refusal is an outcome.
func (r *Room) Execute(ctx context.Context, p *Pending) (machine.Outcome, error) {
	answer := make(ask, 1)
	p.To = answer
	r.Submit(p)
	select {
	case o := <-answer:
		return o, nil
	case <-ctx.Done():
		return machine.Outcome{}, ctx.Err()
	case <-r.stopped:
		select { // it may have been answered while the room finished
		case o := <-answer:
			return o, nil
		default:
			return machine.Outcome{}, r.why()
		}
	}
}

// Joining is somebody who joins a campaign.
type Joining struct {
	Participant  id.ID // the same again: the same participant
	Name         string
	Organisation string
	Data         campaign.JoinData
	Guest        string // what somebody without a name is called, before the number
}

// Join makes somebody a participant. When it returns without refusal, the vault record and the join are durable.
func (r *Room) Join(ctx context.Context, j Joining) (wire.Person, *machine.Refusal, error) {
	known := false
	var refusal *machine.Refusal
	err := r.Campaign(ctx, func(m *campaign.Machine) {
		if p := m.Person(j.Participant); p != nil && !p.Removed && !p.Erased {
			known = true
			return
		}
		data := j.Data
		refusal = m.Check(&machine.Command{Type: campaign.Join, Actor: j.Participant, Data: &data}, r.hub.now())
		if j.Name == "" {
			j.Name = fmt.Sprintf("%s %d", j.Guest, m.Joined()+1)
		}
	})
	if err != nil || refusal != nil {
		return wire.Person{}, refusal, err
	}
	if !known {
		if refusal, err = r.welcome(ctx, j); err != nil || refusal != nil {
			return wire.Person{}, refusal, err
		}
	}
	var person wire.Person
	err = r.Campaign(ctx, func(m *campaign.Machine) {
		person = m.View(machine.Public, r.people.names).Person(j.Participant)
		person.Role = string(m.Person(j.Participant).Role)
	})
	return person, nil, err
}

func (r *Room) welcome(ctx context.Context, j Joining) (*machine.Refusal, error) {
	stored, err := r.hub.Vault.Put(ctx, r.scope, vault.Person{ID: j.Participant, Name: j.Name, Organisation: j.Organisation})
	switch {
	case errors.Is(err, vault.ErrErased):
		return machine.Refuse(wire.Forbidden, "", "not_joined"), nil
	case errors.Is(err, vault.ErrUnavailable):
		return machine.Refuse(wire.Unavailable, "", "unavailable"), nil
	case err != nil:
		return nil, err
	}
	r.people.put(stored)
	data := j.Data
	o, err := r.Execute(ctx, &Pending{
		From:    j.Participant,
		Command: &machine.Command{Type: campaign.Join, ID: id.Derive(j.Participant, "join"), Actor: j.Participant, Data: &data},
	})
	return o.Refusal, err
}

// Rename puts a new name into the vault, and then the fact into the log. The machine is asked first whether that is allowed.
func (r *Room) Rename(ctx context.Context, p *Pending) (machine.Outcome, error) {
	d := p.Command.Data.(*campaign.ParticipantData)
	var refusal *machine.Refusal
	err := r.Campaign(ctx, func(m *campaign.Machine) { refusal = m.MayRename(p.From, d.Participant) })
	if err != nil || refusal != nil {
		return machine.Outcome{Refusal: refusal}, err
	}
	organisation := p.Organisation
	if !p.HasOrganisation {
		_, organisation = r.people.names(d.Participant)
	}
	if err := r.hub.Vault.Rename(ctx, r.scope, d.Participant, p.Name, organisation); err != nil {
		r.logger.Warn("a name was not stored", "err", err)
		return machine.Outcome{Refusal: machine.Refuse(wire.Unavailable, "", "unavailable")}, nil
	}
	if err := r.people.refresh(ctx, d.Participant); err != nil {
		return machine.Outcome{Refusal: machine.Refuse(wire.Unavailable, "", "unavailable")}, nil
	}
	return r.Execute(ctx, p)
}

// Erase forgets a participant: first the decision, in the log; then the key and the record, for ever; then what is left of the words in stored
// entries and snapshots. After a crash in between, the room finishes it when it opens.
func (r *Room) Erase(ctx context.Context, participant id.ID) (*machine.Refusal, error) {
	decided := false // before, and the vault failed
	err := r.Campaign(ctx, func(m *campaign.Machine) { p := m.Person(participant); decided = p != nil && p.Erased })
	if err != nil {
		return nil, err
	}
	if !decided {
		o, err := r.Execute(ctx, &Pending{
			From: participant,
			Command: &machine.Command{
				Type: campaign.PersonErased, ID: id.Derive(participant, "erase"), Actor: participant,
				Data: &campaign.ParticipantData{Participant: participant},
			},
		})
		if err != nil || o.Refusal != nil {
			return o.Refusal, err
		}
	}
	if err := r.hub.Vault.Erase(ctx, r.scope, participant); err != nil {
		r.logger.Error("a key was not destroyed; it will be when the room opens", "log", r.name, "err", err)
		return machine.Refuse(wire.Unavailable, "", "unavailable"), nil
	}
	if err := r.Do(ctx, func() {
		r.people.forget(participant)
		r.views.clear()
		r.views.forget()
	}); err != nil {
		return nil, err
	}
	r.compact(ctx, participant)
	return nil, nil
}

// View runs f with the state as an audience sees it, on the room's goroutine. What it renders may be kept.
func (r *Room) View(ctx context.Context, audience machine.Audience, f func(campaign.View, *campaign.Machine)) error {
	return r.Campaign(ctx, func(m *campaign.Machine) { f(m.View(audience, r.people.names), m) })
}

// Position is the last entry that was applied: number, epoch, and the chain's hash.
func (r *Room) Position(ctx context.Context) (seq, epoch uint64, head string) {
	_ = r.Do(ctx, func() { seq, epoch, head = r.seq.pos.Seq, r.seq.epoch, r.seq.pos.Hash.String() })
	return seq, epoch, head
}
