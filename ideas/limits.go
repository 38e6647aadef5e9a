package ideas

// Limits of ideas and comments. Lengths are UTF-16 units.
const (
	MaxTitle      = 120
	MaxTextPosted = 8192 // what one idea.post may bring; more comes by co-writing
	MaxTextEver   = 100_000
	MaxNeed       = 500
	MaxComment    = 2000
	MaxReason     = 500
	MaxThemes     = 5      // of one idea
	MaxNodes      = 2      // of one idea: two make it multidisciplinary
	MaxIdeas      = 50_000 // of one campaign
	MaxIdeasEach  = 1_000  // of one participant
	MaxComments   = 2_000  // of one idea
	MaxReports    = 1_000  // of one idea
	MaxFrom       = 16     // ideas that one is said to come from
	MaxLanes      = 8      // remembered per target; an older lane's late command is judged by order alone
)
