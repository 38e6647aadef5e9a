package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	kiem "kiem/cmd/kiem"
	"kiem/hub/journal"
	"kiem/hub/redisconn/redistest"
)

// kiemRun runs a command of the program to its end.
func kiemRun(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	stdout, stderr, state := kiemState(t, args...)
	return stdout, stderr, state.ExitCode()
}

func kiemState(t testing.TB, args ...string) (stdout, stderr string, state *os.ProcessState) {
	t.Helper()
	cmd := exec.Command(kiemBinary(t), args...)
	cmd.Env = append(cleanEnv(), "GORACE=halt_on_error=1 atexit_sleep_ms=0")
	var out, errs processLog
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.all(), errs.all(), cmd.ProcessState
}

// lastLine is what scripts read.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func headLine(at journal.Chain) string { return fmt.Sprintf("head %s seq %d", at.Hash, at.Seq) }

// verifyHere runs the command in this process, which is quicker.
func verifyHere(args ...string) (out string, code int) {
	var b bytes.Buffer
	code = kiem.RunWith(append([]string{"verify"}, args...), &b, &b, nil)
	return b.String(), code
}

// TestPromiseVerify is P14 and P20 for the program: `kiem verify` while the server runs and people vote, and after it has ended, finds nothing wrong and names the head that the server names.
func TestPromiseVerify(t *testing.T) {
	for _, store := range []string{"sqlite", "redis"} {
		t.Run(store, func(t *testing.T) {
			promise(t)
			data := filepath.Join(t.TempDir(), "data")
			source := []string{"--data", data}
			var more []string
			if store == "redis" {
				redis := redistest.Start(t)
				source, more = []string{"--redis", redis.URL()}, []string{"--redis", redis.URL()}
			}
			server := serveExchanged(t, "snapshot=50", data, more...)
			server.start()
			a := assemble(t, server, 6, at(server.addr), 0)
			stop := a.act(1, 10*time.Millisecond)
			verify := func() string {
				t.Helper()
				out, errs, code := kiemRun(t, append([]string{"verify"}, source...)...)
				if code != 0 {
					t.Fatalf("exit code %d\n%s%s", code, out, errs)
				}
				return lastLine(out)
			}
			for range 3 {
				a.more(40)
				if line := verify(); !regexp.MustCompile(`^head [0-9a-f]{64} seq [1-9][0-9]*$`).MatchString(line) {
					t.Errorf("the last line is %q", line)
				}
			}
			stop()
			a.check(server)
			a.live()
			_, _, text := server.call(http.MethodGet, "/campaigns/"+a.campaign+"/export?format=json", adminToken, nil)
			var file struct {
				Seq  uint64
				Head string
			}
			if err := json.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("head %s seq %d", file.Head, file.Seq)
			if got := verify(); got != want {
				t.Errorf("the last line is %q, the server says %q", got, want)
			}
			server.terminate()
			if got := verify(); got != want {
				t.Errorf("after the end the last line is %q, the server said %q", got, want)
			}
			source = append(source, "--campaign", a.campaign, "--expect", fmt.Sprintf("%d:%s", file.Seq, file.Head))
			if got := verify(); got != want {
				t.Errorf("with --expect the last line is %q", got)
			}
			source[len(source)-1] = fmt.Sprintf("%d:%s", file.Seq+1, file.Head)
			if out, code := verifyHere(source...); code != 1 || !strings.Contains(out, "somebody has seen entry") {
				t.Errorf("a head that somebody noted and that is gone: exit code %d\n%s", code, out)
			}
		})
	}
}
