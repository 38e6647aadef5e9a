// Package machine is the contract between a room and what it runs.
//
// A machine is a pure state machine: the same commands with the same stamps, in the same order, give the same state, the same
// outcomes and the same digest, on every node, at every replay, for ever. So there is no clock, no randomness, no input or output, no
// goroutine, no map order and no floating point decision inside: time, ids and seeds come in with the stamp.
//
// A command is looked at twice. Check runs before it is appended, against the state of one node: all that depends on content or may
// change over time (limits, characters, vocabulary). Apply runs in the order of the log, on every node: only what the result depends
// on (does the target exist, is the stage open, is the right held). What Apply refuses is void: it changed nothing, and every node
// says so. A new rule about what Apply does gets a new rules version; entries keep the version they were written under.
//
// # Idempotence
//
// The id of what a command creates derives from the command's id. Set-type commands carry a lane (random per tab) and a number n: of two
// with one target and lane the one with the lower n never wins. Answers keeps the last commands of each actor, so that a repeated command gets the
// first answer; the look-up by id precedes every other check.
//
// # Erasable text
//
// Apply never branches on what a person wrote: it sees length and shape (ideas.Text). A machine without a single readable text has the same digest.
package machine

import (
	"kiem/hub/wire"
	"kiem/id"
)

// Command is one command in the form that machines take, whether it came from a client or from the log.
type Command struct {
	Type  string
	ID    id.ID
	Actor id.ID // participant or account; the voter's pseudonym for votes; zero for the clock
	Lane  uint64
	N     uint64 // 0: the command carries no lane
	Tag   uint64 // keyed digest of the content
	Data  any    // the machine's own struct for Type
}

// Stamp is what the log says about a command.
type Stamp struct {
	Seq   uint64 // the entry
	Epoch uint64
	At    int64  // the writer's clock, Unix milliseconds
	Rules uint64 // version of the rules
	Base  uint64 // what the writer had applied when it checked the command
}

// Refusal says why a command is void. Reason is a key of the sentences catalogue ("refusal.<reason>"), Field the field at fault.
type Refusal struct {
	Code   wire.Code
	Field  string
	Reason string
	Args   map[string]string // what the sentence names: limits, mostly
}

// Refuse makes a refusal.
func Refuse(code wire.Code, field, reason string) *Refusal {
	return &Refusal{Code: code, Field: field, Reason: reason}
}

// With adds a value that the sentence names.
func (r *Refusal) With(key, value string) *Refusal {
	if r.Args == nil {
		r.Args = map[string]string{}
	}
	r.Args[key] = value
	return r
}

// Error makes a refusal usable as an error in tests and logs; people see the sentence.
func (r *Refusal) Error() string { return string(r.Code) + " " + r.Field + " " + r.Reason }

// Outcome is what applying a command did.
type Outcome struct {
	Refusal *Refusal // nil if it was done (now, or before: then Seq is the entry that did it)
	Stale   bool     // refused because rights changed after the writer checked: check and append again, nobody is to blame
	Seq     uint64
	Events  []Event
}

// Audience is a set of views. Every connection has exactly one.
type Audience uint8

const (
	Public     Audience = 1 << iota // participants and observers
	Moderators                      // facilitators and organisers
)

// Audiences lists the single audiences.
var Audiences = [...]Audience{Public, Moderators}

// Event says that something happened and who may know. What each audience is shown is rendered from the state after the whole entry, so an event
// carries names, not content.
type Event struct {
	Type    string
	By      id.ID // zero for the clock and for pseudonyms
	Shown   Audience
	To      id.ID // a participant who is shown it whatever the audience; zero: none
	Subject id.ID // idea, participant or campaign
	Part    id.ID // the comment, for comment.*
	Hides   bool  // something that was shown before may not be shown any more: nobody may resume from before this
	Recut   bool  // the rights of To changed: its connections must start anew
}

// Digest identifies a state: the sum of the hashes of its objects, so that a change costs only what it touches.
type Digest [32]byte

// Machine is what a room runs. All methods are called by the room's owner only.
type Machine interface {
	// Check looks at a command before it is appended.
	Check(c *Command, now int64) *Refusal
	// Apply applies a command in the order of the log.
	Apply(c *Command, s Stamp) Outcome
	// Look finds the outcome of a command that was applied before; done says whether there was one. It says conflict or forbidden for an id that
	// was used for something else or by somebody else.
	Look(c *Command) (o Outcome, done bool)
	// Due gives the commands that the clock owes at that time, and the time of the next one (0: none). Their ids are deterministic.
	Due(now int64) (owed []*Command, next int64)
	// Digest is the digest of the present state.
	Digest() Digest
	// Snapshot encodes the state; Restore, on a new machine, is its inverse. Restore never panics and never keeps what it could not read to the end.
	Snapshot() []byte
	Restore(b []byte) error
}
