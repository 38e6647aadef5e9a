package redislog

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
)

// Log is one handle on one log.
type Log struct {
	j *Journal
	s *state

	// Guarded by Journal.mu.
	changed chan struct{}
	closed  bool
}

// Name is journal.Log's.
func (l *Log) Name() string { return l.s.name }

// Changed is journal.Log's.
func (l *Log) Changed() <-chan struct{} { return l.changed }

// Close is journal.Log's.
func (l *Log) Close() error {
	l.j.mu.Lock()
	defer l.j.mu.Unlock()
	l.closeLocked()
	if len(l.s.handles) == 0 && l.j.logs[l.s.name] == l.s {
		delete(l.j.logs, l.s.name) // an append under way has its own reference; the next handle names the log again
	}
	return nil
}

func (l *Log) closeLocked() {
	if !l.closed {
		l.closed = true
		close(l.changed)
		delete(l.s.handles, l)
	}
}

func (l *Log) usable() error {
	l.j.mu.Lock()
	defer l.j.mu.Unlock()
	if l.closed {
		return journal.ErrClosed
	}
	return nil
}

// Append is journal.Log's. With replicas, ErrUnknown can mean that the entry stands in the log but on too few of them.
func (l *Log) Append(ctx context.Context, body []byte) (uint64, error) {
	if _, err := journal.Decode(body); err != nil {
		return 0, err
	}
	if err := l.usable(); err != nil {
		return 0, err
	}
	if err := l.j.enter(); err != nil {
		return 0, err
	}
	defer l.j.under.Done()
	r := &request{s: l.s, body: body, done: make(chan struct{})}
	select {
	case l.j.queue <- r:
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", journal.ErrUnknown, ctx.Err())
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", journal.ErrUnknown, ctx.Err())
	}
	if r.err == nil {
		l.j.wake(l.s.name, l)
	}
	return r.seq, r.err
}

// Read is journal.Log's.
func (l *Log) Read(ctx context.Context, after uint64, most int) (got []journal.Stored, err error) {
	if err := l.usable(); err != nil {
		return nil, err
	}
	err = l.j.read(ctx, func(ctx context.Context) (err error) {
		got, err = l.entries(ctx, after, max(most, 1))
		return err
	})
	return got, err
}

// entries reads in pieces, because the sizes are not known beforehand and a reply must not grow beyond measure.
func (l *Log) entries(ctx context.Context, after uint64, most int) ([]journal.Stored, error) {
	var got []journal.Stored
	size, ask := 0, min(most, readChunk/8)
	for {
		part, err := l.j.client.XRangeN(ctx, keyLog(l.s.name), streamID(after+1), "+", int64(ask)).Result()
		if err == nil && len(got) == 0 && len(part) == 0 {
			return nil, nil
		}
		if err != nil {
			if len(got) > 0 {
				return got, nil
			}
			return nil, err
		}
		for _, m := range part {
			st, err := decode(m, after+1)
			if err != nil {
				if len(got) > 0 {
					return got, nil
				}
				return nil, fmt.Errorf("log %s, entry %d: %w", l.s.name, after+1, err)
			}
			if size += len(st.Body); size > journal.ReadSize && len(got) > 0 {
				return got, nil
			}
			got = append(got, st)
			after = st.Seq
		}
		if len(part) < ask || len(got) >= most {
			return got, nil
		}
		ask = min(most-len(got), readChunk, max(1, (journal.ReadSize-size)*len(got)/size))
	}
}

func streamID(seq uint64) string { return "0-" + strconv.FormatUint(seq, 10) }

// decode checks one message of a stream: its number, its fields, its checksum.
func decode(m redis.XMessage, want uint64) (journal.Stored, error) {
	seq, err := parseID(m.ID)
	if err != nil {
		return journal.Stored{}, err
	}
	if seq != want {
		return journal.Stored{}, fmt.Errorf("%w: it is missing, the next one is %d (was the stream trimmed, or written to by hand?)", journal.ErrCorrupt, seq)
	}
	body, ok := m.Values[field].(string)
	if !ok || len(m.Values) != 1 {
		return journal.Stored{}, fmt.Errorf("%w: it has other fields than %q", journal.ErrCorrupt, field)
	}
	st := journal.Stored{Seq: seq, Body: []byte(body)}
	return st, journal.Check(st.Body)
}

// Head is journal.Log's. After Redis lost a tail it is smaller than before.
func (l *Log) Head(ctx context.Context) (seq uint64, err error) {
	if err := l.usable(); err != nil {
		return 0, err
	}
	err = l.j.read(ctx, func(ctx context.Context) error {
		newest, err := l.j.client.XRevRangeN(ctx, keyLog(l.s.name), "+", "-", 1).Result()
		if err != nil || len(newest) == 0 {
			return err
		}
		seq, err = parseID(newest[0].ID)
		return err
	})
	return seq, err
}
