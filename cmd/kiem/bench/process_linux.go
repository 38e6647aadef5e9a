package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// RaiseLimit raises the number of descriptors as far as the system allows, and says how many there are.
func RaiseLimit() int {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	const most = 1 << 20
	if r.Max < most { // may be allowed to whoever runs this
		more := unix.Rlimit{Cur: most, Max: most}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &more) == nil {
			return most
		}
	}
	r.Cur = r.Max
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &r)
	return int(r.Max)
}

// cpuTime is the processor time that a process used so far, of all its threads, those that ended included, in user and in system mode. What the loopback does
// to deliver is done by who writes, and counted there.
func cpuTime(pid int) (time.Duration, error) {
	var t unix.Timespec
	// The clock of another process: clock_getcpuclockid(3).
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// resident is the resident memory of a process in bytes.
func resident(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm: %q", pid, b)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// listenerOf finds the process that listens on a local port, or 0. Only processes of the same user can be looked at.
func listenerOf(port uint16) int {
	wanted := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			const listening = "0A"
			if len(f) > 9 && f[3] == listening && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				wanted["socket:["+f[9]+"]"] = true
			}
		}
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			continue
		}
		for _, f := range files {
			if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, f.Name())); err == nil && wanted[to] {
				return pid
			}
		}
	}
	return 0
}

// child is a server that the bench started and obeys it (orders.go).
type child struct {
	cmd   *exec.Cmd
	mu    sync.Mutex // of an order and its answer
	in    io.WriteCloser
	lines *bufio.Reader
	addr  netip.AddrPort
	errs  tail
}

// startChild starts this program with those arguments.
func (b *Bench) startChild(ctx context.Context, args ...string) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, b.Program, append([]string{"bench"}, args...)...)}
	c.cmd.Stderr, c.cmd.Env = &c.errs, plainEnv()
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.lines = in, bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	line, err := c.lines.ReadString('\n')
	if err == nil {
		c.addr, err = netip.ParseAddrPort(strings.TrimSpace(line))
	}
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("%s did not start: %w: %s", strings.Join(args, " "), err, c.errs.String())
	}
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// begin gives an order, and tells when it was carried out. Orders are carried out one after the other.
func (c *child) begin(o order) <-chan error {
	done := make(chan error, 1)
	go func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, err := fmt.Fprintln(c.in, o)
		line := ""
		if err == nil {
			line, err = c.lines.ReadString('\n')
		}
		if err == nil && line != "done\n" {
			err = errors.New(line)
		}
		if err != nil {
			err = fmt.Errorf("%v: %w: %s", o, err, c.errs.String())
		}
		done <- err
	}()
	return done
}

// hang lets it forget all connections.
func (c *child) hang() error { return <-c.begin(order{word: "hang"}) }

func (c *child) stop() {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// tail keeps the newest part of what a process says.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - tailSize; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.buf.String())
}
