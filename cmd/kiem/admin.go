package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

type adminCmd struct {
	Link    adminLinkCmd    `cmd:"" help:"Make an address that signs the operator in once."`
	Status  adminStatusCmd  `cmd:"" help:"Say how the server is."`
	Profile adminProfileCmd `cmd:"" help:"Write a profile of the server's processor time or memory to a file."`
	Ready   adminReadyCmd   `cmd:"" help:"End with 0 if the server takes commands, else with 1: for health checks."`
}

type adminTarget struct {
	Data string `default:"kiem-data" help:"Data directory of the running server." placeholder:"DIR"`
}

type adminLinkCmd struct{ adminTarget }

type adminStatusCmd struct{ adminTarget }

type adminReadyCmd struct{ adminTarget }

// Run prints the address.
func (c *adminLinkCmd) Run(p *program) error { return c.ask(p, http.MethodPost, "/signin-link") }

// Run prints the status.
func (c *adminStatusCmd) Run(p *program) error { return c.ask(p, http.MethodGet, "/status") }

// Run says whether the server takes commands. It needs no address and no other program, so an image with nothing but this one can use it.
func (c *adminReadyCmd) Run(p *program) error { return c.ask(p, http.MethodGet, "/ready") }

// ask talks to the running server over its socket and prints the answer.
func (t *adminTarget) ask(p *program, method, path string) error {
	answer, err := t.open(p, method, path)
	if err != nil {
		return err
	}
	defer answer.Close()
	body, err := io.ReadAll(io.LimitReader(answer, 1<<16))
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(body)
	return err
}

// open gives the body of the server's answer, to be closed.
func (t *adminTarget) open(p *program, method, path string) (io.ReadCloser, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", adminSocket(t.Data))
	}}}
	req, err := http.NewRequestWithContext(p.ctx, method, "http://kiem"+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no server answers for the data directory %s: %w", t.Data, err)
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return nil, errors.Join(fmt.Errorf("the server says: %s", strings.TrimSpace(string(body))), err)
	}
	return res.Body, nil
}
