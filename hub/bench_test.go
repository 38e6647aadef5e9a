package hub

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/journal/memlog"
	"kiem/hub/machine"
	"kiem/id"
)

// tallied counts answers.
type tallied struct {
	left    atomic.Int64
	refused atomic.Int64
	done    chan struct{}
}

func (c *tallied) Answer(_ *Pending, o machine.Outcome) {
	if o.Refusal != nil {
		c.refused.Add(1)
	}
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
}

func (c *tallied) Refuse(p *Pending, r *machine.Refusal) { c.Answer(p, machine.Outcome{Refusal: r}) }

const benchVoters = 100

// benchRoom is a room with voters and ideas.
func benchRoom(b *testing.B) (s *stand, voters, targets []id.ID) {
	b.Helper()
	s = newStand(b, memlog.Options{}, func(c *Config) { c.Logger = slog.New(slog.DiscardHandler) })
	for n := range benchVoters {
		voters = append(voters, s.join(fmt.Sprint("Stemmer ", n)))
	}
	for n := range 50 {
		targets = append(targets, s.post(voters[0], fmt.Sprint("Idee ", n)))
	}
	return s, voters, targets
}

func benchVote(voter, idea id.ID, n uint64) *Pending {
	var seed [10]byte
	copy(seed[:], voter[6:])
	return &Pending{From: voter, Command: &machine.Command{
		Type: campaign.SupportSet, ID: id.NewV7(int64(n), seed), Actor: voter, Lane: 1, N: n, Data: &campaign.SupportData{Idea: idea, Value: int8(n / 50 % 2)},
	}}
}

// BenchmarkIntake measures votes through a room: checked, made an entry, stored in memory, applied, answered.
func BenchmarkIntake(b *testing.B) {
	s, voters, targets := benchRoom(b)
	c := &tallied{done: make(chan struct{})}
	c.left.Store(int64(b.N))
	list := make([]*Pending, b.N)
	for n := range list {
		list[n] = benchVote(voters[n%benchVoters], targets[n/benchVoters%len(targets)], uint64(n/benchVoters+1))
		list[n].To = c
	}
	// At most so many wait, as when each of many clients waits for its answers.
	const window = 4 * MaxBatch
	b.ReportAllocs()
	b.ResetTimer()
	for n, p := range list {
		for int64(n)-(int64(b.N)-c.left.Load()) > window {
			_ = s.room.Do(b.Context(), func() {})
		}
		s.room.Submit(p)
	}
	<-c.done
	b.StopTimer()
	if n := c.refused.Load(); n > 0 {
		b.Fatalf("%d of %d refused", n, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "votes/s")
}

// BenchmarkIntakeSockets is the same with 100 connections that read their answers and what is shown to everybody.
func BenchmarkIntakeSockets(b *testing.B) {
	s, voters, targets := benchRoom(b)
	var clients []*client
	for _, v := range voters {
		c := attach(b, s.room, v, Resume{}, loopback)
		c.reading.Go(func() { _, _ = io.Copy(io.Discard, c.net) })
		clients = append(clients, c)
	}
	before := s.hub.Stats.Commands.Load()
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for k, c := range clients {
		all.Go(func() {
			for n := k; n < b.N; n += benchVoters {
				p := benchVote(voters[k], targets[n/benchVoters%len(targets)], uint64(n/benchVoters+1))
				p.To = c.server
				for int(s.hub.Stats.Commands.Load()-before)+8*benchVoters < n {
					_ = s.room.Do(b.Context(), func() {})
				}
				s.room.Submit(p)
			}
		})
	}
	all.Wait()
	for int(s.hub.Stats.Commands.Load()-before) < b.N {
		_ = s.room.Do(b.Context(), func() {})
	}
	b.StopTimer()
	if n := s.hub.Stats.Replies.Failed(); n > 0 {
		b.Fatalf("%d of %d refused", n, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "votes/s")
}
