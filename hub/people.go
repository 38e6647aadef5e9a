package hub

import (
	"context"
	"encoding/json"
	"sync"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/vault"
	"kiem/id"
)

// people is what a room keeps of its campaign's vault: names to show and keys to seal with. It is filled when the room opens and when somebody
// joins, before the entry that needs it is applied. Guarded by mu: joins come from other goroutines.
type people struct {
	vault vault.Vault
	scope id.ID

	mu   sync.RWMutex
	byID map[id.ID]*personal
}

type personal struct {
	vault.Person
	sealer *vault.Sealer // made when first needed
}

func loadPeople(ctx context.Context, v vault.Vault, scope id.ID) (*people, error) {
	p := &people{vault: v, scope: scope, byID: map[id.ID]*personal{}}
	all, err := v.All(ctx, scope)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		p.byID[one.ID] = &personal{Person: one}
	}
	return p, nil
}

// put remembers a person that the vault has.
func (p *people) put(one vault.Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byID[one.ID] = &personal{Person: one}
}

// refresh fetches what the vault knows of these people now.
func (p *people) refresh(ctx context.Context, ids ...id.ID) error {
	if len(ids) == 0 {
		return nil
	}
	got, err := p.vault.Get(ctx, p.scope, ids...)
	if err != nil {
		return err
	}
	for _, one := range got {
		p.put(one)
	}
	return nil
}

// forget drops a person who was erased.
func (p *people) forget(i id.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byID, i)
}

func (p *people) knows(i id.ID) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byID[i] != nil
}

// names is campaign.Names.
func (p *people) names(i id.ID) (name, organisation string) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if one := p.byID[i]; one != nil {
		return one.Name, one.Organisation
	}
	return "", ""
}

// sealer is what seals and opens a person's texts; nil if the key is not here. Sealing and opening may be done by anybody; its Tag is the room's owner's.
func (p *people) sealer(i id.ID) *vault.Sealer {
	p.mu.RLock()
	one := p.byID[i]
	var s *vault.Sealer
	if one != nil {
		s = one.sealer
	}
	p.mu.RUnlock()
	if s != nil || one == nil {
		return s
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if one.sealer == nil {
		one.sealer = vault.NewSealer(one.Key)
	}
	return one.sealer
}

// meet fetches the people that entries bring: who joined elsewhere, and who got another name. It runs before the entries are applied.
func (p *people) meet(ctx context.Context, list []journal.Stored) error {
	var ids []id.ID
	for _, s := range list {
		e, err := journal.Decode(s.Body)
		if err != nil {
			return nil // who applies it says what is wrong
		}
		for i := range e.Records {
			r, err := reveal(&e.Records[i])
			if err != nil {
				return nil // as above
			}
			if !r.Actor.IsZero() && !p.knows(r.Actor) {
				ids = append(ids, r.Actor)
			}
			if r.Type != campaign.ParticipantRename {
				continue
			}
			var s storedData
			var d campaign.ParticipantData
			if json.Unmarshal(r.Data, &s) == nil && json.Unmarshal(s.Data, &d) == nil {
				ids = append(ids, d.Participant)
			}
		}
	}
	for len(ids) > 0 {
		n := min(len(ids), vault.MaxGet)
		if err := p.refresh(ctx, ids[:n]...); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}
