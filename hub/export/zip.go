package export

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strconv"
	"time"

	"kiem/hub/journal"
	"kiem/hub/wire"
)

// ZipFormat is the format of the zip. It changes when a reader of the old one would read the new one wrongly.
const ZipFormat = "kiem.export/1"

// Files of the zip, in the order in which they are written. campaign.json comes last, for it has the hashes of all others.
const (
	fileReadme   = "README.md"
	fileIdeas    = "ideas.csv"
	fileComments = "comments.csv"
	fileGroups   = "groups.csv"
	fileBallots  = "ballots.csv"
	fileStages   = "stages.csv"
	fileLog      = "log.jsonl"
	fileManifest = "campaign.json"
)

// Manifest is campaign.json: what the zip says about itself.
type Manifest struct {
	Format     string             `json:"format"`
	Campaign   wire.Campaign      `json:"campaign"` // as everybody sees it, without code and address
	Seq        uint64             `json:"seq"`      // the entry after which this is the state; log.jsonl ends with it
	Epoch      uint64             `json:"epoch"`
	Head       string             `json:"head"` // the chain's hash after it, hexadecimal
	Measure    Measure            `json:"measure"`
	Rule       string             `json:"rule"`
	MadeAt     time.Time          `json:"made_at"`
	Durability journal.Durability `json:"durability"` // durable, relaxed, asserted
	SmallCell  int                `json:"small_cell"` // figures of groups are released in steps of so many; 0: they are exact
	GroupMin   int                `json:"group_min"`
	Top        int                `json:"top"`    // 0: all
	Groups     []string           `json:"groups"` // those that the measure bridging counts
	Lang       string             `json:"lang"`
	Names      bool               `json:"names"`
	Ideas      int                `json:"ideas"`
	Comments   int                `json:"comments"`
	Ballots    int                `json:"ballots"`
	Files      map[string]string  `json:"files"` // name to SHA-256, hexadecimal, of every file but this one
}

func (s *selection) manifest() Manifest {
	m := Manifest{
		Format: ZipFormat, Campaign: s.Campaign, Seq: s.Seq, Epoch: s.Epoch, Head: s.Head.String(), Measure: s.Measure, Rule: s.Rule(), MadeAt: s.MadeAt,
		Durability: s.Durability, SmallCell: s.Campaign.Settings.SmallCell, GroupMin: s.GroupMin, Top: s.Top, Groups: s.counted, Lang: s.Lang, Names: s.Names,
		Ideas: len(s.ideas), Files: map[string]string{},
	}
	m.Campaign.Code, m.Campaign.JoinURL = "", ""
	for i := range s.ideas {
		m.Comments += shown(s.ideas[i].Comments)
		m.Ballots += s.ideas[i].total
	}
	return m
}

// writeZip writes one file after the other, each as it is made.
func (s *selection) writeZip(ctx context.Context, w io.Writer, log Log, p Progress) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	m := s.manifest()
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{fileReadme, s.writeReadme},
		{fileIdeas, tableFile(s.ideaTable())},
		{fileComments, tableFile(s.commentTable())},
		{fileGroups, tableFile(s.groupTable())},
		{fileBallots, tableFile(s.ballotTable())},
		{fileStages, tableFile(s.stageTable())},
		{fileLog, func(w io.Writer) error { return s.writeLog(ctx, w, log, p) }},
	} {
		to, err := s.part(z, f.name)
		if err != nil {
			return err
		}
		sum := &summed{w: to, sum: sha256.New()}
		if err := f.write(sum); err != nil {
			return err
		}
		m.Files[f.name] = hex.EncodeToString(sum.sum.Sum(nil))
	}
	to, err := s.part(z, fileManifest)
	if err != nil {
		return err
	}
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return err
	}
	return z.Close()
}

// summed hashes what goes through it.
type summed struct {
	w   io.Writer
	sum hash.Hash
}

func (s *summed) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	s.sum.Write(b[:n])
	return n, err
}

// tableFile writes a table of the zip.
func tableFile(t table) func(io.Writer) error {
	return func(w io.Writer) error {
		b := bufio.NewWriterSize(w, 64<<10)
		if err := writeTable(csv.NewWriter(b), t); err != nil {
			return err
		}
		return b.Flush()
	}
}

// writeLog writes the public form of every entry up to the report's, with the chain after it, and holds the end of it against the report's: a log that has
// become another one meanwhile must not stand beside this state.
func (s *selection) writeLog(ctx context.Context, w io.Writer, log Log, p Progress) error {
	b := bufio.NewWriterSize(w, 64<<10)
	at := journal.Chain{Hash: journal.Genesis(log.Name())}
	var line []byte
	for at.Seq < s.Seq {
		list, err := log.Read(ctx, at.Seq, int(min(s.Seq-at.Seq, readEntries)))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return fmt.Errorf("%w: it ends at entry %d of %d", ErrMoved, at.Seq, s.Seq)
		}
		for _, stored := range list {
			e, next, err := at.NextStored(stored)
			if err != nil {
				return err
			}
			at = next
			line = appendLine(line[:0], at, e.Public())
			if _, err := b.Write(line); err != nil {
				return err
			}
		}
		if p != nil {
			p(at.Seq, s.Seq)
		}
	}
	if at.Hash != s.Head {
		return fmt.Errorf("%w: the hash after entry %d is %s, the state's is %s", ErrMoved, at.Seq, at.Hash, s.Head)
	}
	return b.Flush()
}

// appendLine appends a line of log.jsonl.
func appendLine(b []byte, at journal.Chain, public []byte) []byte {
	b = strconv.AppendUint(append(b, `{"seq":`...), at.Seq, 10)
	b = hex.AppendEncode(append(b, `,"hash":"`...), at.Hash[:])
	b = base64.StdEncoding.AppendEncode(append(b, `","entry":"`...), public)
	return append(b, "\"}\n"...)
}
