package main_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"

	"kiem/docker/dockertest"
	"kiem/hub/wire"
)

// installation is what docker/compose.yaml describes, as plain processes: three nodes with its flags and environment, HAProxy with its file, Redis with its files.
type installation struct {
	t     *testing.T
	nodes []*kiemProcess
	about []dockertest.Node
	redis string
	proxy *dockertest.Proxy
}

// install starts it; more are flags of the nodes besides those of the file.
func install(t *testing.T, more ...string) *installation {
	t.Helper()
	dockertest.Program(t, "haproxy")
	setup := dockertest.NewSetup(t)
	addr, url := setup.Redis()
	i := &installation{t: t, about: setup.Nodes(url), redis: addr}
	for n, about := range i.about {
		p := serveKiem(t, kiemBinary(t), "")
		p.addr, p.args = about.Addr, append(about.Args, more...)
		p.env = append(about.Env, "KIEM_ADDR="+about.Addr, "KIEM_DATA="+filepath.Join(t.TempDir(), fmt.Sprint("kiem", n+1)), "KIEM_ADMIN_TOKEN="+adminToken)
		i.nodes = append(i.nodes, p)
	}
	for _, p := range i.nodes {
		p.launch()
	}
	for _, p := range i.nodes {
		p.poll("/readyz to answer 200", func() bool { return ready(p.addr) == http.StatusOK })
	}
	i.proxy = setup.Proxy(i.about)
	t.Cleanup(i.keptWithinRights)
	return i
}

// keptWithinRights: nothing that the nodes asked of Redis was refused for want of a right, so users.acl has what they need.
func (i *installation) keptWithinRights() {
	c := redis.NewClient(&redis.Options{Addr: i.redis, Username: dockertest.Inspector, Password: "any"})
	defer c.Close()
	refused, err := c.ACLLog(context.Background(), 20).Result()
	if err != nil {
		i.t.Errorf("ACL LOG: %v", err)
	}
	for _, r := range refused {
		if r.Username == "kiem" {
			i.t.Errorf("users.acl refused the nodes %s %q (%s)", r.Reason, r.Object, r.Context)
		}
	}
}

// client is a browser at that local address, as far as TLS and names go; "" is any.
func (i *installation) client(from string) *http.Client {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(i.proxy.Cert) {
		i.t.Fatal("the certificate of setup.sh cannot be read")
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: dockertest.Host},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			switch addr { // the ports that people use lead to those of the test
			case dockertest.Host + ":443":
				addr = i.proxy.HTTPS
			case dockertest.Host + ":80":
				addr = i.proxy.HTTP
			}
			return dialer.DialContext(ctx, network, addr)
		},
	}
	i.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: patience, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// call makes a request and reads its answer.
func (i *installation) call(c *http.Client, method, url string, body io.Reader, header ...string) (*http.Response, string) {
	i.t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		i.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n+1 < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		i.t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return resp, string(text)
}

const site = "https://" + dockertest.Host

// TestPromiseProxy is P7 and P17 for the installation of docker/: people take part through HAProxy with TLS, a node is killed, nodes are restarted one after the other. Clients come back on another node
// from what they have seen; nothing acknowledged is lost, doubled or seen twice; and in a rolling restart nobody is shown an error.
func TestPromiseProxy(t *testing.T) {
	promise(t)
	i := install(t, "--rate-scale", "1000")
	a := assemble(t, i.nodes[0], 9, at("https://"+i.proxy.HTTPS), 0)
	used := map[string]bool{}
	for _, p := range i.nodes {
		until(t, "people on every node", func() bool { return p.metric2(i, "kiem_connections") > 0 })
		used[p.addr] = true
	}
	stop := a.act(2, 10*time.Millisecond)
	a.more(60)
	for _, victim := range i.nodes[:2] {
		victim.kill()
		a.more(60)
		victim.start()
	}
	a.more(30)

	// From here on nobody may see an error.
	watch := i.watchErrors(a)
	before := a.refusals()
	for _, p := range i.nodes {
		if code := p.terminate(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		a.more(40)
		p.start()
		until(t, "people on the node that came back", func() bool { a.people[0].cut(); return p.metric2(i, "kiem_connections") > 0 })
	}
	a.more(30)
	if n := watch(); n < 20 {
		t.Errorf("only %d requests were made during the restarts", n)
	}
	if n := a.refusals() - before; n > 0 {
		t.Errorf("%d answers `unavailable` during the rolling restart", n)
	}
	stop()
	a.check(i.nodes...)
}

// refusals is how often anybody was answered `unavailable`.
func (a *assembly) refusals() (n int) {
	for _, c := range a.people {
		c.mu.Lock()
		n += c.unavailable
		c.mu.Unlock()
	}
	return n
}

// metric2 reads a figure from the listener that the metrics have for themselves.
func (p *kiemProcess) metric2(i *installation, name string) float64 {
	p.t.Helper()
	for n, node := range i.nodes {
		if node == p {
			return (&kiemProcess{t: p.t, addr: i.about[n].Metrics}).metric(name)
		}
	}
	return 0
}

// watchErrors fetches pages and snapshots, and lets people join, all the time; the function that it gives ends that and says how many requests there were.
func (i *installation) watchErrors(a *assembly) (stop func() int) {
	done := make(chan struct{})
	var made atomic.Int64
	var all sync.WaitGroup
	c := i.client("")
	ask := func(method, path, token string, body any) {
		var content io.Reader
		if body != nil {
			text, err := json.Marshal(body)
			if err != nil {
				i.t.Error(err)
			}
			content = bytes.NewReader(text)
		}
		req, err := http.NewRequest(method, site+path, content)
		if err != nil {
			i.t.Error(err)
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := c.Do(req)
		if err != nil {
			i.t.Errorf("%s %s: %v", method, path, err)
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body) // of an answer whose status is what counts
		if made.Add(1); resp.StatusCode/100 != 2 {
			i.t.Errorf("%s %s is answered with %d: %.200s", method, path, resp.StatusCode, text)
		}
	}
	for _, f := range []func(){
		func() { ask("GET", "/", "", nil) },
		func() { ask("GET", "/api/v1/campaigns/"+a.campaign, a.people[0].token, nil) },
		func() {
			ask("POST", "/api/v1/join", "", map[string]any{"code": a.code, "name": "Ana", "group": "citizen", "organisation": "", "channel": "", "key": newUUID()})
		},
	} {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(30 * time.Millisecond):
					f()
				}
			}
		})
	}
	return func() int { close(done); all.Wait(); return int(made.Load()) }
}

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
		until(t, "three nodes", func() bool { return i.nodes[0].metric2(i, "kiem_nodes") == 3 })
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
