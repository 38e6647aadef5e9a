package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

type adminCmd struct {
	Link   adminLinkCmd   `cmd:"" help:"Make an address that signs the operator in once."`
	Status adminStatusCmd `cmd:"" help:"Say how the server is."`
}

type adminTarget struct {
	Data string `default:"kiem-data" help:"Data directory of the running server." placeholder:"DIR"`
}

type adminLinkCmd struct{ adminTarget }

type adminStatusCmd struct{ adminTarget }

// Run prints the address.
func (c *adminLinkCmd) Run(p *program) error { return c.ask(p, http.MethodPost, "/signin-link") }

// Run prints the status.
func (c *adminStatusCmd) Run(p *program) error { return c.ask(p, http.MethodGet, "/status") }

// ask talks to the running server over its socket and prints the answer.
func (t *adminTarget) ask(p *program, method, path string) error {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", adminSocket(t.Data))
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(p.ctx, method, "http://kiem"+path, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("no server answers for the data directory %s: %w", t.Data, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the server says: %s", strings.TrimSpace(string(body)))
	}
	_, err = p.stdout.Write(body)
	return err
}
