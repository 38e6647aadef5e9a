package main_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/docker/dockertest"
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
	for _, p := range i.nodes {
		until(t, "people on every node", func() bool { return i.figure(p, "kiem_connections") > 0 })
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
		until(t, "people on the node that came back", func() bool { a.people[0].cut(); return i.figure(p, "kiem_connections") > 0 })
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

// figure reads a metric of a node from the listener that the metrics have for themselves.
func (i *installation) figure(p *kiemProcess, name string) float64 {
	i.t.Helper()
	n := slices.Index(i.nodes, p)
	return (&kiemProcess{t: i.t, addr: i.about[n].Metrics}).metric(name)
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
