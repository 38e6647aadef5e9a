package redislog

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// wake wakes the handles of a log but the one that appended.
func (j *Journal) wake(name string, but *Log) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if s := j.logs[name]; s != nil {
		s.wakeLocked(but)
	}
}

func (j *Journal) wakeAll() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.logs {
		s.wakeLocked(nil)
	}
}

func (s *state) wakeLocked(but *Log) {
	for l := range s.handles {
		if l != but {
			select {
			case l.changed <- struct{}{}:
			default: // it is already awake
			}
		}
	}
}

// follow is the goroutine with the one subscription of this process.
func (j *Journal) follow() {
	pause := 50 * time.Millisecond
	for j.stopped.Err() == nil {
		if j.subscription() {
			pause = 50 * time.Millisecond
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, sweepEvery)
		case <-j.stopped.Done():
		}
	}
}

// subscription lives as long as one connection, and says whether that was ever made.
func (j *Journal) subscription() (made bool) {
	sub := j.client.Subscribe(j.stopped, channelWake)
	end := context.AfterFunc(j.stopped, func() { sub.Close() })
	defer func() {
		if end() {
			sub.Close()
		}
	}()
	asked := false
	for {
		msg, err := sub.ReceiveTimeout(j.stopped, pingEvery)
		if err != nil {
			var slow net.Error
			if made && !asked && errors.As(err, &slow) && slow.Timeout() && sub.Ping(j.stopped) == nil {
				asked = true
				continue
			}
			return made
		}
		asked = false
		switch m := msg.(type) {
		case *redis.Subscription:
			made = true
			j.wakeAll() // what was said in between is not known
		case *redis.Message:
			node, names, _ := strings.Cut(m.Payload, " ")
			if node == j.node {
				continue
			}
			for name := range strings.SplitSeq(names, " ") {
				j.wake(name, nil)
			}
		}
	}
}

// sweep is the goroutine that looks whether the opened logs changed, in case a message was lost.
func (j *Journal) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
		case <-j.stopped.Done():
			return
		}
		if n%wakeAllEvery == 0 {
			j.wakeAll()
			continue
		}
		j.mu.Lock()
		var open []*state
		for _, s := range j.logs {
			if len(s.handles) > 0 {
				open = append(open, s)
			}
		}
		j.mu.Unlock()
		for len(open) > 0 {
			k := min(len(open), namesChunk)
			j.look(open[:k])
			open = open[k:]
		}
	}
}

// look wakes those whose stream has another length than at the last look: grown, trimmed, or cut by a failover.
func (j *Journal) look(open []*state) {
	ctx, cancel := context.WithTimeout(j.stopped, Timeout)
	defer cancel()
	p := j.client.Pipeline()
	lengths := make([]*redis.IntCmd, len(open))
	for i, s := range open {
		lengths[i] = p.XLen(ctx, keyLog(s.name))
	}
	if _, err := p.Exec(ctx); err != nil {
		return // out of reach: the next look
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, s := range open {
		n := lengths[i].Val()
		if s.length != n && s.length >= 0 {
			s.wakeLocked(nil)
		}
		s.length = n
	}
}
