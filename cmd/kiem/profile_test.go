package main_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestAdminProfile: profiles come by the admin socket, readable by their owner only, and by no other way.
func TestAdminProfile(t *testing.T) {
	promise(t)
	data := t.TempDir()
	server := serveKiem(t, kiemBinary(t), data)
	server.start()
	profile := func(args ...string) (string, error) {
		out, err := exec.Command(kiemBinary(t), append([]string{"admin", "profile", "--data", data}, args...)...).CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{{"cpu", "--time", "50ms"}, {"heap"}, {"goroutine"}} {
		file := filepath.Join(t.TempDir(), "p")
		if out, err := profile(append(args, "--out", file)...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) { // compressed, as go tool pprof takes it
			t.Errorf("%v: %d bytes that are no profile", args, len(b))
		}
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%v: %v, %v", args, info.Mode(), err)
		}
	}
	for want, args := range map[string][]string{"seconds": {"cpu", "--time", "1h"}, "must be one of": {"everything"}} {
		if out, err := profile(append(args, "--out", filepath.Join(t.TempDir(), "p"))...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
	for _, path := range []string{"/profile?kind=heap", "/debug/pprof/", "/debug/pprof/heap", "/api/v1/profile?kind=heap"} {
		resp, err := http.Get(server.url(path))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}
