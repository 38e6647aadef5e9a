package hub

import (
	"context"
	"crypto/sha256"
	"sync"

	"kiem/hub/vault"
	"kiem/id"
)

// memVault is a vault in memory. Its keys derive from ids, so that a simulation is the same each time.
type memVault struct {
	mu     sync.Mutex
	people map[[2]id.ID]vault.Person
	erased map[[2]id.ID]bool
	fail   error
}

func newMemVault() *memVault {
	return &memVault{people: map[[2]id.ID]vault.Person{}, erased: map[[2]id.ID]bool{}}
}

// break makes every call fail until it is called with nil.
func (v *memVault) breakDown(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fail = err
}

func (v *memVault) Put(_ context.Context, scope id.ID, p vault.Person) (vault.Person, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	k := [2]id.ID{scope, p.ID}
	if have, ok := v.people[k]; ok || v.fail != nil || v.erased[k] {
		if v.erased[k] {
			return vault.Person{}, vault.ErrErased
		}
		return have, v.fail
	}
	p.Key = sha256.Sum256(append(scope[:], p.ID[:]...))
	v.people[k] = p
	return p, nil
}

func (v *memVault) Get(_ context.Context, scope id.ID, ids ...id.ID) (list []vault.Person, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, i := range ids {
		if p, ok := v.people[[2]id.ID{scope, i}]; ok {
			list = append(list, p)
		}
	}
	return list, v.fail
}

func (v *memVault) All(_ context.Context, scope id.ID) (list []vault.Person, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for k, p := range v.people {
		if k[0] == scope {
			list = append(list, p)
		}
	}
	return list, v.fail
}

func (v *memVault) Rename(_ context.Context, scope, person id.ID, name, organisation string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	k := [2]id.ID{scope, person}
	p, ok := v.people[k]
	if !ok {
		return vault.ErrNotFound
	}
	p.Name, p.Organisation = name, organisation
	v.people[k] = p
	return v.fail
}

func (v *memVault) Erase(_ context.Context, scope, person id.ID) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail != nil {
		return v.fail
	}
	delete(v.people, [2]id.ID{scope, person})
	v.erased[[2]id.ID{scope, person}] = true
	return nil
}

func (v *memVault) EraseScope(context.Context, id.ID) error { return nil }

func (v *memVault) VoteKey(_ context.Context, scope id.ID) ([vault.KeySize]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return sha256.Sum256(append([]byte("votes"), scope[:]...)), v.fail
}

func (v *memVault) DestroyVoteKey(context.Context, id.ID) error { return nil }

func (v *memVault) Ready(context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.fail
}

func (v *memVault) Close() error { return nil }
