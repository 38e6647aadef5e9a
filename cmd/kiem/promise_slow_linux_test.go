package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPromiseSlowClients is P15: clients that never read, clients that are frozen half-open, and clients that read some bytes a second, beside honest ones. The honest ones are answered as before, the others cost
// a bounded piece of memory, and they are closed when they have accepted nothing for the time that they may (2 s here, 30 s otherwise).
func TestPromiseSlowClients(t *testing.T) {
	promise(t)
	const stall = 2 * time.Second
	server := serveExchanged(t, "stall="+stall.String(), filepath.Join(t.TempDir(), "data"))
	server.start()
	a := assemble(t, server, 6, at(server.addr), 0)
	words := strings.Repeat("Lang verhaal. ", 550) // 7,700 characters: what is not read fills the socket soon
	stop := a.tell(words)
	a.more(10)
	a.p99()
	a.more(60)
	quiet := a.p99()

	bad := whenSoaking(40, 400)
	memory := server.metric("go_memstats_heap_inuse_bytes")
	closed := server.metric("kiem_slow_closed_total")
	list := a.badClients(server, bad)
	start := time.Now()
	worst := 0.0
	a.p99()
	until(t, "the bad clients to be closed", func() bool {
		worst = max(worst, server.metric("go_memstats_heap_inuse_bytes"))
		return int(server.metric("kiem_connections")) <= len(a.people)
	})
	took := time.Since(start)
	a.more(20)
	busy := a.p99()
	stop()
	for _, c := range list {
		_ = c.Close()
	}
	closed = server.metric("kiem_slow_closed_total") - closed
	t.Logf("%d bad clients were gone after %v, %v of them closed for slowness; honest p99 %v, before %v; heap %+.1f MiB at worst", bad, took.Round(time.Millisecond), closed, busy, quiet, (worst-memory)/(1<<20))
	if int(closed) < bad/2 {
		t.Errorf("only %v of %d were closed for slowness", closed, bad)
	}
	if busy > max(4*quiet, time.Second) {
		t.Errorf("honest clients waited %v, and %v before", busy, quiet)
	}
	if most := float64(bad*256<<10 + 48<<20); worst-memory > most { // and what the honest ones wrote meanwhile
		t.Errorf("the heap grew by %.1f MiB", (worst-memory)/(1<<20))
	}
	if n := a.connects(); n != len(a.people) {
		t.Errorf("%d honest connections ended", n-len(a.people))
	}
	a.check(server)
}

// tell lets people post long texts without a pause until the function it gives is called.
func (a *assembly) tell(words string) (stop func()) {
	stopping := make(chan struct{})
	var telling sync.WaitGroup
	for who, c := range a.people {
		telling.Go(func() {
			for n := 0; n < 95; n++ {
				select {
				case <-stopping:
					return
				case <-time.After(100 * time.Millisecond):
				}
				cmd := a.posting(c, fmt.Sprintf("Verhaal %d van %d", n, who))
				cmd.Data.(map[string]any)["text"] = words
				a.do(c, cmd)
			}
		})
	}
	return func() { close(stopping); telling.Wait() }
}

// badClients opens sockets with next to no buffers: a third never reads, a third reads for a moment and is then frozen without a word, a third reads 100 bytes a second.
func (a *assembly) badClients(server *kiemProcess, n int) (list []net.Conn) {
	a.t.Helper()
	s := &protoScript{server: server}
	small := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 2048)
			if failed == nil { // small segments keep the server's side of the buffer small as well
				failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 536)
			}
		})
		if err == nil {
			err = failed
		}
		return err
	}}
	for k := range n {
		token := s.join(a.t, a.code, fmt.Sprintf("Traag %d", k), "citizen").Token
		c, err := small.Dial("tcp", server.addr)
		if err != nil {
			a.t.Fatal(err)
		}
		list = append(list, c)
		if _, err := fmt.Fprintf(c, "GET /api/v1/campaigns/%s/live HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: kiem.v1\r\nAuthorization: Bearer %s\r\n\r\n", a.campaign, server.addr, token); err != nil {
			a.t.Fatal(err)
		}
		switch k % 3 {
		case 1:
			answer := make([]byte, 64)
			_ = c.SetReadDeadline(time.Now().Add(patience)) // the read says the same
			if _, err := io.ReadFull(c, answer); err != nil || !bytes.Contains(answer, []byte(fmt.Sprint(http.StatusSwitchingProtocols))) {
				a.t.Fatalf("upgrade: %q, %v", answer, err)
			}
		case 2:
			go func() {
				b := make([]byte, 10)
				for {
					if _, err := c.Read(b); err != nil {
						return // closed
					}
					<-time.After(100 * time.Millisecond)
				}
			}()
		}
	}
	return list
}
