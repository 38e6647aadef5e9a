package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"kiem/hub"
	"kiem/hub/export"
	"kiem/hub/journal"
	"kiem/hub/journal/redislog"
	"kiem/hub/journal/sqlitelog"
	"kiem/hub/machine"
	"kiem/hub/redisconn"
	"kiem/hub/vault"
	"kiem/id"
)

type exportCmd struct {
	Data     string `default:"kiem-data" help:"Data directory to read, whether a server runs on it or not." placeholder:"DIR"`
	Redis    string `help:"Redis to read instead of a data directory, as of serve." placeholder:"URL"`
	URL      string `name:"url" help:"Address of a server to ask instead." placeholder:"URL"`
	Token    string `env:"KIEM_TOKEN" help:"Session or admin token for --url. Better given in the environment." placeholder:"TOKEN"`
	Campaign string `required:"" help:"Id of the campaign." placeholder:"ID"`
	Format   string `default:"zip" enum:"json,csv,xlsx,zip" help:"Form of the file: ${enum}."`
	Out      string `required:"" help:"File to write; - is standard output." placeholder:"FILE"`
	Top      int    `help:"Only the first N ideas." placeholder:"N"`
	Measure  string `default:"support" enum:"support,bridging" help:"What ideas are ordered by: ${enum}."`
	GroupMin int    `help:"Only ideas with a released support of at least N in each group." placeholder:"N"`
	Lang     string `default:"nl" enum:"nl,en,fr,de" help:"Language of headings and explanations: ${enum}."`
	NoNames  bool   `help:"Leave out names and organisations, for open data."`
}

// exportTime bounds the answer of a server.
const exportTime = 30 * time.Minute

// Run writes the file. It is written beside its place and put there when it is whole and on the disk.
func (c *exportCmd) Run(p *program) error {
	campaignID, err := id.Parse(c.Campaign)
	if err != nil {
		return usageError("--campaign: " + err.Error())
	}
	o := export.Options{Format: export.Format(c.Format), Measure: export.Measure(c.Measure), Top: c.Top, GroupMin: c.GroupMin, Lang: c.Lang}
	if err := o.Check(); err != nil {
		return usageError(err.Error())
	}
	bar := newProgress(p.stderr)
	defer bar.end()
	write := func(w io.Writer) error { return c.local(p.ctx, w, campaignID, o, bar) }
	if c.URL != "" {
		write = func(w io.Writer) error { return c.remote(p.ctx, w, campaignID, bar) }
	}
	if c.Out == "-" {
		b := bufio.NewWriterSize(p.stdout, 64<<10)
		if err := write(b); err != nil {
			return err
		}
		return b.Flush()
	}
	return replaceFile(c.Out, write)
}

// replaceFile writes a file beside the one of that name and then puts it in its place: whoever looks finds the old file, none, or the whole new one.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriterSize(f, 256<<10)
	if err := write(b); err != nil {
		return err
	}
	if err := errors.Join(b.Flush(), f.Sync()); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// local reads the stores of a server, as an organiser would see them.
func (c *exportCmd) local(ctx context.Context, w io.Writer, campaignID id.ID, o export.Options, bar *progress) error {
	bar.say("reading the log …")
	j, v, done, err := openStores(ctx, c.Data, c.Redis)
	if err != nil {
		return err
	}
	defer done()
	still, err := hub.ReadStill(ctx, j, v, campaignID)
	if errors.Is(err, hub.ErrNoCampaign) {
		return fmt.Errorf("there is no campaign %s here", campaignID)
	}
	if err != nil {
		return err
	}
	defer still.Close()
	audience := machine.Public
	if o.Format == export.JSON && !c.NoNames {
		audience = machine.Moderators
	}
	view := still.View(audience)
	return export.Write(ctx, w, &export.Report{
		Campaign: view.Campaign(), Ideas: view.Ideas(), Seq: still.Seq, Epoch: still.Epoch, Head: still.Hash, Durability: j.Durability(),
		MadeAt: time.Now().UTC().Truncate(time.Second), Names: !c.NoNames,
	}, o, still.Log(), func(done, all uint64) { bar.show("log", done, all) })
}

// openStores opens journal and vault for reading, while a server may be using them. A Redis that is not durable is read all the same, and the file says so.
func openStores(ctx context.Context, data, redis string) (j journal.Journal, v vault.Vault, done func(), err error) {
	var closers []func() error
	closeAll := func() {
		for _, c := range slices.Backward(closers) {
			_ = c()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	if redis == "" {
		if j, err = sqlitelog.OpenReadOnly(ctx, data, nil); err != nil {
			return nil, nil, nil, err
		}
		closers = append(closers, j.Close)
		if v, err = vault.ReadLite(ctx, data); err != nil {
			return nil, nil, nil, err
		}
		closers = append(closers, v.Close)
		return j, v, closeAll, nil
	}
	o := redislog.Options{Address: redis}
	if j, err = redislog.Open(ctx, o); errors.Is(err, journal.ErrNotDurable) {
		o.Relaxed = true
		j, err = redislog.Open(ctx, o)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	closers = append(closers, j.Close)
	conn, err := redisconn.Open(redis, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	closers = append(closers, conn.Close)
	v = vault.OpenRedis(conn, slog.New(slog.DiscardHandler))
	closers = append(closers, v.Close)
	return j, v, closeAll, nil
}

// remote asks a server.
func (c *exportCmd) remote(ctx context.Context, w io.Writer, campaignID id.ID, bar *progress) error {
	q := url.Values{"format": {c.Format}, "measure": {c.Measure}, "lang": {c.Lang}}
	if c.Top > 0 {
		q.Set("top", strconv.Itoa(c.Top))
	}
	if c.GroupMin > 0 {
		q.Set("group_min", strconv.Itoa(c.GroupMin))
	}
	if c.NoNames {
		q.Set("names", "no")
	}
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	bar.say("waiting for the server …")
	res, err := askServer(ctx, http.MethodGet, c.URL, "/campaigns/"+campaignID.String()+"/export?"+q.Encode(), c.Token, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	counted := &counter{w: w, tell: func(n uint64) { bar.size("so far", n) }}
	if _, err := io.Copy(counted, res.Body); err != nil {
		return fmt.Errorf("the server's answer broke off: %w", err)
	}
	return nil
}

// counter tells how much went through it.
type counter struct {
	w    io.Writer
	n    uint64
	tell func(uint64)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += uint64(n)
	c.tell(c.n)
	return n, err
}

// serverError is what a server said instead of doing what it was asked for.
type serverError struct {
	status     int
	code, text string
	wait       time.Duration // when to ask again; 0: it did not say
}

func (e *serverError) Error() string { return fmt.Sprintf("the server says: %s (%s)", e.text, e.code) }

// maxError is how many bytes of a refusal are read.
const maxError = 64 << 10

// askServer makes one call of the protocol. An answer that is no success is a serverError; the body of a success is the caller's to close.
func askServer(ctx context.Context, method, base, path, token string, body io.Reader) (*http.Response, error) {
	if !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
		return nil, usageError("--url starts with http:// or https://")
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(base, "/")+"/api/v1"+path, body)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept-Language", "en")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxError))
	if err != nil {
		return nil, err
	}
	refused := &serverError{status: res.StatusCode, code: res.Status, text: "no reason"}
	var said struct {
		Error struct{ Code, Message string }
	}
	if json.Unmarshal(text, &said) == nil && said.Error.Code != "" {
		refused.code, refused.text = said.Error.Code, said.Error.Message
	}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		refused.wait = time.Duration(seconds) * time.Second
	}
	return nil, refused
}
