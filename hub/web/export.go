package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"kiem/hub"
	"kiem/hub/campaign"
	"kiem/hub/export"
	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/wire"
)

// Limits of exports.
const (
	// exportsAtOnce is how many files one node makes at a time, for moderators and as many for all others: each holds the ideas of its campaign in memory.
	// A crowd that reads slowly does not keep an organiser from the results.
	exportsAtOnce = 8
	// exportStall is how long the reader of a file may take nothing of it, and exportTime how long the whole may take.
	exportStall = 30 * time.Second
	exportTime  = 10 * time.Minute
)

// export is GET /campaigns/{id}/export: for moderators and observers at any time; in the last stage for everybody in the campaign. JSON shows a moderator what
// moderators see; all other files, and everybody else, get what everybody sees. Names are for organisers. Each export is logged.
func (s *Server) export(c *gin.Context) error {
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	role, audience, err := place(c, v)
	if err != nil {
		return err
	}
	options, names, err := readExport(c.Request.URL.Query(), language(c))
	if err != nil {
		return err
	}
	if err := s.take(c, limit.Exports, v.key); err != nil {
		return err
	}
	places := s.exports.others
	if role.Moderates() {
		places = s.exports.moderators
	}
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	default:
		return refuse(wire.Unavailable, "", "unavailable")
	}
	if options.Format != export.JSON {
		audience = machine.Public
	}
	r := export.Report{
		MadeAt: s.Clock().UTC().Truncate(time.Second), Durability: s.Hub.Durability(), Names: names && role == campaign.Organiser,
	}
	allowed := false
	err = v.room.Stand(c.Request.Context(), audience, func(view campaign.View, m *campaign.Machine, at hub.Position) {
		if allowed = role.Moderates() || role == campaign.Observer || m.Stage() == "result"; allowed {
			r.Campaign, r.Ideas = view.Campaign(), view.Ideas()
			r.Seq, r.Epoch, r.Head = at.Seq, at.Epoch, at.Hash
		}
	})
	switch {
	case err != nil:
		return err
	case !allowed:
		return refuse(wire.Forbidden, "", "no_right")
	}
	s.logger(c).Info("an export was made", "campaign", v.campaign, "by", v.self, "format", options.Format, "names", r.Names)
	ctx, cancel := context.WithTimeout(c.Request.Context(), exportTime)
	defer cancel()
	log, err := v.room.OpenLog(ctx)
	if err != nil {
		return err
	}
	defer log.Close()
	c.Header("Content-Disposition", `attachment; filename="kiem-`+v.campaign.String()+`.`+string(options.Format)+`"`)
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Type", options.Format.ContentType())
	c.Status(http.StatusOK)
	out := &patient{ctx: ctx, w: c.Writer, control: http.NewResponseController(c.Writer)}
	if err := export.Write(ctx, out, &r, options, log, nil); err != nil {
		// The status is out. A connection that ends early is the only way to say that this is not the whole file.
		s.logger(c).Warn("an export was not made to its end", "campaign", v.campaign, "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// exporting has a place for each file that is being made.
type exporting struct{ moderators, others chan struct{} }

func newExporting() exporting {
	return exporting{make(chan struct{}, exportsAtOnce), make(chan struct{}, exportsAtOnce)}
}

// patient writes to a reader who may be slow but must go on reading.
type patient struct {
	ctx     context.Context
	w       io.Writer
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	if err := p.control.SetWriteDeadline(time.Now().Add(exportStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.w.Write(b)
}

// readExport reads the query of an export. names is false if the caller asks for a file without.
func readExport(q url.Values, lang string) (o export.Options, names bool, err error) {
	o = export.Options{Format: export.Format(q.Get("format")), Measure: export.Measure(q.Get("measure")), Lang: lang}
	if asked := q.Get("lang"); asked != "" { // files come in more languages than pages
		o.Lang = asked
	}
	if o.Top, err = readNumber(q, "top", 1, export.MaxTop); err != nil {
		return o, false, err
	}
	if o.GroupMin, err = readNumber(q, "group_min", 0, export.MaxGroupMin); err != nil {
		return o, false, err
	}
	switch q.Get("names") {
	case "", "yes":
		names = true
	case "no":
	default:
		return o, false, refuse(wire.BadRequest, "names", "not_in_list")
	}
	switch err := o.Check(); { // the numbers were looked at above
	case errors.Is(err, export.ErrFormat):
		return o, false, refuse(wire.BadRequest, "format", "no_format")
	case err != nil:
		return o, false, refuse(wire.BadRequest, "measure", "not_in_list")
	}
	return o, names, nil
}
