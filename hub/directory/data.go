package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"kiem/hub/machine"
	"kiem/id"
)

// The types of commands.
const (
	CampaignRegister = "campaign.register"
	CampaignRetitle  = "campaign.retitle"
	CampaignClose    = "campaign.close"

	AccountCreate = "account.create"
	AccountJoin   = "account.join"
	AccountErase  = "account.erase"

	LinkCreate = "link.create"
	LinkUse    = "link.use"
)

// Kinds of links.
const (
	SignIn = "signin"
	Invite = "invite"
)

// Limits. Those of time and number are judged before the append only, so that they may change.
const (
	MaxTitle     = 1024                    // bytes of a title
	MaxRole      = 32                      // bytes of a role's name
	MaxUses      = 10_000                  // uses of one link
	MaxMembers   = 256                     // campaigns of one account; sessions hold as many
	MaxLinks     = 200_000                 // links that are not forgotten
	MaxSignInAge = 24 * 3600 * 1000        // milliseconds that a link for signing in may live
	MaxInviteAge = 366 * 24 * 3600 * 1000  // the same for an invitation
	forgetAfter  = int64(24 * 3600 * 1000) // milliseconds after its end that a link is forgotten; covers clocks that are wrong for hours
)

// Hash is the SHA-256 of a link's secret.
type Hash [sha256.Size]byte

// HashOf hashes a secret.
func HashOf(secret []byte) Hash { return sha256.Sum256(secret) }

// IsZero says whether h is no hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText writes hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText is the inverse of MarshalText.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return errors.New("directory: not a hash")
	}
	var v Hash
	if _, err := hex.Decode(v[:], text); err != nil {
		return errors.New("directory: not a hash")
	}
	*h = v
	return nil
}

// Data of the commands, a struct for each type.
type (
	// RegisterData of campaign.register. The actor is the owner's account, or the administrator.
	RegisterData struct {
		Campaign id.ID  `json:"campaign"`
		Code     string `json:"code"`
		Title    string `json:"title"`
		Owner    id.ID  `json:"owner"`
		Created  int64  `json:"created"` // Unix milliseconds
	}

	// CampaignData of campaign.retitle and campaign.close, by the owner, the administrator, or the server (zero actor).
	CampaignData struct {
		Campaign id.ID  `json:"campaign"`
		Title    string `json:"title,omitempty"`
	}

	// AccountData of account.create, account.join and account.erase. A created account's id derives from the command; the others name
	// it, and are for the account itself, the administrator, or the server.
	AccountData struct {
		Account     id.ID `json:"account,omitzero"`
		Organiser   bool  `json:"organiser,omitempty"`
		Campaign    id.ID `json:"campaign,omitzero"`
		Participant id.ID `json:"participant,omitzero"`
	}

	// LinkData of link.create.
	LinkData struct {
		Hash     Hash   `json:"hash"`
		Kind     string `json:"kind"`
		Account  id.ID  `json:"account,omitzero"`
		Campaign id.ID  `json:"campaign,omitzero"`
		Role     string `json:"role,omitempty"`
		Browser  Hash   `json:"browser,omitzero"`
		Expires  int64  `json:"expires"` // Unix milliseconds
		Uses     int    `json:"uses"`
	}

	// UseData of link.use. Its actor is zero, or the account that follows an invitation.
	UseData struct {
		Hash    Hash `json:"hash"`
		Browser Hash `json:"browser,omitzero"`
	}
)

// NewData gives an empty struct for a type of command, or nil for a type that this machine does not know.
func NewData(kind string) any {
	switch kind {
	case CampaignRegister:
		return &RegisterData{}
	case CampaignRetitle, CampaignClose:
		return &CampaignData{}
	case AccountCreate, AccountJoin, AccountErase:
		return &AccountData{}
	case LinkCreate:
		return &LinkData{}
	case LinkUse:
		return &UseData{}
	}
	return nil
}

// Made is the id of the account that an account.create makes; zero for other commands.
func Made(c *machine.Command) id.ID {
	if c.Type != AccountCreate {
		return id.ID{}
	}
	return id.Derive(c.ID, "account")
}
