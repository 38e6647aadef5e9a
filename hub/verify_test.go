package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/journal"
	"kiem/hub/journal/memlog"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/machine"
	"kiem/hub/vault"
	"kiem/hub/verify"
	"kiem/id"
)

// history fills a campaign: ideas, supports of people from several groups, changes of mind, a raised smallest cell, an erasure.
func history(s *stand) {
	people := make([]id.ID, 24)
	for n := range people {
		who := id.Derive(campaignID, fmt.Sprint("person ", n))
		if _, refusal, err := s.room.Join(s.t.Context(), Joining{Participant: who, Name: "Iemand", Data: campaign.JoinData{Group: campaign.Groups[n%3]}}); err != nil || refusal != nil {
			s.t.Fatal(refusal, err)
		}
		people[n] = who
	}
	var posted []id.ID
	for n := range 6 {
		posted = append(posted, s.post(people[n], fmt.Sprint("Idee ", n)))
	}
	for round := range 3 {
		for n, who := range people {
			s.must(vote(who, posted[(n+round)%len(posted)], int8((n*round+1)%2)))
			s.must(vote(who, posted[0], 1))
		}
		if round == 1 {
			settings := campaign.Defaults()
			settings.SmallCell = 7
			s.must(command(campaign.CampaignEdit, s.organiser, &campaign.EditData{Settings: &settings}))
		}
	}
	if refusal, err := s.room.Erase(s.t.Context(), people[3]); err != nil || refusal != nil {
		s.t.Fatal(refusal, err)
	}
}

// verified verifies a log in memory.
func (s *stand) verified(name string, o VerifyOptions) verify.Log {
	s.t.Helper()
	l, err := Verify(s.t.Context(), s.disk.Open(memlog.Options{}), name, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

func problems(l verify.Log) (kinds []string) {
	for _, p := range l.Problems {
		kinds = append(kinds, p.Kind)
	}
	return kinds
}

// TestVerify is P14 and P20: nothing is wrong with a log that was written as usual, the head is the room's, and every figure is recounted without the vault.
func TestVerify(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	history(s)
	seq, epoch, head := s.room.Position(t.Context())
	var at []uint64
	l := s.verified(s.log, VerifyOptions{Progress: func(seq, head uint64) { at = append(at, seq) }})
	if len(l.Problems) > 0 || l.Seq != seq || l.Head != head || l.Epoch != epoch || l.Ideas != 6 || l.Ballots == 0 || l.Supports != 6*24 || l.Title != "Inclusie" {
		t.Errorf("%+v; the room is at %d %s", l, seq, head)
	}
	if len(at) == 0 || at[len(at)-1] != seq {
		t.Errorf("progress %v, want %d at last", at, seq)
	}
	if d := s.verified(directoryLog, VerifyOptions{}); len(d.Problems) > 0 || d.Seq == 0 || d.Campaign != nil {
		t.Errorf("the directory: %+v", d)
	}
}

// TestVerifyExpects: a head that somebody noted.
func TestVerifyExpects(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	s.post(s.join("Ana"), "Idee")
	all := s.entries()
	at := journal.Chain{Hash: journal.Genesis(s.log)}
	for _, stored := range all[:3] {
		_, next, err := at.NextStored(stored)
		if err != nil {
			t.Fatal(err)
		}
		at = next
	}
	if l := s.verified(s.log, VerifyOptions{Expect: at}); len(l.Problems) > 0 {
		t.Errorf("the right head: %v", l.Problems)
	}
	wrong := at
	wrong.Hash[4] ^= 1
	if l := s.verified(s.log, VerifyOptions{Expect: wrong}); !slices.Equal(problems(l), []string{verify.Chain}) {
		t.Errorf("another head: %v", l.Problems)
	}
	wrong.Seq = uint64(len(all)) + 1
	if l := s.verified(s.log, VerifyOptions{Expect: wrong}); !slices.Equal(problems(l), []string{verify.Missing}) {
		t.Errorf("a head beyond the log: %v", l.Problems)
	}
}

// rewritten is the log with one entry changed and every later one signed anew, as somebody would write it who owns the disk and knows the form: checksums and chain are
// right. change gives false to leave an entry alone.
func (s *stand) rewritten(change func(*journal.Entry) bool) *memlog.Disk {
	s.t.Helper()
	j := memlog.New()
	l, err := j.Open(s.t.Context(), s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	changed := false
	for _, stored := range s.entries() {
		e, err := journal.Decode(stored.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		changed = change(e) || changed
		body, err := e.Encode()
		if err == nil {
			_, err = l.Append(s.t.Context(), body)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if !changed {
		s.t.Fatal("nothing was changed")
	}
	return j.Disk()
}

// TestVerifyRewrites: bytes that are whole but say something else. A vote part that is exchanged changes the chain, so every later entry rests on another
// history, and checkpoints name another one.
func TestVerifyRewrites(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	history(s)
	seq, _, head := s.room.Position(t.Context())
	for what, c := range map[string]struct {
		change func(*journal.Entry) bool
		want   string
	}{
		"a choice": {func(e *journal.Entry) bool {
			for i := range e.Records {
				if r := &e.Records[i]; r.Type == campaign.SupportSet && e.Base.Seq > 5 {
					b := slices.Clone(r.Parts[0].Bytes)
					b[len(b)-1] ^= 3 // 1 and 2, or 3, which is none
					r.Parts[0] = journal.NewPart(journal.Vote, r.Parts[0].Salt, b)
					return true
				}
			}
			return false
		}, verify.Base},
		"a forged checkpoint": {func(e *journal.Entry) bool {
			if e.Base.Seq != seq-1 {
				return false
			}
			text, err := json.Marshal(checkpointData{Seq: 1, Hash: head, Digest: head})
			if err != nil {
				t.Fatal(err)
			}
			e.Records = append(e.Records, journal.Record{Type: checkpointType, Data: text})
			return true
		}, ""},
		"a command of another version": {func(e *journal.Entry) bool { e.Records[0].Type = "round.open"; return true }, verify.Unreadable},
		"a vote without its part": {func(e *journal.Entry) bool {
			for i := range e.Records {
				if e.Records[i].Type == campaign.SupportSet {
					e.Records[i].Parts[0] = e.Records[i].Parts[0].Blank()
					return true
				}
			}
			return false
		}, verify.Damaged},
	} {
		t.Run(what, func(t *testing.T) {
			l, err := Verify(t.Context(), s.rewritten(c.change).Open(memlog.Options{}), s.log, VerifyOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if c.want != "" && !slices.Contains(problems(l), c.want) {
				t.Errorf("found %v, want %s", l.Problems, c.want)
			}
			if l.Head == head && c.want != verify.Damaged {
				t.Errorf("the head is still %s", head)
			}
		})
	}
}

// TestVerifyCheckpoints: the log holds what servers had. Another state, or another chain, is a problem.
func TestVerifyCheckpoints(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	history(s)
	all := s.entries()
	run := func(change func(*checkpointData)) verify.Log {
		v := newVerifier(s.log, false)
		v.seq.every = 4
		if err := v.seq.follow(all[:8]); err != nil {
			t.Fatal(err)
		}
		c := v.seq.digests[8]
		d := &checkpointData{Seq: 8, Hash: c.hash.String(), Digest: fmt.Sprintf("%x", c.digest)}
		change(d)
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		e := &journal.Entry{Base: journal.Base{Epoch: 1, Chain: v.seq.pos}, Records: []journal.Record{{Type: checkpointType, Data: text}}}
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := v.seq.follow([]journal.Stored{{Seq: 9, Body: body}}); err != nil {
			v.stopped(err)
		}
		return v.report()
	}
	if l := run(func(*checkpointData) {}); len(l.Problems) > 0 || l.Checkpoints != 1 {
		t.Errorf("a true checkpoint: %+v", l)
	}
	if l := run(func(d *checkpointData) { d.Digest = strings.Repeat("0", 64) }); !slices.Equal(problems(l), []string{verify.Checkpoint}) {
		t.Errorf("another state: %v", l.Problems)
	}
	if l := run(func(d *checkpointData) { d.Hash = strings.Repeat("0", 64) }); !slices.Equal(problems(l), []string{verify.Checkpoint}) {
		t.Errorf("another chain: %v", l.Problems)
	}
	if l := run(func(d *checkpointData) { d.Seq = 3 }); len(l.Problems) > 0 || len(l.Notes) != 1 {
		t.Errorf("too far back: %+v", l)
	}
}

// TestVerifyTellsTheCountsApart: a machine that counts otherwise is found out.
func TestVerifyTellsTheCountsApart(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	history(s)
	for what, spoil := range map[string]func(*verifier){
		"one more support": func(v *verifier) {
			if err := v.count.Support(id.Derive(id.ID{}, "nobody"), v.seq.machine.(*campaign.Machine).Board().All()[2].ID, 1, 0); err != nil {
				t.Fatal(err)
			}
		},
		"another smallest cell": func(v *verifier) {
			if err := v.count.Rules(len(campaign.Groups), 0); err != nil {
				t.Fatal(err)
			}
		},
		"an idea that nobody posted": func(v *verifier) {
			if err := v.count.Idea(id.Derive(id.ID{}, "idea")); err != nil {
				t.Fatal(err)
			}
		},
		"a ballot on it": func(v *verifier) {
			v.applied(9, &machine.Command{Type: campaign.SupportSet, Data: &campaign.SupportData{Idea: id.Derive(id.ID{}, "no idea")}}, machine.Outcome{})
		},
	} {
		t.Run(what, func(t *testing.T) {
			v := newVerifier(s.log, false)
			if err := v.seq.follow(s.entries()); err != nil {
				t.Fatal(err)
			}
			if v.compare(); len(v.log.Problems) > 0 {
				t.Fatalf("before: %v", v.log.Problems)
			}
			spoil(v)
			if v.compare(); len(v.log.Problems) == 0 || v.log.Problems[0].Kind != verify.Tally {
				t.Errorf("not noticed: %v", v.log.Problems)
			}
		})
	}
}

// TestVerifySnapshots: each stored state is named that is damaged, of another history, or not what the log gives.
func TestVerifySnapshots(t *testing.T) {
	dir := t.TempDir()
	j, err := sqlitelog.Open(t.Context(), dir, sqlitelog.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.OpenLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	h := newHub(t, j, v, &localBus{})
	r := create(t, h)
	ana := join(t, r, "Ana")
	save := func(change func(*journal.Snapshot)) journal.Snapshot {
		t.Helper()
		var snap journal.Snapshot
		if o := do(t, r, post(ana, fmt.Sprint(counter), "Idee")); o.Refusal != nil {
			t.Fatal(o.Refusal)
		}
		counter++
		if err := r.Do(t.Context(), func() {
			snap = journal.Snapshot{Seq: r.seq.pos.Seq, Epoch: r.seq.epoch, Hash: r.seq.pos.Hash, Digest: r.seq.machine.Digest(), State: r.seq.state()}
		}); err != nil {
			t.Fatal(err)
		}
		change(&snap)
		if err := r.log.SaveSnapshot(t.Context(), snap); err != nil {
			t.Fatal(err)
		}
		return snap
	}
	check := func(what string, whole int, want ...string) {
		t.Helper()
		reader, err := sqlitelog.OpenReadOnly(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		l, err := Verify(t.Context(), reader, LogName(campaignID), VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if l.Snapshots != whole || !slices.Equal(problems(l), want) {
			t.Errorf("%s: %d whole snapshots, problems %v; want %d, %v", what, l.Snapshots, l.Problems, whole, want)
		}
	}
	save(func(*journal.Snapshot) {})
	first := save(func(*journal.Snapshot) {})
	check("two", 2)
	save(func(s *journal.Snapshot) { s.Digest[0] ^= 1 })
	check("another digest", 1, verify.Snapshot)
	save(func(s *journal.Snapshot) { s.State = first.State })
	check("the state of an older one", 0, verify.Snapshot, verify.Snapshot)
	save(func(s *journal.Snapshot) { s.Epoch++ })
	save(func(s *journal.Snapshot) { s.Hash[7] ^= 1 })
	check("another epoch, and another history", 0, verify.Snapshot, verify.Snapshot)
	save(func(s *journal.Snapshot) { s.State = []byte{99} })
	save(func(s *journal.Snapshot) { s.Seq += 7 })
	check("of a version that is not read, and of an entry that is not there", 0, verify.Missing)
	if files, err := filepath.Glob(filepath.Join(dir, "snapshots", "*", "*")); err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
	h.Close()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyStops: an error of the store is no verdict.
func TestVerifyStops(t *testing.T) {
	s := newStand(t, memlog.Options{}, nil)
	s.post(s.join("Ana"), "Idee")
	j := s.disk.Open(memlog.Options{})
	j.Fail(fmt.Errorf("%w: gone", journal.ErrUnavailable))
	if l, err := Verify(context.Background(), j, s.log, VerifyOptions{}); err == nil {
		t.Errorf("a store that is away: %+v", l)
	}
	s.disk.Damage(s.log, 2, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	if l := s.verified(s.log, VerifyOptions{}); !slices.Equal(problems(l), []string{verify.Damaged}) || l.Problems[0].Entry != 2 || l.Seq != 1 {
		t.Errorf("a damaged entry: %+v", l)
	}
	if l := s.verified("c:"+directory.Admin.String(), VerifyOptions{}); l.Seq != 0 || len(l.Problems) > 0 {
		t.Errorf("a log without entries: %+v", l)
	}
}
