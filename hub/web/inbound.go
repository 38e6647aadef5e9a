package web

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/gorilla/websocket"

	"kiem/hub/wire"
)

// Limits of what a socket brings.
const (
	// maxMessage is where reading ends the connection. Between wire.MaxFrame and this, a message is read, dropped, and answered with too_large.
	maxMessage = 4 * wire.MaxFrame
	// readBuffer is what one read takes at most: some twenty commands.
	readBuffer = 4 << 10
	// maxControl is the longest payload of a ping, pong or close (RFC 6455, 5.5).
	maxControl = 125
	// maxFrameHeader is the longest header of a frame.
	maxFrameHeader = 14
)

// What ends a socket. That a text is UTF-8 is for wire.Reader to see: it answers with an error that says so.
var (
	errFrame   = errors.New("web: not a frame that a client may send")
	errTooLong = errors.New("web: a message is longer than maxMessage")
)

// inbound reads what a client sends over a socket: the frames of RFC 6455, without extensions. Ten thousand people who listen cost no buffer: one is
// taken from a pool when something has arrived and goes back before the next wait. It belongs to one goroutine.
type inbound struct {
	net net.Conn
	raw syscall.RawConn // nil: wait with a buffer in hand
	try func(fd uintptr) bool

	buffer *[readBuffer]byte // nil while nothing arrived
	unread []byte            // of buffer
	taken  int               // by the last read
	err    error             // of the last read

	// The frame that is being read.
	inFrame bool
	opcode  byte
	final   bool
	left    int // bytes of its payload that are to come
	mask    [4]byte
	at      int // bytes of it that were read

	header  []byte // the beginning of one that has not arrived in whole
	control []byte // payload of a control frame so far

	// The message that its frames make up; control frames may stand between them.
	kind    byte // of its first frame; 0: none is under way
	size    int
	message []byte // what arrived of it, up to wire.MaxFrame+1 bytes
}

// packet is a whole message or control frame. Its payload is valid until the next one is read.
type packet struct {
	opcode  byte
	payload []byte // of a message at most wire.MaxFrame+1 bytes: then it was longer than it may be
}

var readBuffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

func newInbound(nc net.Conn) *inbound {
	in := &inbound{net: nc}
	if sc, ok := nc.(*net.TCPConn); ok && canTry {
		if raw, err := sc.SyscallConn(); err == nil {
			in.raw, in.try = raw, in.tryRead
		}
	}
	return in
}

// waiting says whether something has arrived in part.
func (in *inbound) waiting() bool { return in.inFrame || in.kind != 0 || len(in.header) > 0 }

// next gives the next packet that has arrived in whole. False: more has to be read.
func (in *inbound) next() (p packet, ok bool, err error) {
	for {
		if !in.inFrame {
			if ok, err := in.readHeader(); !ok {
				return p, false, err
			}
		}
		n := min(in.left, len(in.unread))
		piece := in.unread[:n]
		in.unread = in.unread[n:]
		unmask(piece, in.mask, in.at)
		in.left -= n
		in.at += n
		if in.opcode >= websocket.CloseMessage {
			if in.left > 0 {
				in.control = append(in.control, piece...)
				return p, false, nil
			}
			if len(in.control) > 0 {
				piece = append(in.control, piece...)
				in.control = nil
			}
			in.inFrame = false
			return packet{in.opcode, piece}, true, nil
		}
		whole := in.left == 0 && in.final
		if in.left == 0 {
			in.inFrame = false
		}
		if !whole || len(in.message) > 0 { // what is whole at once needs no copy
			in.message = append(in.message, piece[:min(n, wire.MaxFrame+1-len(in.message))]...)
			piece = in.message
		}
		switch {
		case whole:
			p = packet{in.kind, piece[:min(len(piece), wire.MaxFrame+1)]}
			in.kind, in.size, in.message = 0, 0, nil
			return p, true, nil
		case in.left > 0:
			return p, false, nil
		}
	}
}

// readHeader reads the header of the next frame. False: it has not arrived yet, or it is none.
func (in *inbound) readHeader() (bool, error) {
	h := in.unread
	if len(in.header) > 0 {
		h = append(in.header, h[:min(len(h), maxFrameHeader-len(in.header))]...)
	}
	if len(h) >= 2 && !in.allows(h[0], h[1]) {
		return false, errFrame
	}
	n, payload := headerSize(h)
	if n == 0 {
		in.header, in.unread = nil, nil
		if len(h) > 0 {
			in.header = append([]byte(nil), h...) // not a piece of the buffer, which goes back to the pool
		}
		return false, nil
	}
	in.unread = in.unread[n-len(in.header):]
	in.header = nil
	in.final, in.opcode = h[0]&0x80 != 0, h[0]&0xf
	copy(in.mask[:], h[n-4:])
	if in.opcode < websocket.CloseMessage {
		if payload > uint64(maxMessage-in.size) {
			return false, errTooLong
		}
		if in.opcode != 0 {
			in.kind = in.opcode
		}
		in.size += int(payload)
	}
	in.inFrame, in.left, in.at = true, int(payload), 0
	return true, nil
}

// allows says whether a frame may begin with these two bytes now (RFC 6455, 5.2 and 5.4).
func (in *inbound) allows(first, second byte) bool {
	final, opcode := first&0x80 != 0, first&0xf
	switch {
	case first&0x70 != 0, second&0x80 == 0: // a reserved bit; not masked
		return false
	case opcode >= websocket.CloseMessage:
		return opcode <= websocket.PongMessage && final && second&0x7f <= maxControl
	case opcode == 0:
		return in.kind != 0
	}
	return opcode <= websocket.BinaryMessage && in.kind == 0
}

// headerSize gives the size of a client's frame header, mask included, and of the payload; 0 if not all of it is there.
func headerSize(h []byte) (n int, payload uint64) {
	if len(h) < 2 {
		return 0, 0
	}
	n = 2 + 4
	switch payload = uint64(h[1] & 0x7f); payload {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	switch {
	case len(h) < n:
		return 0, 0
	case payload == 126:
		payload = uint64(binary.BigEndian.Uint16(h[2:]))
	case payload == 127:
		payload = binary.BigEndian.Uint64(h[2:])
	}
	return n, payload
}

// unmask undoes the mask of a payload's bytes from `at` on.
func unmask(b []byte, mask [4]byte, at int) {
	var m [8]byte
	for i := range m {
		m[i] = mask[(at+i)&3]
	}
	word := binary.NativeEndian.Uint64(m[:])
	for len(b) >= 8 {
		binary.NativeEndian.PutUint64(b, binary.NativeEndian.Uint64(b)^word)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= m[i]
	}
}

// fill waits until something arrives. It gives back the buffer for that time, so what next gave is over.
func (in *inbound) fill() error {
	in.unread = nil
	if in.raw == nil {
		in.hold()
		in.taken, in.err = in.net.Read(in.buffer[:])
	} else {
		in.taken, in.err = 0, nil
		if err := in.raw.Read(in.try); err != nil {
			return err
		}
	}
	if in.taken <= 0 {
		in.release()
		if in.err == nil {
			in.err = io.EOF
		}
		return in.err
	}
	in.unread = in.buffer[:in.taken]
	return nil
}

func (in *inbound) hold() {
	if in.buffer == nil {
		in.buffer = readBuffers.Get().(*[readBuffer]byte)
	}
}

// release gives the buffer back.
func (in *inbound) release() {
	if in.buffer != nil {
		readBuffers.Put(in.buffer)
		in.buffer = nil
	}
}
