package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"kiem/hub/export"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

type importCmd struct {
	File  string `arg:"" help:"Zip that kiem export made." placeholder:"FILE"`
	URL   string `name:"url" required:"" help:"Address of the server to bring it to." placeholder:"URL"`
	Token string `env:"KIEM_TOKEN" help:"Token of an organiser's account there, or the admin token. Better given in the environment." placeholder:"TOKEN"`
}

// Limits of an import.
const (
	importBatch = 20          // commands in one call: what a session may send in a second
	importBytes = 512 << 10   // of commands in one call: half of what the server reads
	importCall  = time.Minute // one call
	importTries = 60          // of one call that the server could not take yet
	importPause = time.Second // before the next try, if the server does not say
)

// Run makes a new campaign of a file: challenge, settings, ideas and comments. Nothing of the people comes along: whoever imports is the author of everything, and
// each idea says from which it comes. The campaign stays a draft until its organiser opens it.
//
// Every id derives from the file's campaign and from what it is, so the same file brought again by the same account finds what is there and adds what is missing:
// an import that broke off is simply repeated.
func (c *importCmd) Run(p *program) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := export.Open(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	bar := newProgress(p.stderr)
	defer bar.end()
	i := &importer{ctx: p.ctx, url: c.URL, token: c.Token, file: file, bar: bar, made: map[id.ID]id.ID{}}
	created, err := i.create()
	if err != nil {
		return err
	}
	i.campaign = created.ID
	if err := i.bring(); err != nil {
		return fmt.Errorf("the import broke off; run it again to go on: %w", err)
	}
	bar.end()
	fmt.Fprintf(p.stdout, "campaign %s\ncode %s\nideas %d\ncomments %d\nleft out %d\nIt is a draft: open it in the console, %s/c/%s/console\n",
		created.ID, created.Code, i.posted, i.comments, i.leftOut, strings.TrimRight(c.URL, "/"), created.ID)
	return nil
}

// importer brings one file to one server.
type importer struct {
	ctx        context.Context
	url, token string
	file       *export.File
	bar        *progress

	campaign                  id.ID
	made                      map[id.ID]id.ID // what an idea or comment of the file is called there
	batch                     []importCommand
	size                      int // of batch in bytes
	posted, comments, leftOut int
}

type importCommand struct {
	ID   id.ID          `json:"id"`
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

// create makes the campaign, or finds the one that this file made before. Its texts may be as long as the longest that comes.
func (i *importer) create() (wire.Created, error) {
	from := &i.file.Manifest.Campaign
	s := from.Settings
	if err := i.file.Ideas(func(idea export.Idea) error {
		s.TextMax = max(s.TextMax, ideas.Units(idea.Text))
		return nil
	}); err != nil {
		return wire.Created{}, err
	}
	body := map[string]any{
		"key": id.Derive(from.ID, "import", i.file.Manifest.Head), "title": from.Title, "template": from.Template, "languages": from.Languages,
		"challenge": map[string]any{
			"title": from.Challenge.Title, "text": from.Challenge.Text, "nodes": list(from.Challenge.Nodes), "themes": list(from.Challenge.Themes),
		},
		"settings": map[string]any{
			"stage": "draft", "attendance": s.Attendance, "moderation": s.Moderation, "text_max": s.TextMax, "small_cell": s.SmallCell, "group_check": s.GroupCheck,
			"support_against": s.SupportAgainst, "groups": list(from.Groups),
		},
	}
	var created wire.Created
	err := i.call("/campaigns", body, &created)
	return created, err
}

// list is never null.
func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

// bring posts ideas and then comments. What an erased person wrote has no words, and is left out.
func (i *importer) bring() error {
	total := uint64(i.file.Manifest.Ideas + i.file.Manifest.Comments)
	err := i.file.Ideas(func(idea export.Idea) error {
		defer func() { i.bar.show("posted", uint64(i.posted+i.leftOut), total) }()
		if wordless(idea.Title) {
			i.leftOut++
			return nil
		}
		themes := slices.DeleteFunc(idea.Themes, func(theme string) bool { // the challenge has lost it since
			return !slices.Contains(i.file.Manifest.Campaign.Challenge.Themes, theme)
		})
		data := map[string]any{
			"title": idea.Title, "text": idea.Text, "need": idea.Need, "themes": themes, "nodes": idea.Nodes, "innovation": idea.Innovation,
			"from": []id.ID{idea.ID},
		}
		if idea.Definition != nil {
			data["definition"] = idea.Definition
		}
		i.posted++
		return i.add("idea.post", "idea", idea.ID, data)
	})
	if err == nil {
		err = i.send() // comments need their ideas
	}
	if err != nil {
		return err
	}
	err = i.file.Comments(func(c export.Comment) error {
		defer func() { i.bar.show("posted", uint64(i.posted+i.comments+i.leftOut), total) }()
		idea, known := i.made[c.Idea]
		if !known || wordless(c.Text) {
			i.leftOut++
			return nil
		}
		data := map[string]any{"idea": idea, "kind": c.Kind, "text": c.Text}
		if to, known := i.made[c.ReplyTo]; known {
			data["reply_to"] = to
		}
		i.comments++
		return i.add("comment.post", "comment", c.ID, data)
	})
	if err != nil {
		return err
	}
	return i.send()
}

// wordless says whether a text is all that is left of one whose words were erased.
func wordless(s string) bool { return s != "" && strings.Trim(s, "▒🀫") == "" }

// add queues a command. Its id derives from the new campaign and the old id, and from it, as the protocol says, the id of what it makes.
func (i *importer) add(kind, what string, old id.ID, data map[string]any) error {
	c := importCommand{ID: id.Derive(i.campaign, "import", old.String()), Type: kind, Data: data}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if i.size+len(text) > importBytes {
		if err := i.send(); err != nil {
			return err
		}
	}
	i.made[old] = id.Derive(c.ID, what)
	i.batch, i.size = append(i.batch, c), i.size+len(text)+1
	if len(i.batch) < importBatch {
		return nil
	}
	return i.send()
}

// send sends what is queued, and again what the server could not take yet, in the same order.
func (i *importer) send() error {
	for tries := 0; len(i.batch) > 0; tries++ {
		var replies []struct {
			ID    id.ID       `json:"id"`
			Error *wire.Error `json:"error"`
		}
		if err := i.call("/campaigns/"+i.campaign.String()+"/commands", i.batch, &replies); err != nil {
			return err
		}
		if len(replies) != len(i.batch) {
			return fmt.Errorf("the server gave %d answers to %d commands", len(replies), len(i.batch))
		}
		done := len(i.batch)
		for n, r := range replies {
			if r.Error == nil || r.Error.Code == wire.Duplicate { // by an earlier run
				continue
			}
			if r.Error.Code != wire.RateLimited && r.Error.Code != wire.Unavailable {
				return fmt.Errorf("the server refuses %s %s: %s (%s)", i.batch[n].Type, r.Error.Field, r.Error.Message, r.Error.Code)
			}
			done = n // what comes after it may rest on it, and is sent again too
			break
		}
		if done == 0 && tries >= importTries {
			return errors.New("the server takes no more commands")
		}
		if done < len(i.batch) {
			if err := i.pause(importPause); err != nil {
				return err
			}
		}
		i.batch = append(i.batch[:0], i.batch[done:]...)
	}
	i.size = 0
	return nil
}

// call makes one call, as often as it takes for the server to have time for it.
func (i *importer) call(path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	for tries := 0; ; tries++ {
		err := i.once(path, text, answer)
		var refused *serverError
		if !errors.As(err, &refused) || !slices.Contains([]int{http.StatusTooManyRequests, http.StatusServiceUnavailable}, refused.status) || tries == importTries {
			return err
		}
		wait := importPause
		if refused.wait > 0 {
			wait = refused.wait
		}
		if err := i.pause(wait); err != nil {
			return err
		}
	}
}

func (i *importer) once(path string, body []byte, answer any) error {
	ctx, cancel := context.WithTimeout(i.ctx, importCall)
	defer cancel()
	res, err := askServer(ctx, http.MethodPost, i.url, path, i.token, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(io.LimitReader(res.Body, wire.MaxBody)).Decode(answer)
}

func (i *importer) pause(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-i.ctx.Done():
		return i.ctx.Err()
	}
}
