package hub

import "kiem/hub/journal"

// recent remembers the newest entries that were applied: their hashes, to compare with what others' entries rest on, and their bytes, to append again
// what a log lost. Only logs with several writers need it. Owned by a sequencer.
type recent struct {
	keep  int // bytes of bodies; 0: remember nothing
	list  []recentEntry
	bytes int
}

type recentEntry struct {
	at   journal.Chain
	body []byte
}

// RecentBytes is how much of each shared log a node keeps in memory for repair.
const RecentBytes = 64 << 20

func (r *recent) add(at journal.Chain, body []byte) {
	if r == nil || r.keep == 0 {
		return
	}
	r.list = append(r.list, recentEntry{at, body})
	r.bytes += len(body)
	drop := 0
	for r.bytes > r.keep && drop < len(r.list)-1 {
		r.bytes -= len(r.list[drop].body)
		r.list[drop].body = nil
		drop++
	}
	r.list = r.list[drop:]
}

// hash is the chain's hash at that entry, if it is remembered.
func (r *recent) hash(seq uint64) (journal.Hash, bool) {
	if r == nil || len(r.list) == 0 || seq < r.list[0].at.Seq || seq > r.list[len(r.list)-1].at.Seq {
		return journal.Hash{}, false
	}
	return r.list[seq-r.list[0].at.Seq].at.Hash, true
}

// after gives the bytes of the remembered entries after that one, oldest first; false if it does not reach back that far.
func (r *recent) after(seq uint64) ([][]byte, bool) {
	if r == nil || len(r.list) == 0 || seq+1 < r.list[0].at.Seq {
		return nil, false
	}
	var bodies [][]byte
	for _, e := range r.list {
		if e.at.Seq > seq {
			bodies = append(bodies, e.body)
		}
	}
	return bodies, true
}
