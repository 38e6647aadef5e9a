package main_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kiem/hub/journal/journaltest"
	"kiem/hub/redisconn/redistest"
)

// TestPromiseSameAgain is P13 for the program: a server that is started again has the same head and serves the same snapshot, byte for byte, whether it starts from a snapshot of the journal or
// replays from the first entry, and so does another node. That replay equals live state for random commands is shown by the simulation and the machines' own tests.
func TestPromiseSameAgain(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		promise(t)
		data := filepath.Join(t.TempDir(), "data")
		server := serveExchanged(t, "snapshot=50", data)
		server.start()
		a, token, want := sameAgain(t, server)
		again := func(what string) {
			t.Helper()
			if got := a.state(server, token); got != want {
				t.Errorf("%s: %+.300s\nbefore: %+.300s", what, got, want)
			}
		}
		saved := filepath.Join(data, "snapshots")
		until(t, "a snapshot", func() bool { list, err := os.ReadDir(saved); return err == nil && len(list) > 0 })
		server.kill()
		server.start()
		again("from a snapshot")
		server.terminate()
		if err := os.RemoveAll(saved); err != nil {
			t.Fatal(err)
		}
		server.start()
		again("replayed from the first entry")
	})
	t.Run("redis", func(t *testing.T) {
		promise(t)
		redis := redistest.Start(t)
		server := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "a"), "--redis", redis.URL())
		server.start()
		a, token, want := sameAgain(t, server)
		other := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "b"), "--redis", redis.URL())
		other.start()
		if got := a.state(other, token); got != want {
			t.Errorf("another node: %+.300s\nthe first: %+.300s", got, want)
		}
		redis.Kill()
		redis.Restart()
		server.kill()
		server.start()
		if got := a.state(server, token); got != want {
			t.Errorf("after a restart of Redis and the server: %+.300s\nbefore: %+.300s", got, want)
		}
	})
}

// online is the only part of a snapshot that is not of the log: who is there.
var online = regexp.MustCompile(`"presence":\{"online":[0-9]+\}`)

// state is what a server says of a campaign: the chain's head, and the whole snapshot of that moment. One that was encoded a second ago is served, too, so it is asked for
// until it is new.
func (a *assembly) state(p *kiemProcess, token string) string {
	a.t.Helper()
	c := newClient(a.t, p, a.campaign, token).connect()
	c.cut()
	var text []byte
	until(a.t, "a new snapshot", func() bool {
		var at struct{ Seq uint64 }
		_, _, text = p.call("GET", "/campaigns/"+a.campaign, token, nil)
		return json.Unmarshal(text, &at) == nil && at.Seq == c.hello.Seq
	})
	return c.hello.Head + " " + online.ReplaceAllString(string(text), "")
}

// sameAgain makes a campaign with a history, in which everybody is gone.
func sameAgain(t *testing.T, server *kiemProcess) (a *assembly, token, state string) {
	t.Helper()
	a = assemble(t, server, 8, at(server.addr), 0)
	stop := a.act(2, time.Millisecond)
	a.more(600)
	stop()
	a.check(server)
	a.live()
	for _, c := range a.people {
		<-c.ended
	}
	token = a.people[0].token
	return a, token, a.state(server, token)
}

// TestPromiseDamage is P14 for the program: the files of a server that was killed are damaged. Either it refuses to start and says what is damaged, or /readyz fails and the campaign is refused, or all of the
// history is there. A shorter or another history is never served. Thousands of damages to the journal's files are tried by sqlitelog (TestDamagedFiles, TestOldFilesPutBack).
func TestPromiseDamage(t *testing.T) {
	promise(t)
	data := filepath.Join(t.TempDir(), "data")
	server := serveKiem(t, kiemBinary(t), data)
	server.start()
	a := assemble(t, server, 4, at(server.addr), 0)
	stop := a.act(2, time.Millisecond)
	a.more(100)
	server.terminate()
	old := filepath.Join(t.TempDir(), "old")
	copyDir(t, data, old)
	server.start()
	a.more(200)
	// The witness is written every second: what came after it rests on the clients' heads.
	until(t, "the witness to have everything", func() bool {
		before, _ := os.ReadFile(filepath.Join(data, "journal.witness"))
		a.more(1)
		pause(1200 * time.Millisecond)
		after, _ := os.ReadFile(filepath.Join(data, "journal.witness"))
		return !bytes.Equal(before, after)
	})
	stop()
	pause(1200 * time.Millisecond)
	a.check(server)
	a.live()
	want := exportOf(t, server, a.campaign)
	server.kill()

	flip := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, name), func(b []byte) []byte { b[rand.IntN(len(b))] ^= 1 << rand.IntN(8); return b })
		}
	}
	clean := func(t *testing.T, dir string) { // as after a clean stop: everything is in journal.db
		p := serveKiem(t, kiemBinary(t), dir)
		p.start()
		p.terminate()
	}
	damages := map[string]func(*testing.T, string){
		"a bit of journal.db-wal": flip("journal.db-wal"),
		"a bit of journal.db":     func(t *testing.T, dir string) { clean(t, dir); flip("journal.db")(t, dir) },
		"another bit":             func(t *testing.T, dir string) { clean(t, dir); flip("journal.db")(t, dir) },
		"text of an entry": func(t *testing.T, dir string) {
			clean(t, dir)
			change(t, filepath.Join(dir, "journal.db"), func(b []byte) []byte {
				at := bytes.LastIndex(b, []byte("support.set"))
				b[at+3] ^= 1
				return b
			})
		},
		"a page of zeros": func(t *testing.T, dir string) {
			clean(t, dir)
			change(t, filepath.Join(dir, "journal.db"), func(b []byte) []byte {
				at := (len(b) / 4096 / 2) * 4096
				clear(b[at : at+4096])
				return b
			})
		},
		"the end cut off": func(t *testing.T, dir string) {
			clean(t, dir)
			change(t, filepath.Join(dir, "journal.db"), func(b []byte) []byte { return b[:len(b)*3/4] })
		},
		"the WAL is gone": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "journal.db-wal")); err != nil {
				t.Fatal(err)
			}
		},
		"the journal is gone": func(t *testing.T, dir string) {
			for _, name := range []string{"journal.db", "journal.db-wal", "journal.db-shm"} {
				_ = os.Remove(filepath.Join(dir, name))
			}
		},
		"an old journal put back": func(t *testing.T, dir string) {
			clean(t, dir)
			copyFile(t, filepath.Join(old, "journal.db"), filepath.Join(dir, "journal.db"))
		},
	}
	for round := range journaltest.Rounds(t, 0, 1) {
		for what, damage := range damages {
			t.Run(what, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "data")
				copyDir(t, data, dir)
				damage(t, dir)
				p := serveKiem(t, kiemBinary(t), dir)
				p.launch()
				how := a.served(t, p, want)
				t.Log(how)
				if round == 0 && (strings.HasPrefix(what, "the ") || strings.HasPrefix(what, "an old")) && how == "everything is there" {
					t.Error("nothing was missing: nothing was tried")
				}
			})
		}
	}
}

// served says what became of a server on damaged files. It fails the test if less, or something else, is served than was written.
func (a *assembly) served(t *testing.T, p *kiemProcess, want string) string {
	t.Helper()
	until(t, "an answer or the end", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return ready(p.addr) != 0
		}
	})
	select {
	case <-p.ended:
		if code := p.cmd.ProcessState.ExitCode(); code == 0 || !p.log.contains("damaged") {
			t.Errorf("ended with code %d, without saying that something is damaged:\n%s", code, p.log.tail())
		}
		return "refused to start"
	default:
	}
	status, _, text := p.call("GET", "/campaigns/"+a.campaign+"/export?format=json", adminToken, nil)
	if status == http.StatusOK {
		if got := signature(t, text); got != want {
			t.Errorf("other data is served: %s\nwritten was %s", got, want)
		}
		return "everything is there"
	}
	if ready(p.addr) == http.StatusOK {
		t.Errorf("the campaign is answered with %d %.100s, and /readyz with 200", status, text)
	}
	if !p.log.contains("damaged") {
		t.Errorf("the log does not say that something is damaged:\n%s", p.log.tail())
	}
	return "not ready, the campaign is refused"
}

func exportOf(t *testing.T, p *kiemProcess, campaign string) string {
	t.Helper()
	status, _, text := p.call("GET", "/campaigns/"+campaign+"/export?format=json", adminToken, nil)
	if status != http.StatusOK {
		t.Fatalf("the export is answered with %d", status)
	}
	return signature(t, text)
}

// signature is what an export says about the history: number and hash of its last entry, and how many ideas there are.
func signature(t *testing.T, text []byte) string {
	t.Helper()
	var file struct {
		Seq   uint64            `json:"seq"`
		Head  string            `json:"head"`
		Ideas []json.RawMessage `json:"ideas"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{"seq": file.Seq, "head": file.Head, "ideas": len(file.Ideas)})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func change(t *testing.T, path string, f func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// copyDir copies the files of a data directory, without its sockets.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		switch {
		case f.IsDir():
			copyDir(t, filepath.Join(from, f.Name()), filepath.Join(to, f.Name()))
		case f.Type().IsRegular() && f.Name() != "journal.reserve":
			copyFile(t, filepath.Join(from, f.Name()), filepath.Join(to, f.Name()))
		}
	}
}
