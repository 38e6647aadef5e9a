package wire

import (
	"encoding/json"
	"time"

	"kiem/id"
)

// Error is a refusal: nothing changed.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"` // a sentence in the caller's language
	Field   string `json:"field,omitempty"`
}

// Reply answers one command: Seq and Data when it is durable and part of entry Seq, else Error.
type Reply struct {
	Type  string          `json:"type"` // "reply"
	ID    id.ID           `json:"id"`
	Seq   uint64          `json:"seq,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
	Error *Error          `json:"error,omitempty"`
}

// Hello is the first message on a socket.
type Hello struct {
	Type       string    `json:"type"` // "hello"
	Seq        uint64    `json:"seq"`  // the head at connecting
	Epoch      uint64    `json:"epoch"`
	Head       string    `json:"head"`       // chain hash after Seq, hexadecimal
	Durability string    `json:"durability"` // durable, relaxed, asserted
	Me         Me        `json:"me"`
	ServerTime time.Time `json:"server_time"`
	Node       string    `json:"node"`
	Resumed    bool      `json:"resumed"` // true: everything after the asked seq follows as events
}

// Events is what happened in (From, To].
type Events struct {
	Type     string           `json:"type"` // "events"
	From     uint64           `json:"from"`
	To       uint64           `json:"to"`
	Events   []Event          `json:"events,omitempty"`
	Tallies  map[string]Tally `json:"tallies,omitempty"` // by idea id, the newest value
	Rounds   map[string]any   `json:"rounds,omitempty"`
	Presence *Presence        `json:"presence,omitempty"`
}

// Event is one change. Data depends on Type: IdeaEvent for idea.* and comment.*, Campaign for campaign.edit, StageEvent for stage.set,
// Participant for participant.* and role.*.
type Event struct {
	Seq  uint64          `json:"seq"`
	Type string          `json:"type"`
	At   time.Time       `json:"at"`
	By   string          `json:"by,omitempty"` // participant id; absent for the clock and for what is pseudonymous
	Data json.RawMessage `json:"data"`
}

// IdeaEvent is the data of events about an idea: the whole idea as the receiver may see it now.
type IdeaEvent struct {
	About   id.ID `json:"idea"`              // same as ID
	Comment id.ID `json:"comment,omitempty"` // the comment that a comment.* event is about; absent otherwise
	Idea
}

// StageEvent is the data of stage.set.
type StageEvent struct {
	Stage string `json:"stage"`
	Open  Open   `json:"open"`
}

// Reset tells the client to fetch the snapshot again and to connect with its seq.
type Reset struct {
	Type   string `json:"type"` // "reset"
	Reason string `json:"reason"`
}

// Presence is how many people have the campaign open. While a round is open it moves in steps of 5.
type Presence struct {
	Online int `json:"online"`
}

// Tally is the state of support for one idea. ByGroup holds released figures only: small groups are part of "other", figures are whole
// multiples of settings.small_cell, rounded down, and lag the total until enough new ballots came in. They do not add up to the total.
type Tally struct {
	Support int            `json:"support"`
	Against int            `json:"against,omitempty"`
	ByGroup map[string]int `json:"by_group"`
}

// Snapshot is GET /campaigns/{id}: the state as one audience may see it.
type Snapshot struct {
	Seq      uint64   `json:"seq"`
	Epoch    uint64   `json:"epoch"`
	Campaign Campaign `json:"campaign"`
	Ideas    []Idea   `json:"ideas"`
	Total    int      `json:"total"` // ideas that match, of which Ideas is a page
	Rounds   []any    `json:"rounds"`
	Presence Presence `json:"presence"`
}

// Campaign is what everybody in it may know about a campaign.
type Campaign struct {
	ID        id.ID     `json:"id"`
	Title     string    `json:"title"`
	Template  string    `json:"template"` // campaign roundtable webinar study contest
	Code      string    `json:"code,omitempty"`
	JoinURL   string    `json:"join_url,omitempty"`
	Challenge Challenge `json:"challenge"`
	Languages []string  `json:"languages"`
	Groups    []string  `json:"groups"`
	Stages    []string  `json:"stages"`
	Stage     string    `json:"stage"`
	Open      Open      `json:"open"`
	Settings  Settings  `json:"settings"`
	CreatedAt time.Time `json:"created_at"`
	Joined    int       `json:"joined"` // people who ever joined
}

// Open says what the current stage allows.
type Open struct {
	Posting  bool `json:"posting"`
	Editing  bool `json:"editing"`
	Comments bool `json:"comments"`
	Support  bool `json:"support"`
}

// Challenge is the question a campaign asks.
type Challenge struct {
	ID     id.ID    `json:"id"`
	Title  string   `json:"title"`
	Text   string   `json:"text"`
	Nodes  []string `json:"nodes"`
	Themes []string `json:"themes"`
}

// Settings of a campaign that clients know.
type Settings struct {
	Attendance     int    `json:"attendance"`
	Moderation     string `json:"moderation"` // post or pre
	TextMax        int    `json:"text_max"`   // UTF-16 units
	SmallCell      int    `json:"small_cell"`
	GroupCheck     string `json:"group_check"`     // declared or confirmed
	SupportAgainst bool   `json:"support_against"` // whether support.set takes -1
}

// Idea as one audience may see it.
type Idea struct {
	ID         id.ID       `json:"id"`
	Challenge  id.ID       `json:"challenge"`
	Title      string      `json:"title"`
	Text       string      `json:"text"`
	Status     string      `json:"status"` // posted waiting rejected hidden retracted; gone: no longer for the receiver's eyes
	Reason     string      `json:"reason,omitempty"`
	Review     bool        `json:"review,omitempty"` // an edit waits for a moderator; what is shown here is that edit
	Locked     bool        `json:"locked,omitempty"`
	Pinned     bool        `json:"pinned,omitempty"`
	Reports    int         `json:"reports,omitempty"` // moderators only
	Themes     []string    `json:"themes"`
	Nodes      []string    `json:"nodes"`
	Innovation []string    `json:"innovation"`
	Need       string      `json:"need"`
	Definition *Definition `json:"definition,omitempty"`
	Incomplete []string    `json:"incomplete,omitempty"` // what a shortlist needs and the idea lacks: innovation need definition
	Support    TallyOf     `json:"support"`
	Comments   []Comment   `json:"comments"`
	Authors    []Person    `json:"authors"`
	Lineage    Lineage     `json:"lineage"`
	Answer     *Answer     `json:"answer,omitempty"`
	Version    int         `json:"version"` // 1, counts edits
	PostedAt   time.Time   `json:"posted_at"`
	EditedAt   *time.Time  `json:"edited_at,omitempty"`
}

// TallyOf is a Tally under the name that exports use for it: support.total.
type TallyOf struct {
	Total   int            `json:"total"`
	Against int            `json:"against,omitempty"`
	ByGroup map[string]int `json:"by_group"`
}

// Definition is the author's self-check of the two-part definition of social innovation.
type Definition struct {
	Need    bool `json:"need"`    // aims structurally at a societal need
	Novelty bool `json:"novelty"` // new or significantly improved
}

// Lineage tells where an idea came from and what became of it.
type Lineage struct {
	From []id.ID `json:"from"`
	Into []id.ID `json:"into"`
}

// Answer is the organiser's official answer.
type Answer struct {
	Status string    `json:"status"` // accepted rejected in_progress done
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Comment on an idea.
type Comment struct {
	ID      id.ID     `json:"id"`
	ReplyTo *id.ID    `json:"reply_to,omitempty"`
	Kind    string    `json:"kind"` // experience expertise question concern support
	Text    string    `json:"text"`
	Status  string    `json:"status"` // as Idea.Status
	Author  Person    `json:"author"`
	At      time.Time `json:"at"`
	Edited  bool      `json:"edited,omitempty"`
	Review  bool      `json:"review,omitempty"` // as Idea.Review
}

// Person is what others see of a participant.
type Person struct {
	ID           id.ID  `json:"id"`
	Name         string `json:"name"` // empty for one who was erased
	Group        string `json:"group"`
	Organisation string `json:"organisation,omitempty"`
	Role         string `json:"role,omitempty"` // only if not participant
}

// Participant is what moderators see, and what one sees of oneself.
type Participant struct {
	Person
	Entrepreneur bool      `json:"entrepreneur,omitempty"` // a social innovator who earns an income on the market for the mission
	Channel      string    `json:"channel,omitempty"`
	Muted        bool      `json:"muted,omitempty"`
	Removed      bool      `json:"removed,omitempty"`
	JoinedAt     time.Time `json:"joined_at"`
}

// Me is one's own part of a campaign: GET /campaigns/{id}/me and hello.me.
type Me struct {
	ID      id.ID          `json:"id"`
	Name    string         `json:"name"`
	Group   string         `json:"group"`
	Role    string         `json:"role"`
	Muted   bool           `json:"muted,omitempty"`
	Rights  []string       `json:"rights"`  // command types one's role holds, whatever the stage
	Support map[string]int `json:"support"` // by idea id: 1 or -1
	Ideas   []Idea         `json:"ideas"`   // one's own ideas that not everybody sees, with their real status
	Authors []id.ID        `json:"authored"`
}

// Session is the answer to a join.
type Session struct {
	Token       string       `json:"token"`
	Participant Person       `json:"participant"`
	Campaign    CampaignName `json:"campaign"`
}

// CampaignName names a campaign.
type CampaignName struct {
	ID    id.ID  `json:"id"`
	Title string `json:"title"`
}

// Created is the answer to POST /campaigns.
type Created struct {
	ID      id.ID  `json:"id"`
	Code    string `json:"code"`
	JoinURL string `json:"join_url"`
}

// Listed is one of GET /campaigns.
type Listed struct {
	ID      id.ID     `json:"id"`
	Title   string    `json:"title"`
	Code    string    `json:"code,omitempty"`
	JoinURL string    `json:"join_url,omitempty"`
	Role    string    `json:"role"`
	Stage   string    `json:"stage"`
	Joined  int       `json:"joined"`
	Ideas   int       `json:"ideas"`
	Waiting int       `json:"waiting"` // items in the moderation queue
	Created time.Time `json:"created_at"`
}
