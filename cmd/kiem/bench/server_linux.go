package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// server is the Kiem that is measured.
type server struct {
	addr  netip.AddrPort
	token string // the operator's
	pid   int    // 0: not on this machine, or not to be looked at

	cmd  *exec.Cmd // nil: it was running before
	errs *tail
}

// newToken makes an operator's token.
func newToken() string { return rand.Text() + rand.Text() }

// startServer starts Kiem on a data directory.
func (b *Bench) startServer(ctx context.Context, dir, token string, more ...string) (*server, error) {
	s := &server{token: token, errs: &tail{}}
	args := append([]string{"serve", "--addr", "127.0.0.1:0", "--data", dir, "--rate-scale", "1000000", "--log-format", "json"}, more...)
	s.cmd = exec.CommandContext(ctx, b.Program, args...)
	s.cmd.Env = append(plainEnv(), "KIEM_ADMIN_TOKEN="+s.token)
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	s.pid = s.cmd.Process.Pid
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		var line struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			if s.addr, err = netip.ParseAddrPort(line.Addr); err != nil {
				break
			}
			go func() { // its log must not stand still
				for lines.Scan() {
					_, _ = s.errs.Write(append(lines.Bytes(), '\n'))
				}
			}()
			return s, nil
		}
		_, _ = s.errs.Write(append(lines.Bytes(), '\n'))
	}
	s.stop()
	return nil, fmt.Errorf("bench: the server did not start: %s", s.errs)
}

// plainEnv is the environment without settings of Kiem, which would change what is measured.
func plainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "KIEM_") })
}

// runningServer is the server at an address. Its process is found if it is on this machine.
func (b *Bench) runningServer() (*server, error) {
	u, err := url.Parse(b.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("bench: %q is no address as http://host:port; behind TLS the proxy would be measured", b.URL)
	}
	if b.Token == "" {
		return nil, fmt.Errorf("bench: a running server is measured with its operator's token: set KIEM_ADMIN_TOKEN")
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	ips, err := net.LookupIP(u.Hostname())
	if err != nil {
		return nil, err
	}
	s := &server{token: b.Token, pid: b.PID}
	for _, ip := range ips {
		a, _ := netip.AddrFromSlice(ip)
		if a = a.Unmap(); !s.addr.IsValid() || a.Is4() {
			s.addr = netip.AddrPortFrom(a, uint16(number))
		}
	}
	if s.pid == 0 && s.addr.Addr().IsLoopback() {
		s.pid = listenerOf(uint16(number))
	}
	return s, nil
}

// stop ends a server that the bench started, as an operator would.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// kill ends it as a power cut would.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

func (s *server) url(path string) string { return "http://" + s.addr.String() + path }

// explain adds what the server last said to an error.
func (s *server) explain(err error) error {
	if err == nil || s.errs == nil {
		return err
	}
	return fmt.Errorf("%w\n%s", err, strings.TrimSpace(s.errs.String()))
}
