package campaign

import (
	"slices"

	"kiem/id"
)

// Challenge is the question that a campaign asks.
type Challenge struct {
	ID     id.ID    `json:"id"`
	Title  string   `json:"title"`
	Text   string   `json:"text"`
	Nodes  []string `json:"nodes"`
	Themes []string `json:"themes"`
}

// Settings of a campaign.
type Settings struct {
	Attendance     int      `json:"attendance"`  // expected number of people: sizes the join limits
	Moderation     string   `json:"moderation"`  // "post": shown at once; "pre": shown when approved
	TextMax        int      `json:"text_max"`    // UTF-16 units of an idea's text
	SmallCell      int      `json:"small_cell"`  // smallest group figure shown; 0: no folding
	GroupCheck     string   `json:"group_check"` // "declared" or "confirmed"
	SupportAgainst bool     `json:"support_against"`
	Groups         []string `json:"groups"`
	Schedule       []Switch `json:"schedule,omitempty"`
}

// Switch is a stage that the clock sets.
type Switch struct {
	Stage string `json:"stage"`
	At    int64  `json:"at"` // Unix milliseconds
}

// Groups are the five roles that people declare at joining unless the campaign has its own list.
var Groups = []string{"citizen", "civil_society", "firm", "knowledge", "government"}

// Limits of a campaign. Lengths are UTF-16 units.
const (
	MaxCampaignTitle  = 200
	MaxChallengeTitle = 200
	MaxChallengeText  = 10_000
	MaxThemes         = 40
	MaxTheme          = 80
	MaxGroups         = 20
	MaxGroup          = 40
	MaxAttendance     = 100_000
	MaxParticipants   = 200_000
	MaxSchedule       = 20
	MaxChannel        = 40
	MaxName           = 60 // characters
	MaxSmallCell      = 100
)

// Defaults are the settings of a campaign that says nothing.
func Defaults() Settings {
	return Settings{Attendance: 500, Moderation: "post", TextMax: 1000, SmallCell: 5, GroupCheck: "declared", Groups: slices.Clone(Groups)}
}

// Open says what a stage allows participants to do.
type Open struct {
	Posting, Editing, Comments, Support bool
}

// Draft is the stage of a campaign that is being prepared: nobody but its organisers takes part. A campaign leaves it only with a challenge text.
const Draft = "draft"

// Template is what a kind of campaign starts with.
type Template struct {
	Stages []string
	open   map[string]Open
}

var collectOpen = Open{Posting: true, Editing: true, Comments: true, Support: true}

// Templates by name. Each has its stages in order and what they allow; stages are soft: a facilitator may set any of them at any time.
var Templates = map[string]Template{
	"campaign":   standard(),
	"contest":    standard(),
	"roundtable": standard(),
	"webinar":    standard(),
	"study":      standard(),
}

func standard() Template {
	return Template{
		Stages: []string{"collect", "refine", "vote", "result"},
		open: map[string]Open{
			"collect": collectOpen,
			"refine":  {Editing: true, Comments: true, Support: true},
			"vote":    {Comments: true, Support: true},
			"result":  {},
		},
	}
}

// Has says whether the template has that stage; every template has Draft.
func (t Template) Has(stage string) bool { return stage == Draft || slices.Contains(t.Stages, stage) }

// Open says what the stage allows.
func (t Template) Open(stage string) Open { return t.open[stage] }
