package sqlitelog

import (
	"database/sql/driver"
	"fmt"
	"io"

	"kiem/hub/journal"
)

// load reads the heads of all logs and holds them against the witness (nil: there is none).
func (w *writer) load(old *mark) error {
	heads, err := loadHeads(w.c)
	if err != nil {
		return err
	}
	for _, h := range heads {
		s := newState(h.name)
		s.id.Store(h.id)
		s.committed, s.next = h.chain, h.chain
		s.head.Store(h.chain.Seq)
		w.j.logs[h.name] = s
		w.logs++
		w.lastID = max(w.lastID, h.id)
		w.digest = xor(w.digest, leaf(h.name, h.chain))
		if h.pos > w.pos {
			w.pos, w.last = h.pos, s
		}
	}
	if old == nil {
		if w.pos > 0 {
			w.j.log.Warn("there is no witness of the journal: a lost tail would go unnoticed this once", "dir", w.j.dir)
		}
		return nil
	}
	return checkWitness(w.c, w.j.dir, w.j.id, old, heads)
}

// logHead is a log as found in the file.
type logHead struct {
	id    int64
	name  string
	chain journal.Chain
	pos   int64 // of the newest entry
}

func loadHeads(c *conn) ([]logHead, error) {
	var heads []logHead
	err := c.query("SELECT id, name FROM log ORDER BY id", func(v []driver.Value) error {
		h := logHead{}
		h.id, _ = v[0].(int64)
		h.name, _ = v[1].(string)
		heads = append(heads, h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range heads {
		h := &heads[i]
		if h.id < 1 || h.id > maxLogs || journal.CheckName(h.name) != nil {
			return nil, fmt.Errorf("%w: row %d of table log", journal.ErrCorrupt, h.id)
		}
		err := c.query("SELECT id, pos, hash FROM entry WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1", func(v []driver.Value) error {
			id, _ := v[0].(int64)
			h.chain.Seq = uint64(id & maxSeq)
			h.pos, _ = v[1].(int64)
			hash, _ := v[2].([]byte)
			if copy(h.chain.Hash[:], hash) != len(h.chain.Hash) {
				return fmt.Errorf("%w: log %s, entry %d: a hash of %d bytes", journal.ErrCorrupt, h.name, h.chain.Seq, len(hash))
			}
			return nil
		}, rowid(h.id, 1), rowid(h.id, maxSeq))
		if err != nil {
			return nil, err
		}
		if h.chain.Seq == 0 {
			return nil, fmt.Errorf("%w: log %s has no entry", journal.ErrCorrupt, h.name)
		}
	}
	return heads, nil
}

// checkWitness holds the heads against what was witnessed. Entries that came after the witness are read and checked on the
// way, because the WAL they were in is where damage goes unnoticed.
func checkWitness(c *conn, dir string, id [16]byte, old *mark, heads []logHead) error {
	var pos, logs int64
	for _, h := range heads {
		pos = max(pos, h.pos)
	}
	switch {
	case old.journal != id:
		return old.refuse(dir, "the journal file is another one than the witness names")
	case pos < old.pos:
		return old.refuse(dir, fmt.Sprintf("the journal ends at entry %d, but %d were acknowledged", pos, old.pos))
	}
	var digest journal.Hash
	for _, h := range heads {
		at, err := headAt(c, h, old.pos)
		if err != nil {
			return err
		}
		if at.Seq == 0 { // the log began later
			continue
		}
		logs++
		digest = xor(digest, leaf(h.name, at))
	}
	if logs != old.logs || digest != old.digest {
		return old.refuse(dir, "the journal has another history than the witness names")
	}
	return nil
}

// headAt is the log's chain when the journal had pos entries.
func headAt(c *conn, h logHead, pos int64) (journal.Chain, error) {
	if h.pos <= pos {
		return h.chain, nil
	}
	var at journal.Chain
	err := c.query("SELECT id, pos, hash FROM entry WHERE id BETWEEN ? AND ? ORDER BY id DESC", func(v []driver.Value) error {
		if p, _ := v[1].(int64); p > pos {
			return nil
		}
		id, _ := v[0].(int64)
		at.Seq = uint64(id & maxSeq)
		hash, _ := v[2].([]byte)
		copy(at.Hash[:], hash)
		return io.EOF
	}, rowid(h.id, 1), rowid(h.id, maxSeq))
	if err != nil {
		return at, err
	}
	for after := at.Seq; after < h.chain.Seq; {
		got, err := readEntries(c, h.id, h.name, after, h.chain.Seq, 256)
		if err != nil {
			return at, err
		}
		after += uint64(len(got))
	}
	return at, nil
}
