package memlog

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"kiem/hub/journal"
)

// Options say how a Disk is opened. The zero value is an embedded journal.
type Options struct {
	Node       string             // for Attempt.Node
	Shared     bool               // other journals are open on the same Disk
	Durability journal.Durability // what Durability answers; default Durable
}

// Journal is one process's handle on a Disk.
type Journal struct {
	disk *Disk
	o    Options

	// Guarded by disk.mu.
	open   map[*Log]struct{}
	held   map[string]uint64 // head that this node is allowed to see
	fail   error
	poison error // appends fail, reading goes on
	closed bool

	under sync.WaitGroup // appends
}

// New opens an embedded journal on a Disk of its own.
func New() *Journal { return NewDisk().Open(Options{}) }

// Open gives a handle, as a process that starts would have it.
func (d *Disk) Open(o Options) *Journal {
	if o.Durability == "" {
		o.Durability = journal.Durable
	}
	j := &Journal{disk: d, o: o, open: map[*Log]struct{}{}, held: map[string]uint64{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.nodes[j] = struct{}{}
	return j
}

// Disk is what the journal was opened on.
func (j *Journal) Disk() *Disk { return j.disk }

// Hold freezes what this node sees of the log at the present head: what is appended from now on, by itself too, stays invisible to its Read
// and Head until Release, which wakes it.
func (j *Journal) Hold(log string) {
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	j.held[log] = 0
	if s := j.disk.logs[log]; s != nil {
		j.held[log] = s.head.Seq
	}
}

// Release ends Hold.
func (j *Journal) Release(log string) {
	j.disk.mu.Lock()
	delete(j.held, log)
	j.disk.mu.Unlock()
	j.disk.wake(log, nil)
}

// Fail makes every call of this node fail with err (wrap one of the journal's errors) until Fail(nil): a store that is out of
// reach. Logs stay open.
func (j *Journal) Fail(err error) {
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	j.fail = err
}

// usableLocked is nil if a call may go on.
func (j *Journal) usableLocked() error {
	if j.closed {
		return journal.ErrClosed
	}
	return j.fail
}

// Open is journal.Journal's.
func (j *Journal) Open(_ context.Context, name string) (journal.Log, error) {
	if err := journal.CheckName(name); err != nil {
		return nil, err
	}
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	if j.closed {
		return nil, journal.ErrClosed
	}
	l := &Log{j: j, name: name}
	if j.o.Shared {
		l.changed = make(chan struct{}, 1)
	}
	j.open[l] = struct{}{}
	return l, nil
}

// Names is journal.Journal's.
func (j *Journal) Names(context.Context) ([]string, error) {
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	if err := j.usableLocked(); err != nil {
		return nil, err
	}
	var names []string
	for name, s := range j.disk.logs {
		if s.head.Seq > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// SetDue is journal.Journal's.
func (j *Journal) SetDue(_ context.Context, name string, at int64) error {
	if err := journal.CheckName(name); err != nil {
		return err
	}
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	if err := j.usableLocked(); err != nil {
		return err
	}
	if at == 0 {
		delete(j.disk.due, name)
		return nil
	}
	j.disk.due[name] = at
	return nil
}

// Due is journal.Journal's: earliest first, then by name.
func (j *Journal) Due(_ context.Context, until int64) ([]string, error) {
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	if err := j.usableLocked(); err != nil {
		return nil, err
	}
	var names []string
	for name, at := range j.disk.due {
		if at <= until {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if c := j.disk.due[a] - j.disk.due[b]; c != 0 {
			return int(max(-1, min(1, c)))
		}
		return strings.Compare(a, b)
	})
	return names, nil
}

// Ready is journal.Journal's.
func (j *Journal) Ready(context.Context) error {
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	if err := j.usableLocked(); err != nil {
		return err
	}
	return j.poison
}

// Durability is journal.Journal's.
func (j *Journal) Durability() journal.Durability { return j.o.Durability }

// Shared is journal.Journal's.
func (j *Journal) Shared() bool { return j.o.Shared }

// Close is journal.Journal's. A second one does nothing.
func (j *Journal) Close() error {
	j.disk.mu.Lock()
	j.closed = true
	j.disk.mu.Unlock()
	j.under.Wait()
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	for l := range j.open {
		l.closeLocked()
	}
	delete(j.disk.nodes, j)
	return nil
}

// Compact is journal.Compacter's.
func (j *Journal) Compact(_ context.Context, name string, blank func(journal.Stored) ([]byte, bool, error)) error {
	j.disk.mu.Lock()
	defer j.disk.mu.Unlock()
	if err := j.usableLocked(); err != nil {
		return err
	}
	s := j.disk.logs[name]
	if s == nil {
		return nil
	}
	for i := range s.entries {
		body, changed, err := blank(journal.Stored{Seq: uint64(i + 1), Body: s.entries[i].body})
		if err != nil {
			return err
		}
		if !changed {
			continue
		}
		prev := journal.Chain{Seq: uint64(i), Hash: s.hashAt(name, uint64(i))}
		_, next, err := prev.NextStored(journal.Stored{Seq: uint64(i + 1), Body: body})
		if err != nil {
			return err
		}
		if next.Hash != s.entries[i].hash {
			return fmt.Errorf("%w: log %s, entry %d: the blanked entry has another hash", journal.ErrCorrupt, name, i+1)
		}
		s.entries[i].body = bytes.Clone(body)
	}
	return nil
}
