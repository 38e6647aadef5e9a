package memlog

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	"kiem/hub/journal"
)

// Log is one handle on one log.
type Log struct {
	j       *Journal
	name    string
	changed chan struct{} // nil unless shared; closed under disk.mu
	closed  bool          // guarded by disk.mu
}

// Name is journal.Log's.
func (l *Log) Name() string { return l.name }

// Append is journal.Log's. What becomes of it is decided by Disk.OnAppend. With a context that has ended nothing is stored, and the error
// is ErrUnknown, as with the other journals.
func (l *Log) Append(ctx context.Context, body []byte) (uint64, error) {
	e, err := journal.Decode(body)
	if err != nil {
		return 0, err
	}
	d := l.j.disk
	d.mu.Lock()
	if err := l.usableLocked(); err != nil {
		d.mu.Unlock()
		return 0, err
	}
	if err := l.j.poison; err != nil {
		d.mu.Unlock()
		return 0, err
	}
	l.j.under.Add(1)
	defer l.j.under.Done()
	decide := d.onAppend
	d.mu.Unlock()

	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", journal.ErrUnknown, err)
	}
	a := Attempt{Node: l.j.o.Node, Log: l.name, Body: body}
	outcome := Store
	if decide != nil {
		outcome = decide(a)
	}
	d.mu.Lock()
	if err := l.j.fail; err != nil {
		d.mu.Unlock()
		return 0, err
	}
	var seq uint64
	switch outcome {
	case Store, Keep:
		seq = d.appendLocked(l.name, body, e)
	case Late:
		d.late = append(d.late, a)
	case Poison:
		l.j.poison = fmt.Errorf("%w: as the test asked", journal.ErrPoisoned)
	}
	d.mu.Unlock()

	switch outcome {
	case Store:
		d.wake(l.name, l)
		return seq, nil
	case Keep:
		d.wake(l.name, l)
		return 0, fmt.Errorf("%w: stored, as the test asked", journal.ErrUnknown)
	case Lose, Late:
		return 0, fmt.Errorf("%w: not stored, as the test asked", journal.ErrUnknown)
	case Full:
		return 0, fmt.Errorf("%w (%w), as the test asked", journal.ErrFull, journal.ErrUnavailable)
	case Poison:
		return 0, fmt.Errorf("%w: as the test asked", journal.ErrPoisoned)
	}
	return 0, fmt.Errorf("%w: as the test asked", journal.ErrUnavailable)
}

func (l *Log) usableLocked() error {
	if l.closed {
		return journal.ErrClosed
	}
	return l.j.usableLocked()
}

// usable says whether a reading call may go on, and up to which number this node sees.
func (l *Log) usable() (visible uint64, err error) {
	l.j.disk.mu.Lock()
	defer l.j.disk.mu.Unlock()
	if err := l.usableLocked(); err != nil {
		return 0, err
	}
	if n, held := l.j.held[l.name]; held {
		return n, nil
	}
	return math.MaxUint64, nil
}

// Read is journal.Log's.
func (l *Log) Read(_ context.Context, after uint64, most int) ([]journal.Stored, error) {
	visible, err := l.usable()
	if err != nil {
		return nil, err
	}
	return l.j.disk.read(l.name, after, visible, max(most, 1))
}

// Head is journal.Log's.
func (l *Log) Head(context.Context) (uint64, error) {
	visible, err := l.usable()
	if err != nil {
		return 0, err
	}
	l.j.disk.mu.Lock()
	defer l.j.disk.mu.Unlock()
	if s := l.j.disk.logs[l.name]; s != nil {
		return min(s.head.Seq, visible), nil
	}
	return 0, nil
}

// Changed is journal.Log's.
func (l *Log) Changed() <-chan struct{} { return l.changed }

// SaveSnapshot is journal.Log's.
func (l *Log) SaveSnapshot(_ context.Context, snap journal.Snapshot) error {
	if err := journal.CheckSnapshot(snap); err != nil {
		return err
	}
	d := l.j.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := l.usableLocked(); err != nil {
		return err
	}
	s := d.logs[l.name]
	if s == nil || snap.Seq == 0 {
		return nil
	}
	if n := len(s.snapshots); n > 0 && s.snapshots[n-1].Seq >= snap.Seq {
		return nil
	}
	snap.State = bytes.Clone(snap.State)
	s.snapshots = append(s.snapshots, snapshot{snap, snap.Sum(l.name)})
	s.snapshots = slices.Clone(s.snapshots[max(0, len(s.snapshots)-journal.KeepSnapshots):])
	return nil
}

// Snapshot is journal.Log's.
func (l *Log) Snapshot(_ context.Context, atOrBelow uint64) (journal.Snapshot, error) {
	d := l.j.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := l.usableLocked(); err != nil {
		return journal.Snapshot{}, err
	}
	if s := d.logs[l.name]; s != nil {
		for _, snap := range slices.Backward(s.snapshots) {
			if snap.Seq <= atOrBelow && snap.Snapshot.Sum(l.name) == snap.sum {
				return snap.Snapshot, nil
			}
		}
	}
	return journal.Snapshot{}, fmt.Errorf("%w: log %s has no snapshot at or below %d", journal.ErrNotFound, l.name, atOrBelow)
}

// Close is journal.Log's. A second one does nothing.
func (l *Log) Close() error {
	l.j.disk.mu.Lock()
	defer l.j.disk.mu.Unlock()
	l.closeLocked()
	delete(l.j.open, l)
	return nil
}

func (l *Log) closeLocked() {
	if !l.closed {
		l.closed = true
		if l.changed != nil {
			close(l.changed)
		}
	}
}
