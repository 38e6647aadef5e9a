package main_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"kiem/hub/journal/journaltest"
)

// TestMain removes what the tests share. Started as a server with parts exchanged (see promise_exchanged_test.go), this binary is one.
func TestMain(m *testing.M) {
	if os.Getenv(exchangedEnv) != "" {
		os.Exit(exchangedServer())
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir) // in the folder for temporary files at worst
	}
	os.Exit(code)
}

// built is the program, built once for all tests, with the race detector when the tests have it.
var built struct {
	sync.Once
	dir, file string
	out       []byte
	err       error
}

// kiemBinary gives the program.
func kiemBinary(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "kiem-test"); built.err != nil {
			return
		}
		built.file = filepath.Join(built.dir, "kiem")
		args := []string{"build", "-o", built.file}
		if raceEnabled {
			args = append(args, "-race")
		}
		built.out, built.err = exec.Command("go", append(args, ".")...).CombinedOutput()
	})
	if built.err != nil {
		t.Fatalf("go build: %v\n%s", built.err, built.out)
	}
	return built.file
}

// promise begins the test of a promise (docs/promises.md): it starts and kills processes, so -short leaves it out.
func promise(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts and kills servers")
	}
	t.Parallel()
}

// soaking says whether the tests that take long are asked for: `make soak`, or KIEM_SOAK with a duration.
func soaking() bool { return os.Getenv(journaltest.Soak) != "" }

// soak begins a test that only `make soak` runs.
func soak(t *testing.T) {
	t.Helper()
	if !soaking() {
		t.Skip("takes long: only with KIEM_SOAK set to a duration, as `make soak` does")
	}
}

// whenSoaking gives the larger number in `make soak`.
func whenSoaking(suite, soak int) int {
	if soaking() {
		return soak
	}
	return suite
}

// signal sends a signal to the server.
func (p *kiemProcess) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%v: %v", s, err)
	}
}

// pause waits. It is for the time between two faults, not for a state.
func pause(d time.Duration) { <-time.After(d) }

// until asks again and again until ok.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// post makes a call that may fail as a network does, and reads the answer of one that succeeded; postAny reads that of a refusal, too.
func post(addr, path, token string, body, into any) (status int, err error) {
	var text json.RawMessage
	if status, err = postAny(addr, path, token, body, &text); err == nil && into != nil && status/100 == 2 {
		err = json.Unmarshal(text, into)
	}
	return status, err
}

func postAny(addr, path, token string, body, into any) (status int, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequest("POST", "http://"+addr+"/api/v1"+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := oneShot.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, json.Unmarshal(answer, into)
}

// oneShot keeps no connection to a server that may be killed.
var oneShot = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
