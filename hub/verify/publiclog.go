package verify

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"kiem/hub/journal"
)

// maxLine is the size of a line of log.jsonl in bytes: an entry in base64, and the rest.
const maxLine = journal.MaxEntry/3*4 + 1024

// maxLag is how many entries back an entry may rest (docs/decisions/0007).
const maxLag = 1024

// maxPosts bounds what is kept of the log beside its hashes.
const maxPosts = 4 << 20

// publicLog is what the public form of a log says.
type publicLog struct {
	at     journal.Chain
	hashes []journal.Hash // after the last maxLag entries

	ideas, comments map[string]int // records by the time of their entry
	choices         int
	void            int // entries that rest on another history
	titles, stages  []string
	small           []int
	groups          [][]string
}

// line is one line of log.jsonl.
type line struct {
	Seq   uint64 `json:"seq"`
	Hash  string `json:"hash"`
	Entry string `json:"entry"`
}

// checkLog recomputes the chain.
func (a *archive) checkLog() {
	l := &a.log
	l.at = journal.Chain{Hash: journal.Genesis("c:" + a.m.Campaign.ID.String())}
	l.hashes = []journal.Hash{l.at.Hash}
	l.ideas, l.comments = map[string]int{}, map[string]int{}
	whole := a.read(fileLog, maxLog, func(r io.Reader) error {
		b := bufio.NewReaderSize(r, 64<<10)
		for {
			text, err := readLine(b)
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = l.take(text)
			}
			if err != nil {
				return fmt.Errorf("entry %d: %w", l.at.Seq+1, err)
			}
		}
	})
	a.Choices = l.choices
	if whole && (l.at.Seq != a.m.Seq || l.at.Hash.String() != a.m.Head) {
		a.problem(Chain, fileLog, "it ends with entry %d and the head %s; %s says entry %d and %s", l.at.Seq, l.at.Hash, fileManifest, a.m.Seq, a.m.Head)
	}
}

// readLine gives a line without its end; io.EOF after the last.
func readLine(b *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		piece, more, err := b.ReadLine()
		if err != nil {
			if errors.Is(err, io.EOF) && len(text) > 0 {
				return text, nil
			}
			return nil, err
		}
		if text = append(text, piece...); len(text) > maxLine {
			return nil, fmt.Errorf("a line of more than %d bytes", maxLine)
		}
		if !more {
			return text, nil
		}
	}
}

// take checks a line and reads what the entry says in the open.
func (l *publicLog) take(text []byte) error {
	var one line
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	public, err := base64.StdEncoding.Strict().DecodeString(one.Entry)
	if err != nil {
		return err
	}
	e, err := journal.DecodePublic(public)
	if err != nil {
		return err
	}
	next := l.at.NextPublic(public)
	switch hash, err := hex.DecodeString(one.Hash); {
	case one.Seq != next.Seq:
		return fmt.Errorf("its line says %d", one.Seq)
	case err != nil || !bytes.Equal(hash, next.Hash[:]):
		return fmt.Errorf("the chain's hash after it is %s, its line says %s", next.Hash, one.Hash)
	}
	rests := l.rests(e.Base)
	l.at = next
	if l.hashes = append(l.hashes, next.Hash); len(l.hashes) > 2*maxLag {
		l.hashes = append(l.hashes[:0], l.hashes[len(l.hashes)-maxLag:]...)
	}
	if !rests {
		l.void++
		return nil
	}
	return l.note(e)
}

// rests says whether the entry was written on one of the last entries of this log; otherwise it is void.
func (l *publicLog) rests(b journal.Base) bool {
	if b.Seq > l.at.Seq {
		return false
	}
	back := l.at.Seq - b.Seq
	return back < maxLag && back < uint64(len(l.hashes)) && l.hashes[uint64(len(l.hashes))-1-back] == b.Hash
}

// opened is what is read of commands that stand in the open.
type opened struct {
	Title     *string `json:"title"`
	Challenge *struct {
		Title string `json:"title"`
	} `json:"challenge"`
	Stage    string `json:"stage"`
	Settings *struct {
		SmallCell int      `json:"small_cell"`
		Groups    []string `json:"groups"`
	} `json:"settings"`
}

// note remembers what the tables can be held against.
func (l *publicLog) note(e *journal.Entry) error {
	at := moment(e.At)
	for i := range e.Records {
		switch r := &e.Records[i]; r.Type {
		case "idea.post":
			l.ideas[at]++
		case "comment.post":
			l.comments[at]++
		case "support.set":
			l.choices++
		case "campaign.create", "campaign.edit", "stage.set":
			var o opened
			if err := json.Unmarshal(r.Data, &o); err != nil {
				return fmt.Errorf("record %d, %s: %w", i, r.Type, err)
			}
			if o.Title != nil {
				l.titles = append(l.titles, *o.Title)
			}
			if o.Stage != "" {
				l.stages = append(l.stages, o.Stage)
			}
			if o.Settings != nil {
				l.small = append(l.small, o.Settings.SmallCell)
				l.groups = append(l.groups, o.Settings.Groups)
			}
		}
	}
	if len(l.ideas)+len(l.comments)+len(l.titles)+len(l.stages)+len(l.small) > maxPosts {
		return errTooMuch
	}
	return nil
}

// moment is a time as tables write it.
func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// checkOpen compares what campaign.json says with what the log sets.
func (a *archive) checkOpen() {
	l := &a.log
	if !slices.Contains(l.titles, a.m.Campaign.Title) {
		a.problem(Differs, fileManifest, "the log never gives the campaign the title %q", a.m.Campaign.Title)
	}
	if !slices.Contains(l.stages, a.m.Campaign.Stage) {
		a.problem(Differs, fileManifest, "the log never sets the stage %q", a.m.Campaign.Stage)
	}
	if !slices.Contains(l.small, a.m.SmallCell) {
		a.problem(Differs, fileManifest, "the log never sets the smallest figure to %d", a.m.SmallCell)
	}
	if !slices.ContainsFunc(l.groups, func(g []string) bool { return slices.Equal(g, a.m.Campaign.Groups) }) {
		a.problem(Differs, fileManifest, "the log never sets the groups %q", a.m.Campaign.Groups)
	}
}
