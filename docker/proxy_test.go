package docker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kiem/docker/dockertest"
	"kiem/hub"
)

// TestProxyConf: HAProxy takes its file, and its times fit those of the nodes: sockets outlive the pings, requests the nodes' own limit.
func TestProxyConf(t *testing.T) {
	program := dockertest.Program(t, "haproxy")
	setup := dockertest.NewSetup(t)
	text := strings.ReplaceAll(dockertest.Read(t, "haproxy.cfg"), "/usr/local/etc/haproxy/tls", filepath.Join(setup.Dir, "tls"))
	checkProxy(t, program, text)
	checkProxy(t, program, oneMachine(text))
	timeout := func(what string) time.Duration {
		d, err := time.ParseDuration(mountOf(text, `(?m)^\s+timeout `+what+` (\S+)$`))
		if err != nil {
			t.Fatalf("timeout %s: %v", what, err)
		}
		return d
	}
	if got := timeout("tunnel"); got <= hub.SilentTime || got <= 2*hub.PingEvery {
		t.Errorf("the proxy ends silent sockets after %v; a node pings every %v and waits %v", got, hub.PingEvery, hub.SilentTime)
	}
	const nodeGivesUp = 60 * time.Second // WriteTimeout of hub/web
	for _, what := range []string{"client", "server"} {
		if got := timeout(what); got <= nodeGivesUp {
			t.Errorf("timeout %s is %v, a node may need %v", what, got, nodeGivesUp)
		}
	}
}

// checkProxy has HAProxy check a configuration.
func checkProxy(t *testing.T, program, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-c", "-f", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "WARNING") && !strings.Contains(line, "could not resolve address") || strings.Contains(line, "ALERT") {
			t.Error(line)
		}
	}
}

// oneMachine does with the file what docs/operations.md says to do for one machine.
func oneMachine(text string) string {
	text = strings.NewReplacer("bind :8080", "bind :80", "bind :8443", "bind :443", "kiem1:8080", "127.0.0.1:8080", " resolvers docker", "").Replace(text)
	text = regexp.MustCompile(`(?m)^    server kiem[23] .*\n`).ReplaceAllString(text, "")
	return regexp.MustCompile(`(?ms)^# The nodes' addresses.*?\n\n`).ReplaceAllString(text, "")
}
