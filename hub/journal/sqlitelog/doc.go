// Package sqlitelog is the embedded journal: one SQLite file, one process that writes.
//
// The problem: an answer may leave only after its entry is on the disk, an fsync takes from 0.1 to 20 ms, and many rooms append at
// once. So one goroutine owns the only writing connection, and whatever queued up over all logs while it waited for the disk
// becomes its next transaction: one fsync for all of them. A single append costs one fsync and little more.
//
// # Rules
//
//   - Durable before return: WAL with synchronous=FULL. Close leaves no WAL behind.
//   - One writing process per directory: journal.lock is held with flock; a second Open gets ErrLocked. A file system where flock does
//     not exclude (some network file systems) is refused.
//   - After an I/O error or a failed fsync nothing is acknowledged any more (ErrPoisoned): what the kernel still holds of those
//     pages is unknown, and asking again would be told "ok". Reading goes on. Only a restart, which reads what is really there, heals it.
//   - A full disk is not an error of the disk: SQLite rolls the transaction back, the append is refused (ErrFull), and the journal takes
//     entries again by itself once the free space is above the low-water mark. journal.reserve is given up while the disk is full, so
//     that a checkpoint and a clean stop still find room.
//   - Damage is found: each entry is stored with its place in the log's chain, and every read checks number, CRC-32C and chain from the
//     stored hash of the entry before. What SQLite cannot know, that its WAL lost its end to a flipped bit or that an old file was
//     put back, is known by the witness.
//   - No other code of this process may open journal.db: closing any descriptor of it would drop SQLite's POSIX locks.
//
// # Files
//
//	journal.db, -wal, -shm  entries, due index; readable with the sqlite3 tool
//	journal.witness         what was acknowledged at last: see witness.go
//	journal.lock            locked by the writing process; holds its process id
//	journal.reserve         bytes that are given up when the disk is full
//	snapshots/              one file for each snapshot: see snapshots.go
//
// An entry's row is found by log and number alone: its rowid is log<<40 | seq. pos counts entries over all logs in the order
// of the commits; the witness names it.
//
// # Who owns what
//
// The writer goroutine owns the writing connection, the heads of the logs as being written, and the transaction. A log's published head
// changes only after the commit and is read by anybody. Readers borrow one of a few reading connections. The keeper goroutine
// writes the witness and moves the WAL into the database.
package sqlitelog
