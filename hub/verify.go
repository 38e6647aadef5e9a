package hub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/recount"
	"kiem/hub/verify"
	"kiem/hub/wire"
	"kiem/id"
)

// maxProblems is how many problems of one kind are listed for a log.
const maxProblems = 20

// VerifyOptions are what somebody who verifies may add.
type VerifyOptions struct {
	// Expect is a position that the log must have had: the head that somebody noted, or that of a backup. Zero: none.
	Expect journal.Chain
	// Progress is told now and then of the last entry that was checked, and of the log's last. May be nil.
	Progress func(seq, head uint64)
}

// Verify replays a log from its first entry to its head and compares whatever says something about its state: number, checksum and chain of every entry, the base that each
// was written on, checkpoints, stored snapshots, and every figure of every idea, which a recount gives that shares no code with the machine. No snapshot and no stored
// figure is started from, and no key is needed.
//
// An error means that the journal could not be asked; what is wrong with the log is in the report.
func Verify(ctx context.Context, j journal.Journal, name string, o VerifyOptions) (verify.Log, error) {
	log, err := j.Open(ctx, name)
	if err != nil {
		return verify.Log{}, err
	}
	defer log.Close() // only read from
	v := newVerifier(name, j.Shared())
	if err := v.listSnapshots(ctx, log); err != nil {
		return v.report(), err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return v.report(), err
	}
	v.expect = o.Expect
	if o.Expect.Seq > head {
		v.problem(verify.Problem{Kind: verify.Missing, Entry: o.Expect.Seq, Detail: fmt.Sprintf("the log ends at entry %d; somebody has seen entry %d", head, o.Expect.Seq),
			Do: "Its end is gone, or it is an older copy. Look for the newer one before anybody goes on with this one."})
	}
	for v.seq.pos.Seq < head {
		v.checkSnapshots(ctx)
		list, err := log.Read(ctx, v.seq.pos.Seq, v.reach(head))
		if err == nil {
			if len(list) == 0 {
				err = fmt.Errorf("%w: it is missing, the log has %d", journal.ErrCorrupt, head)
			} else {
				err = v.seq.follow(list)
			}
		}
		if errors.Is(err, context.Canceled) || errors.Is(err, journal.ErrUnavailable) {
			return v.report(), err
		}
		if err != nil {
			v.stopped(err)
			return v.report(), nil
		}
		v.checkExpected()
		if o.Progress != nil {
			o.Progress(v.seq.pos.Seq, head)
		}
	}
	v.checkSnapshots(ctx)
	v.compare()
	v.checkDue(ctx, j)
	return v.report(), nil
}

// verifier is one replay with what is compared on the way.
type verifier struct {
	log       verify.Log
	shared    bool
	seq       *sequencer
	fresh     func() *sequencer
	count     recount.Count
	campaign  bool
	expect    journal.Chain
	snapshots []journal.Kept // not yet reached, oldest first
	by        map[string]int // problems by kind
}

func newVerifier(name string, shared bool) *verifier {
	h := &Hub{}
	k := h.kind(name)
	v := &verifier{log: verify.Log{Name: name, Problems: []verify.Problem{}}, shared: shared, by: map[string]int{}}
	c := newDirectoryCodec(nil)
	if name != directoryLog {
		v.campaign = true
		v.log.Campaign = &k.scope
		c = newCampaignCodec(k.scope, nil, nil, nil)
	}
	v.fresh = func() *sequencer { return newSequencer(name, k.machine(), c) }
	v.seq = v.fresh()
	v.seq.watch, v.seq.emit = v.applied, v.entry
	return v
}

func (v *verifier) problem(p verify.Problem) {
	p.Log = v.log.Name
	if v.by[p.Kind]++; v.by[p.Kind] <= maxProblems {
		v.log.Problems = append(v.log.Problems, p)
	}
}

func (v *verifier) report() verify.Log {
	v.log.Seq, v.log.Head, v.log.Epoch = v.seq.pos.Seq, v.seq.pos.Hash.String(), v.seq.epoch
	v.log.Commands = int(v.seq.stats.Commands.Load())
	v.log.Ballots, v.log.Supports = v.count.Ballots(), v.count.Supports()
	switch m := v.seq.machine.(type) {
	case *campaign.Machine:
		v.log.Ideas = len(m.Board().All())
		v.log.Title = m.View(machine.Public, nobody).Campaign().Title
		for _, p := range m.People() {
			if p.Erased {
				v.log.Erased = append(v.log.Erased, p.ID)
			}
		}
	case *directory.Machine:
		v.log.Title = "the directory"
	}
	for kind, n := range v.by {
		if n > maxProblems {
			v.log.Notes = append(v.log.Notes, fmt.Sprintf("%d more problems of the kind %s are not listed", n-maxProblems, kind))
		}
	}
	return v.log
}

func nobody(id.ID) (name, organisation string) { return "", "" }

// reach is how many entries may be read before the next snapshot has to be looked at.
func (v *verifier) reach(head uint64) int {
	to := head
	if len(v.snapshots) > 0 {
		to = min(to, v.snapshots[0].Seq)
	}
	if v.expect.Seq > v.seq.pos.Seq {
		to = min(to, v.expect.Seq)
	}
	return int(min(to-v.seq.pos.Seq, ReadEntries))
}

// checkExpected compares the position that the log must have had, once the replay is there.
func (v *verifier) checkExpected() {
	if at := v.seq.pos; at.Seq == v.expect.Seq && at.Hash != v.expect.Hash {
		v.problem(verify.Problem{Kind: verify.Chain, Entry: at.Seq, Detail: fmt.Sprintf("the chain after it is %s; it was %s", at.Hash, v.expect.Hash),
			Do: "This log has another history than the one that was noted."})
	}
}

// stopped says at which entry the log cannot be read on, and what is left.
func (v *verifier) stopped(err error) {
	at := v.seq.pos
	p := verify.Problem{Kind: verify.Damaged, Entry: at.Seq + 1, Detail: err.Error(), Do: fmt.Sprintf(
		"Entries 1 to %d are as they were written (chain %s); nothing after that can be relied on. Stop the server, keep a copy of all files, and look at the disk. A backup fits "+
			"if `kiem verify BACKUP` has this log with an entry beyond %d, or any entry of it if the damage is in this copy only; `kiem restore` puts it back. What was acknowledged after the "+
			"backup is lost: people see it, and post again what is missing.", at.Seq, at.Hash, at.Seq)}
	switch {
	case errors.Is(err, errDiverged):
		p.Kind = verify.Checkpoint
		p.Do = "The replay has another state than the server had when it wrote this. The entries are as they were written: this is an error of the program. Report it, with the log."
	case errors.Is(err, errNewer):
		p.Kind = verify.Unreadable
		p.Do = "Verify with the version of Kiem that wrote it, or a newer one."
	}
	v.problem(p)
}

// entry is told of each entry that was applied.
func (v *verifier) entry(a applied) {
	if !a.foreign {
		return
	}
	v.log.Foreign++
	if v.shared {
		return // the log lost its tail and a node did not know yet: void on every node
	}
	v.problem(verify.Problem{Kind: verify.Base, Entry: a.seq, Detail: "it was written on another history than this log's, so it has no effect",
		Do: "With one writing process that cannot happen: the log was put together of two, or an older file was put back under a running server."})
}

// applied is told of each command that was applied, in order.
func (v *verifier) applied(seq uint64, c *machine.Command, o machine.Outcome) {
	if d, ok := c.Data.(*checkpointData); ok {
		v.checkpoint(seq, d)
		return
	}
	if o.Refusal != nil {
		return
	}
	var err error
	switch d := c.Data.(type) {
	case *campaign.CreateData:
		err = v.count.Rules(len(d.Settings.Groups), d.Settings.SmallCell)
	case *campaign.EditData:
		if d.Settings != nil {
			err = v.count.Rules(len(d.Settings.Groups), d.Settings.SmallCell)
		}
	case *campaign.IdeaData:
		if c.Type == campaign.IdeaPost {
			err = v.count.Idea(id.Derive(c.ID, "idea"))
		}
	case *campaign.SupportData:
		err = v.count.Support(c.Actor, d.Idea, d.Value, d.Group)
	}
	if err != nil {
		v.problem(verify.Problem{Kind: verify.Tally, Entry: seq, Detail: "the campaign accepted what the recount refuses: " + err.Error(), Do: disagree})
	}
}

const disagree = "Two ways to count disagree, and the entries are as they were written: this is an error of the program. Report it, with the log; do not publish the figures."

// checkpoint compares what the log says of an earlier entry. That the digest fits has been checked where the history is the same (see applyRecords).
func (v *verifier) checkpoint(seq uint64, d *checkpointData) {
	have, ok := v.seq.digests[d.Seq]
	switch {
	case !ok:
		v.log.Notes = append(v.log.Notes, fmt.Sprintf("entry %d is a checkpoint of entry %d, which is too far back", seq, d.Seq))
	case have.hash.String() != d.Hash:
		v.problem(verify.Problem{Kind: verify.Checkpoint, Entry: seq, Detail: fmt.Sprintf("it says that the chain after entry %d was %s; it is %s", d.Seq, d.Hash, have.hash),
			Do: "Entries before the checkpoint are not those that stood there when it was written."})
	default:
		v.log.Checkpoints++
	}
}

// compare holds every figure that the machine shows against the recount.
func (v *verifier) compare() {
	m, ok := v.seq.machine.(*campaign.Machine)
	if !ok {
		return
	}
	view, groups := m.View(machine.Public, nobody), m.Settings().Groups
	if have, want := v.count.Ideas(), len(m.Board().All()); have != want {
		v.problem(verify.Problem{Kind: verify.Tally, Detail: fmt.Sprintf("the campaign has %d ideas, the recount %d", want, have), Do: disagree})
	}
	for _, i := range m.Board().All() {
		shown, counted := view.Tally(i.ID), tallyOf(v.count.Figures(i.ID), groups)
		if shown.Support != counted.Support || shown.Against != counted.Against || !maps.Equal(shown.ByGroup, counted.ByGroup) {
			v.problem(verify.Problem{Kind: verify.Tally, Detail: fmt.Sprintf("idea %s shows %+v, recounted it has %+v", i.ID, shown, counted), Do: disagree})
		}
	}
}

// tallyOf is the recount's figures as a campaign shows them: only figures above 0, by name.
func tallyOf(f recount.Figures, groups []string) wire.Tally {
	t := wire.Tally{Support: f.Total, Against: f.Against, ByGroup: map[string]int{}}
	for g, figure := range f.Groups {
		if figure > 0 && g < len(groups) {
			t.ByGroup[groups[g]] = figure
		}
	}
	if f.Other > 0 {
		t.ByGroup["other"] = f.Other
	}
	return t
}

// checkDue looks whether a switch of stage that is still to come would wake the log.
func (v *verifier) checkDue(ctx context.Context, j journal.Journal) {
	_, next := v.seq.machine.Due(0)
	if next == 0 {
		return
	}
	if names, err := j.Due(ctx, next); err == nil && !slices.Contains(names, v.log.Name) {
		v.problem(verify.Problem{Kind: verify.Due, Detail: fmt.Sprintf("a stage is to be set at %d (Unix ms), and the index does not say so", next),
			Do: "Nothing is lost. It heals by itself when somebody opens the campaign; until then the clock would not wake it."})
	}
}
