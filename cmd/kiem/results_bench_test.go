package main_test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kiem/hub"
	"kiem/hub/bus"
	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/id"
	"kiem/ideas"
)

// The campaign that exports are measured with.
const (
	benchIdeas    = 10_000
	benchPeople   = 2_500
	benchSupports = 1_000_000
	benchSenders  = 16 // commands under way, so that an entry holds a few votes and the log is long
)

// BenchmarkExport measures `kiem export --data`, the program with everything it does, on a campaign with 10,000 ideas and a million supports: seconds and the
// most memory that the process had. Making the campaign takes longer than the measurement.
//
//	go test -run '^$' -bench Export -benchtime 1x ./cmd/kiem
func BenchmarkExport(b *testing.B) {
	data := filepath.Join(b.TempDir(), "data")
	campaignID, entries := largeCampaign(b, data)
	binary := kiemBinary(b)
	for _, format := range []string{"zip", "xlsx", "csv", "json"} {
		b.Run(format, func(b *testing.B) {
			most := int64(0)
			for b.Loop() {
				cmd := exec.Command(binary, "export", "--data", data, "--campaign", campaignID.String(), "--format", format, "--out", filepath.Join(b.TempDir(), "out"))
				cmd.Env, cmd.Stderr = cleanEnv(), os.Stderr
				if err := cmd.Start(); err != nil {
					b.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				most = max(most, watchMemory(b, cmd.Process.Pid, ended))
			}
			b.ReportMetric(float64(most)/1024, "MiB")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
			b.ReportMetric(float64(entries), "entries")
		})
	}
}

// watchMemory waits for a process to end well and gives the most memory that it had, in KiB (Linux: VmHWM of /proc/PID/status; what wait reports instead counts
// the memory of this process too, from before the other program took its place).
func watchMemory(b *testing.B, pid int, ended <-chan error) (most int64) {
	b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				b.Fatal(err)
			}
			return most
		case <-tick.C:
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone at the end
		for line := range strings.Lines(string(status)) {
			var used int64
			if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &used); err == nil {
				most = max(most, used)
			}
		}
	}
}

// largeCampaign makes the campaign in a data directory, through a hub.
func largeCampaign(b *testing.B, data string) (campaignID id.ID, entries uint64) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	must(os.MkdirAll(data, 0o700))
	j, err := sqlitelog.Open(b.Context(), data, sqlitelog.Options{Log: log})
	must(err)
	defer j.Close()
	v, err := vault.OpenLite(b.Context(), data)
	must(err)
	defer v.Close()
	h, err := hub.New(b.Context(), hub.Config{
		Journal: j, Vault: v, Bus: bus.NewLocal(), Logger: log, Sentence: func(_ string, r *machine.Refusal) string { return r.Reason },
		Fail: func(err error) { b.Error(err) },
	})
	must(err)
	defer h.Close()
	campaignID = id.Derive(id.ID{}, "export", "bench")
	_, refusal, err := h.Create(b.Context(), hub.Owner{Account: directory.Admin, Name: "Stad"}, &campaign.CreateData{
		Campaign: campaignID, Title: "Groot", Template: "campaign", Languages: []string{"nl"}, Settings: campaign.Defaults(), Stage: "collect",
		Challenge: campaign.Challenge{Title: "Vraag", Text: "Wat doen we?", Themes: []string{}, Nodes: []string{}},
	})
	must(refused(refusal, err))
	room, err := h.Room(b.Context(), campaignID)
	must(err)
	people := make([]id.ID, benchPeople)
	each(b, len(people), func(n int) error {
		people[n] = id.Derive(campaignID, "person", fmt.Sprint(n))
		_, refusal, err := room.Join(b.Context(), hub.Joining{
			Participant: people[n], Name: fmt.Sprint("Deelnemer ", n), Data: campaign.JoinData{Group: campaign.Groups[n%len(campaign.Groups)]},
		})
		return refused(refusal, err)
	})
	send := func(from id.ID, c *machine.Command) error {
		c.Actor = from
		o, err := room.Execute(b.Context(), &hub.Pending{From: from, Command: c})
		return refused(o.Refusal, err)
	}
	made := make([]id.ID, benchIdeas)
	each(b, benchIdeas, func(n int) error {
		who := people[n%len(people)]
		words := func(s string) ideas.Text { return ideas.NewText(who, s) }
		c := &machine.Command{Type: campaign.IdeaPost, ID: id.Derive(campaignID, "post", fmt.Sprint(n)), Data: &campaign.IdeaData{
			Title: words(fmt.Sprint("Een idee voor de stad, nummer ", n)), Need: words("Wie hier woont, kent de buren niet."), Reason: words(""),
			Text: words("We openen de tuin van het ziekenhuis voor de buurt: banken, een moestuin en een kar met koffie. Wie herstelt, komt buiten; wie ernaast woont, komt binnen. " +
				"De stad zorgt voor de bank en het water, de buurt voor de rest, en elk jaar kijken we samen of het werkt."),
		}}
		_, made[n] = campaign.Made(c)
		return send(who, c)
	})
	each(b, benchSupports, func(n int) error {
		who := people[n%len(people)]
		return send(who, &machine.Command{
			Type: campaign.SupportSet, ID: id.Derive(campaignID, "support", fmt.Sprint(n)), Data: &campaign.SupportData{Idea: made[(n+7*(n/len(people)))%len(made)], Value: 1},
		})
	})
	entries, _, _ = room.Position(b.Context())
	return campaignID, entries
}

// each does n things, a few at a time.
func each(b *testing.B, n int, do func(int) error) {
	b.Helper()
	var wg sync.WaitGroup
	for s := range benchSenders {
		wg.Go(func() {
			for k := s; k < n; k += benchSenders {
				if err := do(k); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

func refused(r *machine.Refusal, err error) error {
	if err == nil && r != nil {
		return r
	}
	return err
}
