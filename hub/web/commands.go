package web

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"kiem/hub"
	"kiem/hub/campaign"
	"kiem/hub/intake"
	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// desk turns what one client of a campaign sends into commands. Socket, HTTP and lists share it; it belongs to one goroutine.
type desk struct {
	server   *Server
	campaign id.ID
	room     *hub.Room
	self     id.ID
	ctx      intake.Context
}

func (s *Server) newDesk(ctx context.Context, v *visit) *desk {
	d := &desk{server: s, campaign: v.campaign, room: v.room, self: v.self}
	d.ctx = intake.Context{
		Actor: v.self,
		// Asked for by campaign.edit only. Should the room be gone, the command will be refused anyway.
		Settings: func() (out campaign.Settings) {
			_ = d.room.Campaign(ctx, func(m *campaign.Machine) { out = m.Settings() })
			return out
		},
		Challenge: func() (out campaign.Challenge) {
			_ = d.room.Campaign(ctx, func(m *campaign.Machine) { out = m.Challenge() })
			return out
		},
	}
	return d
}

// putReader gives a reader back. Nothing that it gave is used any more.
func (s *Server) putReader(r *wire.Reader) {
	r.Forget()
	s.readers.Put(r)
}

// pending makes a command ready to be submitted.
func (d *desk) pending(c *wire.Command) (*hub.Pending, *machine.Refusal) {
	v, refusal := intake.Convert(d.ctx, c)
	if refusal != nil {
		return nil, refusal
	}
	return &hub.Pending{
		Command: v.Command, From: d.self, Content: v.Content,
		Name: v.Name, Organisation: v.Organisation, HasOrganisation: v.HasOrganisation,
	}, nil
}

// execute does one command and waits for its outcome. What a command needs beside the log (a name in the vault) is done here.
func (d *desk) execute(ctx context.Context, p *hub.Pending) (machine.Outcome, error) {
	if p.Command.Type == campaign.ParticipantRename {
		return d.room.Rename(ctx, p)
	}
	o, err := d.room.Execute(ctx, p)
	if err == nil && o.Refusal == nil {
		d.server.after(ctx, d.campaign, p.Command)
	}
	return o, err
}

// slow says whether a command needs more than the log, so that a socket's reader has to wait for it.
func slow(kind string) bool {
	return kind == campaign.ParticipantRename || kind == campaign.CampaignEdit || kind == campaign.ParticipantRemove
}

// after does what follows from a command outside of its campaign: a new title is shown in lists; who was removed loses their sessions.
func (s *Server) after(ctx context.Context, campaignID id.ID, c *machine.Command) {
	switch d := c.Data.(type) {
	case *campaign.EditData:
		if d.Title == nil {
			return
		}
		if err := s.Hub.Directory().Retitle(ctx, c.ID, campaignID, *d.Title); err != nil {
			s.Logger.Warn("the list of campaigns has an old title", "campaign", campaignID, "err", err)
		}
	case *campaign.ParticipantData:
		if c.Type != campaign.ParticipantRemove {
			return
		}
		if err := s.Sessions.DeleteParticipant(ctx, campaignID, d.Participant); err != nil {
			s.Logger.Warn("sessions of somebody who was removed were not ended", "campaign", campaignID, "err", err)
		}
	}
}

// commands is POST /campaigns/{id}/commands.
func (s *Server) commands(c *gin.Context) error {
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	if _, _, err := place(c, v); err != nil {
		return err
	}
	if v.stale {
		return refuse(wire.Unavailable, "", "unavailable")
	}
	body, err := readBody(c, wire.MaxBody)
	if err != nil {
		return err
	}
	// A client that goes away does not undo its command; what follows from it must not be cut off either.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), commandTime)
	defer cancel()
	d := s.newDesk(ctx, v)
	reader := s.readers.Get().(*wire.Reader)
	defer s.putReader(reader)
	list, several, fault := reader.ReadCommands(body)
	if fault != nil {
		return failure{intake.Refusal(fault)}
	}
	lang, gate := language(c), s.gates.Get(v.key, s.Clock())
	replies := make([]byte, 0, 256*len(list))
	if several {
		replies = append(replies, '[')
	}
	status := http.StatusOK
	for n := range list {
		if n > 0 {
			replies = append(replies, ',')
		}
		cmd := &list[n]
		if !cmd.HasID && cmd.Fault == nil {
			cmd.ID = s.newID()
		}
		o, err := s.one(ctx, d, gate, cmd)
		if err != nil {
			o.Refusal = s.refusalOf(err)
			if o.Refusal.Code == wire.Internal {
				s.logger(c).Error("a command failed", "type", cmd.Type, "err", err)
			}
		}
		if r := o.Refusal; r != nil {
			s.Hub.Stats.Replies.Refused(r.Code)
			if status = r.Code.Status(); !several {
				retryAfter(c, r)
			}
			replies = wire.AppendRefusal(replies, cmd.ID, !cmd.ID.IsZero(), r.Code, Sentence(lang, r), r.Field)
			continue
		}
		s.Hub.Stats.Replies.Done()
		replies = wire.AppendReply(replies, cmd.ID, o.Seq, hub.ReplyData(&machine.Command{Type: cmd.Type, ID: cmd.ID}))
	}
	if several {
		replies = append(replies, ']')
		status = http.StatusOK // each says for itself
	}
	c.Header("Cache-Control", "no-store")
	c.Data(status, "application/json; charset=utf-8", replies)
	return nil
}

func (s *Server) one(ctx context.Context, d *desk, gate *limit.Session, cmd *wire.Command) (machine.Outcome, error) {
	if ok, _ := s.allowed(gate); !ok {
		return machine.Outcome{Refusal: machine.Refuse(wire.RateLimited, "", "too_fast")}, nil
	}
	p, refusal := d.pending(cmd)
	if refusal != nil {
		return machine.Outcome{Refusal: refusal}, nil
	}
	return d.execute(ctx, p)
}

// readBody reads a body of at most that many bytes.
func readBody(c *gin.Context, most int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, most))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, failure{machine.Refuse(wire.TooLarge, "", "too_large").With("max", strconv.FormatInt(most, 10))}
	case err != nil:
		return nil, refuse(wire.BadRequest, "", "not_json")
	}
	return body, nil
}

// newID makes an id for what the server names.
func (s *Server) newID() id.ID {
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails
	return id.NewV7(s.Clock().UnixMilli(), random)
}
