package hub

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// catchUpTime is how long a node that is behind a client's seq may take to follow the log to it.
const catchUpTime = 2 * time.Second

// Resume is where a client wants to go on.
type Resume struct {
	Given bool // false: from the head
	After uint64
	Epoch uint64
}

// Attach connects a client: it gets hello, then everything after the seq it gave, exactly once and in order, or reset. A refusal says why it may not
// connect; then nothing was sent.
func (r *Room) Attach(ctx context.Context, c *Conn, from Resume) (*machine.Refusal, error) {
	if err := r.catchUp(ctx, from); err != nil {
		return nil, err
	}
	if err := r.Meet(ctx, c.self); err != nil {
		return nil, err
	}
	var refusal *machine.Refusal
	err := r.Do(ctx, func() { refusal = r.attach(c, from) })
	return refusal, err
}

// catchUp waits until this node has applied what the client has seen.
func (r *Room) catchUp(ctx context.Context, from Resume) error {
	if !from.Given || !r.hub.journal.Shared() {
		return nil
	}
	w := waiter{from.After, make(chan struct{})}
	err := r.Do(ctx, func() {
		if r.seq.pos.Seq >= from.After || r.seq.epoch > from.Epoch {
			close(w.done)
			return
		}
		r.waiting = append(r.waiting, w)
		r.read(false)
	})
	if err != nil {
		return err
	}
	timeout := time.NewTimer(catchUpTime)
	defer timeout.Stop()
	select {
	case <-w.done:
		return nil
	case <-timeout.C: // attach decides: it may be ahead of a log that lost its tail
	case <-ctx.Done():
		err = ctx.Err()
	case <-r.stopped:
		return r.why()
	}
	_ = r.Do(context.Background(), func() {
		r.waiting = slices.DeleteFunc(r.waiting, func(have waiter) bool { return have == w })
	})
	return err
}

func (r *Room) attach(c *Conn, from Resume) *machine.Refusal {
	m := r.machine()
	who := m.Person(c.self)
	if who == nil || who.Removed || who.Erased {
		return machine.Refuse(wire.Forbidden, "", "not_joined")
	}
	c.audience = audienceOf(who.Role)
	head := r.seq.pos.Seq
	resumes := from.Given && from.Epoch == r.seq.epoch && from.After <= head && r.feed.ring.covers(from.After)
	hello := wire.Hello{
		Type: "hello", Seq: head, Epoch: r.seq.epoch, Head: hex.EncodeToString(r.seq.pos.Hash[:]),
		Durability: string(r.hub.journal.Durability()), Me: r.me(c.self), ServerTime: r.hub.clock().UTC(), Node: r.hub.Node(),
		Resumed: resumes,
	}
	b, err := json.Marshal(hello)
	if err != nil {
		r.logger.Error("hello cannot be encoded", "err", err)
		return machine.Refuse(wire.Internal, "", "internal")
	}
	c.must(textFrame(b))
	if from.Given && !resumes {
		if from.After > head && from.Epoch == r.seq.epoch {
			r.stats.Witnesses.Add(1)
			r.logger.Error("a client has seen more than the log has", "log", r.name, "seen", from.After, "head", head)
		}
		r.fan.reset(c, "too_far_behind")
		return nil
	}
	c.cursor = head
	if resumes {
		c.cursor = from.After
		if from.After < r.feed.ring.to {
			message, to, ok := r.feed.ring.compose(nil, from.After, c.audience, c.self, nil)
			if !ok {
				r.fan.reset(c, "too_far_behind")
				return nil
			}
			c.must(textFrame(message))
			c.cursor = to
		}
	}
	r.fan.add(c)
	r.byPerson[c.self] = append(r.byPerson[c.self], c)
	if who.Role != campaign.Observer {
		r.feed.present[c.self]++
		r.sayPresence()
	}
	r.feed.crowd = true
	r.stats.Connections.Add(1)
	r.stats.Attached.Add(1)
	return nil
}

func audienceOf(role campaign.Role) machine.Audience {
	if role.Moderates() {
		return machine.Moderators
	}
	return machine.Public
}

// me renders what is the participant's own.
func (r *Room) me(self id.ID) wire.Me {
	m := r.machine()
	audience := machine.Public
	if p := m.Person(self); p != nil {
		audience = audienceOf(p.Role)
	}
	return m.View(audience, r.people.names).Me(self, r.seq.codec.voter(self))
}

// Me is what is the participant's own.
func (r *Room) Me(ctx context.Context, self id.ID) (me wire.Me, err error) {
	err = r.Do(ctx, func() { me = r.me(self) })
	return me, err
}

// Detach is told that a client is gone.
func (r *Room) Detach(c *Conn) {
	c.Abort()
	_ = r.Do(context.Background(), func() {
		list := r.byPerson[c.self]
		for i, have := range list {
			if have != c {
				continue
			}
			r.stats.Connections.Add(-1)
			list = append(list[:i:i], list[i+1:]...)
			if r.byPerson[c.self] = list; len(list) == 0 {
				delete(r.byPerson, c.self)
			}
			if r.feed.present[c.self]--; r.feed.present[c.self] <= 0 {
				delete(r.feed.present, c.self)
			}
			r.feed.crowd = true
			r.sayPresence()
			return
		}
	})
}

// caughtUp asks for a tick for a connection that lagged.
func (r *Room) caughtUp() {
	select {
	case r.calls <- func() { r.feed.dirty = true }:
	case <-r.stopped:
	}
}

// Answer is called by the owner of the room; the replies of a batch are written together.
func (c *Conn) Answer(p *Pending, o machine.Outcome) {
	r := c.room
	r.scratch = r.reply(r.scratch[:0], c.lang, p, o)
	c.answers = frameHeader(c.answers, opText, len(r.scratch))
	c.answers = append(c.answers, r.scratch...)
	if !c.flush {
		c.flush = true
		r.flushing = append(r.flushing, c)
	}
}

// Refuse tells the client at once that a command was not taken. Any goroutine may call it.
func (c *Conn) Refuse(p *Pending, refusal *machine.Refusal) {
	c.must(textFrame(c.room.reply(nil, c.lang, p, machine.Outcome{Refusal: refusal})))
}

// reply appends the protocol's answer to a command.
func (r *Room) reply(b []byte, lang string, p *Pending, o machine.Outcome) []byte {
	if o.Refusal != nil {
		r.stats.Replies.Refused(o.Refusal.Code)
		return wire.AppendRefusal(b, p.Command.ID, true, o.Refusal.Code, r.hub.Sentence(lang, o.Refusal), o.Refusal.Field)
	}
	r.stats.Replies.Done()
	return wire.AppendReply(b, p.Command.ID, o.Seq, ReplyData(p.Command))
}

// ReplyData is the data of the reply to a command that was done: the id of what it made, or nil.
func ReplyData(c *machine.Command) []byte {
	field, made := campaign.Made(c)
	if field == "" {
		return nil
	}
	return append(made.Append([]byte(`{"`+field+`":"`)), `"}`...)
}

// flush writes the replies of the last batch.
func (r *Room) flush() {
	for i, c := range r.flushing {
		c.must(c.answers)
		c.answers, c.flush = c.answers[:0], false
		if cap(c.answers) > 4096 {
			c.answers = nil
		}
		r.flushing[i] = nil
	}
	r.flushing = r.flushing[:0]
}

// Tell refuses a command that never became one. Any goroutine may call it.
func (c *Conn) Tell(command id.ID, refusal *machine.Refusal) {
	r := c.room
	r.stats.Replies.Refused(refusal.Code)
	c.must(textFrame(wire.AppendRefusal(nil, command, !command.IsZero(), refusal.Code, r.hub.Sentence(c.lang, refusal), refusal.Field)))
}

// Report answers a command that was executed outside of the socket's way. Any goroutine may call it.
func (c *Conn) Report(p *Pending, o machine.Outcome) {
	c.must(textFrame(c.room.reply(nil, c.lang, p, o)))
}
