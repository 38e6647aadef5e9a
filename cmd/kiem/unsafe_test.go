package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"kiem/hub/redisconn/redistest"
)

// TestUnsafeSettings is T32 and T13 for the program: a setting that would disarm something ends the start or is shown, in the log and at /readyz, for as long as it
// is in force; there is no setting for development; and the link that is printed is on the standard output only.
func TestUnsafeSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	binary := kiemBinary(t)
	data := func() string { return filepath.Join(t.TempDir(), "data") }
	secret := strings.Repeat("kort-", 6) + "x" // 31 characters
	for _, no := range []struct {
		name string
		code int
		env  string
		args []string
		says string
	}{
		{"a short operator's token", 78, "KIEM_ADMIN_TOKEN=" + secret, nil, "at least 32"},
		{"a short operator's token as a flag", 78, "", []string{"--admin-token", secret}, "at least 32"},
		{"no rate", 2, "", []string{"--rate-scale", "0"}, "--rate-scale"},
		{"a negative rate", 2, "", []string{"--rate-scale=-1"}, "--rate-scale"},
		{"relaxed without Redis", 2, "", []string{"--relaxed"}, "--redis"},
		{"asserted without Redis", 2, "", []string{"--asserted"}, "--redis"},
		{"a proxy that is none", 2, "", []string{"--proxy", "everybody"}, "everybody"},
		{"a public address that is none", 2, "", []string{"--public-url", "kiem.example"}, "--public-url"},
		{"a public address with a path", 2, "", []string{"--public-url", "https://kiem.example/x"}, "kiem.example/x"},
		{"dev", 2, "", []string{"--dev"}, "unknown flag"},
		{"insecure", 2, "", []string{"--insecure"}, "unknown flag"},
		{"no-auth", 2, "", []string{"--no-auth"}, "unknown flag"},
		{"allow-origin", 2, "", []string{"--allow-origin=*"}, "unknown flag"},
		{"debug", 2, "", []string{"--debug"}, "unknown flag"},
	} {
		t.Run(no.name, func(t *testing.T) {
			code, out := endOf(t, binary, no.env, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data()}, no.args...)...)
			if code != no.code || !strings.Contains(out, no.says) || strings.Contains(out, secret) {
				t.Errorf("exit code %d, want %d: %s", code, no.code, out)
			}
		})
	}
	shown := func(t *testing.T, server *kiemProcess, warnings ...string) {
		t.Helper()
		server.start()
		res, err := http.Get(server.url("/readyz"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var body bytes.Buffer
		if _, err := body.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(body.String(), "warning: "); got != len(warnings) {
			t.Errorf("readyz shows %d warnings, want %d: %s", got, len(warnings), body.String())
		}
		for _, w := range warnings {
			if !strings.Contains(body.String(), w) || !strings.Contains(server.log.tail(), "level=WARN") || !strings.Contains(server.log.tail(), w) {
				t.Errorf("%q is not shown: %s\n%s", w, body.String(), server.log.tail())
			}
		}
	}
	t.Run("a rate scale", func(t *testing.T) {
		shown(t, serveKiem(t, binary, data(), "--rate-scale", "7"), "rate limits are multiplied by 7")
	})
	t.Run("nothing unsafe", func(t *testing.T) {
		shown(t, serveKiem(t, binary, data(), "--rate-scale", "1", "--proxy", "10.0.0.0/8"))
	})
	t.Run("everybody is a proxy", func(t *testing.T) {
		shown(t, serveKiem(t, binary, data(), "--rate-scale", "1", "--proxy", "0.0.0.0/0", "--proxy", "::/0"), "every address counts as a proxy")
	})
	t.Run("a Redis that forgets", func(t *testing.T) {
		redis := redistest.Start(t, "--appendonly", "no")
		code, out := endOf(t, binary, "", "serve", "--addr", "127.0.0.1:0", "--data", data(), "--redis", redis.URL())
		if code != 78 || !strings.Contains(out, "appendonly") {
			t.Errorf("exit code %d, want 78: %s", code, out)
		}
		server := serveKiem(t, binary, data(), "--rate-scale", "1", "--redis", redis.URL(), "--relaxed")
		shown(t, server, "durability is relaxed")
		s := &protoScript{server: server}
		id, joined := s.create(t, "Los", map[string]any{})
		if hello := newClient(t, server, id, s.join(t, joined, "Ana", "citizen").Token).connect().hello; hello.Durability != "relaxed" {
			t.Errorf("hello says %q", hello.Durability)
		}
	})
	t.Run("a Redis that is vouched for", func(t *testing.T) {
		redis := redistest.Start(t)
		shown(t, serveKiem(t, binary, data(), "--rate-scale", "1", "--redis", redis.URL(), "--asserted"), "asserted by the operator")
	})
	t.Run("the link that is printed", func(t *testing.T) { printedLink(t, binary, data()) })
}

// printedLink starts a server without an operator's token and uses the link that it prints. T13.
func printedLink(t *testing.T, binary, data string) {
	server := serveKiem(t, binary, data)
	stdout := &processLog{}
	cmd := exec.Command(binary, append(server.args, "--log-level", "debug")...)
	cmd.Env, cmd.Stdout, cmd.Stderr = cleanEnv(), stdout, server.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	server.cmd, server.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }()
	link := regexp.MustCompile(`http://[^/\s]+/signin#([A-Za-z0-9_-]{32})`)
	server.poll("the link", func() bool { return link.MatchString(stdout.tail()) })
	secret := link.FindStringSubmatch(stdout.tail())[1]
	server.poll("readiness", func() bool {
		res, err := http.Get(server.url("/readyz"))
		return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
	})
	server.want(http.StatusOK, nil, "POST", "/signin", "", map[string]any{"token": secret})
	server.refused(http.StatusConflict, "conflict", "POST", "/signin", "", map[string]any{"token": secret})
	server.refused(http.StatusUnauthorized, "unauthorised", "GET", "/campaigns", secret, nil)
	if strings.Contains(server.log.tail(), secret) {
		t.Error("the log holds the secret of the link")
	}
}

// endOf runs the program to its end and gives its exit code and everything that it said.
func endOf(t *testing.T, binary, env string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = cleanEnv()
	if env != "" {
		cmd.Env = append(cmd.Env, env)
	}
	out := &processLog{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), out.tail()
	case <-time.After(patience):
		_ = cmd.Process.Kill() // the test has failed already
		<-ended
		return -1, fmt.Sprintf("it runs: %s", out.tail())
	}
}
