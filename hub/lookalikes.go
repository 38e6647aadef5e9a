package hub

import (
	"context"
	"sync"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
	"kiem/ideas/similar"
)

// lookalikes finds ideas that say the same as a text. The room's owner only notes which ideas changed; whoever asks takes over their words and searches, so that
// no search keeps a vote waiting. Nothing is indexed before somebody asks.
type lookalikes struct {
	// Owned by the room's owner.
	asked   bool               // the index was begun
	changed map[id.ID]struct{} // since it was brought up to date

	// Guarded by mu.
	mu    sync.Mutex
	news  []resemblance // to be taken into the index, in this order
	index *similar.Index
}

// resemblance is what an idea says now, as everybody sees it.
type resemblance struct {
	idea  id.ID
	text  similar.Text
	shown bool
	begin bool // a new index begins here
}

// note takes down which ideas changed.
func (l *lookalikes) note(events []machine.Event, board *ideas.Board) {
	if !l.asked {
		return
	}
	for i := range events {
		e := &events[i]
		if e.Type == campaign.PersonErased {
			for _, idea := range board.Of(e.Subject) {
				l.changed[idea.ID] = struct{}{}
			}
		}
		if board.Idea(e.Subject) != nil && e.Part.IsZero() {
			l.changed[e.Subject] = struct{}{}
		}
	}
}

// forget begins anew at the next question.
func (l *lookalikes) forget() {
	l.asked = false
	l.mu.Lock()
	defer l.mu.Unlock()
	l.news, l.index = nil, nil
}

// collect puts what changed into news. The room's owner calls it.
func (l *lookalikes) collect(v campaign.View, board *ideas.Board) {
	var news []resemblance
	if !l.asked {
		l.asked, l.changed = true, map[id.ID]struct{}{}
		news = append(news, resemblance{begin: true})
		for _, i := range board.All() {
			l.changed[i.ID] = struct{}{}
		}
	}
	for idea := range l.changed {
		n := resemblance{idea: idea}
		if i := board.Idea(idea); i != nil && v.Sees(i) {
			n.shown = true
			n.text = similar.Text{Title: i.Current.Title.Words(), Body: i.Current.Text.Words() + " " + i.Current.Need.Words()}
		}
		news = append(news, n)
	}
	clear(l.changed)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.news = append(l.news, news...)
}

func (l *lookalikes) find(t similar.Text, k int) []similar.Match {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.news {
		switch {
		case n.begin:
			l.index = similar.New()
		case l.index == nil: // forgotten meanwhile
		case n.shown:
			l.index.Put(n.idea, n.text)
		default:
			l.index.Remove(n.idea)
		}
	}
	l.news = nil
	if l.index == nil {
		return nil
	}
	return l.index.Find(t, k, similar.Likely)
}

// Similar gives the at most k ideas that everybody sees and that look like a text, best first.
func (r *Room) Similar(ctx context.Context, t similar.Text, k int) ([]similar.Match, error) {
	err := r.Campaign(ctx, func(m *campaign.Machine) { r.likes.collect(m.View(machine.Public, r.people.names), m.Board()) })
	if err != nil {
		return nil, err
	}
	return r.likes.find(t, k), nil
}
