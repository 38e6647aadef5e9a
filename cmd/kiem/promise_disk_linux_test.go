package main_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kiem/hub/journal/journaltest"
)

// TestPromiseFullDisk is P3: a file system is filled under load, first below the low-water mark and then to its last byte, and freed again. Commands and joins are refused as `unavailable`, /readyz
// says so, reading goes on over the connections there are, and without a restart commands are taken again; one restart happens while there is no space. Nothing that was acknowledged is lost.
func TestPromiseFullDisk(t *testing.T) {
	promise(t)
	mount := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(mount, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=208m"); err != nil {
		t.Skipf("SKIPPED: mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	server := serveKiem(t, kiemBinary(t), filepath.Join(mount, "data"))
	server.start()
	a := assemble(t, server, 6, at(server.addr), 0)
	stop := a.act(1, 5*time.Millisecond)
	for round := range journaltest.Rounds(t, 0, 3) {
		a.more(20)
		connects := a.connects()
		filler := filepath.Join(mount, "filler")
		leave := int64(16 << 20)
		if round%3 != 0 {
			leave = 0
		}
		full(t, mount, filler, leave)
		until(t, "/readyz to say that commands are not taken", func() bool { return ready(server.addr) == http.StatusServiceUnavailable })
		if leave == 0 {
			full(t, mount, filler, 0) // what the reserve gave back, too
		}
		for range 3 {
			a.refusedForNow(server)
			if status, _, _ := server.call("GET", "/campaigns/"+a.campaign, a.people[0].token, nil); status != http.StatusOK {
				t.Errorf("the snapshot is answered with %d on a full disk", status)
			}
		}
		if n := a.connects(); n != connects {
			t.Errorf("%d connections ended because the disk is full", n-connects)
		}
		if round%3 == 2 {
			server.kill()
			server.startAnyhow()
			until(t, "reading after a restart on a full disk", func() bool {
				status, _, _ := server.call("GET", "/campaigns/"+a.campaign, a.people[0].token, nil)
				return status == http.StatusOK
			})
			a.refusedForNow(server)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		freed := time.Now()
		until(t, "/readyz to be content again", func() bool { return ready(server.addr) == http.StatusOK })
		a.more(6)
		t.Logf("commands are acknowledged again %v after there was space", time.Since(freed).Round(time.Millisecond))
	}
	stop()
	a.check(server)
	server.kill()
	server.start()
	a.exported(server)
}

// full fills a file system until only that much is left.
func full(t *testing.T, mount, filler string, leave int64) {
	t.Helper()
	f, err := os.OpenFile(filler, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	chunk := make([]byte, 1<<20)
	for {
		var s unix.Statfs_t
		if err := unix.Statfs(mount, &s); err != nil {
			t.Fatal(err)
		}
		free := int64(s.Bavail) * s.Bsize
		if free <= leave {
			return
		}
		if _, err := f.Write(chunk[:min(int64(len(chunk)), free-leave)]); errors.Is(err, unix.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
