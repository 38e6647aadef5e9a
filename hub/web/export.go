package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
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

// export is for moderators; in the last stage everybody in the campaign gets the public part, without names. Names are for organisers.
func (s *Server) export(c *gin.Context) error {
	room, self, _, err := s.enter(c)
	if err != nil {
		return err
	}
	role, audience, err := place(c, room, self)
	if err != nil {
		return err
	}
	if format := c.DefaultQuery("format", "json"); format != "json" {
		return refuse(wire.BadRequest, "format", "no_format")
	}
	if measure := c.DefaultQuery("measure", "support"); measure != "support" {
		return refuse(wire.BadRequest, "measure", "not_in_list")
	}
	top := 0
	if text := c.Query("top"); text != "" {
		if top, err = strconv.Atoi(text); err != nil || top < 1 {
			return refuse(wire.BadRequest, "top", "bad_number")
		}
	}
	out := exported{
		Measure: "support", Rule: "support descending, then older first", MadeAt: s.Clock().UTC().Truncate(time.Second),
		Durability: string(s.Hub.Durability()), Rounds: []any{},
	}
	var allowed bool
	err = room.View(c.Request.Context(), audience, func(v campaign.View, m *campaign.Machine) {
		allowed = role.Moderates() || m.Stage() == "result"
		if allowed {
			out.Campaign, out.Ideas = v.Campaign(), v.Ideas()
		}
	})
	if err != nil {
		return err
	}
	if !allowed {
		return refuse(wire.Forbidden, "", "no_right")
	}
	out.Seq, out.Epoch, out.Head = room.Position(c.Request.Context())
	slices.SortStableFunc(out.Ideas, func(a, b wire.Idea) int { return b.Support.Total - a.Support.Total })
	if top > 0 {
		out.Ideas = out.Ideas[:min(top, len(out.Ideas))]
	}
	if role != campaign.Organiser {
		withoutNames(out.Ideas)
	}
	s.Logger.Info("an export was made", "campaign", c.Param("id"), "by", self, "names", role == campaign.Organiser)
	campaignID, _ := id.Parse(c.Param("id")) // enter has read it
	c.Header("Content-Disposition", `attachment; filename="kiem-`+campaignID.String()+`.json"`)
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Type", "application/json; charset=utf-8")
	c.Status(http.StatusOK)
	e := json.NewEncoder(c.Writer)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		s.Logger.Debug("an export was not read to its end", "err", err)
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
	if who.stale || len(who.members) == 0 {
		return refuse(wire.Forbidden, "", "account_stays")
	}
	ctx := c.Request.Context()
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
	s.clearCookie(c)
	c.Status(http.StatusNoContent)
	return nil
}
