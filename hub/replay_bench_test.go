package hub

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
)

// BenchmarkReplay measures how long a room takes to open after one million commands: from the log alone, and with a snapshot.
//
//	go test -run '^$' -bench Replay -benchtime 1x ./hub
func BenchmarkReplay(b *testing.B) {
	const people, ideas, rounds = 1000, 100, 10 // one million ballots, each changed nine times
	dir := b.TempDir()
	ctx := context.Background()
	v, err := vault.OpenLite(ctx, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	open := func() (*sqlitelog.Journal, *Hub) {
		j, err := sqlitelog.Open(ctx, dir, sqlitelog.Options{})
		if err != nil {
			b.Fatal(err)
		}
		h, err := New(ctx, Config{
			Journal: j, Vault: v, Bus: &localBus{}, Logger: slog.New(slog.DiscardHandler),
			Sentence: func(_ string, r *machine.Refusal) string { return r.Reason }, Fail: func(err error) { b.Error(err) },
		})
		if err != nil {
			b.Fatal(err)
		}
		return j, h
	}
	j, h := open()
	r := create(b, h)
	r.snapping = true // none while it is filled: the first measurement is of the log alone
	voters := make([]id.ID, people)
	for n := range voters {
		voters[n] = join(b, r, fmt.Sprint("voter ", n))
	}
	targets := make([]id.ID, ideas)
	for n := range targets {
		c := post(voters[0], fmt.Sprint("idea ", n), fmt.Sprint("Idee ", n))
		if o := do(b, r, c); o.Refusal != nil {
			b.Fatal(o.Refusal)
		}
		_, targets[n] = campaign.Made(c)
	}
	var wg sync.WaitGroup
	for n, who := range voters {
		wg.Go(func() {
			answers := make(ask, ideas)
			for round := range rounds {
				for half := range 2 { // all at once would be more than an inbox takes
					const each = ideas / 2
					for k := half * each; k < (half+1)*each; k++ {
						r.Submit(&Pending{From: who, To: answers, Command: &machine.Command{
							Type: campaign.SupportSet, ID: id.Derive(who, "vote", fmt.Sprint(n, round, k)), Actor: who, Lane: 1, N: uint64(round*ideas + k + 1),
							Data: &campaign.SupportData{Idea: targets[k], Value: int8((round + k) % 2)},
						}})
					}
					for range each {
						if o := <-answers; o.Refusal != nil {
							b.Error(o.Refusal)
						}
					}
				}
			}
		})
	}
	wg.Wait()
	close := func(h *Hub, j *sqlitelog.Journal) {
		h.Close()
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
	close(h, j)

	ready := func(b *testing.B, save bool) {
		for range b.N {
			j, h := open()
			start := time.Now()
			r, err := h.Room(ctx, campaignID)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), "s-to-ready")
			if save {
				b.StopTimer()
				done := make(chan error, 1)
				if err := r.Do(ctx, func() {
					at, epoch, digest := r.seq.pos, r.seq.epoch, r.seq.machine.Digest()
					fresh := r.fresh(&codec{scope: r.scope, newData: r.seq.codec.newData})
					go func() { done <- snapshot(ctx, r.log, fresh, at, epoch, digest) }()
				}); err != nil {
					b.Fatal(err)
				}
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			close(h, j)
		}
	}
	b.Run("log", func(b *testing.B) { ready(b, false) })
	b.Run("save", func(b *testing.B) { ready(b, true) })
	b.Run("snapshot", func(b *testing.B) { ready(b, false) })
}
