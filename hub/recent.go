package hub

import (
	"slices"

	"kiem/hub/journal"
)

// RecentBytes is how much of each shared log a node keeps in memory for repair.
const RecentBytes = 64 << 20

// recent remembers the newest entries that were applied: to compare them with what the log has, and to append again what it lost. Only logs with several
// writers need it. Owned by a sequencer.
type recent struct {
	keep    int // bytes of bodies
	list    []recentEntry
	bytes   int
	dropped int // since the list was made
}

// recentEntry is not changed once it stands in the list.
type recentEntry struct {
	at      journal.Chain
	body    []byte
	void    []int // records without effect
	foreign bool  // all of them
}

func (r *recent) add(at journal.Chain, body []byte, void []int, foreign bool) {
	if r == nil {
		return
	}
	r.list = append(r.list, recentEntry{at, body, void, foreign})
	r.bytes += len(body)
	for r.bytes > r.keep && len(r.list) > 1 {
		r.bytes -= len(r.list[0].body)
		r.list = r.list[1:]
		r.dropped++
	}
	if r.dropped > len(r.list)/4+64 { // a new list, so that what was dropped is freed; readers may hold pieces of the old one
		r.list, r.dropped = slices.Clone(r.list), 0
	}
}

// after gives the remembered entries after that one, oldest first; false if it does not reach back that far. The caller must not change the list.
func (r *recent) after(seq uint64) ([]recentEntry, bool) {
	if r == nil || len(r.list) == 0 || seq+1 < r.list[0].at.Seq {
		return nil, false
	}
	from := min(seq+1-r.list[0].at.Seq, uint64(len(r.list)))
	return r.list[from:len(r.list):len(r.list)], true
}

// precede takes over what another remembers up to a common entry, where it joins on to what is remembered here.
func (r *recent) precede(old *recent, common uint64) {
	if r == nil || old == nil {
		return
	}
	first := common + 1
	if len(r.list) > 0 {
		first = min(first, r.list[0].at.Seq)
	}
	if len(r.list) > 0 && r.list[0].at.Seq != first {
		return
	}
	var before []recentEntry
	for _, e := range old.list {
		if e.at.Seq < first {
			before = append(before, e)
		}
	}
	if len(before) == 0 || before[len(before)-1].at.Seq != first-1 {
		return
	}
	for _, e := range before {
		r.bytes += len(e.body)
	}
	r.list = append(before, r.list...)
}

// from gives the remembered entries from that one on, or from the oldest that is remembered.
func (r *recent) from(seq uint64) []recentEntry {
	if r == nil || len(r.list) == 0 {
		return nil
	}
	list, _ := r.after(max(seq, r.list[0].at.Seq) - 1)
	return list
}
