package hub

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kiem/hub/campaign"
	"kiem/hub/journal/memlog"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// A client that comes and goes sees what one sees that stays, exactly once and in order, over two nodes.
func TestExactlyOnceOverReconnects(t *testing.T) {
	s := newStand(t, memlog.Options{Shared: true, Node: "a"}, nil)
	_, other := s.node(memlog.Options{Shared: true, Node: "b"}, nil)
	otherRoom, err := other.Room(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	rooms := []*Room{s.room, otherRoom}
	people := make([]id.ID, 12)
	for i := range people {
		people[i] = s.join(fmt.Sprint("Persoon ", i))
	}
	start := s.head()
	stays := connect(t, s.room, people[0], Resume{Given: true, After: start, Epoch: 1}, loopback)

	stop := make(chan struct{})
	var writing, reading sync.WaitGroup
	var last uint64
	writing.Go(func() {
		rng := rand.New(rand.NewPCG(1, 1))
		var made []id.ID
		for n := range 150 {
			who := people[rng.IntN(len(people))]
			if n%10 == 0 {
				made = append(made, s.post(who, fmt.Sprint("Idee nummer ", n)))
			}
			idea := made[rng.IntN(len(made))]
			s.must(vote(who, idea, int8(rng.IntN(2))))
			s.must(command(campaign.CommentPost, who, &campaign.CommentData{Idea: idea, Kind: "question", Text: ideas.NewText(who, fmt.Sprint("reactie ", n))}))
		}
		last = s.head()
		close(stop)
	})
	logs := make([][]wire.Events, 8)
	connections := make([]int, len(logs))
	for n := range logs {
		reading.Go(func() {
			rng := rand.New(rand.NewPCG(2, uint64(n)))
			at := start
			for done := false; ; {
				select {
				case <-stop:
					done = true
				default:
				}
				connections[n]++
				c := connect(t, rooms[rng.IntN(2)], people[1+n], Resume{Given: true, After: at, Epoch: 1}, loopback)
				want := at + uint64(rng.IntN(12))
				if done {
					want = last
				}
				if rng.IntN(3) > 0 || done {
					c.seen(want)
				} // else it breaks off as it is, perhaps in the middle of a frame
				c.hangUp()
				c.until("the end", func() bool { return c.ended })
				if len(c.resets) > 0 {
					t.Errorf("reset at %d: %v", at, c.resets)
				}
				if len(c.frames) > 0 {
					if c.frames[0].From != at {
						t.Errorf("asked for what comes after %d, got it from %d", at, c.frames[0].From)
					}
					at = c.to()
					logs[n] = append(logs[n], c.frames...)
				}
				if done {
					return
				}
			}
		})
	}
	writing.Wait()
	reading.Wait()
	stays.seen(last)
	want := flatten(stays.log())
	if len(want) < 150 {
		t.Fatalf("%d events in %d entries", len(want), last-start)
	}
	for n, log := range logs {
		if d := cmp.Diff(want, flatten(log)); d != "" {
			t.Errorf("client %d, over %d connections, differs (-) from the one that stayed: %s", n, connections[n], d)
		}
	}
	t.Logf("%d events, connections %v", len(want), connections)
}

// flatten names each event: what it is about and where it stands, not how it was rendered, for that depends on the tick.
func flatten(log []wire.Events) (list []string) {
	for _, f := range log {
		for _, e := range f.Events {
			var about struct{ Idea, Comment string }
			if err := json.Unmarshal(e.Data, &about); err != nil {
				about.Idea = err.Error()
			}
			list = append(list, fmt.Sprint(e.Seq, e.Type, about.Idea, about.Comment))
		}
	}
	return list
}

func TestResume(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana, bo, eve := s.join("Ana"), s.join("Bo"), s.join("Eve")
	idea := s.post(ana, "Een buurttuin")
	head := s.head()

	fresh := connect(t, s.room, ana, Resume{}, pipe)
	fresh.until("hello", func() bool { return fresh.hello != nil })
	if h := fresh.hello; h.Seq != head || h.Epoch != 1 || h.Resumed || len(h.Head) != 64 {
		t.Errorf("hello %+v, the head is %d", h, head)
	}
	other := connect(t, s.room, bo, Resume{Given: true, After: head, Epoch: 2}, pipe)
	other.closedWith(closeReset)
	if !slices.Equal(other.resets, []string{"too_far_behind"}) || other.hello.Resumed {
		t.Errorf("another epoch: resets %v", other.resets)
	}
	ahead := connect(t, s.room, bo, Resume{Given: true, After: head + 10, Epoch: 1}, pipe)
	ahead.closedWith(closeReset)
	if s.hub.Stats.Witnesses.Load() != 1 {
		t.Error("a client that has seen more than the log has is no witness")
	}

	secret := "Iets dat verborgen wordt"
	hidden := s.post(bo, secret)
	seen := s.head()
	fresh.seen(seen)
	if !fresh.saw(secret) {
		t.Error("a posted idea was not shown")
	}
	s.must(moderate(s.organiser, hidden, "hide"))
	late := connect(t, s.room, eve, Resume{Given: true, After: head, Epoch: 1}, pipe)
	late.closedWith(closeReset)
	back := connect(t, s.room, ana, Resume{Given: true, After: s.head(), Epoch: 1}, pipe)
	s.must(vote(ana, idea, 1))
	back.seen(s.head())
	fresh.seen(s.head())
	for name, c := range map[string]*client{"who comes from before": late, "who comes after": back} {
		if c.saw(secret) {
			t.Errorf("%s is shown what was hidden", name)
		}
	}
	n := 0
	for _, e := range fresh.events() {
		if e.Type == campaign.IdeaModerate {
			n++
			if strings.Contains(string(e.Data), secret) || !strings.Contains(string(e.Data), `"status":"gone"`) {
				t.Errorf("the hiding shows %s", e.Data)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d events tell that the idea is gone", n)
	}
	page, err := s.room.Snapshot(t.Context(), 1, Page{})
	if err != nil || strings.Contains(string(page.JSON), secret) {
		t.Errorf("the snapshot shows what was hidden (%v)", err)
	}
}

// The hiding holds from the moment it is answered, whether a tick has come or not.
func TestHiddenBeforeTheTick(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana, bo := s.join("Ana"), s.join("Bo")
	before := s.head()
	idea := s.post(ana, "Geheim van de buurt")
	watcher := connect(t, s.room, bo, Resume{Given: true, After: before, Epoch: 1}, pipe)
	watcher.until("the idea", func() bool { return len(watcher.frames) > 0 && watcher.to() == s.head() })
	if err := s.room.Do(t.Context(), func() { s.room.tickEvery, s.room.tickedAt = time.Hour, time.Now() }); err != nil { // no tick comes
		t.Fatal(err)
	}
	s.must(moderate(s.organiser, idea, "hide"))
	c := connect(t, s.room, bo, Resume{Given: true, After: before, Epoch: 1}, pipe)
	c.closedWith(closeReset)
	if c.saw("Geheim") {
		t.Error("a client that resumes between the hiding and its tick is shown what was hidden")
	}
}

func TestOwnWaitingIdea(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana, bo, eve := s.join("Ana"), s.join("Bo"), s.join("Eve")
	set := campaign.Defaults()
	set.Moderation = "pre"
	s.must(command(campaign.CampaignEdit, s.organiser, &campaign.EditData{Settings: &set}))
	author, reader, organiser := connect(t, s.room, ana, Resume{}, pipe), connect(t, s.room, bo, Resume{}, pipe), connect(t, s.room, s.organiser, Resume{}, pipe)
	behind := s.head()
	idea := s.post(ana, "Wacht op een blik")
	for _, c := range []*client{author, reader, organiser} {
		c.seen(s.head())
	}
	if !author.saw("Wacht op een blik") || !organiser.saw("Wacht op een blik") || reader.saw("Wacht op een blik") {
		t.Errorf("a waiting idea: its author sees it: %v, organisers: %v, others: %v", author.saw("Wacht"), organiser.saw("Wacht"), reader.saw("Wacht"))
	}
	again := connect(t, s.room, ana, Resume{Given: true, After: behind, Epoch: 1}, pipe)
	stranger := connect(t, s.room, eve, Resume{Given: true, After: behind, Epoch: 1}, pipe)
	again.seen(s.head())
	stranger.seen(s.head())
	if !again.saw("Wacht") || stranger.saw("Wacht") {
		t.Errorf("resumed: the author sees it: %v, another: %v", again.saw("Wacht"), stranger.saw("Wacht"))
	}
	s.must(moderate(s.organiser, idea, "approve"))
	reader.seen(s.head())
	stranger.seen(s.head())
	if !reader.saw("Wacht") || !stranger.saw("Wacht") {
		t.Error("an approved idea is not shown whole to those who could not see it")
	}
}

func TestRoleChangeAndRemoval(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana, bo := s.join("Ana"), s.join("Bo")
	one, two, other := connect(t, s.room, ana, Resume{}, pipe), connect(t, s.room, ana, Resume{}, pipe), connect(t, s.room, bo, Resume{}, pipe)
	s.must(granted(s.organiser, ana, "facilitator"))
	one.closedWith(closeReset)
	two.closedWith(closeReset)
	if !slices.Equal(one.resets, []string{"role"}) {
		t.Errorf("resets %v", one.resets)
	}
	one = connect(t, s.room, ana, Resume{}, pipe)
	one.until("hello", func() bool { return one.hello != nil })
	if one.hello.Me.Role != "facilitator" {
		t.Errorf("after the grant hello says %q", one.hello.Me.Role)
	}
	if err := s.room.Do(t.Context(), func() { s.room.tickEvery, s.room.tickedAt = time.Hour, time.Now() }); err != nil { // at once, not with the tick
		t.Fatal(err)
	}
	s.must(about(campaign.ParticipantRemove, s.organiser, ana))
	one.closedWith(wire.CloseRemoved)
	if refusal, err := s.room.Attach(t.Context(), s.room.NewConn(nil, ana, "nl"), Resume{}); err != nil || refusal == nil {
		t.Errorf("somebody who was removed connects again: %v %v", refusal, err)
	}
	if o := do(t, s.room, post(ana, "daarna", "Daarna")); o.Refusal == nil || o.Refusal.Code != wire.Forbidden {
		t.Errorf("somebody who was removed posts: %+v", o)
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	if other.ended || other.code != 0 {
		t.Error("the removal of one closed the connection of another")
	}
}

// Many votes within one tick are one tally, and a tick is one frame.
func TestTicksCoalesce(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	people := make([]id.ID, 40)
	for i := range people {
		people[i] = s.join(fmt.Sprint("Persoon ", i))
	}
	idea := s.post(people[0], "Een buurttuin")
	c := connect(t, s.room, people[0], Resume{}, pipe)
	c.until("hello", func() bool { return c.hello != nil })
	if err := s.room.Do(t.Context(), func() { s.room.tickEvery = time.Hour }); err != nil {
		t.Fatal(err)
	}
	// The tick that was due before has come when a later function runs and nothing is delivered.
	for busy := true; busy; {
		_ = s.room.Do(t.Context(), func() { busy = s.room.delivering; s.room.tickedAt = time.Now() })
	}
	c.mu.Lock()
	before := len(c.frames)
	c.mu.Unlock()
	for _, p := range people {
		s.must(vote(p, idea, 1))
	}
	for _, p := range people[:10] {
		s.must(vote(p, idea, 0))
	}
	if err := s.room.Do(t.Context(), func() { s.room.tickEvery = 0 }); err != nil {
		t.Fatal(err)
	}
	c.seen(s.head())
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := len(c.frames) - before; got != 1 {
		t.Fatalf("%d frames for one tick", got)
	}
	f := c.frames[before]
	if tally := f.Tallies[idea.String()]; len(f.Tallies) != 1 || tally.Support != 30 || len(f.Events) != 0 {
		t.Errorf("the frame has tallies %+v and %d events", f.Tallies, len(f.Events))
	}
}

func TestPresence(t *testing.T) {
	s := newStand(t, memlog.Options{Shared: true, Node: "a"}, nil)
	_, other := s.node(memlog.Options{Shared: true, Node: "b"}, nil)
	far, err := other.Room(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	ana, bo, eve := s.join("Ana"), s.join("Bo"), s.join("Eve")
	c := connect(t, s.room, ana, Resume{}, pipe)
	online := func(n int) {
		t.Helper()
		c.until(fmt.Sprint(n, " online"), func() bool {
			for _, f := range slices.Backward(c.frames) {
				if f.Presence != nil {
					return f.Presence.Online == n
				}
			}
			return false
		})
	}
	online(1)
	twice := connect(t, s.room, ana, Resume{}, pipe)
	here := connect(t, s.room, bo, Resume{}, pipe)
	online(2)
	there := connect(t, far, eve, Resume{}, pipe)
	online(3)
	twice.hangUp()
	there.hangUp()
	online(2)
	here.hangUp()
	online(1)
}
