package sqlitelog

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"time"

	"kiem/hub/journal"
)

// mark is what the witness remembers of the journal: enough to notice that its end is missing, or that it is another one.
//
// Stored in two slots of one file, 4096 bytes apart and written in turn, so that a torn write spoils only the older. A slot, integers
// big endian:
//
//	"kiemwit1" | generation 8 | journal id 16 | unix ms 8 | pos 8 | logs 8 | digest 32 | seq 8 | hash 32 | name length 1 | name 64 | crc32c 4
type mark struct {
	generation uint64
	journal    [16]byte
	at         int64 // Unix milliseconds
	pos        int64 // entries over all logs
	logs       int64
	digest     journal.Hash // of all heads, see leaf
	log        string       // of the newest entry
	chain      journal.Chain
}

const (
	slotSize  = 4096
	markSize  = 8 + 8 + 16 + 8 + 8 + 8 + 32 + 8 + 32 + 1 + journal.MaxName + 4
	markMagic = "kiemwit1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (m *mark) encode() []byte {
	b := make([]byte, 0, slotSize)
	b = append(b, markMagic...)
	b = binary.BigEndian.AppendUint64(b, m.generation)
	b = append(b, m.journal[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.at))
	b = binary.BigEndian.AppendUint64(b, uint64(m.pos))
	b = binary.BigEndian.AppendUint64(b, uint64(m.logs))
	b = append(b, m.digest[:]...)
	b = binary.BigEndian.AppendUint64(b, m.chain.Seq)
	b = append(b, m.chain.Hash[:]...)
	b = append(b, byte(len(m.log)))
	b = append(b, m.log...)
	b = append(b, make([]byte, journal.MaxName-len(m.log))...)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return b[:slotSize]
}

// decodeMark gives nil if b is not a whole mark.
func decodeMark(b []byte) *mark {
	if len(b) < markSize || string(b[:8]) != markMagic {
		return nil
	}
	if crc32.Checksum(b[:markSize-4], castagnoli) != binary.BigEndian.Uint32(b[markSize-4:]) {
		return nil
	}
	n := int(b[128])
	if n > journal.MaxName {
		return nil
	}
	m := &mark{
		generation: binary.BigEndian.Uint64(b[8:]),
		at:         int64(binary.BigEndian.Uint64(b[32:])),
		pos:        int64(binary.BigEndian.Uint64(b[40:])),
		logs:       int64(binary.BigEndian.Uint64(b[48:])),
		log:        string(b[129 : 129+n]),
	}
	copy(m.journal[:], b[16:])
	copy(m.digest[:], b[56:])
	m.chain.Seq = binary.BigEndian.Uint64(b[88:])
	copy(m.chain.Hash[:], b[96:])
	return m
}

func witnessPath(dir string) string { return filepath.Join(dir, "journal.witness") }

// readWitness gives the newest whole mark, or nil if there is no file.
func readWitness(dir string) (*mark, error) {
	b, err := os.ReadFile(witnessPath(dir))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(b) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var newest *mark
	for at := 0; at < len(b) && at <= slotSize; at += slotSize {
		if m := decodeMark(b[at:]); m != nil && (newest == nil || m.generation > newest.generation) {
			newest = m
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("%w: %s holds nothing readable\n%s", journal.ErrCorrupt, witnessPath(dir), howToRestore(dir))
	}
	return newest, nil
}

// refuse is the error of a journal that is not what the witness saw.
func (m *mark) refuse(dir, why string) error {
	return fmt.Errorf("%w: %s.\nThe witness was written %s: journal %s with %d entries in %d logs, the newest being entry %d of %s, chain %s.\n%s",
		journal.ErrCorrupt, why, time.UnixMilli(m.at).UTC().Format(time.RFC3339), hex.EncodeToString(m.journal[:]), m.pos, m.logs,
		m.chain.Seq, m.log, m.chain.Hash, howToRestore(dir))
}

func howToRestore(dir string) string {
	return fmt.Sprintf("Nothing was changed. Stop the server and keep a copy of %s. If the right journal.db (with its -wal) can be had, put it back. Else "+
		"put a backup in the place of journal.db, remove journal.db-wal, journal.db-shm and %s, and what was acknowledged after the backup is given up; "+
		"removing only the witness gives up what is missing now.", dir, witnessPath(dir))
}

// witness keeps the mark up to date.
type witness struct {
	f       *os.File
	id      [16]byte
	observe func(time.Duration)
	faults  *faults

	mu      sync.Mutex
	now     mark
	written int64 // pos of the mark in the file
	dirty   bool

	writing sync.Mutex // one write at a time; guards generation
	gen     uint64
}

func openWitness(dir string, id [16]byte, old *mark, observe func(time.Duration), t *faults) (*witness, error) {
	f, err := os.OpenFile(witnessPath(dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	w := &witness{f: f, id: id, observe: observe, faults: t, dirty: true}
	if old != nil {
		w.gen = old.generation
	}
	if fi, err := f.Stat(); err != nil || fi.Size() < 2*slotSize {
		// Occupied now, so that writing it never fails for want of space.
		if err := errors.Join(err, fillZeroFrom(f, fi)); err != nil {
			f.Close()
			return nil, err
		}
	}
	return w, nil
}

func fillZeroFrom(f *os.File, fi os.FileInfo) error {
	if fi == nil {
		return nil
	}
	_, err := f.WriteAt(make([]byte, 2*slotSize-fi.Size()), fi.Size())
	return err
}

// set says what is now durable; true if it is time to write it down.
func (w *witness) set(m mark) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, w.dirty = m, true
	return m.pos-w.written >= witnessEntries
}

// write makes the newest mark durable, if it is not.
func (w *witness) write() error {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	m, dirty := w.now, w.dirty
	w.dirty = false
	w.mu.Unlock()
	if !dirty {
		return nil
	}
	w.gen++
	m.generation, m.journal, m.at = w.gen, w.id, time.Now().UnixMilli()
	slot, at := m.encode(), int64(w.gen%2)*slotSize
	if w.faults != nil && w.faults.write != nil {
		if err := w.faults.write(kindWitness, at, slot); err != nil {
			return fmt.Errorf("writing the witness: %w", err)
		}
	}
	if _, err := w.f.WriteAt(slot, at); err != nil {
		return fmt.Errorf("writing the witness: %w", err)
	}
	if w.faults != nil && w.faults.sync != nil {
		if skip, err := w.faults.sync(kindWitness); skip || err != nil {
			return err
		}
	}
	start := time.Now()
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("fsync of the witness: %w", err)
	}
	if w.observe != nil {
		w.observe(time.Since(start))
	}
	if w.faults != nil && w.faults.synced != nil {
		w.faults.synced(kindWitness)
	}
	w.mu.Lock()
	w.written = m.pos
	w.mu.Unlock()
	return nil
}

func (w *witness) close() error { return w.f.Close() }
