package vault

import (
	"encoding/binary"
	"fmt"
)

// A stored record is
//
//	version (1) | key (32) | name | organisation | mail, each with its length in two bytes | zeros up to a multiple of recordStep
//
// The length steps serve the embedded form, which overwrites a record in place (see lite.go), and tell an observer of
// sizes little about names.
const (
	recordVersion = 1
	recordStep    = 128
	recordFixed   = 1 + KeySize + 3*2
)

func encode(p *Person) []byte {
	n := recordFixed + len(p.Name) + len(p.Organisation) + len(p.Mail)
	b := make([]byte, 0, (n+recordStep-1)/recordStep*recordStep)
	b = append(b, recordVersion)
	b = append(b, p.Key[:]...)
	for _, f := range [...]string{p.Name, p.Organisation, p.Mail} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(f)))
		b = append(b, f...)
	}
	return b[:cap(b)]
}

// decode reads a record into p, all but the id.
func decode(b []byte, p *Person) error {
	if len(b) < recordFixed || b[0] != recordVersion || len(b)%recordStep != 0 {
		return fmt.Errorf("%w: %d bytes", ErrDamaged, len(b))
	}
	copy(p.Key[:], b[1:])
	b = b[1+KeySize:]
	for _, f := range [...]*string{&p.Name, &p.Organisation, &p.Mail} {
		if len(b) < 2 {
			return fmt.Errorf("%w: ends too early", ErrDamaged)
		}
		n := int(binary.BigEndian.Uint16(b))
		if n > MaxField || n > len(b)-2 {
			return fmt.Errorf("%w: a field of %d bytes", ErrDamaged, n)
		}
		*f = string(b[2 : 2+n])
		b = b[2+n:]
	}
	if len(b) >= recordStep {
		return fmt.Errorf("%w: %d bytes of padding", ErrDamaged, len(b))
	}
	for _, c := range b {
		if c != 0 {
			return fmt.Errorf("%w: padding is not empty", ErrDamaged)
		}
	}
	return nil
}
