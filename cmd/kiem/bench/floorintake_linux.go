package bench

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// intakeFloor answers commands durably and does nothing else: it reads what has arrived on all sockets, appends it to a file, waits for the disk, and answers.
// One thread; the batch is whatever arrived while the disk was busy.
type intakeFloor struct {
	file     *os.File
	listener int
	epoll    int
	buf      []byte
	peers    map[int]*peer
	batch    []byte
	asked    []*peer
	seq      uint64
}

// peer is one client.
type peer struct {
	fd      int
	part    []byte
	answers []byte
	n       int // commands in the batch
	ids     []byte
}

func (f *intakeFloor) serve() error {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	f.epoll, f.peers = ep, map[int]*peer{}
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, f.listener, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(f.listener)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	events := make([]unix.EpollEvent, 1024)
	for {
		n, err := unix.EpollWait(ep, events, -1)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == f.listener {
				f.accept()
			} else if p := f.peers[int(e.Fd)]; !f.read(p) {
				_ = unix.Close(p.fd)
				delete(f.peers, p.fd)
			}
		}
		if err := f.commit(); err != nil {
			return err
		}
	}
}

func (f *intakeFloor) accept() {
	fd, _, err := unix.Accept4(f.listener, unix.SOCK_CLOEXEC)
	if err != nil {
		return
	}
	if welcome(fd, func(fd int) error {
		f.peers[fd] = &peer{fd: fd}
		if err := unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)}); err != nil {
			return err
		}
		return writeAll(fd, appendHello(nil, f.seq))
	}) != nil {
		_ = unix.Close(fd)
		delete(f.peers, fd)
	}
}

// read takes what has arrived into the batch. False: the client is gone.
func (f *intakeFloor) read(p *peer) bool {
	for {
		kept := copy(f.buf, p.part)
		n, err := unix.Read(p.fd, f.buf[kept:])
		if err == unix.EAGAIN {
			return true
		}
		if err != nil || n == 0 {
			return false
		}
		b := f.buf[:kept+n]
		for {
			payload, size := readMasked(b)
			if size == 0 {
				break
			}
			if len(payload) < len(idHead)+uuidSize {
				return false
			}
			if p.n++; p.n == 1 {
				f.asked = append(f.asked, p)
			}
			p.ids = append(p.ids, payload[len(idHead):len(idHead)+uuidSize]...)
			f.batch = append(append(f.batch, payload...), '\n')
			b = b[size:]
		}
		p.part = append(p.part[:0], b...)
		if kept+n < len(f.buf) {
			return true
		}
	}
}

// commit makes the batch durable and answers it.
func (f *intakeFloor) commit() error {
	if len(f.asked) == 0 {
		return nil
	}
	if _, err := f.file.Write(f.batch); err != nil {
		return err
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	f.batch = f.batch[:0]
	f.seq++
	var message [128]byte
	for _, p := range f.asked {
		p.answers = p.answers[:0]
		for k := range p.n {
			m := append(append(message[:0], replyHead...), p.ids[k*uuidSize:(k+1)*uuidSize]...)
			m = append(strconv.AppendUint(append(append(m, '"'), seqMember...), f.seq, 10), '}')
			p.answers = appendFrame(p.answers, m)
		}
		_ = writeAll(p.fd, p.answers) // a client that is gone is noticed by read
		p.n, p.ids = 0, p.ids[:0]
	}
	f.asked = f.asked[:0]
	return nil
}
