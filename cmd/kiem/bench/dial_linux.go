package bench

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of dialling.
const (
	// dialWindow is how many handshakes are under way at the same time, unless asked otherwise.
	dialWindow = 256
	// perAddress is how many connections use one loopback address as their source: an address has some 28,000 ports.
	perAddress = 20_000
)

// dial opens n more connections and waits until each has had its hello. head appends the request line and headers of the k-th, without the last empty line.
func (s *swarm) dial(n int, head func(b []byte, k int) []byte) error {
	first := len(s.conns)
	until := time.Now().Add(s.patience + time.Duration(n)*2*time.Millisecond)
	for s.opened < first+n {
		for len(s.conns) < first+n && len(s.conns)-s.opened < s.window {
			k := len(s.conns)
			c := &conn{n: k, fd: -1, ask: &asking{k: k - first, head: head}}
			s.conns = append(s.conns, c)
			if err := s.connect(c); err != nil {
				return fmt.Errorf("connection %d: %w", k, err)
			}
		}
		if time.Now().After(until) {
			return fmt.Errorf("bench: %d of %d connections opened in time", s.opened-first, n)
		}
		if err := s.poll(100 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (s *swarm) connect(c *conn) error {
	family, to := unix.AF_INET, unix.Sockaddr(nil)
	if s.to.Addr().Is4() {
		to = &unix.SockaddrInet4{Port: int(s.to.Port()), Addr: s.to.Addr().As4()}
	} else {
		family, to = unix.AF_INET6, &unix.SockaddrInet6{Port: int(s.to.Port()), Addr: s.to.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.fd = fd
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if s.to.Addr().Is4() && s.to.Addr().IsLoopback() {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + c.n/perAddress)}}); err != nil {
			_ = unix.Close(fd)
			return err
		}
	}
	if err := unix.Connect(fd, to); err != nil && err != unix.EINPROGRESS {
		_ = unix.Close(fd)
		return err
	}
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(c.n),
	})
}

// connected asks for what comes first on a connection that stands.
func (s *swarm) connected(c *conn) error {
	if code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
		return fmt.Errorf("connect: %w", unix.Errno(code))
	}
	if s.raw != nil {
		c.state = open
		s.opened++
		return nil
	}
	s.out = s.out[:0]
	if s.fetch != nil && c.ask.answer.state == inHead {
		c.state = fetching
		s.out = append(s.fetch(s.out, c.ask.k), "Host: "+s.to.String()+"\r\nAccept-Encoding: gzip\r\n\r\n"...)
		return s.write(c, s.out)
	}
	c.state = upgrading
	s.out = append(c.ask.head(s.out, c.ask.k), "Host: "+s.to.String()+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: kiem.v1\r\n\r\n"...)
	return s.write(c, s.out)
}

// fetched goes on with the socket when the answer is complete.
func (s *swarm) fetched(c *conn, b []byte) (rest []byte, err error) {
	rest, done, err := c.ask.answer.take(b)
	if err != nil || !done {
		return rest, err
	}
	if s.answered != nil {
		s.answered(&c.ask.answer)
	}
	s.hangUp(c)
	c.state = connecting
	return nil, s.connect(c)
}

// hangUp ends a connection at once. It is reset, so that no port is kept waiting for minutes.
func (s *swarm) hangUp(c *conn) {
	if c.fd < 0 {
		return
	}
	_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(c.fd)
	c.fd = -1
}
