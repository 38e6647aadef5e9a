package hub

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// Limits of snapshots over HTTP.
const (
	// SnapshotAge is how long an encoded snapshot may be served after the state went on; `after` closes the gap.
	SnapshotAge = time.Second
	// MaxPages is how many different pages are kept encoded.
	MaxPages = 64
	// MaxQuery is the length of a search in bytes.
	MaxQuery = 200
)

// Page says which ideas a snapshot holds. The zero Page is all of them, oldest first.
type Page struct {
	Limit, Offset int
	Sort          string // "", "new", "top", "quiet"
	Query         string
	Node, Theme   string
}

// Encoded is a snapshot as it is served: the same bytes for everybody of one audience.
type Encoded struct {
	ETag string
	JSON []byte
	Gzip []byte
	at   time.Time
	seq  uint64
}

// viewCache keeps encoded ideas, and encoded snapshots. Ideas belong to the room's owner; pages are guarded by mu.
type viewCache struct {
	ideas [len(machine.Audiences)]map[id.ID]json.RawMessage
	moved [len(machine.Audiences)]map[id.ID]struct{} // whose tally may have moved

	mu    sync.Mutex
	age   uint64 // counts forget
	pages map[pageKey]*Encoded
	busy  map[pageKey]chan struct{} // being encoded; closed when done
}

type pageKey struct {
	audience machine.Audience
	Page
}

func (v *viewCache) changed(events []machine.Event) {
	for i := range events {
		for n := range v.ideas {
			delete(v.ideas[n], events[i].Subject)
		}
	}
}

func (v *viewCache) clear() {
	for n := range v.ideas {
		clear(v.ideas[n])
	}
}

// Snapshot gives the encoded snapshot of an audience. It is made at most once a second for each audience and page, whoever asks how often.
func (r *Room) Snapshot(ctx context.Context, audience machine.Audience, page Page) (*Encoded, error) {
	key := pageKey{audience, page}
	for {
		r.views.mu.Lock()
		have := r.views.pages[key]
		if have != nil && time.Since(have.at) < SnapshotAge {
			r.views.mu.Unlock()
			return have, nil
		}
		wait, others := r.views.busy[key]
		if !others {
			done := make(chan struct{})
			if r.views.busy == nil {
				r.views.busy, r.views.pages = map[pageKey]chan struct{}{}, map[pageKey]*Encoded{}
			}
			r.views.busy[key] = done
			age := r.views.age
			r.views.mu.Unlock()
			made, err := r.encode(ctx, key, have)
			r.views.mu.Lock()
			delete(r.views.busy, key)
			if err == nil && age == r.views.age { // else something may stand in it that was hidden meanwhile
				if len(r.views.pages) >= MaxPages {
					clear(r.views.pages)
				}
				r.views.pages[key] = made
			}
			r.views.mu.Unlock()
			close(done)
			return made, err
		}
		r.views.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// forget drops encoded snapshots, as when something was hidden. Any goroutine may call it.
func (v *viewCache) forget() {
	v.mu.Lock()
	v.age++
	clear(v.pages)
	v.mu.Unlock()
}

func (r *Room) encode(ctx context.Context, key pageKey, have *Encoded) (*Encoded, error) {
	var out *Encoded
	err := r.Do(ctx, func() {
		seq := r.seq.pos.Seq
		if have != nil && have.seq == seq {
			again := *have
			again.at = time.Now()
			out = &again
			return
		}
		out = &Encoded{seq: seq, at: time.Now(), ETag: fmt.Sprintf(`"%s-%d-%d"`, audienceName(key.audience), r.seq.epoch, seq)}
		out.JSON = r.appendSnapshot(key)
		r.stats.Snapshots.Add(1)
	})
	if err != nil || out.Gzip != nil {
		return out, err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(out.JSON); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	out.Gzip = b.Bytes()
	return out, nil
}

func audienceName(a machine.Audience) string {
	if a == machine.Moderators {
		return "moderators"
	}
	return "public"
}

// appendSnapshot writes a wire.Snapshot. Ideas that did not change since they were encoded last are copied.
func (r *Room) appendSnapshot(key pageKey) []byte {
	m := r.machine()
	view := m.View(key.audience, r.people.names)
	head := view.Campaign()
	head.Code, head.JoinURL = r.hub.address(r.scope)
	r.views.touched(m.Touched())
	chosen, total := choose(view, m, key.Page)
	b := make([]byte, 0, 4096+1024*len(chosen))
	b = strconv.AppendUint(append(b, `{"seq":`...), r.seq.pos.Seq, 10)
	b = strconv.AppendUint(append(b, `,"epoch":`...), r.seq.epoch, 10)
	b = append(append(b, `,"campaign":`...), r.mustJSON(head)...)
	b = append(b, `,"ideas":[`...)
	for n, i := range chosen {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, r.encodedIdea(view, index(key.audience), i)...)
	}
	b = strconv.AppendInt(append(b, `],"total":`...), int64(total), 10)
	b = append(b, `,"rounds":[],"presence":`...)
	return append(append(b, r.mustJSON(wire.Presence{Online: r.feed.online})...), '}')
}

func (r *Room) mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		r.logger.Error("a view cannot be encoded", "err", err)
		return []byte("null")
	}
	return b
}

// encodedIdea keeps an idea's bytes until something happens to it. The tally is spliced in anew, because it moves most.
func (r *Room) encodedIdea(view campaign.View, audience int, i *ideas.Idea) []byte {
	cache := r.views.ideas[audience]
	if cache == nil {
		cache = map[id.ID]json.RawMessage{}
		r.views.ideas[audience] = cache
	}
	if r.views.moved[audience] == nil {
		r.views.moved[audience] = map[id.ID]struct{}{}
	}
	if _, moved := r.views.moved[audience][i.ID]; !moved {
		if b, ok := cache[i.ID]; ok {
			return b
		}
	}
	b := r.mustJSON(view.Idea(i))
	cache[i.ID] = b
	delete(r.views.moved[audience], i.ID)
	return b
}

// touched notes that tallies moved.
func (v *viewCache) touched(list []id.ID) {
	for n := range v.moved {
		if v.moved[n] == nil {
			continue
		}
		for _, i := range list {
			v.moved[n][i] = struct{}{}
		}
	}
}

// choose filters, sorts and cuts. Pinned ideas come first unless all are asked for in order of posting.
func choose(view campaign.View, m *campaign.Machine, p Page) (chosen []*ideas.Idea, total int) {
	query := strings.ToLower(p.Query)
	for _, i := range m.Board().All() {
		if !view.Sees(i) {
			continue
		}
		c := &i.Current
		switch {
		case p.Node != "" && !slices.Contains(c.Nodes, p.Node), p.Theme != "" && !slices.Contains(c.Themes, p.Theme):
			continue
		case query != "" && !strings.Contains(strings.ToLower(c.Title.Words()), query) && !strings.Contains(strings.ToLower(c.Text.Words()), query):
			continue
		}
		chosen = append(chosen, i)
	}
	total = len(chosen)
	if p.Sort != "" {
		support := make(map[id.ID]int, len(chosen))
		for _, i := range chosen {
			support[i.ID] = view.Tally(i.ID).Support
		}
		slices.Reverse(chosen) // newest first; the sort is stable
		slices.SortStableFunc(chosen, func(a, b *ideas.Idea) int {
			if a.Pinned != b.Pinned {
				if a.Pinned {
					return -1
				}
				return 1
			}
			switch p.Sort {
			case "top":
				return cmp.Compare(support[b.ID], support[a.ID])
			case "quiet":
				return cmp.Compare(support[a.ID]+2*len(a.Comments), support[b.ID]+2*len(b.Comments))
			}
			return 0
		})
	}
	chosen = chosen[min(max(p.Offset, 0), len(chosen)):]
	if p.Limit > 0 {
		chosen = chosen[:min(p.Limit, len(chosen))]
	}
	return chosen, total
}
