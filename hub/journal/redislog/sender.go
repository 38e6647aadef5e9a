package redislog

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
)

// request is an append on its way.
type request struct {
	s    *state
	body []byte

	// Set by the sender before done is closed.
	seq  uint64
	err  error
	done chan struct{}

	sent *redis.StringCmd
}

// send is a sender goroutine: it takes what has queued up and makes one call of it. It ends when the queue is closed and empty.
func (j *Journal) send() {
	var batch []*request
	for r := range j.queue {
		batch = append(batch[:0], r)
		size := len(r.body)
	gather:
		for len(batch) < maxBatchEntries && size < maxBatchBytes {
			select {
			case r, open := <-j.queue:
				if !open {
					break gather
				}
				batch = append(batch, r)
				size += len(r.body)
			default:
				break gather
			}
		}
		j.deliver(batch)
		for i, r := range batch {
			close(r.done)
			batch[i] = nil
		}
	}
}

// deliver sets seq or err of each request.
func (j *Journal) deliver(batch []*request) {
	fail := func(rs []*request, err error) {
		for _, r := range rs {
			r.err = err
		}
	}
	if err := j.refused(); err != nil {
		fail(batch, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	if err := j.name(ctx, batch); err != nil {
		// Nothing of the entries was sent. Whether the names arrived does not matter.
		fail(batch, fmt.Errorf("%w: %w", journal.ErrUnavailable, err))
		return
	}
	if j.cluster == nil {
		j.call(ctx, j.client, batch)
		return
	}
	byNode := map[*redis.Client][]*request{}
	for _, r := range batch {
		node, err := j.cluster.MasterForKey(ctx, keyLog(r.s.name))
		if err != nil {
			r.err = fmt.Errorf("%w: %w", journal.ErrUnavailable, err)
			continue
		}
		byNode[node] = append(byNode[node], r)
	}
	for node, rs := range byNode {
		j.call(ctx, node, rs)
	}
}

// name puts the logs that this process has not appended to before into the set of names.
func (j *Journal) name(ctx context.Context, batch []*request) error {
	var fresh []any
	j.mu.Lock()
	for _, r := range batch {
		if !r.s.named {
			fresh = append(fresh, r.s.name)
		}
	}
	j.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	if err := j.client.SAdd(ctx, keyNames, fresh...).Err(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range batch {
		r.s.named = true
	}
	return nil
}

// call sends entries to one server: the entries, the wake-up and, with replicas, the WAIT that covers them, on one connection
// and in one write. Each entry has its own fate.
func (j *Journal) call(ctx context.Context, node interface{ Pipeline() redis.Pipeliner }, rs []*request) {
	start := time.Now()
	p := node.Pipeline()
	size := 0
	wake := make([]string, 1, len(rs)+1)
	wake[0] = j.node
	for _, r := range rs {
		r.sent = p.XAdd(ctx, &redis.XAddArgs{Stream: keyLog(r.s.name), ID: "0-*", Values: []any{field, r.body}})
		wake = append(wake, r.s.name)
		size += len(r.body)
	}
	// The message is delivered after the fsync, as all replies are.
	p.Publish(ctx, channelWake, strings.Join(wake, " "))
	replicas := j.wait(ctx, p)
	_, broken := p.Exec(ctx)
	have, need, enough := replicas.enough()

	acknowledged := 0
	for _, r := range rs {
		id, err := r.sent.Result()
		switch {
		case err != nil:
			r.err = classify(err)
		case id == "":
			// The library gives no verdict on this one: the connection was refused while it was being set up.
			r.err = fmt.Errorf("%w: %v", journal.ErrUnknown, broken)
		case !enough:
			r.err = fmt.Errorf("%w: it is on %d of %d replicas", journal.ErrUnknown, have, need)
		default:
			if r.seq, r.err = parseID(id); r.err == nil {
				acknowledged++
			}
		}
		if redis.HasErrorPrefix(err, "MOVED") && j.cluster != nil {
			j.cluster.ReloadState(ctx)
		}
	}
	if f := j.o.Observe.Call; f != nil {
		f(len(rs), size, acknowledged, time.Since(start))
	}
}

// parseID gives the number in a stream's id.
func parseID(id string) (uint64, error) {
	if rest, ok := strings.CutPrefix(id, "0-"); ok {
		if n, err := strconv.ParseUint(rest, 10, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: a stream id %q, want 0-N", journal.ErrCorrupt, id)
}
