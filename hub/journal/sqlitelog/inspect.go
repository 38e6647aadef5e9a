package sqlitelog

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kiem/hub/journal"
)

// What `kiem verify` asks of the file besides its entries.

// maxFindings is how many of SQLite's findings about its own pages are told.
const maxFindings = 20

// Witnessed says whether the directory has a witness; without one a lost end goes unnoticed.
func (r *Reader) Witnessed() bool {
	m, err := readWitness(r.j.dir)
	return err != nil || m != nil
}

// Heads gives where each log ends, by name.
func (r *Reader) Heads() map[string]journal.Chain {
	heads := map[string]journal.Chain{}
	for name, h := range r.logs {
		heads[name] = h.chain
	}
	return heads
}

// Check looks at the file itself: SQLite's pages, the tables as Kiem made them, the position of every entry, and whether everything in it belongs to a log. Each finding is an
// ErrCorrupt; entries are checked by reading them.
func (r *Reader) Check(context.Context) (found []error) {
	err := r.with(func(c *conn) error {
		for _, check := range []func(*conn) ([]string, error){r.checkPages, checkSchema, r.checkRows, r.checkFolders} {
			list, err := check(c)
			if err != nil {
				list = append(list, err.Error())
			}
			for _, text := range list {
				found = append(found, fmt.Errorf("%w: %s: %s", journal.ErrCorrupt, filepath.Join(r.j.dir, fileName), text))
			}
		}
		return nil
	})
	if err != nil {
		found = append(found, err)
	}
	return found
}

var pageNumber = regexp.MustCompile(`(?i)\bpage (\d+)`)

// checkPages asks SQLite, and adds to each page the byte at which it begins.
func (r *Reader) checkPages(c *conn) (list []string, err error) {
	size, err := c.number("PRAGMA page_size")
	if err != nil {
		return nil, err
	}
	err = c.query(fmt.Sprintf("PRAGMA integrity_check(%d)", maxFindings), func(v []driver.Value) error {
		for text := range strings.Lines(fmt.Sprint(v[0])) {
			text = strings.TrimSpace(text)
			if text == "ok" || text == "" {
				continue
			}
			if m := pageNumber.FindStringSubmatch(text); m != nil {
				if n, err := strconv.ParseInt(m[1], 10, 64); err == nil && n > 0 {
					text += fmt.Sprintf(" (byte %d of the file)", (n-1)*size)
				}
			}
			list = append(list, text)
		}
		return nil
	})
	return list, err
}

// checkSchema compares the tables with those that this program makes.
func checkSchema(c *conn) (list []string, err error) {
	want := map[string]bool{}
	for _, statement := range strings.Split(schema, ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			want[strings.Replace(statement, " IF NOT EXISTS", "", 1)] = true
		}
	}
	err = c.query("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL", func(v []driver.Value) error {
		if sql := fmt.Sprint(v[1]); !want[sql] {
			list = append(list, fmt.Sprintf("table or index %v is not one of a journal: %s", v[0], sql))
		} else {
			delete(want, sql)
		}
		return nil
	})
	for sql := range want {
		list = append(list, "it is missing: "+sql)
	}
	return list, err
}

// checkRows looks for rows that belong to no log, and at the positions: over all logs each number from 1 on once, rising within a log.
func (r *Reader) checkRows(c *conn) (list []string, err error) {
	var most uint64
	for _, h := range r.logs {
		most += h.chain.Seq
	}
	rows, err := c.number("SELECT count(*) FROM entry")
	if err != nil {
		return nil, err
	}
	if uint64(rows) != most { // and nothing is allocated by what a row claims
		return []string{fmt.Sprintf("it holds %d entries, its logs have %d", rows, most)}, nil
	}
	seen := make([]uint64, most/64+1)
	byID := map[int64]logHead{}
	for _, h := range r.logs {
		byID[h.id] = h
	}
	var lastLog, lastPos int64
	err = c.query("SELECT id, pos FROM entry ORDER BY id", func(v []driver.Value) error {
		id, _ := v[0].(int64)
		pos, _ := v[1].(int64)
		h, known := byID[id>>seqBits]
		if lastLog != id>>seqBits {
			lastLog, lastPos = id>>seqBits, 0
		}
		switch where := fmt.Sprintf("log %s, entry %d", h.name, id&maxSeq); {
		case !known:
			list = append(list, fmt.Sprintf("an entry (row %d) belongs to no log", id))
		case pos < 1 || uint64(pos) > most || seen[pos/64]&(1<<(pos%64)) != 0 || pos <= lastPos:
			list = append(list, fmt.Sprintf("%s has the position %d, after %d, of %d", where, pos, lastPos, most))
		default:
			seen[pos/64] |= 1 << (pos % 64)
		}
		lastPos = pos
		if len(list) >= maxFindings {
			return io.EOF
		}
		return nil
	})
	return list, err
}

// checkFolders looks for snapshots of logs that are not in the journal: it had them once.
func (r *Reader) checkFolders(*conn) (list []string, err error) {
	known := map[string]bool{}
	for name := range r.logs {
		known[filepath.Base(r.j.snapshotDir(name))] = true
	}
	for folder, kept := range r.kept {
		if !known[folder] && len(kept) > 0 {
			list = append(list, fmt.Sprintf("there is a snapshot of entry %d of log %s, and no such log", kept[0], strings.ReplaceAll(folder, "+", ":")))
		}
	}
	slices.Sort(list)
	return list, nil
}

// listKept lists every folder of snapshots.
func listKept(dir string) (map[string][]uint64, error) {
	folders, err := os.ReadDir(filepath.Join(dir, "snapshots"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	kept := map[string][]uint64{}
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		have, err := listSnapshots(filepath.Join(dir, "snapshots", f.Name()))
		if err != nil {
			return nil, err
		}
		kept[f.Name()] = have
	}
	return kept, err
}

// Kept is journal.Keeper's.
func (l *readLog) Kept(context.Context) ([]journal.Kept, error) {
	dir := l.r.j.snapshotDir(l.name)
	var list []journal.Kept
	for _, seq := range slices.Backward(l.r.kept[filepath.Base(dir)]) {
		path := filepath.Join(dir, snapshotName(seq))
		list = append(list, journal.Kept{Seq: seq, Name: path, Load: func(context.Context) (journal.Snapshot, error) {
			s, err := readSnapshot(path, l.name, seq)
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w: %w", journal.ErrNotFound, err)
			}
			return s, err
		}})
	}
	return list, l.r.with(func(*conn) error { return nil })
}

// needle is how many bytes of a row are looked for in the files.
const needle = 96

// Place is where an entry stands in the files.
type Place struct {
	File  string
	Entry int64 // the byte at which the entry begins
	// Of an entry in which one byte was changed: its place in the entry, what stands there and what stood there. Sure says that the entry fits into the chain with that byte put back.
	Changed, Sure bool
	At            int
	Is, Was       byte
}

// Locate prepares to say where an entry stands in the files. What it returns is to be called after Close, because opening the files would take SQLite's locks away.
func (r *Reader) Locate(name string, seq uint64) func() (Place, bool) {
	var p Place
	var row []byte
	_ = r.with(func(c *conn) error { // what cannot be read is not found
		before, err := chainAt(c, r.logs[name].id, name, seq-1)
		if err != nil {
			return err
		}
		return c.query("SELECT hash, body FROM entry WHERE id = ?", func(v []driver.Value) error {
			hash, _ := v[0].([]byte)
			body, _ := v[1].([]byte)
			row = append(bytes.Clone(hash), body[:min(len(body), needle)]...)
			if p.At, p.Was, p.Changed = journal.Locate(body); p.Changed {
				p.Is, body[p.At] = body[p.At], p.Was
				_, next, err := before.NextStored(journal.Stored{Seq: seq, Body: body})
				p.Sure = err == nil && string(next.Hash[:]) == string(hash)
			}
			return nil
		}, rowid(r.logs[name].id, seq))
	})
	return func() (Place, bool) {
		for _, file := range []string{fileName + "-wal", fileName} { // what is in both is read from the first
			p.File = filepath.Join(r.j.dir, file)
			if at, ok := find(p.File, row); ok {
				p.Entry = at + int64(len(journal.Hash{}))
				return p, true
			}
		}
		return Place{}, false
	}
}

// find looks for bytes in a file, from its end: the newest copy in a WAL is the one that counts.
func find(path string, what []byte) (int64, bool) {
	const window = 1 << 20
	f, err := os.Open(path)
	if err != nil || len(what) == 0 {
		return 0, false
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return 0, false
	}
	b := make([]byte, window+len(what))
	for from := fi.Size() / window * window; from >= 0; from -= window {
		n, err := f.ReadAt(b, from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, false
		}
		if at := bytes.LastIndex(b[:n], what); at >= 0 {
			return from + int64(at), true
		}
	}
	return 0, false
}
