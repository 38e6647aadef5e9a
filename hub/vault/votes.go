package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"kiem/id"
)

// Blinder makes the names under which votes are stored, with one campaign's vote key. Without the key nobody can tell whose they are. It belongs
// to one owner at a time: it reuses its hashes.
type Blinder struct {
	voter, lane hash.Hash
	in          [24]byte
	sum         [sha256.Size]byte
}

// NewBlinder prepares a vote key.
func NewBlinder(voteKey [KeySize]byte) *Blinder {
	return &Blinder{
		voter: hmac.New(sha256.New, subkey(voteKey, domainVoter)),
		lane:  hmac.New(sha256.New, subkey(voteKey, domainLane)),
	}
}

// Voter is a participant's pseudonym: 122 bits of HMAC-SHA256 in the form of a UUID of version 8, which no other id of Kiem has.
func (b *Blinder) Voter(participant id.ID) id.ID {
	b.voter.Reset()
	copy(b.in[:], participant[:])
	b.voter.Write(b.in[:len(participant)])
	i := id.ID(b.voter.Sum(b.sum[:0])[:16])
	i[6] = i[6]&0x0f | 0x80
	i[8] = i[8]&0x3f | 0x80
	return i
}

// Lane blinds the lane of a vote: the same for the same participant and lane, so that order within a lane still holds; otherwise a lane
// that also carries comments would tell who voted.
func (b *Blinder) Lane(participant id.ID, lane uint64) uint64 {
	b.lane.Reset()
	copy(b.in[:], participant[:])
	binary.BigEndian.PutUint64(b.in[len(participant):], lane)
	b.lane.Write(b.in[:])
	return binary.BigEndian.Uint64(b.lane.Sum(b.sum[:0]))
}

// Voter is NewBlinder(voteKey).Voter once.
func Voter(voteKey [KeySize]byte, participant id.ID) id.ID {
	return NewBlinder(voteKey).Voter(participant)
}

// BlindLane is NewBlinder(voteKey).Lane once.
func BlindLane(voteKey [KeySize]byte, participant id.ID, lane uint64) uint64 {
	return NewBlinder(voteKey).Lane(participant, lane)
}
