// Package redislog is the journal on Redis 7 or newer, for several nodes behind any load balancer.
//
// The problem: any node may append to any log at any time, and all must see one order without a gap, with nobody in charge. Redis gives it:
//
//	XADD {c:<id>}:log 0-* b <entry>
//
// answers 0-1, 0-2, 0-3, …: the entry's number. Everything else here is about not believing too much: an answer that did not come,
// a Redis that does not keep what it acknowledged, a Redis that came back with less than it had.
//
// # Rules
//
//   - A write is sent once. The client repeats nothing, follows no redirection and waits at most 2 s. What was certainly
//     not sent, or was refused by a reply, is ErrUnavailable; a call that broke is ErrUnknown. Waking up again is left to the caller,
//     whose commands are idempotent.
//   - Durable before return: Redis syncs its file before it replies (appendfsync always). That it does is checked on every new connection and every
//     10 s (see durability.go); while it does not, Append is refused. With Options.Replicas, WAIT follows on the
//     connection of the XADD, and too few replicas make the outcome unknown (see replicas.go).
//   - Appends that queue up while a call is under way travel together: one write, one read, one fsync, for all logs.
//   - Numbers read must be the last + 1. Anything else is ErrCorrupt: somebody trimmed, deleted or wrote there.
//   - A follower is woken by a message; messages may be lost, so every second the lengths of the opened logs are looked at, and
//     after a reconnection, a new run of Redis and every 10 s all opened logs are woken. A log that lost its tail (a
//     failover, a restored backup) shows as a smaller Head after such a wake-up; repairing it is the reader's business.
//
// # Keys
//
// All keys of one log share a hash tag, so a cluster keeps them together:
//
//	{<log>}:log                 stream; the entry is field b
//	{<log>}:snap                hash: number -> header of a complete snapshot; "w<number>.<random>" -> Unix ms, one being written
//	{<log>}:snap:<n>.<random>   hash: chunk number -> bytes
//	kiem:names                  set of the logs that were appended to
//	kiem:due                    sorted set: log by Unix milliseconds
//	kiem:wake                   channel: "<node> <log> <log> …" after appends
//
// # Rights
//
// Nothing here evaluates scripts. An account that can do all of this and no more:
//
//	ACL SETUSER kiem-journal on >secret resetkeys resetchannels -@all ~{*}:log ~{*}:snap* ~kiem:names ~kiem:due &kiem:wake
//	    +xadd +xrange +xrevrange +xlen +exists +wait +hset +hsetnx +hget +hgetall +hdel +unlink
//	    +sadd +smembers +zadd +zrem +zrange +publish +subscribe +unsubscribe +ping +hello +auth +select +info +config|get
//
// and, on a cluster, +cluster|slots +cluster|shards +readonly. Without +config|get the durability cannot be checked: see Options.Asserted.
package redislog
