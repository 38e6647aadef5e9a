package main_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// How long the script waits for a state before it calls it missing. Generous: the machine may be busy with other tests.
const patience = 30 * time.Second

// adminToken is what the started servers know as KIEM_ADMIN_TOKEN.
const adminToken = "protocol-test-admin-token-0123456789abcdef"

// kiemProcess is one `kiem serve`. It can be killed and started again on the same address and data.
type kiemProcess struct {
	t      testing.TB
	binary string
	addr   string
	args   []string
	env    []string // besides the usual
	cmd    *exec.Cmd
	ended  chan struct{}
	log    *processLog
}

// serveKiem prepares a server on a free port; start starts it. It is killed when the test ends.
func serveKiem(t testing.TB, binary, data string, more ...string) *kiemProcess {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := &kiemProcess{t: t, binary: binary, addr: addr, log: &processLog{},
		args: append([]string{"serve", "--addr", addr, "--data", data, "--rate-scale", "1000"}, more...)}
	t.Cleanup(func() {
		p.kill()
		if p.log.contains("DATA RACE") {
			t.Errorf("the server at %s has a data race:\n%s", addr, p.log.all())
		}
		if t.Failed() {
			t.Logf("log of the server at %s, newest part:\n%s", addr, p.log.tail())
		}
	})
	return p
}

// data is the server's data directory.
func (p *kiemProcess) data() string { return p.args[slices.Index(p.args, "--data")+1] }

// launch starts the process.
func (p *kiemProcess) launch() {
	p.t.Helper()
	cmd := exec.Command(p.binary, p.args...)
	// A race that the detector finds ends the process at once, where it is noticed; and it need not wait a second at every end.
	cmd.Env = append(append(cleanEnv(), "KIEM_ADMIN_TOKEN="+adminToken, "GORACE=halt_on_error=1 atexit_sleep_ms=0"), p.env...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }() // ProcessState has what there is to know
}

// start starts the process and waits until /readyz says that it takes commands.
func (p *kiemProcess) start() {
	p.t.Helper()
	p.launch()
	p.poll("/readyz to answer 200", func() bool {
		resp, err := http.Get(p.url("/readyz"))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// poll asks ok again and again until it is true. It gives up when the process ends.
func (p *kiemProcess) poll(what string, ok func() bool) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	until := time.After(patience)
	for !ok() {
		select {
		case <-p.ended:
			p.t.Fatalf("waiting for %s: the server ended: %v\n%s", what, p.cmd.ProcessState, p.log.tail())
		case <-until:
			p.t.Fatalf("waited %v for %s", patience, what)
		case <-tick.C:
		}
	}
}

// kill ends the process as kill -9 does.
func (p *kiemProcess) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill() // it may have ended before
	<-p.ended
	p.cmd = nil
}

// terminate asks the process to end and gives its exit code.
func (p *kiemProcess) terminate() int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("still there %v after SIGTERM", patience)
	}
	code := p.cmd.ProcessState.ExitCode()
	p.cmd = nil
	return code
}

func (p *kiemProcess) url(path string) string { return "http://" + p.addr + path }

// call makes an HTTP call under /api/v1 and returns the status, the headers and the body.
func (p *kiemProcess) call(method, path, token string, body any, header ...string) (int, http.Header, []byte) {
	p.t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, p.url("/api/v1"+path), content)
	if err != nil {
		p.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, resp.Header, text
}

// want calls and decodes an answer that must have that status.
func (p *kiemProcess) want(status int, into any, method, path, token string, body any) {
	p.t.Helper()
	got, _, text := p.call(method, path, token, body)
	if got != status {
		p.t.Fatalf("%s %s: status %d, want %d: %.300s", method, path, got, status, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			p.t.Fatalf("%s %s: %v: %.300s", method, path, err, text)
		}
	}
}

// refused calls and checks the status and code of a refusal.
func (p *kiemProcess) refused(status int, code, method, path, token string, body any) {
	p.t.Helper()
	got, _, text := p.call(method, path, token, body)
	var answer struct {
		Error protoError `json:"error"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		p.t.Errorf("%s %s: status %d with a body that is no error object: %.200s", method, path, got, text)
		return
	}
	if got != status || answer.Error.Code != code || answer.Error.Message == "" {
		p.t.Errorf("%s %s: status %d, error %+v; want %d %s with a message", method, path, got, answer.Error, status, code)
	}
}

// cleanEnv is the environment without settings of Kiem, which would change what the servers do.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "KIEM_") {
			env = append(env, v)
		}
	}
	return env
}

// processLog keeps what a process wrote.
type processLog struct {
	mu   sync.Mutex
	text []byte
}

func (l *processLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	return len(b), nil
}

func (l *processLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text[max(0, len(l.text)-4000):])
}

func (l *processLog) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

func (l *processLog) contains(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.text, []byte(text))
}
