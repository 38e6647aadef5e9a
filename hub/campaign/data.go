package campaign

import (
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

// The types of commands. The names are those of the protocol; the last group is Kiem's own and not taken from clients.
const (
	IdeaPost     = "idea.post"
	IdeaEdit     = "idea.edit"
	IdeaRetract  = "idea.retract"
	IdeaReport   = "idea.report"
	IdeaModerate = "idea.moderate"
	IdeaAnswer   = "idea.answer"

	SupportSet = "support.set"

	CommentPost     = "comment.post"
	CommentEdit     = "comment.edit"
	CommentRetract  = "comment.retract"
	CommentModerate = "comment.moderate"

	StageSet = "stage.set"

	ParticipantRemove = "participant.remove"
	ParticipantMute   = "participant.mute"
	ParticipantRename = "participant.rename"
	RoleGrant         = "role.grant"
	RoleRevoke        = "role.revoke"

	CampaignEdit = "campaign.edit"

	Create       = "campaign.create"
	Join         = "participant.join"
	PersonErased = "person.erased"
)

// Data of the commands, a struct for each type. A struct that holds texts lists them in Texts, in the order in which they are stored; JSON holds
// what may be known without the writer's key.
type (
	// CreateData is the first command of a campaign. The owner becomes organiser.
	CreateData struct {
		Campaign  id.ID     `json:"campaign"`
		Title     string    `json:"title"`
		Template  string    `json:"template"`
		Challenge Challenge `json:"challenge"`
		Languages []string  `json:"languages"`
		Settings  Settings  `json:"settings"`
		Stage     string    `json:"stage"`
	}

	// EditData of campaign.edit: nil means unchanged.
	EditData struct {
		Title     *string    `json:"title,omitempty"`
		Challenge *Challenge `json:"challenge,omitempty"`
		Languages []string   `json:"languages,omitempty"`
		Settings  *Settings  `json:"settings,omitempty"`
	}

	// IdeaData of idea.post and idea.edit. In an edit, what Changes does not name is unchanged. From is an organiser's alone: the ideas that this one came
	// from, perhaps in a campaign of another server, of which nothing is known here.
	IdeaData struct {
		Idea       id.ID             `json:"idea,omitzero"` // of an edit
		Changes    []string          `json:"changes,omitempty"`
		Title      ideas.Text        `json:"-"`
		Text       ideas.Text        `json:"-"`
		Need       ideas.Text        `json:"-"`
		Reason     ideas.Text        `json:"-"` // of a facilitator's edit
		Themes     []string          `json:"themes,omitempty"`
		Nodes      []string          `json:"nodes,omitempty"`
		Innovation []string          `json:"innovation,omitempty"`
		Definition *ideas.Definition `json:"definition,omitempty"`
		From       []id.ID           `json:"from,omitempty"` // of a post
	}

	// ActData of idea.retract, idea.report, idea.moderate, idea.answer and comment.moderate, comment.retract: Action is the action of a moderation and
	// the status of an answer.
	ActData struct {
		Idea    id.ID      `json:"idea,omitzero"`
		Comment id.ID      `json:"comment,omitzero"`
		Action  string     `json:"action,omitempty"`
		Reason  ideas.Text `json:"-"`
	}

	// CommentData of comment.post and comment.edit.
	CommentData struct {
		Idea    id.ID      `json:"idea,omitzero"`
		Comment id.ID      `json:"comment,omitzero"` // of an edit
		ReplyTo id.ID      `json:"reply_to,omitzero"`
		Kind    string     `json:"kind"`
		Text    ideas.Text `json:"-"`
	}

	// SupportData of support.set. Group and Stratum are stamped by the room, from the participant; they are numbers, because nothing else of
	// the person may stand beside the choice.
	SupportData struct {
		Idea    id.ID
		Value   int8
		Group   uint8
		Stratum uint8
	}

	// StageData of stage.set. At is set if the schedule says so: then the clock sends it.
	StageData struct {
		Stage string `json:"stage"`
		At    int64  `json:"at,omitempty"`
	}

	// JoinData of participant.join. The name is in the vault.
	JoinData struct {
		Group        string `json:"group"`
		Role         string `json:"role,omitempty"` // by invitation; "" is participant
		Channel      string `json:"channel,omitempty"`
		Entrepreneur bool   `json:"entrepreneur,omitempty"`
		Stratum      uint8  `json:"stratum,omitempty"`
	}

	// ParticipantData of participant.remove, mute, rename and role.grant, revoke.
	ParticipantData struct {
		Participant id.ID      `json:"participant"`
		Role        string     `json:"role,omitempty"`
		Muted       bool       `json:"muted,omitempty"`
		Reason      ideas.Text `json:"-"`
	}
)

// Texts lists the texts in their stored order.
func (d *IdeaData) Texts() []*ideas.Text { return []*ideas.Text{&d.Title, &d.Text, &d.Need, &d.Reason} }

// Texts lists the texts in their stored order.
func (d *ActData) Texts() []*ideas.Text { return []*ideas.Text{&d.Reason} }

// Texts lists the texts in their stored order.
func (d *CommentData) Texts() []*ideas.Text { return []*ideas.Text{&d.Text} }

// Texts lists the texts in their stored order.
func (d *ParticipantData) Texts() []*ideas.Text { return []*ideas.Text{&d.Reason} }

// NewData gives an empty struct for a type of command, or nil for a type that this machine does not know.
func NewData(kind string) any {
	switch kind {
	case IdeaPost, IdeaEdit:
		return &IdeaData{}
	case IdeaRetract, IdeaReport, IdeaModerate, IdeaAnswer, CommentModerate, CommentRetract:
		return &ActData{}
	case CommentPost, CommentEdit:
		return &CommentData{}
	case SupportSet:
		return &SupportData{}
	case StageSet:
		return &StageData{}
	case ParticipantRemove, ParticipantMute, ParticipantRename, RoleGrant, RoleRevoke, PersonErased:
		return &ParticipantData{}
	case CampaignEdit:
		return &EditData{}
	case Create:
		return &CreateData{}
	case Join:
		return &JoinData{}
	}
	return nil
}

// IsVote says whether a command is stored under the voter's pseudonym.
func IsVote(kind string) bool { return kind == SupportSet }

// Made is the id of what a command created, and the name of the field that the reply gives it in; "" if it creates nothing.
func Made(c *machine.Command) (field string, made id.ID) {
	switch c.Type {
	case IdeaPost:
		return "idea", id.Derive(c.ID, "idea")
	case CommentPost:
		return "comment", id.Derive(c.ID, "comment")
	}
	return "", id.ID{}
}
