package bench

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// liar is a server that does to each of its connections what a test says, after the handshake and a hello with seq 5.
func liar(t *testing.T, to func(n int, c net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go func() {
				var request []byte
				for b := make([]byte, 1024); !strings.HasSuffix(string(request), "\r\n\r\n"); {
					got, err := c.Read(b)
					if err != nil {
						return
					}
					request = append(request, b[:got]...)
				}
				_, _ = c.Write(appendHello(appendSwitching(nil, request), 5))
				to(n, c)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// events are the frames of events between neighbouring numbers.
func events(seqs ...uint64) []byte {
	var b []byte
	for i := range len(seqs) - 1 {
		b = appendFrame(b, appendEvents(nil, seqs[i], 100))
	}
	return b
}

func testSwarm(t *testing.T, to netip.AddrPort) *swarm {
	t.Helper()
	s, err := newSwarm(to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	s.patience = 300 * time.Millisecond
	return s
}

// followTo dials n connections and follows them to that seq.
func followTo(s *swarm, n int, seq uint64) error {
	if err := s.dial(n, plainHead); err != nil {
		return err
	}
	return s.level(seq)
}

// TestHonestServer: frames are followed and counted, in whatever pieces they come, and pings are answered.
func TestHonestServer(t *testing.T) {
	ponged := make(chan []byte, 50)
	s := testSwarm(t, liar(t, func(_ int, c net.Conn) {
		b := append(events(5, 6, 7), 0x80|opPing, 2, 'h', 'i')
		for _, one := range append(b, events(7, 8)...) { // a byte at a time
			_, _ = c.Write([]byte{one})
		}
		pong := make([]byte, 8)
		if _, err := c.Read(pong); err == nil {
			ponged <- pong
		}
	}))
	if err := followTo(s, 50, 8); err != nil {
		t.Fatal(err)
	}
	if s.frames != 150 || s.other != 0 || s.bytes != 150*102 {
		t.Errorf("%d frames of %d bytes, %d others", s.frames, s.bytes, s.other)
	}
	for range 50 {
		if pong := <-ponged; pong[0] != 0x80|opPong || string(pong[6:]) != "hi" {
			t.Errorf("answer to a ping: %x", pong)
		}
	}
}

// TestLostFrame: a server that leaves a frame out, sends one twice, or withholds the last one of one connection is found out.
func TestLostFrame(t *testing.T) {
	for name, frames := range map[string]func(n int) []byte{
		"left out":  func(n int) []byte { return append(events(5, 6), events(7, 8)...) },
		"twice":     func(n int) []byte { return append(events(5, 6), events(5, 6, 7, 8)...) },
		"backwards": func(n int) []byte { return appendFrame(nil, []byte(`{"type":"events","from":5,"to":3}`)) },
		"withheld": func(n int) []byte {
			if n == 13 {
				return events(5, 6, 7)
			}
			return events(5, 6, 7, 8)
		},
	} {
		s := testSwarm(t, liar(t, func(n int, c net.Conn) { _, _ = c.Write(frames(n)) }))
		if err := followTo(s, 20, 8); !errors.Is(err, errLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoHonestServer: what is no frame, an end and a close frame end the run.
func TestNoHonestServer(t *testing.T) {
	for name, bytes := range map[string]string{"no frame": "HTTP/1.1 500\r\n", "closed": "\x88\x02\x10\x04", "masked": "\x81\x80aaaa", "end": ""} {
		s := testSwarm(t, liar(t, func(_ int, c net.Conn) {
			_, _ = c.Write([]byte(bytes))
			_ = c.(*net.TCPConn).CloseWrite()
		}))
		if err := followTo(s, 1, 6); err == nil || errors.Is(err, errLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// votesAnswered lets a server answer votes as a test says, and gives what the intake makes of it.
func votesAnswered(t *testing.T, answer func(id string, n int) string) error {
	t.Helper()
	at := liar(t, func(_ int, c net.Conn) {
		var part []byte
		b := make([]byte, 4096)
		for n := 0; ; {
			got, err := c.Read(b)
			if err != nil {
				return
			}
			part = append(part, b[:got]...)
			for {
				payload, size := readMasked(part)
				if size == 0 {
					break
				}
				n++
				_, _ = c.Write(appendFrame(nil, []byte(answer(string(payload[len(idHead):len(idHead)+uuidSize]), n))))
				part = part[size:]
			}
		}
	})
	b := &Bench{Time: 40 * time.Millisecond, Progress: t.Output(), patience: 200 * time.Millisecond}
	_, err := b.take(t.Context(), subject{addr: at, head: plainHead}, []string{"idea"}, Load{Conns: 3, InFlight: 4})
	return err
}

// TestIntakeVerified: an answer that is missing, of another command, or a refusal is not counted as done.
func TestIntakeVerified(t *testing.T) {
	reply := func(id string) string { return `{"type":"reply","id":"` + id + `","seq":9}` }
	if err := votesAnswered(t, func(id string, _ int) string { return reply(id) }); err != nil {
		t.Errorf("an honest server: %v", err)
	}
	for name, c := range map[string]struct {
		answer func(id string, n int) string
		says   string
	}{
		"missing": {func(id string, n int) string {
			if n == 5 {
				return `{"type":"other"}`
			}
			return reply(id)
		}, errLost.Error()},
		"all missing": {func(string, int) string { return `{"type":"other"}` }, "not answered"},
		"of another":  {func(string, int) string { return reply("ffffffff-0000-4000-8000-000000000000") }, errLost.Error()},
		"refused": {func(id string, _ int) string {
			return `{"type":"reply","id":"` + id + `","error":{"code":"rate_limited","message":"te snel"}}`
		}, "--rate-scale"},
	} {
		if err := votesAnswered(t, c.answer); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFreshnessVerified: a screen that does not get the tally is found out.
func TestFreshnessVerified(t *testing.T) {
	for _, lie := range []bool{false, true} {
		var conns []net.Conn
		ready := make(chan net.Conn, 10)
		s := testSwarm(t, liar(t, func(_ int, c net.Conn) { ready <- c }))
		if err := s.dial(10, plainHead); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			conns = append(conns, <-ready)
		}
		seq := uint64(5)
		b := &Bench{patience: 200 * time.Millisecond}
		got, err := b.follow(context.Background(), s, 10*time.Millisecond, func() error {
			for n, c := range conns {
				if !lie || n != 3 {
					_, _ = c.Write(events(seq, seq+1))
				}
			}
			seq++
			return nil
		})
		switch {
		case lie && !errors.Is(err, errLost):
			t.Errorf("a screen without the tally: %v", err)
		case !lie && (err != nil || got.n != 10*freshVotes):
			t.Errorf("%v, %v", got, err)
		}
	}
}
