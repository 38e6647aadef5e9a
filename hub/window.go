package hub

import (
	"fmt"

	"kiem/hub/journal"
	"kiem/hub/machine"
)

// MaxLag is how many entries may have been appended between what a writer had applied and its own entry. One that rests on something older is void: its
// writer makes another.
const MaxLag = 1024

// window holds the chain's hashes after the newest entries of a log, as far back as an entry may rest. It decides which entries count, so it is the
// same on every node and at every replay: snapshots carry it.
type window struct {
	keep   int            // how many
	first  uint64         // hashes[0] is the hash after this entry
	hashes []journal.Hash // the last one is of the last entry applied
}

func newWindow(at journal.Chain) *window {
	return &window{keep: MaxLag, first: at.Seq, hashes: []journal.Hash{at.Hash}}
}

func (w *window) add(at journal.Chain) {
	if len(w.hashes) >= 2*w.keep {
		n := copy(w.hashes, w.hashes[len(w.hashes)-w.keep+1:])
		w.hashes = w.hashes[:n]
		w.first = at.Seq - uint64(n)
	}
	w.hashes = append(w.hashes, at.Hash)
}

// last is the number of the newest entry.
func (w *window) last() uint64 { return w.first + uint64(len(w.hashes)) - 1 }

// hash is the chain's hash after that entry, if it is one of the last `keep`.
func (w *window) hash(seq uint64) (journal.Hash, bool) {
	last := w.last()
	if seq < w.first || seq > last || last-seq >= uint64(w.keep) {
		return journal.Hash{}, false
	}
	return w.hashes[seq-w.first], true
}

// rests says whether an entry that was written on that base belongs to this log.
func (w *window) rests(b journal.Base) bool {
	have, ok := w.hash(b.Seq)
	return ok && have == b.Hash
}

// stateVersion is the first number of Snapshot.State. Another version is not read: the log is replayed instead.
const stateVersion = 1

// state is what a snapshot holds: the window, then the machine's own encoding.
func (s *sequencer) state() []byte {
	kept := s.window.hashes[max(0, len(s.window.hashes)-s.window.keep):]
	list := make([]byte, 0, len(kept)*len(journal.Hash{}))
	for i := range kept {
		list = append(list, kept[i][:]...)
	}
	e := &machine.Encoder{}
	e.Int(stateVersion)
	e.Blob(list)
	e.Blob(s.machine.Snapshot())
	return e.Bytes()
}

// load puts a snapshot into a fresh sequencer.
func (s *sequencer) load(snap journal.Snapshot) error {
	d := machine.NewDecoder(snap.State)
	if v := d.Int(); v != stateVersion {
		d.Fail("version %d", v)
	}
	list, state := d.Blob(), d.Blob()
	const size = len(journal.Hash{})
	n := len(list) / size
	if n == 0 || len(list)%size != 0 || uint64(n) > snap.Seq+1 || journal.Hash(list[len(list)-size:]) != snap.Hash {
		d.Fail("the hashes of %d entries in a snapshot of entry %d", n, snap.Seq)
	}
	if err := d.End(); err != nil {
		return err
	}
	if err := s.machine.Restore(state); err != nil {
		return err
	}
	if got := s.machine.Digest(); got != snap.Digest {
		return fmt.Errorf("%w: the snapshot of entry %d gives %x, written was %x", errDiverged, snap.Seq, got, snap.Digest)
	}
	s.pos, s.epoch = journal.Chain{Seq: snap.Seq, Hash: snap.Hash}, snap.Epoch
	s.window.first, s.window.hashes = snap.Seq+1-uint64(n), make([]journal.Hash, n)
	for i := range n {
		s.window.hashes[i] = journal.Hash(list[i*size:])
	}
	if snap.Seq%s.every == 0 {
		s.digests[snap.Seq] = checkpoint{snap.Hash, snap.Digest}
	}
	return nil
}
