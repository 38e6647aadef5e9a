package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"kiem/hub"
	"kiem/hub/backup"
	"kiem/hub/journal"
	"kiem/hub/journal/redislog"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/verify"
	"kiem/id"
)

type verifyCmd struct {
	File     string `arg:"" optional:"" help:"A published file (zip or JSON), or a backup."`
	Data     string `help:"Verify the journal of this data directory, also while its server runs." placeholder:"DIR"`
	Redis    string `help:"Verify the journal on this Redis." placeholder:"URL"`
	Campaign string `help:"Only the log of this campaign." placeholder:"ID"`
	Expect   string `help:"A position that the log of the campaign must have had, as somebody noted it: its number, a colon, and the head." placeholder:"SEQ:HEX"`
	JSON     bool   `name:"json" help:"Print one JSON object."`
}

// verified is what `kiem verify` says, as JSON.
type verified struct {
	OK       bool             `json:"ok"`
	Head     string           `json:"head"`
	Seq      uint64           `json:"seq"`
	Logs     []verify.Log     `json:"logs,omitempty"`
	File     *verify.File     `json:"file,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
	Problems []verify.Problem `json:"problems"` // those of no log

	logs bool // several logs were verified: the head is that of all
}

// errProblems: something is wrong, and was said.
var errProblems = errors.New("the verification failed")

// Run verifies what it is pointed at and prints the head in the last line.
func (c *verifyCmd) Run(p *program) error {
	given := 0
	for _, s := range []string{c.File, c.Data, c.Redis} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return usageError("verify takes one of FILE, --data DIR and --redis URL")
	}
	expect, err := c.expected()
	if err != nil {
		return err
	}
	bar := newProgress(p.stderr)
	var out verified
	switch {
	case c.File != "":
		if c.Expect != "" || c.Campaign != "" {
			return usageError("--campaign and --expect go with --data and --redis")
		}
		out, err = verifyFile(p.ctx, c.File, bar)
	case c.Redis != "":
		out, err = verifyRedis(p.ctx, c.Redis, c.Campaign, expect, bar)
	default:
		out, err = verifyData(p.ctx, c.Data, c.Campaign, expect, bar)
	}
	bar.end()
	if err != nil {
		return err
	}
	return out.print(p.stdout, c.JSON)
}

// expected reads --expect: for the campaign's log, where it must have been.
func (c *verifyCmd) expected() (map[string]journal.Chain, error) {
	if c.Expect == "" {
		return nil, nil
	}
	i, err := id.Parse(c.Campaign)
	if err != nil {
		return nil, usageError("--expect goes with --campaign, which is an id")
	}
	seq, head, _ := strings.Cut(c.Expect, ":")
	at, err := position(seq, head)
	if err != nil {
		return nil, usageError("--expect is the number of an entry, a colon, and 64 hexadecimal digits")
	}
	return map[string]journal.Chain{hub.LogName(i): at}, nil
}

// position reads a number and a head.
func position(seq, head string) (at journal.Chain, err error) {
	hash, err := hex.DecodeString(head)
	if err != nil || len(hash) != copy(at.Hash[:], hash) || len(hash) != len(at.Hash) {
		return at, fmt.Errorf("%q is no head", head)
	}
	if at.Seq, err = strconv.ParseUint(seq, 10, 64); err == nil && at.Seq == 0 {
		err = fmt.Errorf("entry 0 has no head")
	}
	return at, err
}

// verifyData verifies a data directory, at one instant.
func verifyData(ctx context.Context, dir, campaign string, expect map[string]journal.Chain, bar *progress) (out verified, err error) {
	r, wrong, err := sqlitelog.Inspect(ctx, dir, slog.New(slog.DiscardHandler))
	for _, err := range wrong {
		out.Problems = append(out.Problems, problemOf(verify.Missing, err))
	}
	if unreadable(err) {
		out.Problems = append(out.Problems, problemOf(verify.Damaged, err))
		return out, nil
	}
	if err != nil {
		return out, err
	}
	defer r.Close() // only read from
	if !r.Witnessed() {
		out.Notes = append(out.Notes, "there is no witness: whether the end of the journal is missing cannot be told")
	}
	for _, err := range r.Check(ctx) {
		out.Problems = append(out.Problems, problemOf(verify.Damaged, err))
	}
	if err := out.journal(ctx, r, campaign, expect, bar); unreadable(err) {
		out.Problems = append(out.Problems, problemOf(verify.Unreadable, err))
	} else if err != nil {
		return out, err
	}
	var places []func()
	for l := range out.Logs {
		for n := range out.Logs[l].Problems {
			one := &out.Logs[l].Problems[n]
			if one.Kind != verify.Damaged || one.Entry == 0 {
				continue
			}
			find := r.Locate(one.Log, one.Entry)
			places = append(places, func() {
				if place, ok := find(); ok {
					locate(one, place)
				}
			})
		}
	}
	if err := r.Close(); err != nil {
		return out, err
	}
	for _, find := range places {
		find()
	}
	return out, nil
}

// locate says where the damage is, as closely as can be told.
func locate(p *verify.Problem, place sqlitelog.Place) {
	p.File, p.Byte = place.File, place.Entry
	p.Detail += fmt.Sprintf("; the entry begins at byte %d of the file", place.Entry)
	if !place.Changed {
		return
	}
	how := "probably"
	if place.Sure {
		how = "for certain, because with the right one the entry fits into the chain"
	}
	p.Detail += fmt.Sprintf("; one byte in it was changed, %s: byte %d of the entry is %02x and was %02x", how, place.At, place.Is, place.Was)
	if rest := int64(place.At); rest < inRow {
		p.Byte += rest
	}
}

// inRow is how much of an entry stands beside its beginning for certain; SQLite moves the rest of a large one to other pages.
const inRow = 256

// unreadable says whether an error is one of the file: SQLite finds it broken, or does not get on with it. A damaged byte can make it say anything, that the file is no database or may not be
// read among others.
func unreadable(err error) bool {
	return errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrUnavailable)
}

// problemOf puts an error with advice into the two fields of a problem.
func problemOf(kind string, err error) verify.Problem {
	detail, do, _ := strings.Cut(err.Error(), "\n")
	if do == "" {
		do = "Stop the server and keep a copy of all files before anything else. docs/operations.md says how to go on; `kiem verify BACKUP` says which backup is whole."
	}
	return verify.Problem{Kind: kind, Detail: detail, Do: do}
}

// verifyRedis verifies the logs on Redis, each up to the head that it has when its turn comes.
func verifyRedis(ctx context.Context, url, campaign string, expect map[string]journal.Chain, bar *progress) (out verified, err error) {
	j, err := redislog.Open(ctx, redislog.Options{Address: url, Relaxed: true}) // reading does not ask what a write would be worth
	if err != nil {
		return out, err
	}
	defer j.Close() // only read from
	out.Notes = append(out.Notes, "Redis has no witness: compare the head with one that somebody noted (--expect)")
	return out, out.journal(ctx, j, campaign, expect, bar)
}

// journal verifies the logs of a journal.
func (v *verified) journal(ctx context.Context, j journal.Journal, campaign string, expect map[string]journal.Chain, bar *progress) error {
	names, err := j.Names(ctx)
	if err != nil {
		return err
	}
	if campaign != "" {
		i, err := id.Parse(campaign)
		if err != nil {
			return usageError("--campaign is the id of a campaign")
		}
		if !slices.Contains(names, hub.LogName(i)) {
			return fmt.Errorf("there is no log of campaign %s", i)
		}
		names = []string{hub.LogName(i)}
	}
	for _, name := range names {
		l, err := hub.Verify(ctx, j, name, hub.VerifyOptions{Expect: expect[name], Progress: func(seq, head uint64) { bar.show(name, seq, head) }})
		if err != nil {
			return fmt.Errorf("log %s: %w", name, err)
		}
		v.Logs = append(v.Logs, l)
	}
	v.Head, v.Seq, v.logs = headOf(v.heads())
	return nil
}

// headOf is what the last line names: the end of the campaign's log if there is one campaign, or one was asked for. Else all logs together, and the last value is true: how many entries
// they have, and the SHA-256 of a line "name seq head" for each, in the order of the names.
func headOf(logs []backup.Log) (head string, seq uint64, all bool) {
	var campaigns []backup.Log
	sum := sha256.New()
	for _, l := range logs {
		if strings.HasPrefix(l.Name, campaignLogs) {
			campaigns = append(campaigns, l)
		}
		fmt.Fprintf(sum, "%s %d %s\n", l.Name, l.Seq, l.Head)
		seq += l.Seq
	}
	if len(campaigns) == 1 {
		return campaigns[0].Head, campaigns[0].Seq, false
	}
	return hex.EncodeToString(sum.Sum(nil)), seq, true
}

// campaignLogs is how the names of campaigns' logs begin.
const campaignLogs = "c:"

// heads is where the logs end.
func (v *verified) heads() (list []backup.Log) {
	for _, l := range v.Logs {
		list = append(list, backup.Log{Name: l.Name, Seq: l.Seq, Head: l.Head})
	}
	return list
}

// problems lists all.
func (v *verified) problems() []verify.Problem {
	list := slices.Clone(v.Problems)
	for _, l := range v.Logs {
		list = append(list, l.Problems...)
	}
	if v.File != nil {
		list = append(list, v.File.Problems...)
	}
	return list
}

// print says what was found. The last line is "head <hex> seq <n>" if nothing is wrong, and only then.
func (v *verified) print(w io.Writer, asJSON bool) error {
	problems := v.problems()
	v.OK = len(problems) == 0
	var failed error
	if !v.OK {
		failed = fmt.Errorf("%w: problems found: %d", errProblems, len(problems))
	}
	if asJSON {
		if v.Problems == nil {
			v.Problems = []verify.Problem{}
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return errors.Join(e.Encode(v), failed)
	}
	text := &strings.Builder{}
	for _, l := range v.Logs {
		name := l.Name
		if l.Title != "" {
			name += fmt.Sprintf(" %q", l.Title)
		}
		fmt.Fprintf(text, "%s\n  entries %d, epoch %d, commands %d, checkpoints compared %d, snapshots compared %d\n", name, l.Seq, l.Epoch, l.Commands, l.Checkpoints, l.Snapshots)
		if l.Campaign != nil {
			fmt.Fprintf(text, "  ideas %d, ballots %d from %d choices: every figure recounted\n", l.Ideas, l.Ballots, l.Supports)
		}
		fmt.Fprintf(text, "  head %s\n", l.Head)
		for _, note := range l.Notes {
			fmt.Fprintf(text, "  note: %s\n", note)
		}
	}
	if v.File != nil {
		v.File.Print(text)
	}
	for _, note := range v.Notes {
		fmt.Fprintf(text, "note: %s\n", note)
	}
	for _, p := range problems {
		fmt.Fprintf(text, "PROBLEM %s\n", p)
	}
	switch {
	case v.OK && v.logs:
		fmt.Fprintf(text, "nothing is wrong; the head below is that of all %d logs together (--campaign ID for one)\n", len(v.Logs))
		fallthrough
	case v.OK:
		fmt.Fprintf(text, "head %s seq %d\n", v.Head, v.Seq)
	}
	_, err := io.WriteString(w, text.String())
	return errors.Join(err, failed)
}
