package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
)

// Sizes of what Seal makes.
const (
	NonceSize = 12
	tagSize   = 16
	// Overhead is how many bytes longer than the text a sealed text is.
	Overhead = NonceSize + tagSize
)

// ErrSeal: sealed bytes were not made with this key and this associated data, or were changed.
var ErrSeal = errors.New("vault: the seal does not open")

// Domains keep the uses of one key apart: what is learnt from one says nothing about another.
const (
	domainSeal  = "kiem/seal/v1"
	domainTag   = "kiem/tag/v1"
	domainVoter = "kiem/voter/v1"
	domainLane  = "kiem/lane/v1"
)

// subkey derives the key of one use.
func subkey(key [KeySize]byte, domain string) []byte {
	h := hmac.New(sha256.New, key[:])
	h.Write([]byte(domain))
	return h.Sum(nil)
}

// Sealer seals and opens with one person's key. Its methods Seal and Open may be called from many goroutines; Tag belongs to one owner
// at a time, as it reuses its hash.
type Sealer struct {
	aead cipher.AEAD
	tag  hash.Hash
	sum  [sha256.Size]byte
}

// NewSealer prepares a key (Person.Key).
func NewSealer(key [KeySize]byte) *Sealer {
	block, err := aes.NewCipher(subkey(key, domainSeal))
	if err != nil {
		panic(err) // the key has the right size
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size that GCM asks for
	}
	return &Sealer{aead: aead, tag: hmac.New(sha256.New, subkey(key, domainTag))}
}

// Seal encrypts a text with AES-256-GCM and appends nonce, text and tag to dst. The nonce must never be used twice with one key; NewNonce gives a random one, good
// for 2^32 texts of one person. aad is not stored: Open needs the same (what the text is and where it belongs).
func (s *Sealer) Seal(dst []byte, nonce [NonceSize]byte, text, aad []byte) []byte {
	return s.aead.Seal(append(dst, nonce[:]...), nonce[:], text, aad)
}

// Open appends the text to dst, or says ErrSeal.
func (s *Sealer) Open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrSeal
	}
	text, err := s.aead.Open(dst, sealed[:NonceSize], sealed[NonceSize:], aad)
	if err != nil {
		return nil, ErrSeal
	}
	return text, nil
}

// Tag is a keyed digest of a list of parts, by which a command sent again with other content is recognised: the first eight bytes of HMAC-SHA256. Who lacks
// the key learns nothing from it, not even by guessing a short text.
func (s *Sealer) Tag(parts ...[]byte) uint64 {
	s.tag.Reset()
	writeParts(s.tag, &s.sum, parts)
	return binary.BigEndian.Uint64(s.tag.Sum(s.sum[:0]))
}

// writeParts writes each part after its length, so that no two lists of parts read the same. buf is scratch that does not escape anew each time.
func writeParts(h hash.Hash, buf *[sha256.Size]byte, parts [][]byte) {
	for _, p := range parts {
		binary.BigEndian.PutUint64(buf[:8], uint64(len(p)))
		h.Write(buf[:8])
		h.Write(p)
	}
}

// NewNonce makes a random nonce.
func NewNonce() (nonce [NonceSize]byte) {
	_, _ = rand.Read(nonce[:]) // never fails
	return nonce
}

// Seal is NewSealer(key).Seal for one text.
func Seal(key [KeySize]byte, nonce [NonceSize]byte, text, aad []byte) []byte {
	return NewSealer(key).Seal(make([]byte, 0, len(text)+Overhead), nonce, text, aad)
}

// Open is NewSealer(key).Open for one text.
func Open(key [KeySize]byte, sealed, aad []byte) ([]byte, error) {
	return NewSealer(key).Open(nil, sealed, aad)
}

// Tag is NewSealer(key).Tag once.
func Tag(key [KeySize]byte, parts ...[]byte) uint64 { return NewSealer(key).Tag(parts...) }
