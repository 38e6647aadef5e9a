package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// Locate finds the byte of a stored entry that was changed, if it is exactly one: its place, and what stood there. A checksum tells that much: undone step by step from the end of the entry, the
// difference of the two checksums is, at the place of the error, the contribution of a single byte.
//
// Other damage may look like that by chance, about once in 17 million for each byte of the entry. What is put back gives an entry that can be read; whoever knows the chain's hash after it can be sure.
func Locate(body []byte) (at int, was byte, ok bool) {
	const trailer = crc32.Size
	if len(body) < 5 || len(body) > MaxEntry {
		return 0, 0, false
	}
	end := len(body) - trailer
	stored := binary.LittleEndian.Uint32(body[end:])
	differs := crc32.Checksum(body[:end], castagnoli) ^ stored
	for n := range trailer { // in the checksum itself
		if differs != 0 && differs&^(0xff<<(8*n)) == 0 {
			return located(body, end+n, byte(differs>>(8*n)))
		}
	}
	for n := end - 1; n >= 0 && differs != 0; n-- {
		by := undo[differs>>24]
		if differs == castagnoli[by] {
			return located(body, n, by)
		}
		differs = (differs^castagnoli[by])<<8 | uint32(by)
	}
	return 0, 0, false
}

// located says whether the entry can be read with that byte put back.
func located(body []byte, at int, by byte) (int, byte, bool) {
	b := bytes.Clone(body)
	b[at] ^= by
	_, err := Decode(b)
	return at, b[at], err == nil
}

// undo finds the row of the checksum's table by its highest byte, which no two rows share.
var undo = func() (rows [256]byte) {
	for n, row := range castagnoli {
		rows[row>>24] = byte(n)
	}
	return rows
}()
