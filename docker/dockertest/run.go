package dockertest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// within bounds the start of a process.
const within = 20 * time.Second

// Required is the variable that makes a missing program a failure: KIEM_TEST_PROXY=required.
const Required = "KIEM_TEST_PROXY"

// Program finds a program that Debian may keep where only root looks. Without it the test is skipped, loudly.
func Program(t testing.TB, name string) string {
	t.Helper()
	for _, at := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(at); err == nil {
			return path
		}
	}
	if os.Getenv(Required) == "required" {
		t.Fatalf("%s is not installed and %s=required", name, Required)
	}
	fmt.Fprintf(os.Stderr, "SKIPPED: %s needs %s, which is not installed: what docker/ promises about it was NOT tried\n", t.Name(), name)
	t.Skipf("%s is not installed", name)
	return ""
}

// Process is a program that runs until the test ends.
type Process struct {
	Cmd    *exec.Cmd
	Ended  chan struct{}
	stdout text
}

// Output is what it has said so far.
func (p *Process) Output() string { return p.stdout.String() }

// Start starts a program, which is killed when the test ends, or when the test itself is.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Cmd: cmd, Ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.stdout, &p.stdout
	dieWithParent(cmd)
	started := make(chan error, 1)
	go func() {
		defer close(p.Ended)
		runtime.LockOSThread() // the program dies with the thread that started it
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // ProcessState has what there is to know
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("%s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended before
		<-p.Ended
		if t.Failed() {
			all := p.Output()
			t.Logf("%s said, newest part:\n%s", filepath.Base(cmd.Path), all[max(0, len(all)-3000):])
		}
	})
	return p
}

// Await asks again and again until ok.
func (p *Process) Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(within); !ok(); {
		select {
		case <-p.Ended:
			t.Fatalf("waiting for %s: %s ended: %v\n%s", what, p.Cmd.Path, p.Cmd.ProcessState, p.Output())
		case <-tick.C:
		}
		if time.Now().After(until) {
			t.Fatalf("waited %v for %s\n%s", within, what, p.Output())
		}
	}
}

type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *text) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *text) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// FreePort gives a port that nobody has.
func FreePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// Host is the name that the tests' installation has.
const Host = "kiem.test"

// Setup is what docker/setup.sh makes, in a folder of the test.
type Setup struct {
	Dir string
	Env map[string]string // of the nodes
	t   testing.TB
}

// NewSetup runs setup.sh.
func NewSetup(t testing.TB) *Setup {
	t.Helper()
	s := &Setup{Dir: filepath.Join(t.TempDir(), "secrets"), t: t}
	cmd := exec.Command(filepath.Join(Dir(), "setup.sh"), Host)
	cmd.Env = append(os.Environ(), "KIEM_SECRETS="+s.Dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("setup.sh: %v\n%s", err, out)
	}
	s.Env = Env(s.read("kiem.env"))
	return s
}

func (s *Setup) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// replace writes a file of docker with other words in it, each of which must be there.
func (s *Setup) replace(name, as string, pairs ...string) string {
	s.t.Helper()
	content := Read(s.t, name)
	for i := 0; i+1 < len(pairs); i += 2 {
		if !strings.Contains(content, pairs[i]) {
			s.t.Fatalf("%s does not say %q", name, pairs[i])
		}
		content = strings.ReplaceAll(content, pairs[i], pairs[i+1])
	}
	path := filepath.Join(s.Dir, as)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// Inspector is an account beside those of users.acl, with every right, for tests that look at what the others did.
const Inspector = "inspector"

// Redis starts redis-server with redis.conf and the accounts that setup.sh made, and gives its address and the URL by which the nodes reach it.
func (s *Setup) Redis() (addr, url string) {
	s.t.Helper()
	data, acl, port := filepath.Join(s.Dir, "data"), filepath.Join(s.Dir, "test.acl"), FreePort(s.t)
	if err := os.Mkdir(data, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(acl, []byte(s.read("users.acl")+"user "+Inspector+" on nopass ~* &* +@all\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	conf := s.replace("redis.conf", "redis.conf", "dir /data", "dir "+data, "port 6379", "port "+port, "aclfile /usr/local/etc/redis/users.acl", "aclfile "+acl)
	addr = net.JoinHostPort("127.0.0.1", port)
	p := Start(s.t, exec.Command(Program(s.t, "redis-server"), conf, "--bind", "127.0.0.1"))
	p.Await(s.t, "Redis", func() bool {
		c, err := net.Dial("tcp", addr)
		return err == nil && c.Close() == nil
	})
	url = strings.Replace(s.Env["KIEM_REDIS"], "@redis:6379", "@"+addr, 1)
	if !strings.Contains(url, addr) {
		s.t.Fatal("KIEM_REDIS does not name redis:6379")
	}
	return addr, url
}

// Node is how a node of compose.yaml is started here: its flags and environment, with addresses of the test.
type Node struct {
	Addr, Metrics string
	Args, Env     []string
}

// Nodes gives the three nodes, on Redis at that URL.
func (s *Setup) Nodes(redis string) (nodes []Node) {
	s.t.Helper()
	c := Load(s.t)
	for _, name := range Nodes {
		n := Node{Addr: net.JoinHostPort("127.0.0.1", FreePort(s.t)), Metrics: net.JoinHostPort("127.0.0.1", FreePort(s.t))}
		for _, arg := range c.Services[name].Command {
			switch arg {
			case "172.30.0.2": // the proxy
				arg = "127.0.0.1"
			case ":9090":
				arg = n.Metrics
			}
			n.Args = append(n.Args, arg)
		}
		for name, value := range s.Env {
			if name == "KIEM_REDIS" {
				value = redis
			}
			n.Env = append(n.Env, name+"="+value)
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// Proxy is HAProxy with haproxy.cfg.
type Proxy struct {
	*Process
	HTTP, HTTPS string // host:port
	Cert        []byte // PEM, of the certificate that setup.sh made
}

// Proxy starts HAProxy in front of nodes at these addresses.
func (s *Setup) Proxy(nodes []Node) *Proxy {
	s.t.Helper()
	program := Program(s.t, "haproxy")
	p := &Proxy{HTTP: net.JoinHostPort("127.0.0.1", FreePort(s.t)), HTTPS: net.JoinHostPort("127.0.0.1", FreePort(s.t)), Cert: []byte(s.read("tls/kiem.pem"))}
	pairs := []string{"bind :8080", "bind " + p.HTTP, "bind :8443", "bind " + p.HTTPS, "/usr/local/etc/haproxy/tls", filepath.Join(s.Dir, "tls")}
	for n, name := range Nodes {
		pairs = append(pairs, name+":8080", nodes[n].Addr)
	}
	p.Process = Start(s.t, exec.Command(program, "-f", s.replace("haproxy.cfg", "haproxy.cfg", pairs...)))
	p.Await(s.t, "HAProxy", func() bool {
		c, err := net.Dial("tcp", p.HTTPS)
		return err == nil && c.Close() == nil
	})
	return p
}
