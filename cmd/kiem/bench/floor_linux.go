package bench

import (
	"bytes"
	"crypto/sha1" // RFC 6455 asks for it
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Floor is a server that does the least that a kind of load physically needs, for the bench to compare with.
func Floor(o FloorOptions, in io.Reader, out io.Writer) error {
	RaiseLimit()
	if o.Kind == "storm" {
		return stormFloor(o.File, o.Hello, in, out)
	}
	l, address, err := listen()
	if err != nil {
		return err
	}
	switch o.Kind {
	case "fanout":
		f := &fanFloor{}
		go f.accept(l)
		return obey(in, out, address, f.do)
	case "intake":
		file, err := os.CreateTemp(o.Dir, "floor")
		if err != nil {
			return err
		}
		defer os.Remove(file.Name())
		f := &intakeFloor{file: file, listener: l, buf: make([]byte, 256<<10)}
		failed := make(chan error, 1)
		go func() { failed <- f.serve() }()
		go func() { failed <- obey(in, out, address, func(order) error { return nil }) }()
		return <-failed
	}
	return fmt.Errorf("bench: no floor is called %q", o.Kind)
}

// listen listens on a free port of the loopback.
func listen() (fd int, address string, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, "", fmt.Errorf("socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, "", fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(fd, unix.SOMAXCONN); err != nil {
		return 0, "", fmt.Errorf("listen: %w", err)
	}
	have, err := unix.Getsockname(fd)
	if err != nil {
		return 0, "", fmt.Errorf("getsockname: %w", err)
	}
	port := have.(*unix.SockaddrInet4).Port
	return fd, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)).String(), nil
}

// fanFloor writes frames to sockets, with nothing in between: the least that fan-out needs.
type fanFloor struct {
	mu  sync.Mutex
	fds []int
	seq uint64
}

func (f *fanFloor) accept(l int) {
	for {
		fd, _, err := unix.Accept4(l, unix.SOCK_CLOEXEC)
		if err != nil {
			continue // whoever waits for the connection notices
		}
		if err := welcome(fd, f.hello); err != nil {
			_ = unix.Close(fd)
		}
	}
}

// hello takes a connection in: from here on it gets every frame.
func (f *fanFloor) hello(fd int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := writeAll(fd, appendHello(nil, f.seq)); err != nil {
		return err
	}
	f.fds = append(f.fds, fd)
	return nil
}

func (f *fanFloor) do(o order) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o.word == "hang" {
		for _, fd := range f.fds {
			_ = unix.Close(fd)
		}
		f.fds = f.fds[:0]
		return nil
	}
	message, frame := make([]byte, 0, o.size), make([]byte, 0, o.size+10)
	return pace(o, func() error {
		message = appendEvents(message[:0], f.seq, o.size)
		frame = appendFrame(frame[:0], message)
		f.seq++
		for _, fd := range f.fds {
			if n := write(fd, frame); n < len(frame) {
				if err := writeAll(fd, frame[n:]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// write is write(2) and nothing else: the socket does not block, so Go's scheduler need not hear of the call, which would cost a sixth more. It gives what was
// taken; writeAll finds out why it was not all.
func write(fd int, b []byte) int {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	if errno != 0 {
		return 0
	}
	return int(n)
}

// welcome answers the handshake of a blocking socket and makes it a non-blocking one.
func welcome(fd int, then func(fd int) error) error {
	var request [4096]byte
	n := 0
	for !bytes.HasSuffix(request[:n], []byte("\r\n\r\n")) {
		got, err := unix.Read(fd, request[n:])
		if err != nil || got == 0 {
			return fmt.Errorf("bench: no handshake: %w", err)
		}
		n += got
	}
	if err := writeAll(fd, appendSwitching(nil, request[:n])); err != nil {
		return err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	return then(fd)
}

// appendSwitching appends the answer to a handshake.
func appendSwitching(b, request []byte) []byte {
	_, key, _ := bytes.Cut(request, []byte("Sec-WebSocket-Key: "))
	key, _, _ = bytes.Cut(key, []byte("\r\n"))
	sum := sha1.Sum(append(bytes.Clone(key), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: kiem.v1\r\nSec-WebSocket-Accept: "...)
	return append(base64.StdEncoding.AppendEncode(b, sum[:]), "\r\n\r\n"...)
}

func appendHello(b []byte, seq uint64) []byte {
	return appendFrame(b, append(strconv.AppendUint([]byte(helloHead), seq, 10), '}'))
}

// writeAll writes to the end, waiting for room where there is none.
func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		switch err {
		case nil:
			b = b[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1); err != nil && err != unix.EINTR {
				return err
			}
		default:
			return err
		}
	}
	return nil
}
