package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiem/hub"
	"kiem/hub/bus"
	"kiem/hub/directory"
	"kiem/hub/journal"
	"kiem/hub/journal/redislog"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/limit"
	"kiem/hub/redisconn"
	"kiem/hub/session"
	"kiem/hub/vault"
	"kiem/hub/web"
	"kiem/id"
)

// settings of a node; serve and demo share them.
type settings struct {
	Data       string        `default:"kiem-data" help:"Data directory." placeholder:"DIR"`
	Redis      string        `help:"Address of Redis, for several nodes: redis://host:port. Without it everything is embedded." placeholder:"URL"`
	Replicas   int           `help:"On how many Redis replicas an entry must be before it is acknowledged."`
	Relaxed    bool          `help:"Accept a Redis that may lose what it acknowledged. Shown everywhere."`
	Asserted   bool          `help:"Vouch for the durability of a Redis whose settings cannot be read."`
	PublicURL  string        `help:"Address that people reach this server at, as https://host. Pages of other addresses are refused." placeholder:"URL"`
	Proxy      []string      `help:"Address or network of a proxy whose word about clients' addresses counts. Repeatable." placeholder:"CIDR"`
	RateScale  float64       `default:"1" help:"Multiply every rate limit, for load tests."`
	Drain      time.Duration `default:"10s" help:"How long to wait for requests under way when told to stop."`
	LogLevel   string        `default:"info" enum:"debug,info,warn,error" help:"Least level of log lines: ${enum}."`
	LogFormat  string        `default:"text" enum:"text,json" help:"Form of log lines: ${enum}."`
	AdminToken string        `name:"admin-token" env:"KIEM_ADMIN_TOKEN" help:"Bearer token that acts as account admin, at least 32 characters. Better given in the environment." placeholder:"TOKEN"`

	parts *parts `kong:"-"`
	apart bool   // the metrics have a listener of their own
}

// parts are what tests exchange in a node, to make a disk, a clock or a client fail as none does on demand. Nil, and a nil field, is the usual part.
type parts struct {
	Clock    func() time.Time
	Journal  func(journal.Journal) journal.Journal
	Vault    func(vault.Vault) vault.Vault
	Sessions func(session.Store) session.Store
	Hub      func(*hub.Config)
}

func exchange[T any](part *T, f func(T) T) {
	if f != nil {
		*part = f(*part)
	}
}

// minToken is the length of the operator's token in characters.
const minToken = 32

// node is one running server with all that it stands on.
type node struct {
	hub     *hub.Hub
	server  *web.Server
	http    *http.Server
	metrics *web.Metrics
	log     *slog.Logger
	stores  stores
	failed  chan error
	closers []func() error
}

func (s *settings) check() error {
	switch {
	case s.AdminToken != "" && len(s.AdminToken) < minToken:
		return fmt.Errorf("%w: KIEM_ADMIN_TOKEN has %d characters, at least %d are needed", errUnsafe, len(s.AdminToken), minToken)
	case s.RateScale <= 0:
		return usageError("--rate-scale must be above 0")
	case s.Redis == "" && (s.Replicas > 0 || s.Relaxed || s.Asserted):
		return usageError("--replicas, --relaxed and --asserted go with --redis")
	case s.PublicURL != "" && !strings.HasPrefix(s.PublicURL, "http://") && !strings.HasPrefix(s.PublicURL, "https://"):
		return usageError("--public-url starts with http:// or https://")
	}
	s.PublicURL = strings.TrimRight(s.PublicURL, "/")
	return nil
}

// warnings are the unsafe settings in force: nothing disarms a promise silently.
func (s *settings) warnings() []web.Warning {
	var list []web.Warning
	if s.Relaxed {
		list = append(list, web.Warning{Code: "relaxed"})
	}
	if s.Asserted {
		list = append(list, web.Warning{Code: "asserted"})
	}
	if s.RateScale > 1 {
		list = append(list, web.Warning{Code: "rate_scale", Args: []string{"n", strconv.FormatFloat(s.RateScale, 'g', -1, 64)}})
	}
	if slices.ContainsFunc(s.Proxy, func(p string) bool { return strings.HasSuffix(p, "/0") }) {
		list = append(list, web.Warning{Code: "any_proxy"})
	}
	return list
}

// open builds a node. On error everything that was opened is closed again.
func (s *settings) open(ctx context.Context, log *slog.Logger) (n *node, err error) {
	n = &node{metrics: web.NewMetrics(), log: log, failed: make(chan error, 1)}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return n, fmt.Errorf("data directory: %w", err)
	}
	for _, w := range s.warnings() {
		log.Warn(w.String())
	}
	if s.parts == nil {
		s.parts = &parts{}
	}
	if s.parts.Clock == nil {
		s.parts.Clock = time.Now
	}
	stores, err := s.stores(ctx, n)
	if err != nil {
		return n, err
	}
	exchange(&stores.journal, s.parts.Journal)
	exchange(&stores.vault, s.parts.Vault)
	exchange(&stores.sessions, s.parts.Sessions)
	n.stores = stores
	config := hub.Config{
		Journal: stores.journal, Vault: stores.vault, Bus: stores.bus, Logger: log, Sentence: web.Sentence, BaseURL: s.PublicURL, Clock: s.parts.Clock, Version: versionText(),
		Fail: func(err error) {
			select {
			case n.failed <- err:
			default:
			}
		},
	}
	if s.parts.Hub != nil {
		s.parts.Hub(&config)
	}
	n.hub, err = hub.New(ctx, config)
	if err != nil {
		return n, err
	}
	if s.Redis == "" {
		if err := n.afterRestore(ctx, s.Data); err != nil {
			return n, err
		}
	}
	var origins []string
	if s.PublicURL != "" {
		origins = []string{s.PublicURL}
	}
	n.server, err = web.New(web.Config{
		Hub: n.hub, Sessions: stores.sessions, Limits: stores.limits, Logger: log, Metrics: n.metrics, Apart: s.apart, Store: stores.state, AdminToken: s.AdminToken,
		Origins: origins, Proxies: s.Proxy, RateScale: s.RateScale, Guest: web.GuestName, Warnings: s.warnings, Clock: s.parts.Clock,
	})
	if err != nil {
		return n, usageError("--public-url, --proxy: " + err.Error())
	}
	n.http = n.server.HTTP()
	return n, nil
}

// stores are the embedded or the shared form of everything that is kept.
type stores struct {
	journal  journal.Journal
	vault    vault.Vault
	sessions session.Store
	bus      hub.Bus
	limits   limit.Limiter
	state    web.Store // how the journal's store is
}

func (s *settings) stores(ctx context.Context, n *node) (out stores, err error) {
	if s.Redis != "" {
		return s.redis(ctx, n)
	}
	if err := markRestored(s.Data); err != nil {
		return out, err
	}
	lite, err := sqlitelog.Open(ctx, s.Data, sqlitelog.Options{Log: n.log, Observe: sqlitelog.Observer{
		Fsync:  n.metrics.Fsync.Observe,
		Commit: func(entries, bytes int, _ time.Duration) { n.metrics.Commit(entries, bytes) },
	}})
	if err != nil {
		return out, err
	}
	out.journal, out.state = lite, diskState(lite)
	n.closers = append(n.closers, out.journal.Close)
	if out.vault, err = vault.OpenLite(ctx, s.Data); err != nil {
		return out, err
	}
	n.closers = append(n.closers, out.vault.Close)
	if out.sessions, err = session.OpenLite(ctx, s.Data, s.parts.Clock); err != nil {
		return out, err
	}
	n.closers = append(n.closers, out.sessions.Close)
	local := bus.NewLocal()
	n.closers = append(n.closers, local.Close)
	out.bus = local
	out.limits = limit.NewLocal(s.RateScale)
	return out, nil
}

func (s *settings) redis(ctx context.Context, n *node) (out stores, err error) {
	shared, err := redislog.Open(ctx, redislog.Options{
		Address: s.Redis, Replicas: s.Replicas, Relaxed: s.Relaxed, Asserted: s.Asserted, Log: n.log,
		Observe: redislog.Observer{Call: func(entries, bytes, _ int, took time.Duration) {
			n.metrics.Fsync.Observe(took)
			n.metrics.Commit(entries, bytes)
		}},
	})
	if err != nil {
		return out, err
	}
	out.journal, out.state = shared, redisState(shared)
	n.closers = append(n.closers, out.journal.Close)
	conn, err := redisconn.Open(s.Redis, s.Replicas)
	if err != nil {
		return out, err
	}
	n.closers = append(n.closers, conn.Close)
	out.vault = vault.OpenRedis(conn, n.log)
	n.closers = append(n.closers, out.vault.Close)
	out.sessions = session.OpenRedis(conn, s.parts.Clock)
	n.closers = append(n.closers, out.sessions.Close)
	messages := bus.OpenRedis(conn, n.log)
	n.closers = append(n.closers, messages.Close)
	out.bus = messages
	// Addresses stand in Redis as HMACs only. The key has to be the same on all nodes, made once and durable: as vote keys are.
	secret, err := out.vault.VoteKey(ctx, id.Derive(id.ID{}, "kiem", "limits"))
	if err != nil {
		return out, err
	}
	out.limits = limit.NewRedis(conn, secret, s.RateScale)
	return out, nil
}

// signInLink makes an address that signs the operator in once.
func (n *node) signInLink(ctx context.Context, base string) (string, error) {
	secret, refusal, err := n.hub.Directory().MakeLink(ctx, hub.NewLink{
		Kind: directory.SignIn, By: directory.Admin, Account: directory.Admin, Valid: signInValid, Uses: 1,
	})
	switch {
	case err != nil:
		return "", err
	case refusal != nil:
		return "", refusal
	}
	return base + "/signin#" + secret, nil
}

// signInValid is how long a sign-in link that the server prints may be used.
const signInValid = 15 * time.Minute

// serve answers until the context ends or the node fails, and then lets what is under way finish.
func (n *node) serve(ctx context.Context, listeners []net.Listener, drain time.Duration) error {
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- n.http.Serve(l) }()
	}
	sweep := time.NewTicker(time.Hour)
	defer sweep.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var cause error
	var tidy tidier
wait:
	for {
		select {
		case <-ctx.Done():
			n.log.Info("stopping")
			break wait
		case cause = <-n.failed:
			n.log.Error("a write to stable storage failed; this process must end", "err", cause)
			break wait
		case err := <-ended:
			cause = err
			break wait
		case now := <-look.C:
			n.server.Mark(now)
			if tidy.due(n.hub.Stats.Connections.Load()) {
				go debug.FreeOSMemory()
			}
			if cause = n.poisoned(ctx); cause != nil {
				n.log.Error("a write to stable storage failed; this process must end", "err", cause)
				break wait
			}
		case <-sweep.C:
			n.server.Sweep(ctx)
		}
	}
	until, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- n.http.Shutdown(until) }() // no new requests
	patience := min(lastRequests, drain)
	if cause != nil {
		patience = 0 // nothing that is under way can be stored
	}
	var err error
	select {
	case err = <-stopped:
		n.hub.Close() // commands in flight are answered, sockets told to come back
	case <-time.After(patience): // something long, a download perhaps: whoever has a socket need not wait for it
		n.hub.Close()
		err = <-stopped
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		n.log.Warn("stopping", "err", err)
	}
	_ = n.http.Close()
	return cause
}

// lastRequests is how long requests under way may still use the rooms when the server stops: somebody who is joining must not be told that the server
// cannot store that.
const lastRequests = 2 * time.Second

// lookEvery is how often it is asked whether a store was poisoned. None acknowledges anything meanwhile.
const lookEvery = time.Second

// poisoned is the failed write after which one of the stores takes nothing more, or nil. A room reports its journal at once; the vault, the sessions and
// the journal's housekeeping have nobody who would.
func (n *node) poisoned(ctx context.Context) error {
	if n.stores.journal.Shared() {
		return nil // Redis has the disk
	}
	for _, ready := range []func(context.Context) error{n.stores.journal.Ready, n.stores.vault.Ready, n.stores.sessions.Ready} {
		if err := ready(ctx); errors.Is(err, journal.ErrPoisoned) {
			return err
		}
	}
	return nil
}

// close releases what open opened, the last first.
func (n *node) close() {
	if n.hub != nil {
		n.hub.Close()
	}
	for i := len(n.closers) - 1; i >= 0; i-- {
		if err := n.closers[i](); err != nil {
			n.log.Warn("closing", "err", err)
		}
	}
	n.closers = nil
}

// addresses lists how a listener is reached from here and from the network around.
func addresses(l net.Listener) []string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil
	}
	ip := net.ParseIP(host)
	if ip == nil || !ip.IsUnspecified() {
		return []string{"http://" + net.JoinHostPort(host, port)}
	}
	list := []string{"http://" + net.JoinHostPort("127.0.0.1", port)}
	found, err := net.InterfaceAddrs()
	if err != nil {
		return list
	}
	for _, a := range found {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			list = append(list, "http://"+net.JoinHostPort(n.IP.String(), port))
		}
	}
	return list
}

// adminSocket is where a running server listens to `kiem admin`.
func adminSocket(data string) string { return filepath.Join(data, "admin.sock") }
