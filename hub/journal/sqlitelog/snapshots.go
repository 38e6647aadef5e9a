package sqlitelog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"kiem/hub/journal"
)

// A snapshot is a file snapshots/<log>/<seq>, with ":" in the log's name written as "+". It is written beside its name,
// synced, renamed, and the directory synced, so that a file under its name is whole. Integers big endian:
//
//	"kiemsnp1" | seq 8 | epoch 8 | hash 32 | digest 32 | size 8 | crc32c of what precedes 4 | chunks | Sum 32
//
// A chunk is chunkSize bytes of the state (the last one less) and their crc32c. Sum is journal.Snapshot.Sum, which also covers
// the log's name.
const (
	snapshotMagic  = "kiemsnp1"
	snapshotHeader = 8 + 8 + 8 + 32 + 32 + 8 + 4
	chunkSize      = 1 << 20
)

func (j *Journal) snapshotDir(log string) string {
	return filepath.Join(j.dir, "snapshots", strings.ReplaceAll(log, ":", "+"))
}

// SaveSnapshot is journal.Log's. It runs in the caller's goroutine and does not hold appends up.
func (l *Log) SaveSnapshot(ctx context.Context, s journal.Snapshot) error {
	if err := journal.CheckSnapshot(s); err != nil {
		return err
	}
	if l.closed.Load() {
		return journal.ErrClosed
	}
	if err := l.j.enter(); err != nil {
		return err
	}
	defer l.j.under.Done()
	if p := l.j.poison.Load(); p != nil {
		return p.err
	}
	l.s.saving.Lock()
	defer l.s.saving.Unlock()
	dir := l.j.snapshotDir(l.s.name)
	have, err := listSnapshots(dir)
	if err != nil {
		return err
	}
	for len(have) > 0 && have[0] > l.s.head.Load() {
		// Of a history that was given up. It must not stand in the way.
		if err := os.Remove(filepath.Join(dir, snapshotName(have[0]))); err != nil {
			return err
		}
		have = have[1:]
	}
	if s.Seq == 0 || len(have) > 0 && have[0] >= s.Seq {
		return nil
	}
	if err := l.j.space.look(); err != nil {
		return err
	}
	if err := makeDir(dir); err != nil {
		return spaceError(err)
	}
	if err := writeSnapshot(ctx, dir, l.s.name, s); err != nil {
		return spaceError(fmt.Errorf("snapshot of %s at %d: %w", l.s.name, s.Seq, err))
	}
	for i, seq := range have {
		if i+1 >= journal.KeepSnapshots {
			if err := os.Remove(filepath.Join(dir, snapshotName(seq))); err != nil {
				return err
			}
		}
	}
	l.j.truncate.Store(true)
	return nil
}

// spaceError gives a full disk the contract's name.
func spaceError(err error) error {
	if err != nil && pathErrorFull(err) {
		return fmt.Errorf("%w (%w): %w", journal.ErrFull, journal.ErrUnavailable, err)
	}
	return err
}

func pathErrorFull(err error) bool { return writeCode(err) == fullCode }

func snapshotName(seq uint64) string { return fmt.Sprintf("%016d", seq) }

// listSnapshots gives the numbers of a directory's snapshots, newest first.
func listSnapshots(dir string) ([]uint64, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var have []uint64
	for _, f := range files {
		if n, err := strconv.ParseUint(f.Name(), 10, 64); err == nil {
			have = append(have, n)
		}
	}
	slices.SortFunc(have, func(a, b uint64) int {
		if a > b {
			return -1
		}
		return 1
	})
	return have, err
}

func writeSnapshot(ctx context.Context, dir, log string, s journal.Snapshot) (err error) {
	tmp := filepath.Join(dir, "writing")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(tmp)
		}
	}()
	b := make([]byte, 0, chunkSize+4)
	b = append(b, snapshotMagic...)
	b = binary.BigEndian.AppendUint64(b, s.Seq)
	b = binary.BigEndian.AppendUint64(b, s.Epoch)
	b = append(b, s.Hash[:]...)
	b = append(b, s.Digest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(s.State)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if _, err := f.Write(b); err != nil {
		return err
	}
	for chunk := range slices.Chunk(s.State, chunkSize) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b = append(b[:0], chunk...)
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	sum := s.Sum(log)
	if _, err := f.Write(sum[:]); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, snapshotName(s.Seq))); err != nil {
		return err
	}
	return syncDir(dir)
}

// Snapshot is journal.Log's. A snapshot whose chain hash is not the log's is passed over too: it is of another history.
func (l *Log) Snapshot(ctx context.Context, atOrBelow uint64) (s journal.Snapshot, err error) {
	if l.closed.Load() {
		return s, journal.ErrClosed
	}
	err = l.j.read(ctx, func(c *conn) (err error) {
		s, err = l.j.findSnapshot(ctx, c, l.s.name, l.s.id.Load(), min(atOrBelow, l.s.head.Load()))
		return err
	})
	return s, err
}

func (j *Journal) findSnapshot(ctx context.Context, c *conn, log string, id int64, atOrBelow uint64) (journal.Snapshot, error) {
	dir := j.snapshotDir(log)
	have, err := listSnapshots(dir)
	if err != nil {
		return journal.Snapshot{}, err
	}
	for _, seq := range have {
		if seq > atOrBelow {
			continue
		}
		if err := ctx.Err(); err != nil {
			return journal.Snapshot{}, err
		}
		path := filepath.Join(dir, snapshotName(seq))
		s, err := readSnapshot(path, log, seq)
		if err == nil {
			var at journal.Chain
			if at, err = chainAt(c, id, log, seq); err == nil && at.Hash != s.Hash {
				err = fmt.Errorf("%w: it belongs to another history (chain %v, the log has %v)", journal.ErrCorrupt, s.Hash, at.Hash)
			}
		}
		if err == nil {
			return s, nil
		}
		if errors.Is(err, os.ErrNotExist) {
			continue // a newer one replaced it just now
		}
		j.log.Warn("a snapshot is passed over", "file", path, "err", err)
	}
	return journal.Snapshot{}, notFound(log, atOrBelow)
}

// readSnapshot reads and checks a file. It never allocates more than the file holds.
func readSnapshot(path, log string, seq uint64) (s journal.Snapshot, err error) {
	bad := func(what string, at int64) (journal.Snapshot, error) {
		return journal.Snapshot{}, fmt.Errorf("%w: %s, byte %d: %s", journal.ErrCorrupt, path, at, what)
	}
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return s, err
	}
	head := make([]byte, snapshotHeader)
	if _, err := io.ReadFull(f, head); err != nil {
		return bad("the header is cut short", fi.Size())
	}
	n := snapshotHeader - 4
	if string(head[:8]) != snapshotMagic || crc32.Checksum(head[:n], castagnoli) != binary.BigEndian.Uint32(head[n:]) {
		return bad("the header is damaged", 0)
	}
	s.Seq = binary.BigEndian.Uint64(head[8:])
	s.Epoch = binary.BigEndian.Uint64(head[16:])
	copy(s.Hash[:], head[24:])
	copy(s.Digest[:], head[56:])
	size := binary.BigEndian.Uint64(head[88:])
	if s.Seq != seq {
		return bad("it says it is of another entry", 8)
	}
	if size > journal.MaxSnapshot || size > math.MaxInt64/2 {
		return bad("its size is over the limit", 88)
	}
	chunks := (int64(size) + chunkSize - 1) / chunkSize
	if fi.Size() != snapshotHeader+int64(size)+4*chunks+32 {
		return bad("it has another length than it says", fi.Size())
	}
	s.State = make([]byte, 0, size+4)
	at := int64(snapshotHeader)
	for uint64(len(s.State)) < size {
		k := min(chunkSize, int(size)-len(s.State))
		b := s.State[len(s.State) : len(s.State)+k+4]
		if _, err := io.ReadFull(f, b); err != nil {
			return bad(err.Error(), at)
		}
		if crc32.Checksum(b[:k], castagnoli) != binary.BigEndian.Uint32(b[k:]) {
			return bad("a chunk is damaged", at)
		}
		s.State = s.State[:len(s.State)+k]
		at += int64(k) + 4
	}
	var sum journal.Hash
	if _, err := io.ReadFull(f, sum[:]); err != nil {
		return bad(err.Error(), at)
	}
	if sum != s.Sum(log) {
		return bad("the sum is wrong, or it is of another log", at)
	}
	return s, nil
}
