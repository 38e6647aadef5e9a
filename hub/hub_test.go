package hub

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
	"kiem/ideas"
)

// localBus is a bus within the test.
type localBus struct {
	mu   sync.Mutex
	subs map[string]map[*func([]byte)]struct{}
}

func (b *localBus) Publish(topic string, m []byte) {
	b.mu.Lock()
	var list []func([]byte)
	for f := range b.subs[topic] {
		list = append(list, *f)
	}
	b.mu.Unlock()
	for _, f := range list {
		go f(m)
	}
}

func (b *localBus) Subscribe(topic string, f func([]byte)) func() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[string]map[*func([]byte)]struct{}{}
	}
	if b.subs[topic] == nil {
		b.subs[topic] = map[*func([]byte)]struct{}{}
	}
	b.subs[topic][&f] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs[topic], &f)
	}
}

type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) { l.t.Log(string(b)); return len(b), nil }

func newHub(t testing.TB, j journal.Journal, v vault.Vault, b Bus) *Hub {
	t.Helper()
	h, err := New(t.Context(), Config{
		Journal: j, Vault: v, Bus: b, Logger: slog.New(slog.NewTextHandler(testLog{t}, nil)),
		Sentence: func(_ string, r *machine.Refusal) string { return r.Reason },
		Fail:     func(err error) { t.Errorf("the hub failed: %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var campaignID = id.Derive(id.ID{}, "test campaign")

func create(t testing.TB, h *Hub) *Room {
	t.Helper()
	s := campaign.Defaults()
	_, refusal, err := h.Create(t.Context(), Owner{Account: directory.Admin, Name: "Beheer"}, &campaign.CreateData{
		Campaign: campaignID, Title: "Inclusie", Template: "campaign", Stage: "collect", Languages: []string{"nl"}, Settings: s,
		Challenge: campaign.Challenge{Title: "Vraag", Text: "Wat doen we samen?"},
	})
	if err != nil || refusal != nil {
		t.Fatal(refusal, err)
	}
	r, err := h.Room(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func join(t testing.TB, r *Room, name string) id.ID {
	t.Helper()
	who := id.Derive(campaignID, name)
	_, refusal, err := r.Join(t.Context(), Joining{Participant: who, Name: name, Data: campaign.JoinData{Group: "citizen"}})
	if err != nil || refusal != nil {
		t.Fatal(refusal, err)
	}
	return who
}

func do(t testing.TB, r *Room, c *machine.Command) machine.Outcome {
	t.Helper()
	o, err := r.Execute(t.Context(), &Pending{From: c.Actor, Command: c})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func post(who id.ID, name, title string) *machine.Command {
	return &machine.Command{Type: campaign.IdeaPost, ID: id.Derive(who, name), Actor: who, Data: &campaign.IdeaData{
		Title: ideas.NewText(who, title), Text: ideas.NewText(who, "tekst 🌱"), Need: ideas.NewText(who, ""),
	}}
}

func TestPostSupportRestart(t *testing.T) {
	disk := memlog.NewDisk()
	v, err := vault.OpenLite(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	h := newHub(t, disk.Open(memlog.Options{}), v, &localBus{})
	r := create(t, h)
	ana, bo := join(t, r, "Ana"), join(t, r, "Bo")
	c := post(ana, "first", "Een buurttuin")
	o := do(t, r, c)
	if o.Refusal != nil {
		t.Fatal(o.Refusal)
	}
	again := do(t, r, post(ana, "first", "Een buurttuin"))
	if again.Refusal != nil || again.Seq != o.Seq {
		t.Fatalf("sent again: got %+v, want the first answer %+v", again, o)
	}
	if other := do(t, r, post(ana, "first", "Een andere titel")); other.Refusal == nil || other.Refusal.Code != "conflict" {
		t.Fatalf("other content under the same id: %+v", other)
	}
	_, idea := campaign.Made(c)
	vote := &machine.Command{Type: campaign.SupportSet, ID: id.Derive(bo, "vote"), Actor: bo, Data: &campaign.SupportData{Idea: idea, Value: 1}}
	if o := do(t, r, vote); o.Refusal != nil {
		t.Fatal(o.Refusal)
	}
	before := see(t, r)
	h.Close()

	h = newHub(t, disk.Open(memlog.Options{}), v, &localBus{})
	defer h.Close()
	r, err = h.Room(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	if after := see(t, r); after != before {
		t.Errorf("after a restart:\n%s\nbefore:\n%s", after, before)
	}
}

func see(t testing.TB, r *Room) (out string) {
	t.Helper()
	if err := r.Do(context.Background(), func() {
		b, err := json.Marshal(r.machine().View(machine.Public, r.people.names).Ideas())
		if err != nil {
			t.Error(err)
		}
		out = string(b) + r.seq.pos.Hash.String()
	}); err != nil {
		t.Fatal(err)
	}
	return out
}
