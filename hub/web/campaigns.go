package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"kiem/hub"
	"kiem/hub/campaign"
	"kiem/hub/intake"
	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// MaxPage is the number of ideas in one page of a snapshot.
const MaxPage = 500

// createCampaign is POST /campaigns.
func (s *Server) createCampaign(c *gin.Context) error {
	who, err := s.caller(c)
	if err != nil {
		return err
	}
	if who.account.IsZero() || who.stale {
		return refuse(wire.Forbidden, "", "organisers_only")
	}
	if err := s.take(c, limit.Campaigns, who.account.String()); err != nil {
		return err
	}
	o, err := readObject(c)
	if err != nil {
		return err
	}
	data, refusal := intake.Create(o)
	if refusal != nil {
		return failure{refusal}
	}
	data.Campaign = s.newID()
	code, refusal, err := s.Hub.Create(c.Request.Context(), hub.Owner{Account: who.account, Name: s.ownerName(c, who)}, data)
	if err := refused(refusal, err); err != nil {
		return err
	}
	s.Logger.Info("a campaign was created", "campaign", data.Campaign, "account", who.account)
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, wire.Created{ID: data.Campaign, Code: code, JoinURL: s.baseURL(c) + "/j/" + code})
	return nil
}

// ownerName is what participants see of an account until it gives itself another name.
func (s *Server) ownerName(c *gin.Context, _ *caller) string { return organiserName(language(c)) }

// listCampaigns is GET /campaigns: those of the account, and those that the session takes part in.
func (s *Server) listCampaigns(c *gin.Context) error {
	who, err := s.caller(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	places := map[id.ID]id.ID{}
	var order []id.ID
	add := func(campaignID, self id.ID) {
		if _, twice := places[campaignID]; !twice {
			order = append(order, campaignID)
		}
		places[campaignID] = self
	}
	if !who.account.IsZero() {
		own, err := s.Hub.Directory().CampaignsOf(ctx, who.account)
		if err != nil {
			return err
		}
		for _, one := range own {
			add(one.ID, hub.Owner{Account: who.account}.Participant(one.ID))
		}
	}
	for campaignID, self := range who.members {
		add(campaignID, self)
	}
	list := []wire.Listed{}
	for _, campaignID := range order {
		room, err := s.Hub.Room(ctx, campaignID)
		if errors.Is(err, hub.ErrNoCampaign) {
			continue
		}
		if err != nil {
			return err
		}
		found, err := s.Hub.Directory().Campaign(ctx, campaignID)
		if err != nil {
			return err
		}
		if err := room.Campaign(ctx, func(m *campaign.Machine) {
			p := m.Person(places[campaignID])
			if p == nil || p.Removed || p.Erased || found == nil {
				return
			}
			l := m.View(machine.Public, noNames).Listed(p.Role)
			if l.Code, l.JoinURL = found.Code, s.baseURL(c)+"/j/"+found.Code; !p.Role.Moderates() {
				l.Waiting = 0
			}
			list = append(list, l)
		}); err != nil {
			return err
		}
	}
	slices.SortFunc(list, func(a, b wire.Listed) int { return b.Created.Compare(a.Created) })
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"campaigns": list})
	return nil
}

// place is what the machine says of a caller now.
func place(c *gin.Context, room *hub.Room, self id.ID) (role campaign.Role, audience machine.Audience, err error) {
	err = room.Campaign(c.Request.Context(), func(m *campaign.Machine) {
		if p := m.Person(self); p != nil && !p.Removed && !p.Erased {
			role = p.Role
		}
	})
	switch {
	case err != nil:
		return "", 0, err
	case role == "":
		return "", 0, hub.ErrNoCampaign
	case role.Moderates():
		return role, machine.Moderators, nil
	}
	return role, machine.Public, nil
}

// snapshot is GET /campaigns/{id}.
func (s *Server) snapshot(c *gin.Context) error {
	room, self, _, err := s.enter(c)
	if err != nil {
		return err
	}
	_, audience, err := place(c, room, self)
	if err != nil {
		return err
	}
	page := hub.Page{Sort: c.Query("sort"), Query: c.Query("q"), Node: c.Query("node"), Theme: c.Query("theme")}
	for field, v := range map[string]*int{"limit": &page.Limit, "offset": &page.Offset} {
		text := c.Query(field)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || field == "limit" && (n == 0 || n > MaxPage) {
			return failure{machine.Refuse(wire.BadRequest, field, "out_of_range").With("min", "1").With("max", strconv.Itoa(MaxPage))}
		}
		*v = n
	}
	switch {
	case len(page.Query) > hub.MaxQuery || len(page.Theme) > hub.MaxQuery:
		return failure{machine.Refuse(wire.TooLarge, "q", "too_long").With("max", strconv.Itoa(hub.MaxQuery))}
	case !slices.Contains([]string{"", "new", "top", "quiet"}, page.Sort):
		return refuse(wire.BadRequest, "sort", "not_in_list")
	case page.Node != "" && !ideas.OneOf(ideas.Nodes, page.Node):
		return refuse(wire.BadRequest, "node", "not_in_list")
	}
	made, err := room.Snapshot(c.Request.Context(), audience, page)
	if err != nil {
		return err
	}
	h := c.Writer.Header()
	h.Set("ETag", made.ETag)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept-Encoding, Authorization, Cookie")
	if match := c.GetHeader("If-None-Match"); match != "" && strings.TrimPrefix(match, "W/") == made.ETag {
		c.Status(http.StatusNotModified)
		return nil
	}
	body := made.JSON
	if strings.Contains(c.GetHeader("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = made.Gzip
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", body)
	return nil
}

// me is GET /campaigns/{id}/me.
func (s *Server) me(c *gin.Context) error {
	room, self, _, err := s.enter(c)
	if err != nil {
		return err
	}
	if _, _, err := place(c, room, self); err != nil {
		return err
	}
	me, err := room.Me(c.Request.Context(), self)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, me)
	return nil
}

// participants is GET /campaigns/{id}/participants, for moderators. Reading it is logged: it is a list of people.
func (s *Server) participants(c *gin.Context) error {
	room, self, _, err := s.enter(c)
	if err != nil {
		return err
	}
	role, _, err := place(c, room, self)
	if err != nil {
		return err
	}
	if !role.Moderates() {
		return refuse(wire.Forbidden, "", "no_right")
	}
	list := []wire.Participant{}
	var channels map[string]int
	err = room.View(c.Request.Context(), machine.Moderators, func(v campaign.View, m *campaign.Machine) {
		for _, p := range m.People() {
			if !p.Erased {
				list = append(list, v.Participant(p.ID))
			}
		}
		channels = m.Channels()
	})
	if err != nil {
		return err
	}
	s.Logger.Info("the list of participants was read", "campaign", c.Param("id"), "by", self)
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"participants": list, "channels": channels})
	return nil
}

// results is GET /campaigns/{id}/results: for everybody in the campaign, and for everybody once it is in its last stage.
func (s *Server) results(c *gin.Context) error {
	campaignID, err := id.Parse(c.Param("id"))
	if err != nil {
		return hub.ErrNoCampaign
	}
	ctx := c.Request.Context()
	room, err := s.Hub.Room(ctx, campaignID)
	if err != nil {
		return err
	}
	self := id.ID{}
	if who, err := s.caller(c); err == nil {
		self, _ = who.in(campaignID)
	}
	type row struct {
		ID      id.ID        `json:"id"`
		Title   string       `json:"title"`
		Status  string       `json:"status"`
		Support wire.TallyOf `json:"support"`
		Answer  *wire.Answer `json:"answer,omitempty"`
	}
	rows, open := []row{}, false
	var head wire.Campaign
	err = room.View(ctx, machine.Public, func(v campaign.View, m *campaign.Machine) {
		p := m.Person(self)
		open = m.Stage() == "result" || p != nil && !p.Removed && !p.Erased
		if !open {
			return
		}
		head = v.Campaign()
		for _, i := range v.Ideas() {
			rows = append(rows, row{i.ID, i.Title, i.Status, i.Support, i.Answer})
		}
	})
	switch {
	case err != nil:
		return err
	case !open:
		return hub.ErrNoCampaign
	}
	slices.SortStableFunc(rows, func(a, b row) int { return b.Support.Total - a.Support.Total })
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"campaign": head, "ideas": rows, "rounds": []any{}})
	return nil
}
