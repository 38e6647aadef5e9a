package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"kiem/hub/web"
)

type serveCmd struct {
	settings
	Addr        string `default:"127.0.0.1:8080" help:"Address to listen on." placeholder:"HOST:PORT"`
	MetricsAddr string `help:"Serve /metrics here instead of at --addr, for a network that only the operator reaches." placeholder:"HOST:PORT"`
}

// Run serves until it is told to stop.
func (c *serveCmd) Run(p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	log := newLogger(p.stderr, c.LogLevel, c.LogFormat)
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	c.apart = c.MetricsAddr != ""
	n, err := c.open(p.ctx, log)
	defer n.close()
	if err != nil {
		_ = listener.Close()
		return err
	}
	if c.MetricsAddr != "" {
		closeMetrics, err := serveMetrics(c.MetricsAddr, n.metrics)
		if err != nil {
			_ = listener.Close()
			return err
		}
		defer closeMetrics()
	}
	closeAdmin, err := n.serveAdmin(c.Data, c.base(listener))
	if err != nil {
		_ = listener.Close()
		return err
	}
	defer closeAdmin()
	if c.AdminToken == "" {
		link, err := n.signInLink(p.ctx, c.base(listener))
		if err != nil {
			_ = listener.Close()
			return fmt.Errorf("sign-in link: %w", err)
		}
		fmt.Fprintf(p.stdout, "Sign in as organiser, once, within %d minutes:\n  %s\n", int(signInValid/time.Minute), link)
	}
	log.Info("serving", "addr", listener.Addr().String(), "node", n.hub.Node(), "durability", n.hub.Durability())
	return n.serve(p.ctx, []net.Listener{listener}, c.Drain)
}

// base is the address that links of this server begin with.
func (s *settings) base(l net.Listener) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	if list := addresses(l); len(list) > 0 {
		return list[len(list)-1]
	}
	return "http://" + l.Addr().String()
}

func serveMetrics(addr string, m *web.Metrics) (func(), error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	return func() { _ = server.Close() }, nil
}

// serveAdmin answers `kiem admin` on a socket that only the owner of the data directory can open.
func (n *node) serveAdmin(data, base string) (func(), error) {
	path := adminSocket(data)
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return func() {}, nil // another node of a cluster uses this directory
	}
	_ = os.Remove(path) // of a process that was killed
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /signin-link", func(w http.ResponseWriter, r *http.Request) {
		link, err := n.signInLink(r.Context(), base)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		n.log.Info("a sign-in link was made on the admin socket")
		fmt.Fprintln(w, link)
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, r *http.Request) {
		if err := n.hub.Ready(r.Context()); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		ready := "ready"
		if err := n.hub.Ready(r.Context()); err != nil {
			ready = "not ready: " + err.Error()
		}
		s := &n.hub.Stats
		fmt.Fprintf(w, "%s\nnode         %s\ndurability   %s\nrooms        %d\nconnections  %d\ncommands     %d\nentries      %d\nrepairs      %d\n",
			ready, n.hub.Node(), n.hub.Durability(), s.Rooms.Load(), s.Connections.Load(), s.Commands.Load(), s.Entries.Load(), s.Repairs.Load())
	})
	mux.HandleFunc("GET /profile", serveProfile)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	return func() { _ = server.Close() }, nil
}
