// Package vault keeps what Kiem knows about persons, apart from the logs: names, organisations, addresses, and the keys that their texts are
// sealed with.
//
// A log is for ever and a person may ask to be forgotten. So logs name people by id only, and what a person wrote stands in them encrypted
// with that person's key. Whoever destroys the key and the record has erased the person, without touching the log. This package is small and
// mutable, and what it forgets is gone:
//
//   - Put is durable before it returns, for the first text sealed with a key may follow at once. It is idempotent: a record that exists
//     is returned unchanged, and its key never changes. So a Put that failed may be sent again.
//   - Erase destroys record and key and leaves a tombstone, so that a Put that was on its way does not bring the person back. When it
//     returns, no byte of it is in any file of the embedded form. With Redis it is in no key, and the append-only file is rewritten soon
//     after (see Redis.Scrub).
//   - A campaign has one vote key, from which the pseudonyms of voters derive. Concurrent creators get the same one. Once destroyed it is
//     never made anew, so that votes stay anonymous.
//   - Nothing has a time to live: a clock that jumps erases nobody.
//
// Forms: Lite (one SQLite file) and Redis. One suite tests both. Sealing, tags and pseudonyms (seal.go, votes.go) are pure functions of the keys.
package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"kiem/id"
)

// Limits.
const (
	// MaxField is the size of a name, an organisation or an address in bytes. The rules for names (length in characters, what is allowed) are
	// those of the campaign and stricter.
	MaxField = 512
	// KeySize is the size of every key in bytes.
	KeySize = 32
	// MaxGet is the number of ids in one Get.
	MaxGet = 4096
)

var (
	// ErrUnavailable: the store cannot be reached or cannot write. Whether the change was made is unknown; every call may be sent again.
	ErrUnavailable = errors.New("vault: unavailable")
	// ErrErased: the person, the scope or the vote key was erased and does not come back.
	ErrErased = errors.New("vault: erased")
	// ErrNotFound: no such person.
	ErrNotFound = errors.New("vault: not found")
	// ErrBad: a field is too long, or an id is zero.
	ErrBad = errors.New("vault: not a record that can be kept")
	// ErrDamaged: a stored record cannot be read.
	ErrDamaged = errors.New("vault: damaged record")
)

// Directory is the scope of accounts; every other scope is the id of a campaign or a call.
var Directory id.ID

// Person is what is known about one participant of a campaign, or one account of the directory.
type Person struct {
	ID           id.ID
	Name         string
	Organisation string
	Mail         string
	// Key seals what the person writes in this scope. Put makes one if it is zero.
	Key [KeySize]byte
}

// Vault is the contract of both forms. All methods may be called from many goroutines.
type Vault interface {
	// Put stores a person unless the scope has one with that id, and returns what is stored. ErrErased if the person was erased.
	Put(ctx context.Context, scope id.ID, p Person) (Person, error)
	// Get gives the persons with those ids (at most MaxGet), in that order; those unknown or erased are left out.
	Get(ctx context.Context, scope id.ID, ids ...id.ID) ([]Person, error)
	// All gives every person of the scope, in no particular order.
	All(ctx context.Context, scope id.ID) ([]Person, error)
	// Rename changes name and organisation. ErrNotFound if the person is unknown, ErrErased if erased.
	Rename(ctx context.Context, scope, person id.ID, name, organisation string) error
	// Erase destroys a person's record and key for ever, also one that is not there yet. Erasing again is no error.
	Erase(ctx context.Context, scope, person id.ID) error
	// EraseScope erases every person of a campaign and its vote key, and refuses new ones from then on. The directory cannot be erased.
	EraseScope(ctx context.Context, scope id.ID) error
	// VoteKey gives the scope's vote key, making it at the first call. ErrErased once it was destroyed.
	VoteKey(ctx context.Context, scope id.ID) ([KeySize]byte, error)
	// DestroyVoteKey destroys the vote key for ever, also one that was never made.
	DestroyVoteKey(ctx context.Context, scope id.ID) error
	// Ready is nil if a Put would be tried and may succeed.
	Ready(ctx context.Context) error
	// Close finishes what is under way and releases the store.
	Close() error
}

// check refuses what could not be read back.
func check(p *Person) error {
	if p.ID.IsZero() {
		return fmt.Errorf("%w: no id", ErrBad)
	}
	return checkFields(p.Name, p.Organisation, p.Mail)
}

func checkFields(fields ...string) error {
	for _, f := range fields {
		if len(f) > MaxField {
			return fmt.Errorf("%w: a field of %d bytes, the limit is %d", ErrBad, len(f), MaxField)
		}
	}
	return nil
}

// newKey makes a key. rand.Read never fails: it ends the process if the system has no randomness.
func newKey() (key [KeySize]byte) {
	_, _ = rand.Read(key[:])
	return key
}
