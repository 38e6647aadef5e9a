package redislog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// TestCluster runs the suite on three masters. Kills are tried on one server and under Sentinel.
func TestCluster(t *testing.T) {
	if _, err := exec.LookPath("redis-cli"); err != nil {
		t.Skip("SKIPPED: redis-cli is not installed: the cluster was NOT tried")
	}
	var servers []*redistest.Server
	var addrs []string
	for range 3 {
		s := redistest.Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		servers, addrs = append(servers, s), append(addrs, s.Addr)
	}
	args := append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")
	if out, err := exec.Command("redis-cli", args...).CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: the cluster could not be made (its bus port may be taken): %v\n%s", err, out)
	}
	for _, s := range servers {
		c := raw(t, s)
		await(t, "the cluster is up", func() bool {
			text, _ := c.ClusterInfo(t.Context()).Result()
			return strings.Contains(text, "cluster_state:ok")
		})
	}
	o := Options{Address: "redis://" + addrs[0] + "?addr=" + addrs[1] + "&addr=" + addrs[2]}
	journaltest.Run(t, func(t *testing.T) journaltest.Backend {
		for _, s := range servers {
			if err := raw(t, s).FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		}
		b := journaltest.Backend{Journal: open(t, o)}
		b.Reopen = func(t *testing.T) journal.Journal { return open(t, o) }
		b.Another = b.Reopen
		return b
	})
}

// sentinel starts a Sentinel that watches the master.
func sentinel(t *testing.T, master string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := strings.Cut(addr, ":")
	host, mport, _ := strings.Cut(master, ":")
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor kiem %s %s 1\nsentinel down-after-milliseconds kiem 500\nsentinel failover-timeout kiem 3000\n", port, host, mport)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", conf, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	await(t, "the Sentinel knows the master and two replicas", func() bool {
		text, _ := c.Info(t.Context(), "sentinel").Result()
		return strings.Contains(text, "slaves=2")
	})
	return addr
}

// TestFailover kills the master under load. With one replica that has each entry before it is acknowledged, none may be missing afterwards.
func TestFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: takes some seconds")
	}
	master := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := strings.Cut(master.Addr, ":")
	for range 2 {
		replica := redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
		c := raw(t, replica)
		await(t, "the replica is in sync", func() bool {
			text, _ := c.Info(t.Context(), "replication").Result()
			return strings.Contains(text, "master_link_status:up")
		})
	}
	watch := sentinel(t, master.Addr)
	j := open(t, Options{Address: "redis://" + watch + "?master_name=kiem", Replicas: 1})
	const logs = 4
	acked := make([]map[uint64]uint64, logs)
	var total, unknown atomic.Int64
	stop := make(chan struct{})
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range logs {
		acked[i] = map[uint64]uint64{}
		l := journaltest.Open(t, j, fmt.Sprintf("c:%d", i))
		wg.Go(func() {
			for n := uint64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				seq, err := l.Append(context.Background(), journaltest.Make(t, n, journal.Chain{}, 0))
				switch {
				case err == nil:
					mu.Lock()
					acked[i][seq] = n
					mu.Unlock()
					total.Add(1)
				case errors.Is(err, journal.ErrUnknown):
					unknown.Add(1)
				case errors.Is(err, journal.ErrUnavailable):
					<-time.After(5 * time.Millisecond)
				default:
					t.Errorf("Append: %v", err)
					return
				}
			}
		})
	}
	await(t, "appends", func() bool { return total.Load() > 500 })
	before := total.Load()
	master.Kill()
	start := time.Now()
	await(t, "appends on the new master", func() bool { return total.Load() > before+200 })
	t.Logf("entries are acknowledged again %v after the kill; %d acknowledged, %d unknown", time.Since(start).Round(time.Millisecond), total.Load(), unknown.Load())
	close(stop)
	wg.Wait()
	for i := range logs {
		l := journaltest.Open(t, j, fmt.Sprintf("c:%d", i))
		journaltest.Verify(t, l)
		all := journaltest.ReadAll(t, l, 0, 1000)
		for seq, n := range acked[i] {
			if seq > uint64(len(all)) {
				t.Fatalf("log %d: entry %d was acknowledged and is lost: the log has %d", i, seq, len(all))
			}
			if e, err := journal.Decode(all[seq-1].Body); err != nil || e.Batch != n {
				t.Fatalf("log %d, entry %d: acknowledged for %d, holds %d, %v", i, seq, n, e.Batch, err)
			}
		}
	}
}
