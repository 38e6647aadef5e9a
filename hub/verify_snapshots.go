package hub

import (
	"context"
	"errors"
	"fmt"

	"kiem/hub/journal"
	"kiem/hub/machine"
	"kiem/hub/verify"
)

// listSnapshots lists those that the log keeps, and names those that it cannot have.
func (v *verifier) listSnapshots(ctx context.Context, log journal.Log) error {
	keeper, ok := log.(journal.Keeper)
	if !ok {
		return nil
	}
	// Before the head is asked for: none of them can be newer than that.
	list, err := keeper.Kept(ctx)
	if err != nil {
		return err
	}
	head, err := log.Head(ctx)
	if err != nil {
		return err
	}
	for _, k := range list {
		if k.Seq <= head && k.Seq > 0 {
			v.snapshots = append(v.snapshots, k)
			continue
		}
		v.problem(verify.Problem{Kind: verify.Missing, Entry: k.Seq, File: k.Name, Detail: fmt.Sprintf("there is a snapshot after entry %d, and the last entry is %d", k.Seq, head),
			Do: "The log was longer once: its end is gone, or an older journal was put back. If that was meant (a restored backup), remove the folder snapshots."})
	}
	return nil
}

// checkSnapshots compares the snapshots of the entry that the replay has come to.
func (v *verifier) checkSnapshots(ctx context.Context) {
	for len(v.snapshots) > 0 && v.snapshots[0].Seq <= v.seq.pos.Seq {
		k := v.snapshots[0]
		v.snapshots = v.snapshots[1:]
		err := v.checkSnapshot(ctx, k)
		switch {
		case err == nil:
			v.log.Snapshots++
		case errors.Is(err, journal.ErrNotFound): // replaced just now
		case errors.Is(err, errOtherForm):
			v.log.Notes = append(v.log.Notes, fmt.Sprintf("%s is of a form that this version does not start from", k.Name))
		default:
			v.problem(verify.Problem{Kind: verify.Snapshot, Entry: k.Seq, File: k.Name, Detail: err.Error(),
				Do: "Nothing is lost: the entries are the truth, and a server passes a damaged snapshot over. Remove it; the next one is made by itself. If disks do this, look at the disk."})
		}
	}
}

func (v *verifier) checkSnapshot(ctx context.Context, k journal.Kept) error {
	s, err := k.Load(ctx)
	if err != nil {
		return err
	}
	at := v.seq.pos
	switch digest := v.seq.machine.Digest(); {
	case s.Seq != at.Seq:
		return fmt.Errorf("%w: it is of entry %d", journal.ErrCorrupt, s.Seq)
	case s.Hash != at.Hash:
		return fmt.Errorf("%w: it belongs to another history: its chain is %s, the log's %s", journal.ErrCorrupt, s.Hash, at.Hash)
	case s.Epoch != v.seq.epoch || s.Digest != digest:
		return fmt.Errorf("%w: its state is %x in epoch %d, the replay's %x in epoch %d", errDiverged, s.Digest, s.Epoch, digest, v.seq.epoch)
	}
	if v.otherForm(s.State) {
		return errOtherForm
	}
	return v.fresh().load(s) // what a server would start from has the digest that it says
}

// errOtherForm: a snapshot was written by another version of Kiem, which is no damage.
var errOtherForm = errors.New("hub: a snapshot of another form")

// otherForm says whether the state, or the machine's part of it, begins with another version than this program writes.
func (v *verifier) otherForm(state []byte) bool {
	d := machine.NewDecoder(state)
	if d.Int() != stateVersion {
		return true
	}
	_, inner := d.Blob(), d.Blob()
	return d.Err() == nil && machine.NewDecoder(inner).Int() != machine.NewDecoder(v.fresh().machine.Snapshot()).Int()
}
