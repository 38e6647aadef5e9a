package web

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rawSocket is a socket whose frames are written by hand.
type rawSocket struct {
	net.Conn
	r      *bufio.Reader
	answer *http.Response
}

// raw opens a socket by hand; more are further lines of the request.
func (w *world) raw(campaign string, who person, more ...string) *rawSocket {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
	lines := append([]string{
		"GET /api/v1/campaigns/" + campaign + "/live HTTP/1.1", "Host: " + w.http.Listener.Addr().String(), "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Authorization: Bearer " + who.token,
	}, more...)
	if _, err := fmt.Fprint(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		w.t.Fatal(err)
	}
	r := bufio.NewReaderSize(conn, 1024)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		w.t.Fatalf("opening a socket by hand: %s", answer.Status)
	}
	return &rawSocket{conn, r, answer}
}

// frame builds a masked frame of a first byte and a length that may be a lie.
func frame(first byte, claimed uint64, payload []byte) []byte {
	b := []byte{first}
	switch {
	case claimed < 126:
		b = append(b, 0x80|byte(claimed))
	case claimed < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(claimed))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), claimed)
	}
	return append(append(b, 0, 0, 0, 0), payload...) // a mask of zeros leaves the payload as it is
}

func honest(first byte, payload []byte) []byte { return frame(first, uint64(len(payload)), payload) }

// ended reads until the other side ends the connection, and says whether it did.
func (s *rawSocket) ended(within time.Duration) bool {
	_ = s.SetReadDeadline(time.Now().Add(within))
	_, err := s.r.WriteTo(discard{})
	var late net.Error
	return err == nil || !asTimeout(err, &late)
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func asTimeout(err error, to *net.Error) bool {
	e, ok := err.(net.Error)
	*to = e
	return ok && e.Timeout()
}

// rawExchange sends bytes to an address and gives what comes back until the other side ends, or for a second.
func rawExchange(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte(text))
	var b bytes.Buffer
	_, _ = b.ReadFrom(conn)
	return b.String()
}
