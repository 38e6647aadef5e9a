package bench

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
)

// Opcodes of frames (RFC 6455, 5.2).
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// maxFrame is the longest frame that is read, in bytes. Kiem sends none above its catch-up of 1 MiB.
const maxFrame = 4 << 20

var (
	errFrame = errors.New("bench: what arrived is no frame of a websocket server")
	errLost  = errors.New("bench: a frame was lost")
)

// frame is one frame of a server: unmasked and not fragmented, as every server here sends them. payload points into what was read.
type frame struct {
	op      byte
	payload []byte
}

// readFrame takes the first frame off b and says how many bytes it had; 0: it is not complete yet.
func readFrame(b []byte) (f frame, size int, err error) {
	if len(b) < 2 {
		return f, 0, nil
	}
	if b[0]&0xf0 != 0x80 || b[1]&0x80 != 0 { // in pieces, compressed or masked
		return f, 0, errFrame
	}
	head, n := 2, uint64(b[1])
	switch n {
	case 126:
		if head = 4; len(b) < head {
			return f, 0, nil
		}
		n = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if head = 10; len(b) < head {
			return f, 0, nil
		}
		n = binary.BigEndian.Uint64(b[2:])
	}
	if n > maxFrame {
		return f, 0, errFrame
	}
	size = head + int(n)
	if len(b) < size {
		return f, 0, nil
	}
	return frame{b[0] & 0xf, b[head:size]}, size, nil
}

// appendFrame appends a text frame of a server.
func appendFrame(b, payload []byte) []byte {
	b = append(b, 0x80|opText)
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, payload...)
}

// appendMasked appends a frame of a client with the mask 0: it is allowed, costs nothing here, and the server unmasks it like any other. The payload is at most
// 65,535 bytes.
func appendMasked(b []byte, op byte, payload []byte) []byte {
	b = append(b, 0x80|op)
	if n := len(payload); n < 126 {
		b = append(b, 0x80|byte(n))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// readMasked takes the first frame of a client off b and unmasks it in place. size is 0 if it is not complete.
func readMasked(b []byte) (payload []byte, size int) {
	if len(b) < 6 {
		return nil, 0
	}
	head, n := 2, int(b[1]&0x7f)
	if n == 126 {
		if len(b) < 8 {
			return nil, 0
		}
		head, n = 4, int(binary.BigEndian.Uint16(b[2:]))
	}
	size = head + 4 + n
	if len(b) < size {
		return nil, 0
	}
	mask := b[head : head+4]
	payload = b[head+4 : size]
	if !bytes.Equal(mask, []byte{0, 0, 0, 0}) {
		for i := range payload {
			payload[i] ^= mask[i&3]
		}
	}
	return payload, size
}

// Beginnings of the protocol's messages that are looked at.
const (
	eventsHead = `{"type":"events","from":`
	helloHead  = `{"type":"hello","seq":`
	replyHead  = `{"type":"reply","id":"`
	idHead     = `{"id":"` // of a command
	toMember   = `,"to":`
	seqMember  = `,"seq":`
)

// readEvents gives what an events message covers, (from, to]; ok is false of any other message.
func readEvents(m []byte) (from, to uint64, ok bool) {
	from, m, ok = readNumber(m, eventsHead)
	if !ok {
		return 0, 0, false
	}
	to, _, ok = readNumber(m, toMember)
	return from, to, ok
}

// readHello gives the seq of a hello.
func readHello(m []byte) (seq uint64, ok bool) {
	seq, _, ok = readNumber(m, helloHead)
	return seq, ok
}

// uuidSize is the length of an id in text.
const uuidSize = 36

// readReply gives the id that a reply names and the seq, 0 if the command was refused.
func readReply(m []byte) (id []byte, seq uint64, ok bool) {
	if len(m) < len(replyHead)+uuidSize+1 || string(m[:len(replyHead)]) != replyHead {
		return nil, 0, false
	}
	m = m[len(replyHead):]
	id, m = m[:uuidSize], m[uuidSize+1:]
	seq, _, _ = readNumber(m, seqMember)
	return id, seq, true
}

// readNumber reads the number after a prefix.
func readNumber(m []byte, prefix string) (n uint64, rest []byte, ok bool) {
	if len(m) < len(prefix) || string(m[:len(prefix)]) != prefix {
		return 0, m, false
	}
	m = m[len(prefix):]
	i := 0
	for ; i < len(m) && i < 19 && m[i]-'0' <= 9; i++ {
		n = n*10 + uint64(m[i]-'0')
	}
	return n, m[i:], i > 0
}

// appendEvents appends an events message that covers (from, from+1], filled up to size bytes if it is shorter.
func appendEvents(b []byte, from uint64, size int) []byte {
	start := len(b)
	b = strconv.AppendUint(append(b, eventsHead...), from, 10)
	b = strconv.AppendUint(append(b, toMember...), from+1, 10)
	const open, end = `,"pad":"`, `"}`
	fill := size - (len(b) - start) - len(open) - len(end)
	if fill < 0 {
		return append(b, '}')
	}
	b = append(b, open...)
	for range fill {
		b = append(b, 'x')
	}
	return append(b, end...)
}
