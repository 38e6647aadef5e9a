package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"kiem/hub"
	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/intake"
	"kiem/hub/limit"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// createCampaign is POST /campaigns. With the same key, the same account gets the same campaign.
func (s *Server) createCampaign(c *gin.Context) error {
	who, err := s.caller(c)
	if err != nil {
		return err
	}
	switch {
	case who.account.IsZero():
		return refuse(wire.Forbidden, "", "organisers_only")
	case who.stale:
		return refuse(wire.Unavailable, "", "unavailable")
	}
	if err := s.take(c, limit.Campaigns, who.account.String()); err != nil {
		return err
	}
	o, err := readObject(c)
	if err != nil {
		return err
	}
	key := o.ID("key")
	data, refusal := intake.Create(o)
	if refusal != nil {
		return failure{refusal}
	}
	if data.Campaign = s.newID(); !key.IsZero() {
		data.Campaign = id.Derive(who.account, "campaign", key.String())
		found, err := s.Hub.Directory().Campaign(c.Request.Context(), data.Campaign)
		if err != nil {
			return err
		}
		if found != nil { // sent again; what became of it since stays
			return s.created(c, http.StatusOK, found.ID, found.Code)
		}
	}
	code, refusal, err := s.Hub.Create(c.Request.Context(), hub.Owner{Account: who.account, Name: organiserName(language(c))}, data)
	if err := refused(refusal, err); err != nil {
		return err
	}
	s.logger(c).Info("a campaign was created", "campaign", data.Campaign, "account", who.account)
	return s.created(c, http.StatusCreated, data.Campaign, code)
}

func (s *Server) created(c *gin.Context, status int, campaignID id.ID, code string) error {
	c.Header("Cache-Control", "no-store")
	c.JSON(status, wire.Created{ID: campaignID, Code: code, JoinURL: s.baseURL(c) + "/j/" + code})
	return nil
}

// listCampaigns is GET /campaigns: those of the account, and those that the session takes part in.
func (s *Server) listCampaigns(c *gin.Context) error {
	who, err := s.caller(c)
	if err != nil {
		return err
	}
	if err := s.spend(c, who); err != nil {
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
	answer := gin.H{"campaigns": list}
	if who.account == directory.Admin {
		answer["operator"] = true // the page shows the way to the server's own page
	}
	c.JSON(http.StatusOK, answer)
	return nil
}

// place is what the machine says of a caller now. Whoever is not in the campaign, or no longer, finds none.
func place(c *gin.Context, v *visit) (role campaign.Role, audience machine.Audience, err error) {
	err = v.room.Campaign(c.Request.Context(), func(m *campaign.Machine) {
		if p := m.Person(v.self); p != nil && !p.Removed && !p.Erased {
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
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	_, audience, err := place(c, v)
	if err != nil {
		return err
	}
	page, err := readPage(c.Request.URL.Query())
	if err != nil {
		return err
	}
	if page != (hub.Page{}) { // the whole is encoded once for everybody
		if err := s.spend(c, v.caller); err != nil {
			return err
		}
	}
	made, err := v.room.Snapshot(c.Request.Context(), audience, page)
	if err != nil {
		return err
	}
	h := c.Writer.Header()
	h.Set("ETag", made.ETag)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept-Encoding, Authorization, Cookie")
	if knownBy(c.GetHeader("If-None-Match"), made.ETag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	body := made.JSON
	if takesGzip(c.GetHeader("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = made.Gzip
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", body)
	return nil
}

// me is GET /campaigns/{id}/me.
func (s *Server) me(c *gin.Context) error {
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	if _, _, err := place(c, v); err != nil {
		return err
	}
	if err := s.spend(c, v.caller); err != nil {
		return err
	}
	me, err := v.room.Me(c.Request.Context(), v.self)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, me)
	return nil
}

// participants is GET /campaigns/{id}/participants, for moderators. Reading it is logged: it is a list of people.
func (s *Server) participants(c *gin.Context) error {
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	role, _, err := place(c, v)
	if err != nil {
		return err
	}
	if !role.Moderates() {
		return refuse(wire.Forbidden, "", "no_right")
	}
	if err := s.spend(c, v.caller); err != nil {
		return err
	}
	list := []wire.Participant{}
	var channels map[string]int
	err = v.room.View(c.Request.Context(), machine.Moderators, func(view campaign.View, m *campaign.Machine) {
		for _, p := range m.People() {
			if !p.Erased {
				list = append(list, view.Participant(p.ID))
			}
		}
		channels = m.Channels()
	})
	if err != nil {
		return err
	}
	s.logger(c).Info("the list of participants was read", "campaign", v.campaign, "by", v.self)
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
	self := id.ID{}
	who, err := s.caller(c)
	var f failure
	switch {
	case err == nil:
		self, _ = who.in(campaignID)
		err = s.spend(c, who)
	case errors.As(err, &f) && f.Code == wire.Unauthorised: // a stranger
		err = s.take(c, limit.Exports, "results "+s.addressKey(c))
	}
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	room, err := s.room(c, campaignID)
	if err != nil {
		return err
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
