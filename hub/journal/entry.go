package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"kiem/id"
)

// Entry is one batch of commands as it is stored.
//
// Encoded, integers are unsigned varints (LEB128) and byte strings are a varint length and the bytes:
//
//	version 1 | rules | at | node | batch | flags | base.epoch base.seq base.hash[32] | number of records | records… | crc32c (4 bytes, little endian)
//
// A record is
//
//	type | id[16] | actor[16] | lane | n | tag | data | number of parts | parts…
//
// and a part is its kind and then, if it is present, 1 | salt[16] | bytes, else 0 | sum[32]. The public form, which the chain
// hashes, writes every part as if it were absent and has no checksum.
type Entry struct {
	Rules   uint64 // version of the rules under which it is applied, for ever
	At      int64  // writer's clock, Unix milliseconds; shown, never used for order
	Node    uint64 // random number of the writing process
	Batch   uint64 // counts that process's appends to this log: (Node, Batch) names the append
	Flags   uint64
	Base    Base
	Records []Record
}

// Flags of an entry.
const (
	// FlagRepair marks an entry appended again after the log lost its tail.
	FlagRepair uint64 = 1 << iota
)

// Base is what the writer had applied when it made the entry: a free witness of the log's history.
type Base struct {
	Epoch uint64
	Chain
}

// Record is one command as it is stored.
type Record struct {
	Type  string // as in the protocol: "idea.post"
	ID    id.ID  // the command's id
	Actor id.ID  // who sent it; zero where a part says so (votes) and for Kiem's own commands
	Lane  uint64 // see design: of two set-type commands of one lane the lower N never wins
	N     uint64
	Tag   uint64 // keyed digest of the content: the same id with another content is refused
	Data  []byte // what everybody may know: JSON
	Parts []Part
}

// Part is a piece of a record that can be left out of a published file, or erased, without breaking the chain.
type Part struct {
	Kind  Kind
	Salt  [16]byte
	Bytes []byte // nil if absent
	Sum   Hash   // SHA-256(salt, bytes); of an absent part all that is left
}

// Kind says what a part holds.
type Kind uint8

const (
	Sealed Kind = 1 // a person's text, encrypted with that person's key
	Vote   Kind = 2 // a voter's pseudonym and choice
	Hidden Kind = 3 // not public: who sent a command, and what it says beside texts
)

// NewPart makes a part with its sum. The salt is random and the caller's to bring.
func NewPart(kind Kind, salt [16]byte, b []byte) Part {
	if b == nil {
		b = []byte{}
	}
	p := Part{Kind: kind, Salt: salt, Bytes: b}
	p.Sum = p.sum()
	return p
}

// Blank is the part with its bytes removed.
func (p Part) Blank() Part { return Part{Kind: p.Kind, Sum: p.Sum} }

// Present says whether the bytes are there.
func (p Part) Present() bool { return p.Bytes != nil }

func (p Part) sum() Hash {
	var small [256]byte
	b := append(small[:0], p.Salt[:]...)
	return sha256.Sum256(append(b, p.Bytes...))
}

const version = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode gives the stored bytes. It fails with ErrTooLarge rather than make what Decode would refuse.
func (e *Entry) Encode() ([]byte, error) {
	if len(e.Records) > MaxRecords {
		return nil, fmt.Errorf("%w: %d records, at most %d", ErrTooLarge, len(e.Records), MaxRecords)
	}
	b := e.appendTo(make([]byte, 0, e.roughSize(false)), false)
	if len(b)+4 > MaxEntry {
		return nil, fmt.Errorf("%w: an entry of %d bytes, at most %d", ErrTooLarge, len(b)+4, MaxEntry)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// Public gives the bytes that the chain hashes: every part in its absent form, no checksum.
func (e *Entry) Public() []byte { return e.appendTo(make([]byte, 0, e.roughSize(true)), true) }

// roughSize is an upper bound in all but odd cases: it only saves growing.
func (e *Entry) roughSize(public bool) int {
	size := 128
	for i := range e.Records {
		size += 96 + len(e.Records[i].Type) + len(e.Records[i].Data)
		for _, p := range e.Records[i].Parts {
			size += 64
			if !public {
				size += len(p.Bytes)
			}
		}
	}
	return size
}

func (e *Entry) appendTo(b []byte, public bool) []byte {
	b = append(b, version)
	for _, v := range [...]uint64{e.Rules, uint64(e.At), e.Node, e.Batch, e.Flags, e.Base.Epoch, e.Base.Seq} {
		b = binary.AppendUvarint(b, v)
	}
	b = append(b, e.Base.Hash[:]...)
	b = binary.AppendUvarint(b, uint64(len(e.Records)))
	for i := range e.Records {
		r := &e.Records[i]
		b = appendBytes(b, r.Type)
		b = append(b, r.ID[:]...)
		b = append(b, r.Actor[:]...)
		b = binary.AppendUvarint(b, r.Lane)
		b = binary.AppendUvarint(b, r.N)
		b = binary.AppendUvarint(b, r.Tag)
		b = appendBytes(b, r.Data)
		b = binary.AppendUvarint(b, uint64(len(r.Parts)))
		for j := range r.Parts {
			p := &r.Parts[j]
			b = append(b, byte(p.Kind))
			if public || !p.Present() {
				b = append(b, 0)
				b = append(b, p.Sum[:]...)
				continue
			}
			b = append(b, 1)
			b = append(b, p.Salt[:]...)
			b = appendBytes(b, p.Bytes)
		}
	}
	return b
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// Check says whether body has the outer form of an encoded entry: size, version and checksum.
func Check(body []byte) error {
	switch {
	case len(body) > MaxEntry:
		return fmt.Errorf("%w: an entry of %d bytes, at most %d", ErrTooLarge, len(body), MaxEntry)
	case len(body) < 5:
		return fmt.Errorf("%w: an entry of %d bytes", ErrCorrupt, len(body))
	case body[0] != version:
		return fmt.Errorf("%w: entry format %d", ErrCorrupt, body[0])
	}
	at := len(body) - 4
	if got, want := crc32.Checksum(body[:at], castagnoli), binary.LittleEndian.Uint32(body[at:]); got != want {
		return fmt.Errorf("%w: checksum %08x, stored %08x", ErrCorrupt, got, want)
	}
	return nil
}

// Decode reads what Encode made. Data and Bytes point into body. Any deviation is ErrCorrupt.
func Decode(body []byte) (*Entry, error) {
	if err := Check(body); err != nil {
		return nil, err
	}
	return decode(body[1 : len(body)-4])
}

// DecodePublic reads what Public made, as it stands in published files: no checksum, and no part is present. Any deviation is ErrCorrupt.
func DecodePublic(public []byte) (*Entry, error) {
	switch {
	case len(public) > MaxEntry:
		return nil, fmt.Errorf("%w: an entry of %d bytes, at most %d", ErrTooLarge, len(public), MaxEntry)
	case len(public) == 0 || public[0] != version:
		return nil, fmt.Errorf("%w: not an entry of format %d", ErrCorrupt, version)
	}
	e, err := decode(public[1:])
	if err != nil {
		return nil, err
	}
	for i := range e.Records {
		for _, p := range e.Records[i].Parts {
			if p.Present() {
				return nil, fmt.Errorf("%w: record %d of a published entry holds a part that is not public", ErrCorrupt, i)
			}
		}
	}
	return e, nil
}

// decode reads what stands between the version and the checksum.
func decode(b []byte) (*Entry, error) {
	r := reader{b: b}
	e := &Entry{}
	for _, v := range [...]*uint64{&e.Rules, nil, &e.Node, &e.Batch, &e.Flags, &e.Base.Epoch, &e.Base.Seq} {
		n := r.uvarint()
		if v == nil {
			e.At = int64(n)
			continue
		}
		*v = n
	}
	copy(e.Base.Hash[:], r.take(32))
	n := r.uvarint()
	if n > MaxRecords {
		return nil, fmt.Errorf("%w: %d records", ErrCorrupt, n)
	}
	// A record takes at least 38 bytes: never allocate by a claimed number.
	e.Records = make([]Record, 0, min(n, uint64(len(r.b)/38+1)))
	for range n {
		rec := Record{Type: string(r.bytes())}
		copy(rec.ID[:], r.take(16))
		copy(rec.Actor[:], r.take(16))
		rec.Lane, rec.N, rec.Tag = r.uvarint(), r.uvarint(), r.uvarint()
		rec.Data = r.bytes()
		parts := r.uvarint()
		for range parts {
			p := Part{}
			head := r.take(2)
			if r.bad {
				break
			}
			p.Kind = Kind(head[0])
			switch head[1] {
			case 0:
				copy(p.Sum[:], r.take(32))
			case 1:
				copy(p.Salt[:], r.take(16))
				p.Bytes = r.bytes()
				p.Sum = p.sum()
			default:
				r.bad = true
			}
			rec.Parts = append(rec.Parts, p)
		}
		if r.bad {
			return nil, fmt.Errorf("%w: record %d of an entry cannot be read", ErrCorrupt, len(e.Records))
		}
		e.Records = append(e.Records, rec)
	}
	if r.bad || len(r.b) != 0 {
		return nil, fmt.Errorf("%w: an entry cannot be read to its end", ErrCorrupt)
	}
	return e, nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 { // one number has one spelling
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	return r.take(int(n))
}
