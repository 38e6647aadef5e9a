package web

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"kiem/hub/wire"
)

// sent is a packet as somebody read it.
type sent struct {
	Opcode  byte
	Payload string
}

// parse gives what inbound makes of bytes that arrive in those pieces.
func parse(stream []byte, pieces []int) (list []sent, err error) {
	in := &inbound{}
	for len(stream) > 0 {
		n := len(stream)
		if len(pieces) > 0 {
			n, pieces = min(n, pieces[0]), pieces[1:]
		}
		in.unread = bytes.Clone(stream[:n]) // it unmasks in place
		stream = stream[n:]
		for {
			p, whole, err := in.next()
			if err != nil {
				return list, err
			}
			if !whole {
				break
			}
			list = append(list, sent{p.opcode, string(p.payload)})
		}
	}
	if in.waiting() {
		return list, io.ErrUnexpectedEOF
	}
	return list, nil
}

// clientFrame is one frame as a client sends it.
func clientFrame(first byte, mask [4]byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i&3])
	}
	return b
}

// byGorilla reads the same bytes with gorilla's reader, which answers pings, pongs and closes by handlers.
func byGorilla(t *rapid.T, stream []byte) (list []sent, err error) {
	ours, theirs := net.Pipe()
	go func() {
		defer func() { _ = ours.Close() }()
		_, _ = ours.Write(stream)
	}()
	ws := upgraded(t, theirs)
	defer func() { _ = ws.Close() }()
	ws.SetReadLimit(maxMessage)
	ws.SetPingHandler(func(s string) error { list = append(list, sent{websocket.PingMessage, s}); return nil })
	ws.SetPongHandler(func(s string) error { list = append(list, sent{websocket.PongMessage, s}); return nil })
	for {
		kind, message, err := ws.ReadMessage()
		if err != nil {
			return list, err
		}
		list = append(list, sent{byte(kind), string(message[:min(len(message), wire.MaxFrame+1)])})
	}
}

// upgraded is gorilla's server side of a connection, without the handshake having gone over it.
func upgraded(t *rapid.T, nc net.Conn) *websocket.Conn {
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "websocket")
	request.Header.Set("Sec-WebSocket-Version", "13")
	request.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	ws, err := (&websocket.Upgrader{}).Upgrade(hijacked{httptest.NewRecorder(), nc}, request, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

func drawFrames(t *rapid.T) []byte {
	var stream []byte
	open := false
	for range rapid.IntRange(1, 12).Draw(t, "frames") {
		var mask [4]byte
		copy(mask[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "mask"))
		size := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(120, 130), rapid.IntRange(65530, 65540), rapid.Just(maxMessage/2), rapid.Just(maxMessage)).Draw(t, "size")
		opcode := rapid.SampledFrom([]byte{1, 1, 1, 2, 9, 10}).Draw(t, "opcode")
		final := rapid.Bool().Draw(t, "final")
		if opcode >= 8 {
			size, final = size%126, true
		} else if open {
			opcode = 0
		}
		if opcode < 8 {
			open = !final
		}
		first := opcode
		if final {
			first |= 0x80
		}
		if rapid.IntRange(0, 30).Draw(t, "broken") == 0 {
			first ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		stream = append(stream, clientFrame(first, mask, bytes.Repeat([]byte("ideeën! "), size/9+1)[:size])...)
	}
	if rapid.IntRange(0, 10).Draw(t, "unmasked") == 0 {
		stream = append(stream, 0x81, 2, 'h', 'i')
	}
	return stream
}

// TestInbound: whatever pieces the frames arrive in, their messages are those that gorilla's reader finds, up to what ends the connection.
func TestInbound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := drawFrames(t)
		want, wantErr := byGorilla(t, stream)
		pieces := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 16), rapid.IntRange(1, readBuffer)), 0, 2000).Draw(t, "pieces")
		got, gotErr := parse(stream, pieces)
		for i, s := range got {
			if s.Opcode == websocket.CloseMessage { // gorilla tells of a close by an error
				got, gotErr = got[:i], errFrame
				break
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("gorilla finds -, inbound finds + (%v, %v):\n%s", wantErr, gotErr, diff)
		}
		broken := errors.Is(gotErr, errFrame) || errors.Is(gotErr, errTooLong)
		ended := errors.Is(wantErr, io.EOF) || errors.Is(wantErr, io.ErrUnexpectedEOF) || websocket.IsCloseError(wantErr, websocket.CloseAbnormalClosure)
		if broken == ended {
			t.Fatalf("gorilla ends with %v, inbound with %v", wantErr, gotErr)
		}
	})
}

// FuzzInbound: no bytes in any pieces make it panic, keep more than it may, or read differently.
func FuzzInbound(f *testing.F) {
	f.Add(clientFrame(0x81, [4]byte{1, 2, 3, 4}, []byte(`{"id":"x"}`)), uint8(3))
	f.Add(append(clientFrame(0x01, [4]byte{}, []byte("a")), clientFrame(0x80, [4]byte{9}, []byte("b"))...), uint8(1))
	f.Add(clientFrame(0x89, [4]byte{}, nil), uint8(0))
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint8(5))
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		whole, wholeErr := parse(stream, nil)
		var pieces []int
		for range stream {
			pieces = append(pieces, int(step)+1)
		}
		apart, apartErr := parse(stream, pieces)
		if diff := cmp.Diff(whole, apart); diff != "" || !errors.Is(wholeErr, apartErr) {
			t.Fatalf("at once %v, in pieces %v:\n%s", wholeErr, apartErr, diff)
		}
		for _, s := range whole {
			if len(s.Payload) > wire.MaxFrame+1 {
				t.Fatalf("a message of %d bytes", len(s.Payload))
			}
		}
	})
}

// hijacked is a ResponseWriter that gives its connection away.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack gives a connection on which nothing but frames is read; what the handshake writes is dropped.
func (h hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	mute := muted{h.conn}
	return mute, bufio.NewReadWriter(bufio.NewReader(mute), bufio.NewWriter(mute)), nil
}

type muted struct{ net.Conn }

func (muted) Write(b []byte) (int, error) { return len(b), nil }
