package redislog

import (
	"log/slog"
	"time"
)

// Limits.
const (
	// Timeout bounds dialling, one write and one read.
	Timeout = 2 * time.Second
	// waitReplicas is how long replicas have to take an entry.
	waitReplicas = 200 * time.Millisecond
	// checkEvery is the time between two checks of Redis' durability.
	checkEvery = 10 * time.Second
	// sweepEvery is the time between two looks at the opened logs, in case a message was lost.
	sweepEvery = time.Second
	// wakeAllEvery is after how many sweeps every opened log is woken for nothing.
	wakeAllEvery = 10
	// pingEvery is how long the subscription may be silent before it is tried.
	pingEvery = 5 * time.Second

	// senders is the number of calls that may be under way. Redis syncs once for all that arrived meanwhile, so a few suffice.
	senders = 8
	// queueLength is how many appends may wait for a sender before the next one waits to wait.
	queueLength = 1024
	// maxBatchEntries and maxBatchBytes end a call.
	maxBatchEntries = 128
	maxBatchBytes   = 4 << 20

	// maxReads is the number of reading calls at a time.
	maxReads = 32
	// readChunk is how many entries are asked for at once: their sizes are not known beforehand.
	readChunk = 64
	// namesChunk is how many small questions travel in one call.
	namesChunk = 256

	// snapshotChunk is the size of a piece of a snapshot in bytes.
	snapshotChunk = 512 << 10
	// abandoned is when a snapshot that is still being written is taken for one whose writer died.
	abandoned = time.Hour

	// poolSize is far above what is used: the client library stops trying to dial after as many failures, until it has
	// looked for itself, and that would cost a second at each outage.
	poolSize = 1 << 14
)

// Options say which Redis, and what its answers are worth.
type Options struct {
	// Address is one of
	//
	//	redis://[user:password@]host:port[/db]            one server; rediss:// over TLS
	//	redis://host:port?addr=host:port&addr=…           a cluster
	//	redis://host:port?master_name=NAME[&addr=…]       Sentinels
	Address string
	// Replicas is on how many replicas an entry must be at least, besides the master, before it is acknowledged. It must be on all that keep up, too.
	Replicas int
	// Relaxed accepts a Redis that may lose what it acknowledged. Durability then says so, for ever.
	Relaxed bool
	// Asserted accepts a Redis whose settings cannot be read (CONFIG is forbidden): an operator vouches for them.
	Asserted bool
	// Log gets warnings. Nil is silence.
	Log *slog.Logger
	// Observe is told what the calls cost.
	Observe Observer
}

// Observer is told what happens, from the goroutine in which it happens: it must be quick. Nil functions are not called.
type Observer struct {
	// Call is told of each call that carried appends: how many entries and bytes, how long it took (Redis' fsync and the replicas
	// included), and how many of the entries were acknowledged.
	Call func(entries, bytes, acknowledged int, took time.Duration)
	// Check is told the result of each check of the durability.
	Check func(error)
}
