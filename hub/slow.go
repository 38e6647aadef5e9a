package hub

import (
	"errors"
	"sync/atomic"
	"time"
)

// SlowAppend is how long an append may take before the node says that it is not ready and the log says why. Nobody is answered meanwhile, so a disk that hangs
// must not look like a quiet evening.
const SlowAppend = 2 * time.Second

var errSlow = errors.New("hub: an append takes long")

// slow knows since when an append is under way. The room's owner writes it, anybody reads it.
type slow struct {
	began atomic.Int64 // Unix nanoseconds; 0: none is
	said  atomic.Bool  // the log has it
}

func (s *slow) begin() { s.began.Store(time.Now().UnixNano()) }

// since is how long the append under way has taken so far.
func (s *slow) since() time.Duration {
	if began := s.began.Load(); began != 0 {
		return time.Since(time.Unix(0, began))
	}
	return 0
}

func (s *slow) end(r *Room) (took time.Duration) {
	took = s.since()
	s.began.Store(0)
	if took > SlowAppend {
		r.logger.Warn("an append took long", "log", r.name, "took", took)
	}
	s.said.Store(false)
	return took
}

// complain puts appends that take long into the log, each once.
func (h *Hub) complain() {
	h.mu.Lock()
	rooms := h.openLocked()
	h.mu.Unlock()
	for _, r := range rooms {
		if took := r.slow.since(); took > SlowAppend && !r.slow.said.Swap(true) {
			h.Logger.Warn("an append takes long", "log", r.name, "so_far", took)
		}
	}
}

// openLocked lists the rooms that are open; h.mu is held.
func (h *Hub) openLocked() (list []*Room) {
	for _, o := range h.rooms {
		select {
		case <-o.done:
			if o.err == nil {
				list = append(list, o.room)
			}
		default:
		}
	}
	return list
}
