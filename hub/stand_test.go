package hub

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// stand is a hub over a store in memory, with one campaign.
type stand struct {
	t         testing.TB
	disk      *memlog.Disk
	journal   *memlog.Journal
	vault     *memVault
	bus       *localBus
	hub       *Hub
	room      *Room
	organiser id.ID
	log       string
}

// newStand opens a hub and a campaign. change may change how the hub is made.
func newStand(t testing.TB, o memlog.Options, change func(*Config)) *stand {
	t.Helper()
	s := &stand{t: t, disk: memlog.NewDisk(), vault: newMemVault(), bus: &localBus{}, log: LogName(campaignID)}
	s.journal, s.hub = s.node(o, change)
	s.room = create(t, s.hub)
	s.organiser = Owner{Account: directory.Admin}.Participant(campaignID)
	return s
}

// node opens another hub over the same store.
func (s *stand) node(o memlog.Options, change func(*Config)) (*memlog.Journal, *Hub) {
	s.t.Helper()
	j := s.disk.Open(o)
	c := Config{
		Journal: j, Vault: s.vault, Bus: s.bus, Logger: slog.New(slog.NewTextHandler(testLog{s.t}, nil)),
		Sentence: func(_ string, r *machine.Refusal) string { return r.Reason },
		Fail:     func(err error) { s.t.Errorf("the hub failed: %v", err) },
	}
	if change != nil {
		change(&c)
	}
	h, err := New(context.Background(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(h.Close)
	return j, h
}

// settle lets the room do what is under way, all ticks included, and says where it is then.
func (s *stand) head() (seq uint64) {
	s.t.Helper()
	if err := s.room.Do(context.Background(), func() { seq = s.room.seq.pos.Seq }); err != nil {
		s.t.Fatal(err)
	}
	return seq
}

func (s *stand) join(name string) id.ID { s.t.Helper(); return join(s.t, s.room, name) }

// must executes a command that is not refused.
func (s *stand) must(c *machine.Command) machine.Outcome {
	s.t.Helper()
	o := do(s.t, s.room, c)
	if o.Refusal != nil {
		s.t.Fatalf("%s: %v", c.Type, o.Refusal)
	}
	return o
}

// post posts an idea and gives its id.
func (s *stand) post(who id.ID, title string) id.ID {
	s.t.Helper()
	c := post(who, title, title)
	s.must(c)
	_, made := campaign.Made(c)
	return made
}

var counter int // of commands that tests make; tests run one after another

func command(kind string, who id.ID, data any) *machine.Command {
	counter++
	return &machine.Command{Type: kind, ID: id.Derive(campaignID, "command", fmt.Sprint(counter)), Actor: who, Data: data}
}

func vote(who, idea id.ID, value int8) *machine.Command {
	return command(campaign.SupportSet, who, &campaign.SupportData{Idea: idea, Value: value})
}

func moderate(who, idea id.ID, action string) *machine.Command {
	return command(campaign.IdeaModerate, who, &campaign.ActData{Idea: idea, Action: action, Reason: ideas.NewText(who, "omdat het moet")})
}

func about(kind string, who, participant id.ID) *machine.Command {
	return command(kind, who, &campaign.ParticipantData{Participant: participant})
}

func granted(who, participant id.ID, role string) *machine.Command {
	return command(campaign.RoleGrant, who, &campaign.ParticipantData{Participant: participant, Role: role})
}

// openShared is how a node of several is opened.
var openShared = memlog.Options{Shared: true, Node: "a"}

// entries is the campaign's log as it is stored.
func (s *stand) entries() (all []journal.Stored) {
	s.t.Helper()
	l, err := s.disk.Open(memlog.Options{}).Open(context.Background(), s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		list, err := l.Read(context.Background(), uint64(len(all)), ReadEntries)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(list) == 0 {
			return all
		}
		all = append(all, list...)
	}
}
