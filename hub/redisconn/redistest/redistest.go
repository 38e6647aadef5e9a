// Package redistest starts a real redis-server for a test, on a free loopback port and in a directory of its own, with the durability that Kiem asks for, so that the
// test can kill, stop and restart it. A stand-in would keep promises that Redis does not.
//
// Without a redis-server the test is skipped and says so on the standard error; with KIEM_TEST_REDIS=required it fails.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kiem/hub/redisconn"
)

// startWithin bounds the start of a server, loading its file included.
const startWithin = 20 * time.Second

// Server is one redis-server process.
type Server struct {
	Dir  string // holds the append-only file
	Addr string

	t       testing.TB
	port    int
	extra   []string
	cmd     *exec.Cmd
	exited  chan struct{}
	cluster bool
}

// Start starts a server with appendonly yes and appendfsync always; extra are further arguments ("--name", "value"). It ends with the test.
func Start(t testing.TB, extra ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("KIEM_TEST_REDIS") == "required" {
			t.Fatal("redis-server is not installed and KIEM_TEST_REDIS=required")
		}
		fmt.Fprintf(os.Stderr, "SKIPPED: %s needs redis-server, which is not installed: what it promises about Redis was NOT tried\n", t.Name())
		t.Skip("redis-server is not installed: nothing about Redis was tried")
	}
	s := &Server{t: t, Dir: t.TempDir(), extra: extra}
	for try := 0; ; try++ {
		s.port = freePort(t)
		s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
		if err := s.start(); err == nil {
			break
		} else if try == 5 {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.Kill)
	return s
}

// StartCluster starts a cluster of one server that owns all slots: it refuses what a cluster of many would refuse, such as a step over two slots.
//
// It takes two seconds to form, so -short skips it.
func StartCluster(t testing.TB) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("a cluster takes two seconds to form")
	}
	s := Start(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)))
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Client().ClusterAddSlotsRange(context.Background(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(startWithin); ; {
		info, err := conn.Client().ClusterInfo(context.Background()).Result()
		if err == nil && strings.Contains(info, "cluster_state:ok") {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("redistest: the cluster does not form: %v %s", err, info)
		}
	}
	s.cluster = true
	return s
}

// URL is the address for redisconn.Open.
func (s *Server) URL() string {
	if s.cluster {
		return "redis://" + s.Addr + "?addr=" + s.Addr
	}
	return "redis://" + s.Addr
}

// Kill ends the process with SIGKILL and waits for it.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("redistest: kill: %v", err)
	}
	<-s.exited
	s.cmd = nil
}

// Restart starts the killed server again on the same port and files.
func (s *Server) Restart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
}

// Pause stops the process as a hung machine would; Resume lets it go on.
func (s *Server) Pause()  { s.signal(syscall.SIGSTOP) }
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatalf("redistest: %v: %v", sig, err)
	}
}

func (s *Server) start() error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "redis.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := append([]string{"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.Dir, "--daemonize", "no", "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no", "--maxmemory-policy", "noeviction"}, s.extra...)
	s.cmd = exec.Command("redis-server", args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	dieWithParent(s.cmd)
	started, exited := make(chan error, 1), make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) {
		defer close(exited)
		runtime.LockOSThread() // the server dies with the thread that started it, which must be this test's end and nothing else
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed: the exit status says nothing
		}
	}(s.cmd)
	if err := <-started; err != nil {
		return err
	}
	conn, err := redisconn.Open(s.URL(), 0)
	if err != nil {
		return err
	}
	defer conn.Close()
	until := time.Now().Add(startWithin)
	for time.Now().Before(until) {
		if conn.Client().Ping(context.Background()).Err() == nil {
			return nil
		}
		select {
		case <-exited:
			text, _ := os.ReadFile(log.Name()) // only to say why
			return fmt.Errorf("redistest: redis-server ended: %s", text)
		case <-time.After(5 * time.Millisecond):
		}
	}
	s.Kill()
	return errors.New("redistest: redis-server does not answer")
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
