package hub

import (
	"context"
	"math"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// What somebody did through one node they may build on through another a moment later, before that one has heard of it: a load balancer sends each request where it likes. To refuse then because
// something is not there would be wrong, and some refusals are taken at their word: a client that is told that it has not joined does not come back. So a node that shares its
// log looks at the log's head before it says no, once, for all who wait at that moment.

// current waits until this node has applied all that the log had when it was called. An error says that this could not be found out.
func (r *Room) current(ctx context.Context) error {
	if !r.hub.journal.Shared() {
		return nil
	}
	head, err := r.log.Head(ctx)
	if err != nil {
		return err
	}
	return r.catchUp(ctx, Resume{Given: true, After: head, Epoch: math.MaxUint64})
}

// Meet gives a node that is behind the time to hear of a participant who has just joined through another one. That somebody is unknown all the same is no error.
func (r *Room) Meet(ctx context.Context, self id.ID) error {
	if !r.hub.journal.Shared() {
		return nil
	}
	known := false
	if err := r.Campaign(ctx, func(m *campaign.Machine) { known = m.Person(self) != nil }); err != nil || known {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	_ = r.current(ctx) // if the log cannot be read, what is known here has to do
	return nil
}

// hasty says whether a refusal rests on what this node has not heard of.
func hasty(r *machine.Refusal) bool {
	return r.Code == wire.NotFound || r.Code == wire.Forbidden || r.Code == wire.PhaseClosed
}

// doubt takes a command that would be refused hastily. It comes back when this node has all that the log has. False: too many are in doubt.
func (r *Room) doubt(p *Pending) bool {
	if len(r.doubted) >= MaxBatch {
		return false
	}
	r.doubted = append(r.doubted, p)
	r.ask()
	return true
}

// ask looks at the log's head for the commands in doubt, one look at a time.
func (r *Room) ask() {
	if r.asking || len(r.doubted) == 0 {
		return
	}
	list := r.doubted
	r.doubted, r.asking = nil, true
	r.jobs.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, catchUpTime)
		defer cancel()
		_ = r.current(ctx) // if the log cannot be read, what is known here has to do
		r.asked <- list
	})
}
