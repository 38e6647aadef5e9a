package main_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kiem/hub/backup"
)

var headForm = regexp.MustCompile(`^head [0-9a-f]{64} seq ([0-9]+)$`)

// done runs a command that must succeed and gives its last line.
func done(t testing.TB, args ...string) string {
	t.Helper()
	out, errs, code := kiemRun(t, args...)
	if code != 0 {
		t.Fatalf("kiem %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return lastLine(out)
}

// TestPromiseBackup is P22: backups are made while people post and vote. Each holds what was acknowledged before it began; put back elsewhere it has the same head; people go on there with the sessions they
// have, and whoever has seen what the backup lacks fetches everything anew.
func TestPromiseBackup(t *testing.T) {
	promise(t)
	data := filepath.Join(t.TempDir(), "data")
	server := serveExchanged(t, "snapshot=50", data)
	server.start()
	a := assemble(t, server, 6, at(server.addr), 0)
	stop := a.act(1, 20*time.Millisecond)
	folder := t.TempDir()
	var file, head string
	seq := uint64(0)
	for n := range 3 {
		a.more(50)
		a.mu.Lock()
		before := a.last
		a.mu.Unlock()
		file = filepath.Join(folder, fmt.Sprintf("backup %d.zip", n))
		head = done(t, "backup", "--data", data, "--out", file)
		m := headForm.FindStringSubmatch(head)
		if m == nil {
			t.Fatalf("the last line is %q", head)
		}
		if seq, _ = strconv.ParseUint(m[1], 10, 64); seq < before {
			t.Errorf("the backup ends at entry %d, entry %d was acknowledged before it began", seq, before)
		}
		if got := done(t, "verify", file); got != head {
			t.Errorf("verify says %q of the backup, backup said %q", got, head)
		}
	}
	a.more(50)
	stop()
	a.check(server)
	a.live()
	server.kill()

	restored := filepath.Join(t.TempDir(), "restored")
	for what, got := range map[string]string{"restore": done(t, "restore", file, "--data", restored), "verify of what was restored": done(t, "verify", "--data", restored)} {
		if got != head {
			t.Errorf("%s says %q, the backup %q", what, got, head)
		}
	}
	again := serveKiem(t, kiemBinary(t), restored)
	again.start()
	var exported protoExport
	again.want(http.StatusOK, &exported, "GET", "/campaigns/"+a.campaign+"/export?format=json", adminToken, nil)
	there := map[string]string{}
	for _, i := range exported.Ideas {
		there[i.ID] = i.Title
	}
	kept := 0
	for _, list := range a.acks {
		for _, ack := range list {
			if ack.cmd.Type == "idea.post" && ack.reply.Seq <= seq {
				kept++
				if idea := madeIdea(t, ack.reply); there[idea] != a.posts[idea] {
					t.Errorf("idea %s of entry %d is %q, acknowledged was %q", idea, ack.reply.Seq, there[idea], a.posts[idea])
				}
			}
		}
	}
	if kept == 0 || len(there) != kept {
		t.Errorf("%d ideas are there, %d were acknowledged before the backup", len(there), kept)
	}
	behind := newClient(t, again, a.campaign, a.people[1].token)
	behind.open(fmt.Sprintf("?after=%d&epoch=1", a.last), false)
	behind.wait("to be told to fetch everything anew", func() bool { return behind.reset })
	c := newClient(t, again, a.campaign, a.people[0].token).connect()
	c.post("Na de terugzetting")
	c.cut()
	if c.hello.Epoch < 2 || c.hello.Seq <= seq {
		t.Errorf("hello says epoch %d and entry %d; the backup ended in epoch 1 with entry %d", c.hello.Epoch, c.hello.Seq, seq)
	}
	if got := done(t, "verify", "--data", restored); got == head {
		t.Errorf("verify still says %q", got)
	}
	again.terminate()
	again.start() // the epoch begins once
	if c := newClient(t, again, a.campaign, a.people[0].token).connect(); c.hello.Epoch != 2 {
		t.Errorf("after another start the epoch is %d", c.hello.Epoch)
	}
	again.terminate()
	if err := os.Remove(filepath.Join(restored, "journal.witness")); err != nil { // as who puts a journal back by hand is told to
		t.Fatal(err)
	}
	again.start()
	if c := newClient(t, again, a.campaign, a.people[0].token).connect(); c.hello.Epoch != 3 {
		t.Errorf("after the witness was removed the epoch is %d", c.hello.Epoch)
	}
}

// TestPromiseRestoreForgets is P21 and P22: who was erased after the backup stays erased when it is put back, if the restore is told so by the data directory that it replaces or by a list; also when
// older keys are put back. Not told, it cannot know.
func TestPromiseRestoreForgets(t *testing.T) {
	promise(t)
	data, folder := filepath.Join(t.TempDir(), "data"), t.TempDir()
	server := serveKiem(t, kiemBinary(t), data)
	server.start()
	s := &protoScript{server: server}
	campaign, code := s.create(t, "Vergeten", map[string]any{})
	const name, words = "Kanarie Vogel", "kanarie-77e1"
	bird, other := s.join(t, code, name, "citizen"), s.join(t, code, "Ben", "firm")
	idea, _ := newClient(t, server, campaign, bird.Token).connect().post(words)
	newClient(t, server, campaign, other.Token).connect().must(setSupport(newUUID(), idea, 1))
	file, later := filepath.Join(folder, "backup.zip"), filepath.Join(folder, "later.zip")
	head := done(t, "backup", "--data", data, "--out", file)
	if status, _, text := server.call("DELETE", "/me", bird.Token, nil); status/100 != 2 {
		t.Fatalf("DELETE /me: %d %.200s", status, text)
	}
	list := filepath.Join(folder, "erased.zip")
	done(t, "backup", "--data", data, "--out", list, "--erased-only")
	done(t, "backup", "--data", data, "--out", later)
	server.kill()
	shown := func(dir string) string {
		t.Helper()
		p := serveKiem(t, kiemBinary(t), dir)
		p.start()
		defer p.kill()
		_, _, snapshot := p.call("GET", "/campaigns/"+campaign, other.Token, nil)
		_, _, export := p.call("GET", "/campaigns/"+campaign+"/export?format=json", adminToken, nil)
		status, _, _ := p.call("GET", "/campaigns/"+campaign+"/me", bird.Token, nil)
		return fmt.Sprint(string(snapshot), string(export), status)
	}
	for what, args := range map[string][]string{
		"told by the data directory":     {file, "--erased", data},
		"told by a list":                 {file, "--erased", list},
		"told by a newer backup":         {file, "--erased", later},
		"a newer backup with older keys": {later, "--keys", filepath.Join(folder, "backup.keys.zip")},
	} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			got := done(t, append([]string{"restore", "--data", dir}, args...)...)
			if got == head {
				t.Error("the log does not say that somebody was erased")
			}
			if text := shown(dir); strings.Contains(text, name) || strings.Contains(text, words) || !strings.HasSuffix(text, "401") {
				t.Errorf("somebody who was erased came back: %s", text)
			}
			if files := holding(t, dir, name); len(files) > 0 {
				t.Errorf("the name is in %v", files)
			}
			done(t, "verify", "--data", dir)
		})
	}
	t.Run("not told", func(t *testing.T) { // so that the others show something
		dir := filepath.Join(t.TempDir(), "data")
		if got := done(t, "restore", file, "--data", dir); got != head {
			t.Errorf("restore says %q, backup said %q", got, head)
		}
		if text := shown(dir); !strings.Contains(text, name) || !strings.Contains(text, words) {
			t.Errorf("the test looks in the wrong place: %s", text)
		}
	})
	t.Run("without keys", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		if got := done(t, "restore", file, "--data", dir, "--without-keys"); got != head {
			t.Errorf("restore says %q, backup said %q", got, head)
		}
		p := serveKiem(t, kiemBinary(t), dir)
		p.start()
		q := &protoScript{server: p}
		who := q.join(t, code, "Ben", "firm") // nobody can tell that he has voted: so nobody votes
		newClient(t, p, campaign, who.Token).connect().refuse(setSupport(newUUID(), idea, 1), "phase_closed")
	})
	t.Run("a backup without keys", func(t *testing.T) {
		if files := holding(t, folder, name); len(files) > 0 {
			t.Errorf("the name is in %v", files) // zipped; the next look is the real one
		}
		dir := t.TempDir()
		copyFile(t, file, filepath.Join(dir, "backup.zip"))
		out, errs, code := kiemRun(t, "restore", filepath.Join(dir, "backup.zip"), "--data", filepath.Join(dir, "data"))
		if code != 1 || !strings.Contains(errs, "--without-keys") {
			t.Errorf("exit code %d\n%s%s", code, out, errs)
		}
	})
}

// holding lists the files that hold a text.
func holding(t *testing.T, dir, text string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPromiseRestoreRefuses is P14 and P22: what is not whole is not put back, and nothing is overwritten.
func TestPromiseRestoreRefuses(t *testing.T) {
	promise(t)
	data, folder := filepath.Join(t.TempDir(), "data"), t.TempDir()
	fillJournal(t, data, 30, 10, 600)
	server := serveKiem(t, kiemBinary(t), data) // makes vault and sessions
	server.start()
	server.terminate()
	file, keys := filepath.Join(folder, "backup.zip"), filepath.Join(folder, "backup.keys.zip")
	head := done(t, "backup", "--data", data, "--out", file)
	if out, errs, code := kiemRun(t, "backup", "--data", data, "--out", file); code != 1 || !strings.Contains(errs, "exist") {
		t.Errorf("a backup over a backup: exit code %d\n%s%s", code, out, errs)
	}
	if out, _, code := kiemRun(t, "restore", file, "--data", data); code != 1 {
		t.Errorf("into a directory that is not empty: exit code %d\n%s", code, out)
	}
	if got := done(t, "verify", "--data", data); got != head {
		t.Errorf("afterwards verify says %q, want %q", got, head)
	}
	for _, args := range [][]string{{keys}, {list(t, folder, data)}, {file, "--keys", file}, {filepath.Join(folder, "none.zip")}, {filepath.Join(data, "journal.db")}} {
		dir := filepath.Join(t.TempDir(), "data")
		if out, errs, code := kiemRun(t, append([]string{"restore", "--data", dir}, args...)...); code != 1 || errs == "" {
			t.Errorf("restore %v: exit code %d\n%s%s", args, code, out, errs)
		}
	}
	expired := filepath.Join(folder, "expired.keys.zip")
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := backup.Write(expired, backup.Manifest{Part: backup.Keys, KeepUntil: &yesterday}, folder); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := kiemRun(t, "restore", file, "--keys", expired, "--data", filepath.Join(t.TempDir(), "data")); code != 1 || !strings.Contains(errs, "were to be deleted") {
		t.Errorf("keys that are too old: exit code %d\n%s%s", code, out, errs)
	}
	whole := map[string][]byte{}
	for _, name := range []string{file, keys} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		whole[name] = b
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	refused, harmless := 0, 0
	for kind, damage := range damages(r) {
		for _, which := range []string{file, keys} {
			dir := t.TempDir()
			for name, b := range whole {
				b = bytes.Clone(b)
				if name == which {
					b = damage(b)
				}
				if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			to := filepath.Join(dir, "data")
			out, errs, code := kiemRun(t, "restore", filepath.Join(dir, "backup.zip"), "--data", to)
			switch left, _ := os.ReadDir(to); {
			case code == 0 && lastLine(out) == head:
				harmless++ // bytes of the zip that say nothing, or zeros over zeros
			case code == 1 && errs != "" && len(left) == 0:
				refused++
			default:
				t.Errorf("%s of %s: exit code %d, left %v\n%s%s", kind, filepath.Base(which), code, left, out, errs)
			}
		}
	}
	t.Logf("%d refused, %d without effect", refused, harmless)
	if refused == 0 {
		t.Error("nothing was ever refused")
	}
}

// list makes a list of whom the vault has forgotten.
func list(t *testing.T, folder, data string) string {
	t.Helper()
	done(t, "backup", "--data", data, "--out", folder, "--erased-only")
	files, err := filepath.Glob(filepath.Join(folder, "kiem-*.erased.zip"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	return files[0]
}
