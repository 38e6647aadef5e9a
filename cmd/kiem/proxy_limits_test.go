package main_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"

	"kiem/docker/dockertest"
	"kiem/hub/wire"
)

// TestProxyLimits is T15, T20 and T5 for the installation of docker/: what the proxy and the nodes together refuse, hide and keep.
func TestProxyLimits(t *testing.T) {
	promise(t)
	i := install(t)
	c := i.client("")

	t.Run("plain HTTP leads to HTTPS", func(t *testing.T) {
		resp, _ := i.call(c, "GET", "http://"+dockertest.Host+"/j/KM37QP", nil)
		if resp.StatusCode != http.StatusPermanentRedirect || resp.Header.Get("Location") != site+"/j/KM37QP" {
			t.Errorf("%d to %q", resp.StatusCode, resp.Header.Get("Location"))
		}
	})
	t.Run("what is the operator's stays inside", func(t *testing.T) {
		for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
			if resp, _ := i.call(c, "GET", site+path, nil); resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s is answered with %d from outside", path, resp.StatusCode)
			}
		}
		for n, p := range i.nodes {
			if status, _, _ := p.get("/metrics"); status != http.StatusNotFound {
				t.Errorf("/metrics is answered with %d where everybody is", status)
			}
			if status, _, text := (&kiemProcess{t: t, addr: i.about[n].Metrics}).get("/metrics"); status != http.StatusOK || !bytes.Contains(text, []byte("kiem_redis_up 1")) {
				t.Errorf("the metrics' own listener answers %d", status)
			}
		}
	})
	t.Run("nodes know each other", func(t *testing.T) {
		until(t, "three nodes", func() bool { return i.figure(i.nodes[0], "kiem_nodes") == 3 })
		var status struct {
			Nodes []struct{ Node string }
			Redis struct {
				Up, Durable bool
				Servers     []struct {
					AppendFsync string `json:"appendfsync"`
				}
			}
			Durability string
		}
		i.nodes[0].want(http.StatusOK, &status, "GET", "/admin/status", adminToken, nil)
		if len(status.Nodes) != 2 || status.Durability != "durable" || !status.Redis.Up || !status.Redis.Durable || len(status.Redis.Servers) != 1 || status.Redis.Servers[0].AppendFsync != "always" {
			t.Errorf("%+v", status)
		}
	})
	t.Run("the health check of the image", func(t *testing.T) {
		for _, p := range i.nodes {
			cmd := exec.Command(p.binary, "admin", "ready")
			cmd.Env = append(cleanEnv(), p.env...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}
		cmd := exec.Command(i.nodes[0].binary, "admin", "ready", "--data", t.TempDir())
		cmd.Env = cleanEnv()
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("without a server: %v, want exit code 1", err)
		}
	})

	s := &protoScript{server: i.nodes[1]}
	campaign, code := s.create(t, "Achter een proxy", map[string]any{})
	joined, text := i.call(c, "POST", site+"/api/v1/join", strings.NewReader(`{"code":"`+code+`","name":"Ana","group":"citizen","organisation":"","channel":"","key":"`+newUUID()+`"}`), "Origin", site)
	if joined.StatusCode != http.StatusCreated {
		t.Fatalf("joining: %d %s", joined.StatusCode, text)
	}
	var session struct{ Token string }
	if err := json.Unmarshal([]byte(text), &session); err != nil {
		t.Fatal(err)
	}
	t.Run("cookies and policies are those of HTTPS", func(t *testing.T) {
		cookie := joined.Header.Get("Set-Cookie")
		if !strings.HasPrefix(cookie, "__Host-kiem_session=") || !strings.Contains(cookie, "Secure") || joined.Header.Get("Strict-Transport-Security") == "" || joined.Header.Get("X-Request-Id") == "" {
			t.Errorf("%q, %v", cookie, joined.Header)
		}
	})
	t.Run("sizes", func(t *testing.T) {
		auth := []string{"Authorization", "Bearer " + session.Token}
		resp, text := i.call(c, "POST", site+"/api/v1/campaigns/"+campaign+"/commands", strings.NewReader(strings.Repeat(" ", wire.MaxBody+1)), auth...)
		if resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(text, `"too_large"`) {
			t.Errorf("a body over the limit: %d %.200s", resp.StatusCode, text)
		}
		// The proxy answers by the length alone, before the body comes.
		conn, err := tls.Dial("tcp", i.proxy.HTTPS, anybody)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /api/v1/join HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n", dockertest.Host)
		answer := make([]byte, 64)
		if n, err := io.ReadAtLeast(conn, answer, 12); err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 413")) {
			t.Errorf("a gigabyte: %q, %v", answer[:n], err)
		}
	})
	t.Run("sockets", func(t *testing.T) {
		dial := func(origin string) (*websocket.Conn, int) {
			d := websocket.Dialer{Subprotocols: []string{"kiem.v1"}, TLSClientConfig: anybody, HandshakeTimeout: patience}
			h := http.Header{"Authorization": {"Bearer " + session.Token}, "Origin": {origin}}
			conn, resp, err := d.Dial("wss://"+i.proxy.HTTPS+"/api/v1/campaigns/"+campaign+"/live", h)
			if err != nil && resp == nil {
				t.Fatal(err)
			}
			return conn, resp.StatusCode
		}
		if conn, status := dial("https://evil.example"); conn != nil || status != http.StatusForbidden {
			t.Errorf("another site's socket: %d", status)
		}
		conn, _ := dial(site)
		if conn == nil {
			t.Fatal("our own page gets no socket")
		}
		defer conn.Close()
		var hello struct{ Type, Durability string }
		if err := conn.ReadJSON(&hello); err != nil || hello.Type != "hello" || hello.Durability != "durable" {
			t.Errorf("%+v, %v", hello, err)
		}
	})
	t.Run("clients are told apart by their own addresses", i.addresses)
	t.Run("without Redis people read on", func(t *testing.T) {
		// The nodes are not ready, and the proxy turns to those that are alive.
		admin := redis.NewClient(&redis.Options{Addr: i.redis, Username: dockertest.Inspector, Password: "any"})
		defer admin.Close()
		if err := admin.ConfigSet(t.Context(), "appendfsync", "everysec").Err(); err != nil { // as good as away: nothing may be appended
			t.Fatal(err)
		}
		for _, p := range i.nodes {
			until(t, "the node to notice", func() bool { return ready(p.addr) == http.StatusServiceUnavailable })
		}
		for range 20 {
			if resp, text := i.call(c, "GET", site+"/api/v1/campaigns/"+campaign, nil, "Authorization", "Bearer "+session.Token); resp.StatusCode != http.StatusOK {
				t.Fatalf("the snapshot is answered with %d: %.200s", resp.StatusCode, text)
			}
		}
		resp, text := i.call(c, "POST", site+"/api/v1/campaigns/"+campaign+"/commands", strings.NewReader(`{"id":"`+newUUID()+`","type":"idea.post","data":{"title":"Nu niet"}}`), "Authorization", "Bearer "+session.Token)
		if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, `"unavailable"`) {
			t.Errorf("a command is answered with %d: %.200s", resp.StatusCode, text)
		}
	})
	t.Run("the proxy's log names nobody", func(t *testing.T) {
		log := i.proxy.Output()
		if !strings.Contains(log, joined.Header.Get("X-Request-Id")) {
			t.Error("a request's number is not in the proxy's log")
		}
		for _, what := range []string{campaign, code, session.Token, "/api/v1", "127.0.0.2"} {
			if strings.Contains(log, what) {
				t.Errorf("the proxy's log has %q", what)
			}
		}
	})
}

// addresses tries codes that do not exist: ten a minute from one address. Whatever a client claims, the proxy's word counts, and only the proxy's.
func (i *installation) addresses(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skipf("this system has one loopback address: %v", err)
	} else if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	try := func(c *http.Client, url string, forged int) int {
		forge := fmt.Sprintf("203.0.113.%d", forged)
		resp, _ := i.call(c, "GET", url+"/api/v1/codes/ZZZZZZ", nil, "X-Forwarded-For", forge, "Forwarded", "for="+forge, "X-Real-IP", forge)
		return resp.StatusCode
	}
	exhaust := func(c *http.Client, url string) (allowed int) {
		for n := range 30 {
			if try(c, url, n) == http.StatusTooManyRequests {
				return n
			}
		}
		return 30
	}
	one, other := i.client("127.0.0.2"), i.client("127.0.0.3")
	if n := exhaust(one, site); n < 10 || n > 12 { // one more may run off meanwhile
		t.Errorf("%d wrong codes from one address through the proxy, want 10", n)
	}
	if status := try(other, site, 1); status != http.StatusNotFound {
		t.Errorf("another address shares its limit: %d", status)
	}
	// Past the proxy, from an address that is none: what it says of itself does not count.
	if n := exhaust(i.client("127.0.0.4"), "http://"+i.nodes[0].addr); n < 10 || n > 12 {
		t.Errorf("%d wrong codes from one address past the proxy, want 10", n)
	}
}

// TestSetupRefuses: setup.sh overwrites nothing and takes no name that would be something else in a file.
func TestSetupRefuses(t *testing.T) {
	setup := dockertest.NewSetup(t)
	for name, args := range map[string][]string{"again": {dockertest.Host}, "no name": {}, "a shell": {"$(id)"}, "two lines": {"a\nKIEM_RELAXED=true"}} {
		cmd := exec.Command(filepath.Join(dockertest.Dir(), "setup.sh"), args...)
		dir := filepath.Join(t.TempDir(), "new")
		if name == "again" {
			dir = setup.Dir
		}
		cmd.Env = append(os.Environ(), "KIEM_SECRETS="+dir)
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%s: %s", name, out)
		}
	}
}
