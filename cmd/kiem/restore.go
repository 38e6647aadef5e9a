package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kiem/hub"
	"kiem/hub/backup"
	"kiem/hub/bus"
	"kiem/hub/journal"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/session"
	"kiem/hub/vault"
	"kiem/hub/web"
	"kiem/id"
)

type restoreCmd struct {
	File        string   `arg:"" help:"The backup." placeholder:"FILE"`
	Data        string   `required:"" help:"Data directory to make; it must be empty, or not exist." placeholder:"DIR"`
	Keys        string   `help:"The keys that belong to the backup; else NAME.keys.zip beside it." placeholder:"FILE"`
	WithoutKeys bool     `help:"Restore without keys: nobody has a name, no text can be read, nobody can vote on, and everybody joins anew."`
	Erased      []string `help:"Where it stands who was erased after the backup: another backup, a list made by backup --erased-only, or the data directory that is replaced. Repeatable." placeholder:"FILE|DIR"`
}

// restoredMark is in a data directory whose journal was put back: the next server begins a new epoch and removes it.
const restoredMark = "journal.restored"

// Run restores a backup. The last line names the head, as that of verify does.
func (c *restoreCmd) Run(p *program) (err error) {
	r := &restore{data: c.Data, without: c.WithoutKeys, bar: newProgress(p.stderr)}
	defer r.bar.end()
	if err := r.openBackup(c.File, c.Keys); err != nil {
		return err
	}
	defer r.close()
	for _, from := range c.Erased {
		f, err := forgottenIn(p.ctx, from)
		if err != nil {
			return fmt.Errorf("--erased %s: %w", from, err)
		}
		r.forgotten.Add(f)
	}
	if err := r.prepare(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(r.dir) // what went wrong is said already
		}
	}()
	if err := r.unpack(); err != nil {
		return err
	}
	if err := r.verify(p.ctx); err != nil {
		return err
	}
	known, err := r.forget(p.ctx)
	if err != nil {
		return err
	}
	if err := r.putInPlace(); err != nil {
		return err
	}
	out, err := verifyData(p.ctx, c.Data, "", r.heads, r.bar)
	if err != nil {
		return err
	}
	r.bar.end()
	fmt.Fprintf(p.stdout, "restored what was backed up at %s\n", r.from.MadeAt.Format(time.RFC3339))
	if known > 0 {
		fmt.Fprintf(p.stdout, "erased again: %d people, who were erased after the backup; the logs say so in new entries\n", known)
	}
	if c.WithoutKeys {
		fmt.Fprintln(p.stdout, "there are no keys: names and texts are gone, nobody can vote on in campaigns that had votes, and everybody joins anew")
	}
	return out.print(p.stdout, false)
}

// restore is one under way.
type restore struct {
	data, dir  string // where it goes; where it is made
	from, keys *backup.Reader
	without    bool
	forgotten  vault.Forgotten
	heads      map[string]journal.Chain // of the backup
	voted      []id.ID                  // campaigns with votes
	bar        *progress
}

func (r *restore) close() {
	_ = r.from.Close() // only read from
	if r.keys != nil {
		_ = r.keys.Close()
	}
}

// openBackup opens the backup and the keys that belong to it.
func (r *restore) openBackup(path, keys string) (err error) {
	if r.from, err = backup.Open(path); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if r.from.Part != backup.Journal {
		return fmt.Errorf("%s: %w: it is the part %q; the backup itself is needed", path, backup.ErrBad, r.from.Part)
	}
	r.forgotten = r.from.Forgotten
	r.heads = map[string]journal.Chain{}
	for _, l := range r.from.Logs {
		if r.heads[l.Name], err = position(fmt.Sprint(l.Seq), l.Head); err != nil {
			return fmt.Errorf("%s: %w: log %s: %w", path, backup.ErrBad, l.Name, err)
		}
	}
	if r.without {
		return nil
	}
	if keys == "" {
		keys = backup.KeysOf(path)
	}
	r.keys, err = backup.Open(keys)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: the keys of the backup. Without them nobody has a name and no text can be read: say where they are (--keys), or that they are gone (--without-keys)", err)
	}
	if err != nil {
		return err
	}
	if r.keys.Part != backup.Keys {
		return fmt.Errorf("%s: %w: it is the part %q, not keys", keys, backup.ErrBad, r.keys.Part)
	}
	if until := r.keys.KeepUntil; until != nil && time.Now().After(*until) {
		return fmt.Errorf("%s: these keys were to be deleted by %s, so that erased people stay erased: they are not restored. Use newer keys, or --without-keys", keys, until.Format(time.DateOnly))
	}
	r.forgotten.Add(r.keys.Forgotten)
	return nil
}

// prepare makes the folder in which everything is made, inside the data directory so that it can be put in place by renaming.
func (r *restore) prepare() error {
	if err := os.MkdirAll(r.data, 0o700); err != nil {
		return err
	}
	list, err := os.ReadDir(r.data)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		return fmt.Errorf("the data directory %s is not empty (%s is in it). Nothing is overwritten: stop its server, move the folder away, keep it until all is well, and name it with --erased so that "+
			"whoever was erased since stays erased", r.data, list[0].Name())
	}
	r.dir = filepath.Join(r.data, "restoring")
	return os.Mkdir(r.dir, 0o700)
}

func (r *restore) unpack() error {
	if err := r.from.Extract(journalFile, r.dir); err != nil {
		return err
	}
	if r.keys == nil {
		return nil
	}
	for _, name := range []string{vault.LiteFile, session.LiteFile} {
		if r.keys.Has(name) {
			if err := r.keys.Extract(name, r.dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// verify replays everything before anything is put in place.
func (r *restore) verify(ctx context.Context) error {
	out, err := verifyData(ctx, r.dir, "", r.heads, r.bar)
	if err != nil {
		return err
	}
	if list := out.problems(); len(list) > 0 {
		return fmt.Errorf("the backup is not whole, and nothing was restored: %s", list[0])
	}
	if have := out.heads(); len(have) != len(r.heads) {
		return fmt.Errorf("the backup is not whole, and nothing was restored: it names %d logs and has %d", len(r.heads), len(have))
	}
	for _, l := range out.Logs {
		if l.Campaign != nil && l.Supports > 0 {
			r.voted = append(r.voted, *l.Campaign)
		}
		for _, who := range l.Erased { // the keys may be older than the journal
			r.forgotten.People = append(r.forgotten.People, vault.Member{Scope: *l.Campaign, Person: who})
		}
	}
	return nil
}

// forget forgets again, before anybody is served, whom one of the lists names. It says how many people the logs had not erased.
func (r *restore) forget(ctx context.Context) (known int, err error) {
	v, err := vault.OpenLite(ctx, r.dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	sessions, err := session.OpenLite(ctx, r.dir, time.Now)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, sessions.Close()) }()
	own, keys, err := vault.ReadForgotten(ctx, filepath.Join(r.dir, vault.LiteFile))
	if err != nil {
		return 0, err
	}
	r.forgotten.Add(own)
	people := map[id.ID][]id.ID{}
	for _, m := range r.forgotten.People {
		people[m.Scope] = append(people[m.Scope], m.Person)
		if m.Scope == vault.Directory {
			err = sessions.DeleteAccount(ctx, m.Person.String())
		} else {
			err = sessions.DeleteParticipant(ctx, m.Scope, m.Person)
		}
		if err != nil {
			return 0, err
		}
	}
	for _, scope := range r.voted {
		if !keys[scope] { // another vote key would give everybody another pseudonym, and a second vote
			r.forgotten.VoteKeys = append(r.forgotten.VoteKeys, scope)
		}
	}
	if err := vault.Forget(ctx, v, r.forgotten); err != nil {
		return 0, err
	}
	if len(people) == 0 {
		return 0, nil
	}
	return forgetInLogs(ctx, r.dir, v, people)
}

// forgetInLogs lets the logs say that people are erased who were erased later, as if they asked for it now.
func forgetInLogs(ctx context.Context, dir string, v vault.Vault, people map[id.ID][]id.ID) (known int, err error) {
	quiet := slog.New(slog.DiscardHandler)
	j, err := sqlitelog.Open(ctx, dir, sqlitelog.Options{Log: quiet, Reserve: -1})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	local := bus.NewLocal()
	defer local.Close()
	h, err := hub.New(ctx, hub.Config{Journal: j, Vault: v, Bus: local, Logger: quiet, Sentence: web.Sentence, Fail: func(error) {}})
	if err != nil {
		return 0, err
	}
	defer h.Close()
	for scope, list := range people {
		if scope == vault.Directory {
			continue
		}
		n, err := h.Forget(ctx, scope, list)
		if known += n; err != nil {
			return known, err
		}
	}
	return known, nil
}

// putInPlace moves what was made to where a server looks for it, the journal last. The witness stays away: it names a journal that nobody else has seen.
func (r *restore) putInPlace() error {
	if err := os.WriteFile(filepath.Join(r.data, restoredMark), []byte(r.from.ID+"\n"), 0o600); err != nil {
		return err
	}
	for _, name := range []string{vault.LiteFile, session.LiteFile, journalFile} {
		for _, rest := range []string{"-wal", "-shm"} {
			if fi, err := os.Stat(filepath.Join(r.dir, name+rest)); err == nil && fi.Size() > 0 && rest == "-wal" {
				return fmt.Errorf("%s was not closed: %s has %d bytes", name, fi.Name(), fi.Size())
			}
		}
		if err := os.Rename(filepath.Join(r.dir, name), filepath.Join(r.data, name)); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(r.dir), backup.SyncDir(r.data))
}

// forgottenIn is whom a backup, a list or a data directory knows to be forgotten.
func forgottenIn(ctx context.Context, path string) (vault.Forgotten, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return vault.Forgotten{}, err
	}
	if fi.IsDir() {
		f, _, err := vault.ReadForgotten(ctx, filepath.Join(path, vault.LiteFile))
		return f, err
	}
	r, err := backup.Open(path)
	if err != nil {
		return vault.Forgotten{}, err
	}
	defer r.Close() // only read from
	return r.Forgotten, nil
}

// verifyBackup verifies the journal of a backup.
func verifyBackup(ctx context.Context, path string, bar *progress) (out verified, err error) {
	r := &restore{without: true, bar: bar}
	if err := r.openBackup(path, ""); err != nil {
		return out, err
	}
	defer r.close()
	if r.dir, err = os.MkdirTemp("", "kiem-verify-*"); err != nil {
		return out, err
	}
	defer os.RemoveAll(r.dir)
	if err := r.unpack(); err != nil {
		return out, err
	}
	out, err = verifyData(ctx, r.dir, "", r.heads, bar)
	for n, note := range out.Notes {
		if strings.HasPrefix(note, "there is no witness") {
			out.Notes[n] = "backed up at " + r.from.MadeAt.Format(time.RFC3339) + "; the heads are those that it names"
		}
	}
	return out, err
}
