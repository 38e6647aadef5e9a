package hub

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// Closing finishes what is under way: commands that were taken are answered, then clients are told to come back.
func TestCloseDrains(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana := s.join("Ana")
	idea := s.post(ana, "Een buurttuin")
	c := connect(t, s.room, ana, Resume{}, loopback)
	hold, reached := make(chan struct{}), make(chan struct{}, 1)
	s.disk.OnAppend(func(memlog.Attempt) memlog.Outcome {
		select {
		case reached <- struct{}{}:
		default:
		}
		<-hold
		return memlog.Store
	})
	var sent []id.ID
	for range 3 * MaxBatch {
		v := vote(ana, idea, 1)
		sent = append(sent, v.ID)
		c.send(v)
	}
	<-reached
	closed := make(chan struct{})
	go func() { s.hub.Close(); close(closed) }()
	for done := false; !done; {
		done = s.room.ending()
	}
	late := vote(ana, idea, 0) // not taken, and not refused either: the client sends it again where it comes back
	c.send(late)
	close(hold)
	<-closed
	c.closedWith(wire.CloseRestart)
	c.mu.Lock()
	answered := map[id.ID]bool{}
	for _, r := range c.replies {
		answered[r.ID] = r.Error == nil
		if r.Error != nil || r.ID == late.ID {
			t.Errorf("reply %+v", r)
		}
	}
	c.mu.Unlock()
	if _, told := answered[late.ID]; told {
		t.Error("a command after the close was answered")
	}
	for n, command := range sent {
		if !answered[command] {
			t.Fatalf("command %d of %d was not answered as done", n, len(sent))
		}
	}
	if _, err := s.hub.Room(t.Context(), campaignID); err == nil {
		t.Error("a closed hub gives a room")
	}
	h := newHub(t, s.disk.Open(memlog.Options{}), s.vault, s.bus)
	defer h.Close()
	r, err := h.Room(t.Context(), campaignID)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range sent[len(sent)-machine.Window:] {
		o := do(t, r, &machine.Command{Type: campaign.SupportSet, ID: command, Actor: ana, Data: &campaign.SupportData{Idea: idea, Value: 1}})
		if o.Refusal != nil {
			t.Fatalf("a command that was answered is not there after the restart: %v", o.Refusal)
		}
	}
}

// Rooms that nobody uses are let go, and come back when somebody does.
func TestIdleRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, func(c *Config) { c.Idle = time.Minute })
		ana := s.join("Ana")
		s.post(ana, "Een buurttuin")
		before := see(t, s.room)
		c := connect(t, s.room, ana, Resume{}, pipe)
		<-time.After(3 * time.Minute) // of the bubble
		if s.room.ending() {
			t.Fatal("a room with somebody in it was let go")
		}
		c.hangUp()
		<-time.After(2 * time.Minute) // of the bubble
		if !s.room.ending() || s.hub.Stats.Rooms.Load() != 1 {
			t.Fatalf("a room that nobody uses is kept; %d rooms are open", s.hub.Stats.Rooms.Load())
		}
		if err := s.room.Do(t.Context(), func() {}); err == nil {
			t.Error("a room that was let go answers")
		}
		r, err := s.hub.Room(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		if after := see(t, r); after != before {
			t.Errorf("woken:\n%s\nbefore:\n%s", after, before)
		}
	})
}

// The clock wakes a room that sleeps.
func TestDueRoomIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, memlog.Options{}, func(c *Config) { c.Idle = time.Minute })
		set := campaign.Defaults()
		start := time.Now()
		set.Schedule = []campaign.Switch{
			{Stage: "vote", At: start.Add(time.Hour).UnixMilli()},
			{Stage: "result", At: start.Add(3 * time.Hour).UnixMilli()},
		}
		s.must(command(campaign.CampaignEdit, s.organiser, &campaign.EditData{Settings: &set}))
		stage := func() string {
			r, err := s.hub.Room(t.Context(), campaignID)
			if err != nil {
				t.Fatal(err)
			}
			var stage string
			if err := r.Campaign(t.Context(), func(m *campaign.Machine) { stage = m.Stage() }); err != nil {
				t.Fatal(err)
			}
			return stage
		}
		for _, step := range []struct {
			at    time.Duration
			stage string
		}{{30 * time.Minute, "collect"}, {time.Hour + 5*time.Second, "vote"}, {2 * time.Hour, "vote"}, {3*time.Hour + 5*time.Second, "result"}} {
			<-time.After(time.Until(start.Add(step.at))) // of the bubble
			if got := stage(); got != step.stage {
				t.Errorf("after %v the stage is %q, want %q", step.at, got, step.stage)
			}
		}
		<-time.After(10 * time.Minute) // of the bubble
		if n := s.hub.Stats.Rooms.Load(); n != 1 {
			t.Errorf("%d rooms are open when nothing is due any more", n)
		}
	})
}

// A schedule is in the due index before its entry is stored: a crash in between leaves a room that wakes.
func TestScheduleSurvivesCrash(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	set := campaign.Defaults()
	at := time.Now().Add(time.Hour).UnixMilli()
	set.Schedule = []campaign.Switch{{Stage: "vote", At: at}}
	found := make(chan []string, 1)
	s.disk.OnAppend(func(memlog.Attempt) memlog.Outcome {
		list, err := s.disk.Open(memlog.Options{}).Due(t.Context(), at)
		if err != nil {
			t.Error(err)
		}
		found <- list
		return memlog.Store
	})
	s.must(command(campaign.CampaignEdit, s.organiser, &campaign.EditData{Settings: &set}))
	if list := <-found; len(list) != 1 || list[0] != s.log {
		t.Errorf("while the entry is stored the due index has %v", list)
	}
}

// A room that is asked for while it is let go is opened anew; nobody gets an error.
func TestRoomWhileLetGo(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	ana := s.join("Ana")
	for n := range 50 {
		r, err := s.hub.Room(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		go r.close()
		again, err := s.hub.Room(t.Context(), campaignID)
		if err != nil {
			t.Fatal(err)
		}
		if o, err := again.Execute(t.Context(), &Pending{From: ana, Command: post(ana, fmt.Sprint(n), "Idee")}); err == nil && o.Refusal != nil && o.Refusal.Code != wire.Unavailable {
			t.Errorf("%+v %v", o, err)
		}
	}
}
