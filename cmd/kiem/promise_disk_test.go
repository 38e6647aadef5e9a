package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ready is the status of /readyz, 0 if there is nobody.
func ready(addr string) int {
	resp, err := oneShot.Get("http://" + addr + "/readyz")
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body) // it is the status that counts
	resp.Body.Close()
	return resp.StatusCode
}

// startAnyhow starts the process and waits only until it answers.
func (p *kiemProcess) startAnyhow() {
	p.t.Helper()
	p.launch()
	p.poll("an answer", func() bool { return ready(p.addr) != 0 })
}

// connects is how often anybody connected so far.
func (a *assembly) connects() (n int) {
	for _, c := range a.people {
		c.mu.Lock()
		n += c.connects
		c.mu.Unlock()
	}
	return n
}

// refusedForNow checks that a command and a join are refused as unavailable.
func (a *assembly) refusedForNow(p *kiemProcess) {
	a.t.Helper()
	p.refused(http.StatusServiceUnavailable, "unavailable", "POST", "/join", "", joinBody(a.code, "Te laat", "citizen", newUUID()))
	status, _, text := p.call("POST", "/campaigns/"+a.campaign+"/commands", a.people[0].token, protoCommand{
		ID: newUUID(), Type: "comment.post", Data: map[string]any{"idea": a.targets[0], "kind": "question", "text": "Kan dit nu?"},
	})
	var reply protoFrame
	if err := json.Unmarshal(text, &reply); err != nil || reply.Error == nil || reply.Error.Code != "unavailable" {
		a.t.Errorf("a command is answered with %d %.200s, %v", status, text, err)
	}
}

// TestPromisePoisoned is P4 for the program: a write to stable storage fails, of the journal in the middle of a burst, or of the vault or the sessions while somebody joins. From then on
// nothing more is acknowledged, and the process ends by itself with exit code 75, so that it is started again and reads what is really there. That sqlitelog says so
// after a failed fsync is shown there (TestFailedFsync).
func TestPromisePoisoned(t *testing.T) {
	for _, store := range []string{"journal", "vault", "sessions"} {
		t.Run(store, func(t *testing.T) {
			promise(t)
			data := filepath.Join(t.TempDir(), "data")
			server := serveExchanged(t, "poison="+store+"&after=40", data)
			server.start()
			a := assemble(t, server, 8, at(server.addr), 0)
			stop := a.act(2, time.Millisecond)
			stopJoining := make(chan struct{})
			joined := make(chan int)
			go func() {
				defer close(joined)
				for n := 0; ; n++ {
					select {
					case <-stopJoining:
						return
					case <-time.After(10 * time.Millisecond):
					}
					_, _ = post(server.addr, "/join", "", joinBody(a.code, fmt.Sprintf("Nog een %d", n), "citizen", newUUID()), nil) // it fails at last
				}
			}()
			select {
			case <-server.ended:
			case <-time.After(patience):
				t.Fatal("the process goes on after a failed write")
			}
			close(stopJoining)
			<-joined
			if code := server.cmd.ProcessState.ExitCode(); code != 75 {
				t.Errorf("exit code %d, want 75", code)
			}
			if !strings.Contains(server.log.tail(), "a write to stable storage failed") {
				t.Error("the log does not say why")
			}
			before := a.total.Load()
			// What a service manager does: start it again, on a disk that works.
			again := serveKiem(t, kiemBinary(t), data)
			again.addr, again.args[2] = server.addr, server.addr
			again.start()
			a.more(20)
			stop()
			t.Logf("%d acknowledged before", before)
			a.check(again)
		})
	}
}

// TestPromiseSlowDisk is P5 for the program: a disk that takes seconds for each write shows in /readyz and in the log while it does so, and in kiem_journal_fsync_seconds afterwards. A disk
// that answers too fast is warned of at start: sqlitelog's TestSuspicious and TestLyingFsync.
func TestPromiseSlowDisk(t *testing.T) {
	promise(t)
	server := serveExchanged(t, "slow=3s&after=30", filepath.Join(t.TempDir(), "data"))
	server.start()
	a := assemble(t, server, 2, at(server.addr), 0)
	stop := a.act(1, time.Millisecond)
	until(t, "/readyz to say that the disk is slow", func() bool { return ready(server.addr) == http.StatusServiceUnavailable })
	until(t, "the log to say so", func() bool { return strings.Contains(server.log.tail(), "takes long") })
	if status, _, _ := server.call("GET", "/campaigns/"+a.campaign, a.people[0].token, nil); status != http.StatusOK {
		t.Errorf("the snapshot is answered with %d while the disk is slow", status)
	}
	stop()
	_, _, text := server.get("/metrics")
	if !bytes.Contains(text, []byte(`kiem_journal_fsync_seconds_bucket{le="+Inf"}`)) {
		t.Error("/metrics does not tell how long writes take")
	}
	a.check(server)
}

// get reads an address at the root.
func (p *kiemProcess) get(path string) (int, http.Header, []byte) {
	p.t.Helper()
	resp, err := oneShot.Get(p.url(path))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, text
}
