package redislog

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A failover may promote any replica that keeps up: Sentinel's knowledge of who is ahead is a second old. An entry that only the promised number of replicas have is lost
// when another is promoted. So it has to be on every replica that keeps up, and on the promised number at least.

// lagging is how long a replica may be silent before it is no longer waited for. Replicas report every second.
const lagging = 3 * time.Second

// wait adds to a pipeline the question who keeps up, and a WAIT for as many replicas.
func (j *Journal) wait(ctx context.Context, p redis.Pipeliner) *covered {
	c := &covered{promised: j.o.Replicas, known: &j.keepingUp}
	if c.promised == 0 {
		return nil
	}
	c.info = p.Info(ctx, "replication")
	c.have = redis.NewIntCmd(ctx, "wait", max(c.promised, int(j.keepingUp.Load())), waitReplicas.Milliseconds())
	_ = p.Process(ctx, c.have) // it only queues; the answer is the command's
	return c
}

// covered is what a WAIT found.
type covered struct {
	promised int
	known    interface{ Store(int64) }
	info     *redis.StringCmd
	have     *redis.IntCmd
}

// enough says how many replicas have what was written before, how many should, and whether that is so. Of nil: no replica has to.
func (c *covered) enough() (have, need int, ok bool) {
	if c == nil {
		return 0, 0, true
	}
	up := keepingUp(c.info.Val())
	c.known.Store(int64(up))
	have, need = int(c.have.Val()), max(c.promised, up)
	return have, need, c.info.Err() == nil && c.have.Err() == nil && have >= need
}

// keepingUp counts the replicas in INFO replication that are in sync and were heard lately: "slave0:ip=…,port=…,state=online,offset=…,lag=0".
func keepingUp(info string) (n int) {
	for line := range strings.Lines(info) {
		name, fields, ok := strings.Cut(strings.TrimSpace(line), ":")
		if number, replica := strings.CutPrefix(name, "slave"); !ok || !replica || strings.Trim(number, "0123456789") != "" {
			continue
		}
		online, silent := false, lagging
		for field := range strings.SplitSeq(fields, ",") {
			switch key, value, _ := strings.Cut(field, "="); key {
			case "state":
				online = value == "online"
			case "lag":
				if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
					silent = time.Duration(seconds) * time.Second
				}
			}
		}
		if online && silent < lagging {
			n++
		}
	}
	return n
}
