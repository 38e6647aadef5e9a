// Package memlog is the journal in memory, for tests and simulations.
//
// A Disk is what a disk or a Redis would be: it outlives the journals that are opened on it. Opening it once gives an
// embedded journal; opening it several times with Shared gives the nodes of a cluster, each with its own handle. Opening it
// again after a Close (or without one: a killed process) is a restart.
//
// Faults are asked for, never random: a test decides for each append what becomes of it (OnAppend), lets a node see an old
// head (Hold), cuts a log's tail (DropTail), or changes stored bytes (Damage). There are no goroutines and no clocks here, so the
// same calls give the same history.
package memlog

import (
	"bytes"
	"fmt"
	"sync"

	"kiem/hub/journal"
)

// Outcome is what becomes of an append.
type Outcome uint8

const (
	Store  Outcome = iota // stored and acknowledged
	Refuse                // not stored: ErrUnavailable
	Full                  // not stored: ErrFull and ErrUnavailable
	Lose                  // not stored, and the writer is not told: ErrUnknown
	Keep                  // stored, and the writer is not told: ErrUnknown
	Late                  // ErrUnknown, and stored only when Land is called: a frozen node's socket
	Poison                // not stored, and this journal takes nothing any more: ErrPoisoned
)

// Attempt is an append that OnAppend is asked about.
type Attempt struct {
	Node string // Options.Node of the journal
	Log  string
	Body []byte // not to be changed
}

// Disk holds the logs. The zero value is not usable; see NewDisk.
type Disk struct {
	mu       sync.Mutex
	logs     map[string]*stored
	due      map[string]int64
	onAppend func(Attempt) Outcome
	late     []Attempt
	nodes    map[*Journal]struct{}
}

type stored struct {
	head      journal.Chain
	entries   []entry
	snapshots []snapshot // oldest first
}

type entry struct {
	body []byte
	hash journal.Hash
}

type snapshot struct {
	journal.Snapshot
	sum journal.Hash
}

// NewDisk makes an empty store.
func NewDisk() *Disk {
	return &Disk{logs: map[string]*stored{}, due: map[string]int64{}, nodes: map[*Journal]struct{}{}}
}

// OnAppend sets what decides about each append; nil stores them all. It is called without a lock held, so it may block (a
// slow disk) and may call the Disk.
func (d *Disk) OnAppend(f func(Attempt) Outcome) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onAppend = f
}

// Land stores what Late kept back, in the order of the appends, and says how many there were.
func (d *Disk) Land() int {
	d.mu.Lock()
	late := d.late
	d.late = nil
	for _, a := range late {
		// It was decoded before it was kept back.
		if e, err := journal.Decode(a.Body); err == nil {
			d.appendLocked(a.Log, a.Body, e)
		}
	}
	d.mu.Unlock()
	for _, a := range late {
		d.wake(a.Log, nil)
	}
	return len(late)
}

// DropTail forgets the entries after that number, as a failover or a restored backup does. Snapshots stay.
func (d *Disk) DropTail(log string, after uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.logs[log]
	if s == nil || after >= s.head.Seq {
		return
	}
	s.entries = s.entries[:after:after]
	s.head = journal.Chain{Seq: after, Hash: s.hashAt(log, after)}
}

// Damage replaces the stored bytes of an entry. f gets a copy and returns what is to stand there. It says whether the entry
// exists.
func (d *Disk) Damage(log string, seq uint64, f func([]byte) []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.logs[log]
	if s == nil || seq == 0 || seq > s.head.Seq {
		return false
	}
	s.entries[seq-1].body = f(bytes.Clone(s.entries[seq-1].body))
	return true
}

// DamageSnapshot does the same to the state of a snapshot.
func (d *Disk) DamageSnapshot(log string, seq uint64, f func([]byte) []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.logs[log]
	if s == nil {
		return false
	}
	for i := range s.snapshots {
		if s.snapshots[i].Seq == seq {
			s.snapshots[i].State = f(bytes.Clone(s.snapshots[i].State))
			return true
		}
	}
	return false
}

// Swap exchanges the stored bytes of two entries.
func (d *Disk) Swap(log string, a, b uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.logs[log].entries
	e[a-1].body, e[b-1].body = e[b-1].body, e[a-1].body
}

func (d *Disk) appendLocked(log string, body []byte, e *journal.Entry) uint64 {
	s := d.logs[log]
	if s == nil {
		s = &stored{head: journal.Chain{Hash: journal.Genesis(log)}}
		d.logs[log] = s
	}
	s.head = s.head.Next(e)
	s.entries = append(s.entries, entry{body: body, hash: s.head.Hash})
	return s.head.Seq
}

// hashAt is the chain after that entry, which exists or is 0.
func (s *stored) hashAt(log string, seq uint64) journal.Hash {
	if seq == 0 {
		return journal.Genesis(log)
	}
	return s.entries[seq-1].hash
}

// read gives the checked entries in (after, upTo].
func (d *Disk) read(log string, after, upTo uint64, most int) ([]journal.Stored, error) {
	d.mu.Lock()
	s := d.logs[log]
	if s == nil || after >= s.head.Seq {
		d.mu.Unlock()
		return nil, nil
	}
	at := journal.Chain{Seq: after, Hash: s.hashAt(log, after)}
	upTo = min(upTo, s.head.Seq)
	var part []entry
	if upTo > after {
		part = append(part, s.entries[after:min(upTo, after+uint64(most))]...)
	}
	d.mu.Unlock()

	out := make([]journal.Stored, 0, len(part))
	size := 0
	for _, e := range part {
		st := journal.Stored{Seq: at.Seq + 1, Body: e.body}
		_, next, err := at.NextStored(st)
		if err == nil && next.Hash != e.hash {
			err = fmt.Errorf("%w: the hash differs", journal.ErrCorrupt)
		}
		if err != nil {
			if len(out) > 0 {
				return out, nil
			}
			return nil, fmt.Errorf("log %s, entry %d: %w", log, st.Seq, err)
		}
		if size += len(e.body); size > journal.ReadSize && len(out) > 0 {
			break
		}
		out = append(out, st)
		at = next
	}
	return out, nil
}

// wake tells everybody who follows the log but the handle that appended.
func (d *Disk) wake(log string, but *Log) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := range d.nodes {
		for l := range n.open {
			if l.name == log && l != but && l.changed != nil {
				select {
				case l.changed <- struct{}{}:
				default: // it is already awake
				}
			}
		}
	}
}
