package export

// Limits of what is asked for and of what is written.
const (
	// MaxTop and MaxGroupMin bound the two numbers of Options: above any campaign.
	MaxTop      = 1_000_000
	MaxGroupMin = 1_000_000
	// maxCell is how many UTF-16 units a cell of a spreadsheet may have, and maxSheet how many rows a sheet; both are Excel's.
	maxCell  = 32_767
	maxSheet = 1_048_576
	// readEntries is how many entries of the log are asked for at a time.
	readEntries = 512
)

// Limits of a zip that is read (see Open). What a file says of its own size is not believed: bytes are counted as they are inflated.
const (
	// MaxZip is the size of the zip in bytes.
	MaxZip = 1 << 30
	// maxFiles is how many files there may be in it.
	maxFiles = 16
	// maxManifest, maxTable and maxLog bound campaign.json, a table or the explanation, and the log, inflated, in bytes.
	maxManifest = 4 << 20
	maxTable    = 1 << 30
	maxLog      = 4 << 30
	// maxRecord bounds one row of a table in bytes: an idea's texts are far below.
	maxRecord = 1 << 20
)
