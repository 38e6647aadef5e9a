// Package verify checks what is said of a campaign, without the server that said it.
//
// There are two things to check. A data directory holds everything: `kiem verify --data` replays every log from its first entry (package hub) and reports what is
// here called Log and Problem. A published file holds what everybody may know: File reads it, with nothing but the file.
//
// What a published file can prove, and what not, is said in File.
package verify

import (
	"fmt"
	"strings"

	"kiem/id"
)

// Kinds of problems. They are stable: scripts may ask for them.
const (
	Damaged    = "damaged"    // stored bytes are not what was written
	Missing    = "missing"    // something that was there is gone: a lost end, an old file put back
	Chain      = "chain"      // an entry does not follow from the one before
	Base       = "base"       // an entry rests on another history
	Checkpoint = "checkpoint" // the state differs from what was written into the log
	Tally      = "tally"      // a figure differs from the recount
	Snapshot   = "snapshot"   // a stored state is not the log's
	Due        = "due"        // the clock would not wake the log
	Unreadable = "unreadable" // this version cannot read it
	Differs    = "differs"    // a published table says something else than the rest of the file
	Form       = "form"       // a published file has not the form that it claims
)

// Problem is one thing that is wrong.
type Problem struct {
	Kind   string `json:"kind"`
	Log    string `json:"log,omitempty"`
	Entry  uint64 `json:"entry,omitempty"` // where it shows; 0: in no entry
	File   string `json:"file,omitempty"`
	Byte   int64  `json:"byte,omitempty"` // of the file, at which the entry or the damage begins; 0: not known
	Detail string `json:"detail"`
	Do     string `json:"do,omitempty"` // what it means and what to do
}

// String is the problem in a few lines, for people.
func (p Problem) String() string {
	var where []string
	if p.Log != "" {
		where = append(where, "log "+p.Log)
	}
	if p.Entry > 0 {
		where = append(where, fmt.Sprintf("entry %d", p.Entry))
	}
	if p.File != "" {
		file := p.File
		if p.Byte > 0 {
			file += fmt.Sprintf(" byte %d", p.Byte)
		}
		where = append(where, file)
	}
	text := p.Kind
	if len(where) > 0 {
		text += " (" + strings.Join(where, ", ") + ")"
	}
	text += ": " + p.Detail
	if p.Do != "" {
		text += "\n  " + strings.ReplaceAll(p.Do, "\n", "\n  ")
	}
	return text
}

// Log is what was found of one log.
type Log struct {
	Name        string    `json:"log"`
	Campaign    *id.ID    `json:"campaign,omitempty"`
	Title       string    `json:"title,omitempty"`
	Seq         uint64    `json:"seq"` // the last entry that could be checked
	Head        string    `json:"head"`
	Epoch       uint64    `json:"epoch"`
	Commands    int       `json:"commands"`
	Foreign     int       `json:"foreign"` // entries without effect, because they rest on a history that the log lost
	Checkpoints int       `json:"checkpoints"`
	Snapshots   int       `json:"snapshots"` // whole, and equal to the replay
	Ideas       int       `json:"ideas"`
	Ballots     int       `json:"ballots"`
	Supports    int       `json:"supports"`
	Erased      []id.ID   `json:"-"`               // people whom the log says to be erased
	Notes       []string  `json:"notes,omitempty"` // worth knowing, and no damage
	Problems    []Problem `json:"problems"`
}
