package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"time"

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

// readObject reads a body of one JSON object.
func readObject(c *gin.Context) (wire.Object, error) {
	body, err := readBody(c, wire.MaxFrame)
	if err != nil {
		return wire.Object{}, err
	}
	var r wire.Reader
	o, fault := r.Read(body)
	if fault != nil {
		return o, failure{intake.Refusal(fault)}
	}
	return o, nil
}

// findCode finds the campaign of a code. Wrong codes are counted: they are how somebody looks for campaigns. Once there were too many, a right code gets the
// same answer as a wrong one; and a campaign that is closed the same as none.
func (s *Server) findCode(c *gin.Context, code string) (*directory.Campaign, error) {
	found, err := s.Hub.Directory().ByCode(c.Request.Context(), code)
	if err != nil {
		return nil, err
	}
	known := found != nil && !found.Closed
	ask := s.take
	if known {
		ask = s.peek
	}
	if err := ask(c, limit.WrongCode, s.addressKey(c)); err != nil {
		return nil, err
	}
	if err := ask(c, limit.WrongCodes, ""); err != nil {
		return nil, err
	}
	if !known {
		return nil, refuse(wire.NotFound, "code", "no_code")
	}
	return found, nil
}

// code is GET /codes/{code}: what somebody sees before joining.
func (s *Server) code(c *gin.Context) error {
	found, err := s.findCode(c, c.Param("code"))
	if err != nil {
		return err
	}
	room, err := s.Hub.Room(c.Request.Context(), found.ID)
	if err != nil {
		return err
	}
	var view wire.Campaign
	if err := room.Campaign(c.Request.Context(), func(m *campaign.Machine) { view = m.View(machine.Public, noNames).Campaign() }); err != nil {
		return err
	}
	if view.Stage == campaign.Draft {
		return refuse(wire.PhaseClosed, "", "not_open_yet")
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{
		"id": view.ID, "title": view.Title, "stage": view.Stage, "groups": view.Groups, "languages": view.Languages,
		"challenge": view.Challenge, "open": view.Open,
	})
	return nil
}

func noNames(id.ID) (string, string) { return "", "" }

// join is POST /join.
func (s *Server) join(c *gin.Context) error {
	o, err := readObject(c)
	if err != nil {
		return err
	}
	j, refusal := intake.Join(o)
	if refusal != nil {
		return failure{refusal}
	}
	found, err := s.findCode(c, j.Code)
	if err != nil {
		return err
	}
	room, err := s.Hub.Room(c.Request.Context(), found.ID)
	if err != nil {
		return err
	}
	if !j.HasKey {
		var random [16]byte
		_, _ = rand.Read(random[:]) // never fails
		j.Key = id.ID(random)
	}
	self := id.Derive(found.ID, "guest", j.Key.String())
	attendance, again := 0, false
	if err := room.Campaign(c.Request.Context(), func(m *campaign.Machine) {
		attendance, again = m.Settings().Attendance, m.Person(self) != nil
	}); err != nil {
		return err
	}
	if again { // each time is a session more
		err = s.take(c, limit.Rejoin, self.String())
	} else {
		err = s.limitJoin(c, found.ID, attendance)
	}
	if err != nil {
		return err
	}
	return s.enterAs(c, room, found.ID, found.Title, hub.Joining{
		Participant: self, Name: j.Name, Organisation: j.Organisation, Guest: s.Guest(language(c)),
		Data: campaign.JoinData{Group: j.Group, Channel: j.Channel, Entrepreneur: j.Entrepreneur},
	})
}

// enterAs makes somebody a participant, gives them a session, and answers: then all three are durable.
func (s *Server) enterAs(c *gin.Context, room *hub.Room, campaignID id.ID, title string, j hub.Joining) error {
	person, refusal, err := room.Join(c.Request.Context(), j)
	if err := refused(refusal, err); err != nil {
		return err
	}
	token, err := s.startSession(c, s.byCookie(c), id.ID{}, campaignID, j.Participant)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, wire.Session{Token: token, Participant: person, Campaign: wire.CampaignName{ID: campaignID, Title: title}})
	return nil
}

// signIn is POST /signin: a link's secret, once, for a session.
func (s *Server) signIn(c *gin.Context) error {
	link, _, err := s.useLink(c, directory.SignIn)
	if err != nil {
		return err
	}
	s.logger(c).Info("somebody signed in by a link", "account", link.Account)
	if _, err := s.startSession(c, nil, link.Account, id.ID{}, id.ID{}); err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusOK, gin.H{"account": link.Account})
	return nil
}

// invite is POST /invite: a link's secret for a place in a campaign with a role.
func (s *Server) invite(c *gin.Context) error {
	link, name, err := s.useLink(c, directory.Invite)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	found, err := s.Hub.Directory().Campaign(ctx, link.Campaign)
	switch {
	case err != nil:
		return err
	case found == nil:
		return hub.ErrNoCampaign
	}
	room, err := s.Hub.Room(ctx, link.Campaign)
	if err != nil {
		return err
	}
	self := id.Derive(link.Campaign, "invited", s.newID().String())
	person, refusal, err := room.Join(ctx, hub.Joining{
		Participant: self, Name: name, Guest: s.Guest(language(c)),
		Data: campaign.JoinData{Group: campaign.Groups[0], Role: link.Role},
	})
	if err := refused(refusal, err); err != nil {
		return err
	}
	if _, err := s.startSession(c, s.byCookie(c), id.ID{}, link.Campaign, self); err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, gin.H{"campaign": wire.CampaignName{ID: link.Campaign, Title: found.Title}, "role": link.Role, "participant": person})
	return nil
}

func (s *Server) useLink(c *gin.Context, kind string) (link directory.Link, name string, err error) {
	if err := s.take(c, limit.SignIn, s.addressKey(c)); err != nil {
		return link, "", err
	}
	o, err := readObject(c)
	if err != nil {
		return link, "", err
	}
	secret, typed := o.String("token"), ""
	if kind == directory.Invite {
		typed = o.String("name")
	}
	if f := o.Done(); f != nil {
		return link, "", failure{intake.Refusal(f)}
	}
	name, refusal := intake.Name(typed)
	if refusal != nil {
		return link, "", failure{refusal}
	}
	if err := s.Sessions.Ready(c.Request.Context()); err != nil {
		return link, "", err // a link that works once must not be used up for nothing
	}
	link, refusal, err = s.Hub.Directory().UseLink(c.Request.Context(), kind, secret)
	return link, name, refused(refusal, err)
}

// signOut is POST /signout: it ends the session and its sockets. Signing out twice is no error.
func (s *Server) signOut(c *gin.Context) error {
	who, err := s.caller(c)
	var f failure
	switch {
	case errors.As(err, &f) && f.Code == wire.Unauthorised:
	case err != nil:
		return err
	case who.token != "":
		err := s.Sessions.Delete(c.Request.Context(), who.token)
		s.sockets.end(who.key, wire.CloseUnauthorised, "signed out") // dead on this node also if the store could not be told
		if err != nil {
			return err
		}
	}
	s.clearCookie(c)
	c.Status(http.StatusNoContent)
	return nil
}

func (s *Server) clearCookie(c *gin.Context) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: s.cookieName(c.Request), Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.secure(c.Request), SameSite: http.SameSiteLaxMode,
	})
}

// inviteTime and observerUses bound invitations: a projector's link may be opened again when the projector is started again.
const (
	inviteTime   = 30 * 24 * time.Hour
	observerUses = 100
)

// makeLink is POST /campaigns/{id}/links: an invitation to be a facilitator (once) or an observer.
func (s *Server) makeLink(c *gin.Context) error {
	v, err := s.enter(c)
	if err != nil {
		return err
	}
	if _, _, err := place(c, v); err != nil {
		return err
	}
	o, err := readObject(c)
	if err != nil {
		return err
	}
	role := campaign.Role(o.String("role"))
	if f := o.Done(); f != nil {
		return failure{intake.Refusal(f)}
	}
	uses := 1
	var needs string
	switch role {
	case campaign.Observer:
		uses, needs = observerUses, campaign.StageSet
	case campaign.Facilitator, campaign.Organiser:
		needs = campaign.RoleGrant
	default:
		return refuse(wire.BadRequest, "role", "bad_role")
	}
	may := false
	ctx := c.Request.Context()
	if err := v.room.Campaign(ctx, func(m *campaign.Machine) {
		p := m.Person(v.self)
		may = p != nil && !p.Removed && !p.Erased && p.Role.Holds(needs)
	}); err != nil {
		return err
	}
	switch {
	case !may:
		return refuse(wire.Forbidden, "", "no_right")
	case v.stale:
		return refuse(wire.Unavailable, "", "unavailable")
	}
	by := v.account
	if by.IsZero() {
		by = v.self
	}
	if err := s.take(c, limit.Invitations, by.String()); err != nil {
		return err
	}
	secret, refusal, err := s.Hub.Directory().MakeLink(ctx, hub.NewLink{
		Kind: directory.Invite, By: by, Campaign: v.campaign, Role: string(role), Valid: inviteTime, Uses: uses,
	})
	if err := refused(refusal, err); err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.JSON(http.StatusCreated, gin.H{"url": s.baseURL(c) + "/invite#" + secret, "role": role})
	return nil
}
