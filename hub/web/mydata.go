package web

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"kiem/hub/campaign"
	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/wire"
)

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
