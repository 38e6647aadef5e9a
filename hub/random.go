package hub

import "kiem/hub/vault"

// randomness hands out salts and nonces from blocks, because a system call for each vote would cost more than the vote. Owned by one sequencer.
type randomness struct {
	fill func([]byte) // crypto/rand, or a seed in simulations
	buf  [4096]byte
	left int
}

func newRandomness(fill func([]byte)) *randomness { return &randomness{fill: fill} }

func (r *randomness) read(b []byte) {
	if r.left < len(b) {
		r.fill(r.buf[:])
		r.left = len(r.buf)
	}
	at := len(r.buf) - r.left
	copy(b, r.buf[at:])
	clear(r.buf[at : at+len(b)]) // used once
	r.left -= len(b)
}

func (r *randomness) salt() (s [16]byte)               { r.read(s[:]); return s }
func (r *randomness) nonce() (n [vault.NonceSize]byte) { r.read(n[:]); return n }
