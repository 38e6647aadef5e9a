// Package journal is the contract of the log that everything durable in Kiem goes through.
//
// A journal holds logs. A log is a durable, totally ordered, gap-free list of entries, numbered 1, 2, 3, …; one entry
// is one batch of commands (that is the group commit). Whoever applies the same entries in order has the same state:
// there is no other source of truth. So a log promises:
//
//   - Order and no gaps. Append gives the next number; a reader sees 1, 2, 3, … and never a different entry
//     under a number it has seen, unless the log lost its tail (see below).
//   - Durable before return. When Append returns a number, the entry survives the kill of any process and, with the
//     embedded journal, the loss of power.
//   - An error is not proof. ErrUnavailable says that nothing was stored; ErrUnknown says that nobody knows. Commands are
//     idempotent, so the writer may send the same entry again after either.
//   - Damage is found and never served: an entry whose bytes, checksum or place in the chain is wrong is ErrCorrupt,
//     not a shorter log.
//
// # Stored form
//
// The bytes of an entry are made by Entry.Encode (see entry.go): a header with the writer's base, the records, and a
// CRC-32C. The chain (see chain.go) binds each entry to all before it; every reader computes it for itself, because with several
// writers nobody knows the previous hash while appending.
//
// # Several writers
//
// A journal is shared when other processes may append to its logs (Redis). There is no leader: any node appends at any
// time, the journal orders. A log that lost its tail (a failover, a restored backup) is noticed by the reader: Head falls
// behind what it applied, Append returns a number it already has, or an entry's base names a hash it does not know.
// Repair is the reader's business, not the journal's.
package journal

import (
	"context"
	"errors"
)

// Limits, held on the way in so that what is written can be read back.
const (
	// MaxEntry is the size of an encoded entry in bytes, checksum included.
	MaxEntry = 4 << 20
	// MaxRecords is the number of records in one entry.
	MaxRecords = 4096
	// MaxName is the length of a log's name in bytes; letters, digits and ":-_" only.
	MaxName = 64
	// MaxSnapshot is the size of one snapshot in bytes.
	MaxSnapshot = 1 << 30
	// ReadSize is how many bytes of entries a Read gathers before it stops early (it always gives at least one entry).
	ReadSize = 4 << 20
	// KeepSnapshots is how many of a log's snapshots a journal keeps: the newest ones.
	KeepSnapshots = 2
)

var (
	// ErrUnavailable: the journal cannot take entries now; nothing was stored; try again.
	ErrUnavailable = errors.New("journal: unavailable")
	// ErrUnknown: the append may or may not have been stored. Send the same entry again, or read the log.
	ErrUnknown = errors.New("journal: outcome unknown")
	// ErrFull: the disk (or memory) the journal lives on is below its low-water mark. Nothing was stored; the journal
	// takes entries again by itself once there is room. errors.Is(ErrFull, ErrUnavailable) holds for what backends return.
	ErrFull = errors.New("journal: no space left")
	// ErrPoisoned: a write or an fsync failed in a way after which nothing this process says can be trusted. It stays so
	// until the process ends; it must end with ExitPoisoned.
	ErrPoisoned = errors.New("journal: a write to stable storage failed")
	// ErrCorrupt: stored bytes are damaged. The wrapping error says which log, entry and byte, and what to do.
	ErrCorrupt = errors.New("journal: damaged")
	// ErrNotFound: no such snapshot.
	ErrNotFound = errors.New("journal: not found")
	// ErrTooLarge: an entry, a name or a snapshot is over its limit. Nothing was stored.
	ErrTooLarge = errors.New("journal: too large")
	// ErrName: not a log's name (see CheckName).
	ErrName = errors.New("journal: not a log's name")
	// ErrNotDurable: the store behind the journal does not keep what it acknowledges (see Redis in docs/operations.md).
	ErrNotDurable = errors.New("journal: the store is not durable")
	// ErrLocked: another process writes to this data directory.
	ErrLocked = errors.New("journal: in use by another process")
	// ErrClosed: the journal was closed.
	ErrClosed = errors.New("journal: closed")
)

// Durability is what an acknowledgement is worth, as shown in the protocol's hello.
type Durability string

const (
	Durable  Durability = "durable"  // fsync before the answer, checked
	Relaxed  Durability = "relaxed"  // an operator accepted that answered commands may be lost
	Asserted Durability = "asserted" // the store's settings cannot be read; an operator vouches for them
)

// Journal is a set of logs behind one store. All methods may be called from several goroutines.
type Journal interface {
	// Open gives the log of that name, which exists from its first entry on. It is cheap, and opening twice is allowed.
	Open(ctx context.Context, name string) (Log, error)
	// Names lists the logs that have entries, sorted.
	Names(ctx context.Context) ([]string, error)
	// SetDue says that the log must be woken at that Unix time in milliseconds, replacing what was said before; 0 forgets it.
	// It is an index, not a promise: a reader that finds nothing due does nothing.
	SetDue(ctx context.Context, name string, at int64) error
	// Due lists the logs to be woken at or before that time.
	Due(ctx context.Context, until int64) ([]string, error)
	// Ready is nil if an Append would be tried now, else the reason why not (one of the errors above, wrapped).
	Ready(ctx context.Context) error
	// Durability is what a returned Append is worth. It can change while running (Redis: CONFIG SET).
	Durability() Durability
	// Shared says whether other processes may append.
	Shared() bool
	// Close waits for appends under way and releases the store. A clean close loses nothing and leaves nothing to repair.
	Close() error
}

// Log is one ordered list of entries.
type Log interface {
	// Name is the name the log was opened with.
	Name() string
	// Append stores an encoded entry as the next one and returns its number once it is durable. The bytes must be what
	// Entry.Encode made (checked: size, version, checksum) and belong to the log from then on. The context bounds the wait, not the work: when
	// it ends first the error is ErrUnknown.
	Append(ctx context.Context, entry []byte) (seq uint64, err error)
	// Read gives the entries after that number, oldest first, at most max of them (max >= 1) and at least one if there is one;
	// it stops early when a few MiB are gathered. Nothing there is an empty slice, not an error. Each was checked (number, checksum, and
	// the chain as far as the backend keeps it); at the first that fails it returns what precedes it, or ErrCorrupt if that is
	// nothing. The caller must not change the bytes.
	Read(ctx context.Context, after uint64, max int) ([]Stored, error)
	// Head is the number of the newest entry, 0 for an empty log.
	Head(ctx context.Context) (uint64, error)
	// Changed receives (it may coalesce, and may be spurious or late) when another process appended, or the log may have lost its tail. It is
	// closed by Close. Nil for a journal that is not shared.
	Changed() <-chan struct{}
	// SaveSnapshot stores a snapshot, durable before return, and forgets all but the newest KeepSnapshots. One that is not newer
	// than the newest is ignored. Its Hash must be the log's chain after Seq: a backend that keeps the chain passes over any other.
	SaveSnapshot(ctx context.Context, s Snapshot) error
	// Snapshot gives the newest undamaged snapshot at or below that number, or ErrNotFound. A damaged one is passed over (entries are the truth).
	Snapshot(ctx context.Context, atOrBelow uint64) (Snapshot, error)
	// Close ends Changed. Appends under way finish.
	Close() error
}

// Stored is an entry as read from a log.
type Stored struct {
	Seq  uint64
	Body []byte // as given to Append; Decode reads it
}

// Snapshot is a machine's state after applying entry Seq.
type Snapshot struct {
	Seq    uint64
	Epoch  uint64
	Hash   Hash     // the chain after Seq
	Digest [32]byte // the machine's digest after Seq
	State  []byte   // the machine's own encoding; texts are in it in sealed form only
}

// Keeper is implemented by logs whose snapshots can be looked at one by one, damaged ones included. Snapshot passes those over; who verifies
// wants to name them. It is optional.
type Keeper interface {
	// Kept lists the log's snapshots, oldest first.
	Kept(ctx context.Context) ([]Kept, error)
}

// Kept is a snapshot that a log keeps.
type Kept struct {
	Seq  uint64
	Name string // where it is: a file, a key
	// Load reads it: ErrCorrupt if it is damaged, ErrNotFound if a newer one took its place meanwhile.
	Load func(context.Context) (Snapshot, error)
}

// Compacter is implemented by journals that can remove the sealed bytes of erased people from stored entries. It is
// optional: Redis removes them at the next archive-and-trim.
type Compacter interface {
	// Compact rewrites each entry of the log for which blank returns a changed encoding. The chain hash of the two encodings must be
	// equal (checked), so a journal's history stays verifiable. When it returns, the old bytes are overwritten on disk.
	Compact(ctx context.Context, name string, blank func(Stored) (body []byte, changed bool, err error)) error
}

// ExitPoisoned and ExitNotDurable are the process exit codes for ErrPoisoned and ErrNotDurable (sysexits.h: EX_TEMPFAIL, EX_CONFIG).
const (
	ExitPoisoned   = 75
	ExitNotDurable = 78
)
