// Package wire is the specification of what travels between Kiem and its clients: the messages of protocol v1 as Go types, the codes,
// the limits of a frame, and the strict reader that everything from outside goes through. It has no behaviour of its own.
//
// # Rules
//
// Everything is JSON in UTF-8 with snake_case keys; times are RFC 3339 in UTC; ids are UUIDs. On the socket each message is
// one object in one text frame. Inside v1 fields may be added, none is renamed or dropped.
//
// A client sends commands (Command). The server sends Hello once, then Reply for each command, Events per tick, and Reset when the client must
// fetch the snapshot (Snapshot) again. Events.From and To are the same for everybody who follows without a gap: what a caller may
// not see is left out, not renumbered. Tallies are state: the newest value wins.
//
// An event has the type of the command that caused it. The event of anything that happens to an idea carries the whole idea as
// the receiver may see it now (IdeaEvent), so a client applies events by replacing what it has; an idea that the receiver may no longer see has
// status "gone" and no content.
//
// # Reading
//
// Read checks a whole document in one pass: UTF-8, depth, size, no duplicate keys, exact case of keys, integers only. Fields are then taken
// by name; a key that nobody took is refused. There is no reflection on the way in: what a field may hold stands where it is read.
package wire
