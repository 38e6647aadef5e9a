package redislog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"kiem/hub/journal"
)

// The header of a snapshot, integers big endian:
//
//	epoch 8 | hash 32 | digest 32 | size 8 | Sum 32 | where its chunks are | crc32c 4
//
// A snapshot counts from the moment its header stands in {<log>}:snap, which is after the last chunk. What a writer that died leaves behind
// is known by its mark and removed by the next writer.
const headerFixed = 8 + 32 + 32 + 8 + 32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeHeader(log string, s journal.Snapshot, suffix string) []byte {
	b := binary.BigEndian.AppendUint64(nil, s.Epoch)
	b = append(b, s.Hash[:]...)
	b = append(b, s.Digest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(s.State)))
	sum := s.Sum(log)
	b = append(b, sum[:]...)
	b = append(b, suffix...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

type header struct {
	s      journal.Snapshot // without State
	size   uint64
	sum    journal.Hash
	suffix string
}

func decodeHeader(seq uint64, b string) (h header, err error) {
	n := len(b) - 4
	if n < headerFixed || crc32.Checksum([]byte(b[:n]), castagnoli) != binary.BigEndian.Uint32([]byte(b[n:])) {
		return h, fmt.Errorf("%w: the header of a snapshot", journal.ErrCorrupt)
	}
	h.s.Seq = seq
	h.s.Epoch = binary.BigEndian.Uint64([]byte(b))
	copy(h.s.Hash[:], b[8:])
	copy(h.s.Digest[:], b[40:])
	h.size = binary.BigEndian.Uint64([]byte(b[72:]))
	copy(h.sum[:], b[80:])
	h.suffix = b[headerFixed:n]
	if h.size > journal.MaxSnapshot {
		return h, fmt.Errorf("%w: a snapshot of %d bytes", journal.ErrCorrupt, h.size)
	}
	return h, nil
}

func keyChunks(log, suffix string) string { return keySnap(log) + ":" + suffix }

// index is what {<log>}:snap holds.
type index struct {
	have    []uint64          // complete snapshots, newest first
	headers map[uint64]string // encoded
	writing map[string]int64  // suffix -> Unix ms
}

func (l *Log) index(ctx context.Context) (index, error) {
	x := index{headers: map[uint64]string{}, writing: map[string]int64{}}
	all, err := l.j.client.HGetAll(ctx, keySnap(l.s.name)).Result()
	if err != nil {
		return x, err
	}
	for name, value := range all {
		if suffix, ok := strings.CutPrefix(name, "w"); ok {
			x.writing[suffix], _ = strconv.ParseInt(value, 10, 64)
		} else if seq, err := strconv.ParseUint(name, 10, 64); err == nil {
			x.have = append(x.have, seq)
			x.headers[seq] = value
		}
	}
	slices.Sort(x.have)
	slices.Reverse(x.have)
	return x, nil
}

// SaveSnapshot is journal.Log's. Several nodes may save at once; of two of the same number one stays.
func (l *Log) SaveSnapshot(ctx context.Context, s journal.Snapshot) error {
	if err := journal.CheckSnapshot(s); err != nil {
		return err
	}
	if err := l.usable(); err != nil {
		return err
	}
	return l.j.write(ctx, func(ctx context.Context) error { return l.save(ctx, s) })
}

func (l *Log) save(ctx context.Context, s journal.Snapshot) error {
	x, err := l.index(ctx)
	if err != nil {
		return err
	}
	if s.Seq == 0 || len(x.have) > 0 && x.have[0] >= s.Seq {
		return nil
	}
	seq := strconv.FormatUint(s.Seq, 10)
	suffix := seq + "." + strconv.FormatUint(rand.Uint64(), 36)
	mark, chunks := "w"+suffix, keyChunks(l.s.name, suffix)
	if err := l.j.client.HSet(ctx, keySnap(l.s.name), mark, time.Now().UnixMilli()).Err(); err != nil {
		return err
	}
	n := 0
	for chunk := range slices.Chunk(s.State, snapshotChunk) {
		if err := l.j.client.HSet(ctx, chunks, strconv.Itoa(n), chunk).Err(); err != nil {
			return err
		}
		n++
	}
	first, err := l.j.client.HSetNX(ctx, keySnap(l.s.name), seq, encodeHeader(l.s.name, s, suffix)).Result()
	if err != nil {
		return err
	}
	if !first { // another node was quicker
		if err := l.j.client.Unlink(ctx, chunks).Err(); err != nil {
			return err
		}
	}
	if err := l.j.client.HDel(ctx, keySnap(l.s.name), mark).Err(); err != nil {
		return err
	}
	if err := l.tidy(ctx); err != nil {
		return err
	}
	return l.replicated(ctx)
}

// replicated waits until the replicas have what was written. WAIT covers its own connection, so it writes something there.
func (l *Log) replicated(ctx context.Context) error {
	if l.j.o.Replicas == 0 {
		return nil
	}
	var node interface{ Pipeline() redis.Pipeliner } = l.j.client
	if l.j.cluster != nil {
		n, err := l.j.cluster.MasterForKey(ctx, keySnap(l.s.name))
		if err != nil {
			return err
		}
		node = n
	}
	p := node.Pipeline()
	p.HSet(ctx, keySnap(l.s.name), "-", "")
	replicas := l.j.wait(ctx, p)
	if _, err := p.Exec(ctx); err != nil {
		return err
	}
	if have, need, enough := replicas.enough(); !enough {
		return fmt.Errorf("the snapshot is on %d of %d replicas", have, need)
	}
	return nil
}

// tidy removes all but the newest snapshots, and what writers that died left.
func (l *Log) tidy(ctx context.Context) error {
	x, err := l.index(ctx)
	if err != nil {
		return err
	}
	for i, seq := range x.have {
		if i < journal.KeepSnapshots {
			continue
		}
		if err := l.j.client.HDel(ctx, keySnap(l.s.name), strconv.FormatUint(seq, 10)).Err(); err != nil {
			return err
		}
		if h, err := decodeHeader(seq, x.headers[seq]); err == nil {
			if err := l.j.client.Unlink(ctx, keyChunks(l.s.name, h.suffix)).Err(); err != nil {
				return err
			}
		}
	}
	for suffix, since := range x.writing {
		if time.Since(time.UnixMilli(since)) < abandoned {
			continue
		}
		if err := l.j.client.Unlink(ctx, keyChunks(l.s.name, suffix)).Err(); err != nil {
			return err
		}
		if err := l.j.client.HDel(ctx, keySnap(l.s.name), "w"+suffix).Err(); err != nil {
			return err
		}
	}
	return nil
}

// Snapshot is journal.Log's.
func (l *Log) Snapshot(ctx context.Context, atOrBelow uint64) (s journal.Snapshot, err error) {
	if err := l.usable(); err != nil {
		return s, err
	}
	err = l.j.read(ctx, func(ctx context.Context) error {
		x, err := l.index(ctx)
		if err != nil {
			return err
		}
		for _, seq := range x.have {
			if seq > atOrBelow {
				continue
			}
			s, err = l.load(ctx, seq, x.headers[seq])
			if err == nil || !errors.Is(err, journal.ErrCorrupt) {
				return err
			}
			l.j.log.Warn("a snapshot is passed over", "log", l.s.name, "seq", seq, "err", err)
		}
		return fmt.Errorf("%w: log %s has no snapshot at or below %d", journal.ErrNotFound, l.s.name, atOrBelow)
	})
	return s, err
}

func (l *Log) load(ctx context.Context, seq uint64, encoded string) (journal.Snapshot, error) {
	h, err := decodeHeader(seq, encoded)
	if err != nil {
		return journal.Snapshot{}, err
	}
	h.s.State = []byte{}
	for n := 0; uint64(len(h.s.State)) < h.size; n++ {
		chunk, err := l.j.client.HGet(ctx, keyChunks(l.s.name, h.suffix), strconv.Itoa(n)).Result()
		if errors.Is(err, redis.Nil) || err == nil && chunk == "" {
			return journal.Snapshot{}, fmt.Errorf("%w: a chunk is missing", journal.ErrCorrupt)
		}
		if err != nil {
			return journal.Snapshot{}, err
		}
		h.s.State = append(h.s.State, chunk...)
	}
	if uint64(len(h.s.State)) != h.size || h.s.Sum(l.s.name) != h.sum {
		return journal.Snapshot{}, fmt.Errorf("%w: its sum is wrong", journal.ErrCorrupt)
	}
	return h.s, nil
}

// Kept is journal.Keeper's.
func (l *Log) Kept(ctx context.Context) (list []journal.Kept, err error) {
	if err := l.usable(); err != nil {
		return nil, err
	}
	var x index
	if err := l.j.read(ctx, func(ctx context.Context) (err error) {
		x, err = l.index(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	for _, seq := range slices.Backward(x.have) {
		list = append(list, journal.Kept{Seq: seq, Name: keySnap(l.s.name) + " " + strconv.FormatUint(seq, 10), Load: func(ctx context.Context) (s journal.Snapshot, err error) {
			err = l.j.read(ctx, func(ctx context.Context) error {
				s, err = l.load(ctx, seq, x.headers[seq])
				if !errors.Is(err, journal.ErrCorrupt) {
					return err
				}
				if now, again := l.index(ctx); again == nil && now.headers[seq] != x.headers[seq] {
					return fmt.Errorf("%w: a newer one took its place", journal.ErrNotFound)
				}
				return err
			})
			return s, err
		}})
	}
	return list, nil
}
