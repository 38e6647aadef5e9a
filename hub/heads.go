package hub

import (
	"cmp"
	"context"
	"slices"

	"kiem/hub/directory"
)

// Head is how far a room that is awake has come.
type Head struct {
	Log         string // a campaign's, or the directory's
	Entry       uint64 // the last one that was applied
	Epoch       uint64
	Hash        string // the chain's, after that entry
	Connections int
}

// Heads lists the rooms that are awake: the directory, then those with the most connections, at most `most`. A room that does not answer before the context ends
// is left out.
func (h *Hub) Heads(ctx context.Context, most int) []Head {
	h.mu.Lock()
	rooms := h.openLocked()
	h.mu.Unlock()
	list := make([]Head, 0, len(rooms))
	for _, r := range rooms {
		one := Head{Log: r.name}
		if r.Do(ctx, func() {
			one.Entry, one.Epoch, one.Hash = r.seq.pos.Seq, r.seq.epoch, r.seq.pos.Hash.String()
			for _, conns := range r.byPerson {
				one.Connections += len(conns)
			}
		}) == nil {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b Head) int {
		if (a.Log == directoryLog) != (b.Log == directoryLog) {
			if a.Log == directoryLog {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Connections-a.Connections, cmp.Compare(a.Log, b.Log))
	})
	return list[:min(len(list), most)]
}

// Applied is the number of the last entry applied in the directory, and the sum of those of the campaigns that are awake.
func (h *Hub) Applied() (directory, campaigns uint64) {
	h.mu.Lock()
	rooms := h.openLocked()
	h.mu.Unlock()
	for _, r := range rooms {
		if r.name == directoryLog {
			directory = r.head.Load()
		} else {
			campaigns += r.head.Load()
		}
	}
	return directory, campaigns
}

// Campaigns is how many campaigns there are, awake or asleep.
func (h *Hub) Campaigns(ctx context.Context) (n int, err error) {
	err = h.index.read(ctx, func(m *directory.Machine) { n = len(m.Campaigns()) })
	return n, err
}
