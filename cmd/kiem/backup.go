package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"kiem/hub/backup"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/session"
	"kiem/hub/vault"
	"kiem/id"
)

const journalFile = "journal.db"

type backupCmd struct {
	Data        string `default:"kiem-data" help:"Data directory, whether its server runs or not." placeholder:"DIR"`
	Out         string `required:"" help:"File to write, or a folder to write it to under a name with the time. The keys are written beside it, as NAME.keys.zip." placeholder:"FILE|DIR"`
	WithoutKeys bool   `help:"Leave out the keys: the vault and the sessions. Without them a restore has no names, and no text can be read."`
	ErasedOnly  bool   `help:"Write only the list of whom the vault has forgotten: small, without anything personal, to be copied often."`
}

// Run makes a backup. The last line names the head, as that of verify does.
func (c *backupCmd) Run(p *program) error {
	path := c.Out
	now := time.Now().UTC().Truncate(time.Second)
	if fi, err := os.Stat(path); err == nil && fi.IsDir() {
		name := "kiem-" + now.Format("20060102T150405Z") + ".zip"
		if c.ErasedOnly {
			name = "kiem-" + now.Format("20060102T150405Z") + ".erased.zip"
		}
		path = filepath.Join(path, name)
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	m := backup.Manifest{ID: hex.EncodeToString(random[:]), MadeAt: now}
	parts, err := os.MkdirTemp(filepath.Dir(path), ".kiem-parts-*") // readable for its owner only
	if err != nil {
		return err
	}
	defer os.RemoveAll(parts)
	if c.ErasedOnly {
		if m.Forgotten, err = forgottenBy(p.ctx, c.Data, parts); err != nil {
			return err
		}
		m.Part = backup.Erased
		if err := backup.Write(path, m, parts); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "%s: %d things that were forgotten\n", path, m.Forgotten.Len())
		return err
	}
	// The journal's moment comes first: whatever it names was in the vault before.
	if m.Logs, err = backUpJournal(p.ctx, c.Data, filepath.Join(parts, journalFile)); err != nil {
		return err
	}
	keys, err := backUpKeys(p.ctx, c.Data, parts)
	if err != nil {
		return err
	}
	if m.Forgotten, _, err = readForgotten(p.ctx, parts); err != nil {
		return err
	}
	if !c.WithoutKeys && len(keys) > 0 { // first: a backup without its keys is worth less than none
		k, until := m, now.Add(backup.KeysKept)
		k.Part, k.KeepUntil = backup.Keys, &until
		if err := backup.Write(backup.KeysOf(path), k, parts, keys...); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s: the keys; delete it before %s, and keep it apart from the backup\n", backup.KeysOf(path), until.Format(time.DateOnly))
	}
	m.Part = backup.Journal
	if err := backup.Write(path, m, parts, journalFile); err != nil {
		return err
	}
	head, seq, _ := headOf(m.Logs)
	_, err = fmt.Fprintf(p.stdout, "%s: the journal, %d logs\nhead %s seq %d\n", path, len(m.Logs), head, seq)
	return err
}

// backUpJournal copies the journal at one moment and gives the heads of its logs.
func backUpJournal(ctx context.Context, dir, to string) (logs []backup.Log, err error) {
	r, err := sqlitelog.OpenReadOnly(ctx, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read from
	if err := r.BackUp(ctx, to); err != nil {
		return nil, err
	}
	heads := r.Heads()
	for _, name := range slices.Sorted(maps.Keys(heads)) {
		logs = append(logs, backup.Log{Name: name, Seq: heads[name].Seq, Head: heads[name].Hash.String()})
	}
	return logs, r.Close()
}

// backUpKeys copies what there is of vault and sessions.
func backUpKeys(ctx context.Context, dir, parts string) (names []string, err error) {
	for name, backUp := range map[string]func(ctx context.Context, dir, to string) error{vault.LiteFile: vault.BackUpLite, session.LiteFile: session.BackUpLite} {
		switch err := backUp(ctx, dir, filepath.Join(parts, name)); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			names = append(names, name)
		}
	}
	return names, nil
}

// forgottenBy is whom the vault of a data directory has forgotten.
func forgottenBy(ctx context.Context, dir, parts string) (f vault.Forgotten, err error) {
	if err := vault.BackUpLite(ctx, dir, filepath.Join(parts, vault.LiteFile)); err != nil {
		return f, err
	}
	f, _, err = readForgotten(ctx, parts)
	return f, err
}

// readForgotten asks the vault in a folder, if there is one.
func readForgotten(ctx context.Context, dir string) (f vault.Forgotten, keys map[id.ID]bool, err error) {
	path := filepath.Join(dir, vault.LiteFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return f, nil, nil
	}
	return vault.ReadForgotten(ctx, path)
}
