package main_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkIntake measures how many support.set per second one server acknowledges, durable, from 100 connections with a number in flight each, embedded
// with fsync, the load generator beside it on the same processors. Every answer is counted; one that is no reply with a seq fails the run.
//
//	go test -run '^$' -bench Intake -benchtime 300000x ./cmd/kiem
func BenchmarkIntake(b *testing.B) {
	for _, inFlight := range []int{1, 16} {
		b.Run(fmt.Sprintf("inflight=%d", inFlight), func(b *testing.B) { benchIntake(b, inFlight) })
	}
}

const (
	intakeConns = 100
	intakeIdeas = 50
)

func benchIntake(b *testing.B, inFlight int) {
	server := serveKiem(b, intakeBinary(b), b.TempDir())
	server.start()
	s := newIntakeCampaign(server)
	conns := make([]*intakeConn, intakeConns)
	for n := range conns {
		conns[n] = s.dial(b, n)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	var failed atomic.Pointer[error]
	b.ResetTimer()
	start, serverCPU, ownCPU := time.Now(), processCPU(b, server.cmd.Process.Pid), processCPU(b, os.Getpid())
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			if err := c.run(inFlight, &left); err != nil {
				failed.Store(&err)
				left.Store(0)
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	serverCPU, ownCPU = processCPU(b, server.cmd.Process.Pid)-serverCPU, processCPU(b, os.Getpid())-ownCPU
	b.StopTimer()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	acked := 0
	for _, c := range conns {
		acked += c.acked
		_ = c.net.Close()
	}
	if acked < b.N {
		b.Fatalf("%d acknowledged of %d", acked, b.N)
	}
	b.ReportMetric(float64(acked)/took.Seconds(), "acks/s")
	// On a machine that does other things as well, what an acknowledgement costs says more than how many there were.
	b.ReportMetric(float64(serverCPU.Microseconds())/float64(acked), "server-µs/ack")
	b.ReportMetric(float64(ownCPU.Microseconds())/float64(acked), "client-µs/ack")
}

// processCPU is the processor time that a process used (Linux: fields 14 and 15 of /proc/PID/stat, in hundredths of a second).
func processCPU(b testing.TB, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("processor time is read from /proc:", err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// intakeBinary builds the program once for all measurements.
var intakeBinary = func() func(testing.TB) string {
	var once sync.Once
	var file string
	return func(b testing.TB) string {
		once.Do(func() {
			dir, err := os.MkdirTemp("", "kiem-bench")
			if err != nil {
				b.Fatal(err)
			}
			file = filepath.Join(dir, "kiem")
			if out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput(); err != nil {
				b.Fatalf("go build: %v\n%s", err, out)
			}
		})
		return file
	}
}()

// intakeCampaign is a campaign with people and ideas to vote on.
type intakeCampaign struct {
	server   *kiemProcess
	campaign string
	code     string
	ideas    []string
}

func newIntakeCampaign(server *kiemProcess) *intakeCampaign {
	s := &intakeCampaign{server: server}
	var made struct{ ID, Code string }
	server.want(http.StatusCreated, &made, "POST", "/campaigns", adminToken, map[string]any{
		"title": "Intake", "template": "campaign", "challenge": map[string]any{"title": "Meten", "text": "Hoe snel gaat het?"},
		"settings": map[string]any{"attendance": 1000},
	})
	s.campaign, s.code = made.ID, made.Code
	token := s.join("Iris")
	for n := range intakeIdeas {
		var reply struct{ Data struct{ Idea string } }
		server.want(http.StatusOK, &reply, "POST", "/campaigns/"+s.campaign+"/commands", token, map[string]any{
			"type": "idea.post", "data": map[string]any{"title": fmt.Sprintf("Idee %d", n), "text": "Een tekst."},
		})
		s.ideas = append(s.ideas, reply.Data.Idea)
	}
	return s
}

func (s *intakeCampaign) join(name string) (token string) {
	var joined struct{ Token string }
	s.server.want(http.StatusCreated, &joined, "POST", "/join", "", map[string]any{"code": s.code, "name": name, "group": "citizen"})
	return joined.Token
}

func (s *intakeCampaign) dial(b testing.TB, n int) *intakeConn {
	token := s.join(fmt.Sprintf("Stem %d", n))
	nc, err := net.Dial("tcp", s.server.addr)
	if err != nil {
		b.Fatal(err)
	}
	fmt.Fprintf(nc, "GET /api/v1/campaigns/%s/live HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: kiem.v1\r\nAuthorization: Bearer %s\r\n\r\n", s.campaign, s.server.addr, token)
	r := bufio.NewReaderSize(nc, 64<<10)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		b.Fatalf("upgrade: %v %v", res, err)
	}
	c := &intakeConn{net: nc, r: r, number: n, ideas: s.ideas}
	if hello, err := c.frame(); err != nil || !bytes.HasPrefix(hello, []byte(`{"type":"hello"`)) {
		b.Fatalf("hello: %s %v", hello, err)
	}
	return c
}

// intakeConn is one client with next to no cost of its own: frames are built into one buffer and answers looked at by their first bytes.
type intakeConn struct {
	net    net.Conn
	r      *bufio.Reader
	number int
	ideas  []string
	sent   int
	acked  int
	out    []byte
	in     []byte
}

// frame reads one message.
func (c *intakeConn) frame() ([]byte, error) {
	for {
		head, err := c.r.Peek(2)
		if err != nil {
			return nil, err
		}
		op, n, skip := head[0]&0xf, int(head[1]&0x7f), 2
		switch n {
		case 126:
			head, err = c.r.Peek(4)
			if err != nil {
				return nil, err
			}
			n, skip = int(binary.BigEndian.Uint16(head[2:])), 4
		case 127:
			head, err = c.r.Peek(10)
			if err != nil {
				return nil, err
			}
			n, skip = int(binary.BigEndian.Uint64(head[2:])), 10
		}
		if _, err := c.r.Discard(skip); err != nil {
			return nil, err
		}
		if cap(c.in) < n {
			c.in = make([]byte, n)
		}
		c.in = c.in[:n]
		if _, err := io.ReadFull(c.r, c.in); err != nil {
			return nil, err
		}
		if op == 1 {
			return c.in, nil
		}
		if op == 8 {
			return nil, fmt.Errorf("closed: %x", c.in)
		}
	}
}

// command appends a masked frame (with the mask 0, which is allowed and costs nothing) with the next support.set.
func (c *intakeConn) command() {
	c.sent++
	var p [256]byte
	b := append(p[:0], `{"id":"`...)
	b = fmt.Appendf(b, "%08x-%04x-4000-8000-%012x", c.sent, c.number, c.number<<32|c.sent)
	b = append(b, `","type":"support.set","data":{"idea":"`...)
	b = append(b, c.ideas[c.sent%len(c.ideas)]...)
	b = append(b, `","value":`...)
	b = strconv.AppendInt(b, int64((c.sent/len(c.ideas)+1)%2), 10)
	b = append(b, `},"lane":"bench","n":`...)
	b = append(strconv.AppendInt(b, int64(c.sent), 10), '}')
	c.out = append(c.out, 0x81, 0x80|126)
	c.out = binary.BigEndian.AppendUint16(c.out, uint16(len(b)))
	c.out = append(append(c.out, 0, 0, 0, 0), b...)
}

func (c *intakeConn) run(inFlight int, left *atomic.Int64) error {
	open := 0
	send := func(n int) error {
		c.out = c.out[:0]
		for range n {
			if left.Add(-1) < 0 {
				break
			}
			c.command()
			open++
		}
		if len(c.out) == 0 {
			return nil
		}
		_, err := c.net.Write(c.out)
		return err
	}
	if err := send(inFlight); err != nil {
		return err
	}
	for open > 0 {
		done := 0
		for {
			m, err := c.frame()
			if err != nil {
				return err
			}
			if bytes.HasPrefix(m, []byte(`{"type":"reply"`)) {
				if !bytes.Contains(m, []byte(`,"seq":`)) {
					return fmt.Errorf("refused: %s", m)
				}
				done++
				open--
				c.acked++
			}
			if done > 0 && c.r.Buffered() < 2 || open == 0 {
				break
			}
		}
		if err := send(done); err != nil {
			return err
		}
	}
	return nil
}
