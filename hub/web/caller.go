package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"maps"
	"net/http"

	"github.com/gin-gonic/gin"

	"kiem/hub"
	"kiem/hub/directory"
	"kiem/hub/limit"
	"kiem/hub/session"
	"kiem/hub/wire"
	"kiem/id"
)

// caller is who sent a request. It says who somebody is, never what they may do.
type caller struct {
	token   string
	key     string // names the session, for limits
	account id.ID  // zero for a guest
	members map[id.ID]id.ID
	stale   bool // the session store is away: good for reading
}

// adminKey is the operator's token as a key of limits.
const adminKey = "admin"

func (s *Server) cookieName(r *http.Request) string {
	if s.secure(r) {
		return "__Host-kiem_session"
	}
	return "kiem_session"
}

// hasCredentials says whether a request brings a token at all, good or not.
func (s *Server) hasCredentials(c *gin.Context) bool {
	if _, bearer := bearerToken(c.Request); bearer {
		return true
	}
	_, err := c.Request.Cookie(s.cookieName(c.Request))
	return err == nil
}

// caller finds out who sends a request. Nobody is an error with code unauthorised.
func (s *Server) caller(c *gin.Context) (*caller, error) {
	token, bearer := bearerToken(c.Request)
	if !bearer {
		cookie, err := c.Request.Cookie(s.cookieName(c.Request))
		if err != nil {
			return nil, refuse(wire.Unauthorised, "", "no_session")
		}
		token = cookie.Value
	}
	if bearer && s.isAdmin(token) {
		if err := s.peek(c, limit.AdminToken, s.addressKey(c)); err != nil {
			return nil, err
		}
		return &caller{key: adminKey, account: directory.Admin}, nil
	}
	got, err := s.Sessions.Get(c.Request.Context(), token)
	switch {
	case errors.Is(err, session.ErrNotFound):
		if bearer && s.AdminToken != "" { // this is how somebody looks for the operator's token
			if err := s.take(c, limit.AdminToken, s.addressKey(c)); err != nil {
				return nil, err
			}
		}
		return nil, refuse(wire.Unauthorised, "", "no_session")
	case err != nil:
		return nil, err
	}
	who := &caller{token: token, key: session.Key(token), members: got.Members, stale: got.Stale}
	if got.Account != "" {
		if who.account, err = id.Parse(got.Account); err != nil {
			return nil, refuse(wire.Unauthorised, "", "no_session")
		}
	}
	return who, nil
}

// isAdmin compares in constant time, whatever the lengths.
func (s *Server) isAdmin(token string) bool {
	if s.AdminToken == "" {
		return false
	}
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.AdminToken))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// in is the participant that a caller is in a campaign.
func (w *caller) in(campaignID id.ID) (id.ID, bool) {
	if p, ok := w.members[campaignID]; ok {
		return p, true
	}
	if !w.account.IsZero() {
		return hub.Owner{Account: w.account}.Participant(campaignID), true
	}
	return id.ID{}, false
}

// visit is a caller in a campaign.
type visit struct {
	*caller
	campaign id.ID
	room     *hub.Room
	self     id.ID // the participant that the caller is
}

// enter finds the campaign of a request and who the caller is in it. To whoever is not in it, a campaign that exists looks like one that does not.
func (s *Server) enter(c *gin.Context) (*visit, error) {
	who, err := s.caller(c)
	if err != nil {
		return nil, err
	}
	campaignID, err := id.Parse(c.Param("id"))
	if err != nil {
		return nil, hub.ErrNoCampaign
	}
	self, ok := who.in(campaignID)
	if !ok {
		return nil, hub.ErrNoCampaign
	}
	var room *hub.Room
	if _, joined := who.members[campaignID]; joined {
		room, err = s.Hub.Room(c.Request.Context(), campaignID)
	} else {
		room, err = s.room(c, campaignID)
	}
	if err == nil {
		err = room.Meet(c.Request.Context(), self) // who has just joined through another node is no stranger
	}
	if err != nil {
		return nil, err
	}
	return &visit{caller: who, campaign: campaignID, room: room, self: self}, nil
}

// room finds the room of a campaign that somebody named. The directory is asked first: asking for what does not exist must not cost a log.
func (s *Server) room(c *gin.Context, campaignID id.ID) (*hub.Room, error) {
	found, err := s.Hub.Directory().Campaign(c.Request.Context(), campaignID)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, hub.ErrNoCampaign
	}
	return s.Hub.Room(c.Request.Context(), campaignID)
}

// startSession gives the caller a new session that also is this, and ends the one before: no session is ever raised in rank.
func (s *Server) startSession(c *gin.Context, before *caller, account id.ID, campaignID, participant id.ID) (string, error) {
	if before != nil && (before.token == "" || before.stale) {
		before = nil
	}
	next := session.Session{Members: map[id.ID]id.ID{}, Expires: s.Clock().Add(sessionTime)}
	if before != nil {
		maps.Copy(next.Members, before.members)
		if account.IsZero() {
			account = before.account
		}
	}
	if !participant.IsZero() {
		next.Members[campaignID] = participant
	}
	if !account.IsZero() {
		next.Account = account.String()
		next.Expires = s.Clock().Add(signInTime)
	}
	for i := range next.Members { // the oldest are not known; any will do
		if len(next.Members) <= session.MaxMembers {
			break
		}
		if i != campaignID {
			delete(next.Members, i)
		}
	}
	token, err := s.Sessions.Create(c.Request.Context(), next)
	if err != nil {
		return "", err
	}
	if before != nil {
		s.sockets.move(before.key, token)
		if err := s.Sessions.Delete(c.Request.Context(), before.token); err != nil {
			s.logger(c).Warn("a session was not ended", "err", err)
		}
	}
	http.SetCookie(c.Writer, &http.Cookie{
		Name: s.cookieName(c.Request), Value: token, Path: "/", Expires: next.Expires, HttpOnly: true,
		Secure: s.secure(c.Request), SameSite: http.SameSiteLaxMode,
	})
	return token, nil
}

// byCookie is the caller if the cookie says so: a join or a sign-in adds to it. A bearer token is another program's own.
func (s *Server) byCookie(c *gin.Context) *caller {
	if _, bearer := bearerToken(c.Request); bearer {
		return nil
	}
	who, err := s.caller(c)
	if err != nil {
		return nil
	}
	return who
}
