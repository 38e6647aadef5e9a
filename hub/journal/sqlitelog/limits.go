package sqlitelog

import "time"

const (
	// maxBatchEntries and maxBatchBytes end a group commit, so that a single one never takes long.
	maxBatchEntries = 512
	maxBatchBytes   = 8 << 20

	// queueLength is how many appends may wait for the writer before the next one waits to wait.
	queueLength = 1024

	// DefaultReserve is the size of journal.reserve in bytes.
	DefaultReserve = 64 << 20
	// DefaultLowWater is the free space in bytes below which appends are refused. It must hold the WAL's growth between two
	// looks, and the copy that a checkpoint makes.
	DefaultLowWater = 64 << 20

	// witnessEntries and witnessEvery bound what a lost journal file can hide from the witness.
	witnessEntries = 1000
	witnessEvery   = time.Second

	// checkpointBytes is how much is written to the WAL before it is moved into the database.
	checkpointBytes = 16 << 20
	// truncateEvery is the shortest time between two truncations of the WAL. A truncated WAL has to grow again, and an fsync of
	// a growing file is dearer.
	truncateEvery = 10 * time.Second

	// readers is the number of reading connections.
	readers = 4

	// maxLogs and maxSeq are what a rowid has room for.
	seqBits = 40
	maxSeq  = 1<<seqBits - 1
	maxLogs = 1<<(63-seqBits) - 1

	// lyingFsync is the median fsync below which a disk is suspected not to wait for its platter or flash.
	lyingFsync = 20 * time.Microsecond
	// probeSyncs is how many fsyncs the probe makes at start.
	probeSyncs = 16
)

// maxGathered is how much of the WAL is gathered before it is written all the same.
const maxGathered = 1 << 20
