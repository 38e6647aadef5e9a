package web

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"kiem/hub/campaign"
	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/wire"
)

// exported is GET /campaigns/{id}/export?format=json. It says by which measure it is ordered, when it was made, and where in the log.
type exported struct {
	Campaign   wire.Campaign `json:"campaign"`
	Seq        uint64        `json:"seq"`
	Epoch      uint64        `json:"epoch"`
	Head       string        `json:"head"`
	Measure    string        `json:"measure"`
	Rule       string        `json:"rule"`
	Durability string        `json:"durability"`
	MadeAt     time.Time     `json:"made_at"`
	Ideas      []wire.Idea   `json:"ideas"`
	Rounds     []any         `json:"rounds"`
}

// positionTries is how often an export is rendered again because something happened meanwhile: its number and hash are those of a state that
// holds nothing newer than what it shows.
const positionTries = 5

// export is for moderators; in the last stage everybody in the campaign gets the public part, without names. Names are for organisers.
func (s *Server) export(c *gin.Context) error {
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	role, audience, err := place(c, v)
	if err != nil {
		return err
	}
	if format := c.DefaultQuery("format", "json"); format != "json" {
		return refuse(wire.BadRequest, "format", "no_format")
	}
	if measure := c.DefaultQuery("measure", "support"); measure != "support" {
		return refuse(wire.BadRequest, "measure", "not_in_list")
	}
	top, err := readNumber(c.Request.URL.Query(), "top", 1, maxOffset)
	if err != nil {
		return err
	}
	if err := s.take(c, limit.Exports, v.key); err != nil {
		return err
	}
	out := exported{
		Measure: "support", Rule: "support descending, then older first", MadeAt: s.Clock().UTC().Truncate(time.Second),
		Durability: string(s.Hub.Durability()), Rounds: []any{},
	}
	var allowed bool
	for range positionTries {
		out.Seq, out.Epoch, out.Head = v.room.Position(c.Request.Context())
		if err := v.room.View(c.Request.Context(), audience, func(view campaign.View, m *campaign.Machine) {
			if allowed = role.Moderates() || m.Stage() == "result"; allowed {
				out.Campaign, out.Ideas = view.Campaign(), view.Ideas()
			}
		}); err != nil {
			return err
		}
		if seq, epoch, _ := v.room.Position(c.Request.Context()); seq == out.Seq && epoch == out.Epoch {
			break
		}
	}
	if !allowed {
		return refuse(wire.Forbidden, "", "no_right")
	}
	slices.SortStableFunc(out.Ideas, func(a, b wire.Idea) int { return b.Support.Total - a.Support.Total })
	if top > 0 {
		out.Ideas = out.Ideas[:min(top, len(out.Ideas))]
	}
	if role != campaign.Organiser {
		withoutNames(out.Ideas)
	}
	s.logger(c).Info("an export was made", "campaign", v.campaign, "by", v.self, "names", role == campaign.Organiser)
	c.Header("Content-Disposition", `attachment; filename="kiem-`+v.campaign.String()+`.json"`)
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Type", "application/json; charset=utf-8")
	c.Status(http.StatusOK)
	e := json.NewEncoder(c.Writer)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		s.logger(c).Debug("an export was not read to its end", "err", err)
	}
	return nil
}

func withoutNames(list []wire.Idea) {
	for i := range list {
		for n := range list[i].Authors {
			list[i].Authors[n].Name, list[i].Authors[n].Organisation = "", ""
		}
		for n := range list[i].Comments {
			list[i].Comments[n].Author.Name, list[i].Comments[n].Author.Organisation = "", ""
		}
	}
}

// myData is GET /me: everything that is kept of the caller, in every campaign of the session.
func (s *Server) myData(c *gin.Context) error {
	who, err := s.caller(c)
	if err != nil {
		return err
	}
	if err := s.take(c, limit.Exports, who.key); err != nil {
		return err
	}
	type mine struct {
		Campaign    wire.CampaignName `json:"campaign"`
		Participant wire.Participant  `json:"participant"`
		Me          wire.Me           `json:"me"`
		Ideas       []wire.Idea       `json:"ideas"`
		Comments    []wire.Comment    `json:"comments"`
	}
	list := []mine{}
	ctx := c.Request.Context()
	for campaignID, self := range who.members {
		room, err := s.Hub.Room(ctx, campaignID)
		if err != nil {
			return err
		}
		one := mine{Ideas: []wire.Idea{}, Comments: []wire.Comment{}}
		if one.Me, err = room.Me(ctx, self); err != nil {
			return err
		}
		err = room.View(ctx, machine.Public, func(v campaign.View, m *campaign.Machine) {
			own := v.As(self)
			head := v.Campaign()
			one.Campaign = wire.CampaignName{ID: head.ID, Title: head.Title}
			one.Participant = own.Participant(self)
			for _, i := range m.Board().All() {
				shown := own.Idea(i)
				if i.Author == self {
					one.Ideas = append(one.Ideas, shown)
				}
				for _, comment := range shown.Comments {
					if comment.Author.ID == self {
						one.Comments = append(one.Comments, comment)
					}
				}
			}
		})
		if err != nil {
			return err
		}
		list = append(list, one)
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"account": who.account, "campaigns": list})
	return nil
}

// eraseMe is DELETE /me: forgets the caller in every campaign of the session, and ends its sessions.
func (s *Server) eraseMe(c *gin.Context) error {
	who, err := s.caller(c)
	if err != nil {
		return err
	}
	switch {
	case who.stale:
		return refuse(wire.Unavailable, "", "unavailable")
	case len(who.members) == 0:
		return refuse(wire.Forbidden, "", "account_stays")
	}
	ctx := context.WithoutCancel(c.Request.Context()) // half an erasure helps nobody
	for campaignID, self := range who.members {
		room, err := s.Hub.Room(ctx, campaignID)
		if err != nil {
			return err
		}
		if err := refused(room.Erase(ctx, self)); err != nil {
			return err
		}
		if err := s.Sessions.DeleteParticipant(ctx, campaignID, self); err != nil {
			return err
		}
	}
	s.sockets.end(who.key, wire.CloseUnauthorised, "erased")
	s.clearCookie(c)
	c.Status(http.StatusNoContent)
	return nil
}
