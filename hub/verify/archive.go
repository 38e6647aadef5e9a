package verify

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"kiem/id"
)

// Format is the format of the zip that is read.
const Format = "kiem.export/1"

// Limits of what is read from a stranger. What a zip says of its own sizes is not believed: bytes are counted as they are inflated.
const (
	// MaxZip is the size of a zip in bytes.
	MaxZip = 1 << 30
	// MaxJSON is the size of a JSON export in bytes.
	MaxJSON = 1 << 30
	// maxFiles is how many files there may be in a zip.
	maxFiles = 16
	// maxManifest, maxTable and maxLog bound campaign.json, a table, and the log, inflated, in bytes.
	maxManifest = 4 << 20
	maxTable    = 1 << 30
	maxLog      = 4 << 30
	// maxRecord bounds a row of a table, in bytes.
	maxRecord = 1 << 20
)

// Files of the zip that are looked into.
const (
	fileManifest = "campaign.json"
	fileIdeas    = "ideas.csv"
	fileComments = "comments.csv"
	fileGroups   = "groups.csv"
	fileBallots  = "ballots.csv"
	fileStages   = "stages.csv"
	fileLog      = "log.jsonl"
)

var tables = []string{fileIdeas, fileComments, fileGroups, fileBallots, fileStages}

// manifest is what is read of campaign.json.
type manifest struct {
	Format   string `json:"format"`
	Campaign struct {
		ID     id.ID    `json:"id"`
		Title  string   `json:"title"`
		Stage  string   `json:"stage"`
		Groups []string `json:"groups"`
	} `json:"campaign"`
	Seq       uint64            `json:"seq"`
	Head      string            `json:"head"`
	Measure   string            `json:"measure"`
	MadeAt    time.Time         `json:"made_at"`
	SmallCell int               `json:"small_cell"`
	GroupMin  int               `json:"group_min"`
	Top       int               `json:"top"`
	Groups    []string          `json:"groups"`
	Ideas     int               `json:"ideas"`
	Comments  int               `json:"comments"`
	Ballots   int               `json:"ballots"`
	Files     map[string]string `json:"files"`
}

// archive is a zip being checked.
type archive struct {
	File
	m     manifest
	files map[string]*zip.File
	ideas map[id.ID]*figuresOf
	log   publicLog
}

// Zip checks a published zip with nothing but the zip. Whatever is in it, the answer is a File: what is wrong is among its problems.
func Zip(r io.ReaderAt, size int64) *File {
	a := &archive{files: map[string]*zip.File{}, ideas: map[id.ID]*figuresOf{}}
	if a.open(r, size) && a.readManifest() && a.checkSums() {
		a.checkLog()
		a.checkTables()
		a.conclude()
	}
	return &a.File
}

// open looks at the list of files. False: there is no point in going on.
func (a *archive) open(r io.ReaderAt, size int64) bool {
	if size > MaxZip {
		a.problem(Form, "", "it has %d bytes, at most %d are read", size, int64(MaxZip))
		return false
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		a.problem(Form, "", "it is no zip: %v", err)
		return false
	}
	if len(z.File) > maxFiles {
		a.problem(Form, "", "there are %d files in it, at most %d are read", len(z.File), maxFiles)
		return false
	}
	for _, f := range z.File {
		if a.files[f.Name] != nil || !f.Mode().IsRegular() {
			a.problem(Form, f.Name, "it is in the zip twice, or is no file")
			return false
		}
		a.files[f.Name] = f
	}
	if a.files[fileManifest] == nil {
		a.problem(Form, fileManifest, "it is missing")
		return false
	}
	return true
}

func (a *archive) readManifest() bool {
	var text []byte
	ok := a.read(fileManifest, maxManifest, func(r io.Reader) (err error) {
		text, err = io.ReadAll(r)
		return err
	})
	if !ok {
		return false
	}
	if err := json.Unmarshal(text, &a.m); err != nil {
		a.problem(Form, fileManifest, "it cannot be read: %v", err)
		return false
	}
	m := &a.m
	a.Campaign, a.Title, a.MadeAt, a.Seq, a.Head = m.Campaign.ID, m.Campaign.Title, m.MadeAt, m.Seq, m.Head
	if m.Format != Format || m.Campaign.ID.IsZero() {
		a.problem(Form, fileManifest, "its format is %q and its campaign %s; this program reads %q", m.Format, m.Campaign.ID, Format)
		return false
	}
	return true
}

// checkSums compares every file with its SHA-256. False if one that is needed is not there.
func (a *archive) checkSums() bool {
	whole := true
	for _, name := range append(slices.Clone(tables), fileLog) {
		if a.files[name] == nil || a.m.Files[name] == "" {
			a.problem(Form, name, "it is missing, or %s does not name it", fileManifest)
			whole = false
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.m.Files)) {
		if a.files[name] == nil {
			a.problem(Form, name, "%s names it, and it is missing", fileManifest)
			continue
		}
		most := int64(maxTable)
		if name == fileLog {
			most = maxLog
		}
		whole = a.read(name, most, func(r io.Reader) error {
			sum := sha256.New()
			if _, err := io.Copy(sum, r); err != nil {
				return err
			}
			if got := hex.EncodeToString(sum.Sum(nil)); got != a.m.Files[name] {
				return fmt.Errorf("it was changed: its SHA-256 is %s, %s says %q", got, fileManifest, a.m.Files[name])
			}
			return nil
		}) && whole
	}
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if name != fileManifest && a.m.Files[name] == "" {
			a.problem(Form, name, "nothing vouches for it: %s does not name it", fileManifest)
		}
	}
	return whole
}

// read gives a file to use, up to a size. What use returns is a problem of the file; then, and if it cannot be read, the answer is false.
func (a *archive) read(name string, most int64, use func(io.Reader) error) bool {
	r, err := a.files[name].Open()
	if err != nil {
		a.problem(Damaged, name, "it cannot be read: %v", err)
		return false
	}
	defer r.Close()
	if err := use(&meter{r: r, left: most}); err != nil {
		kind := Damaged
		if errors.Is(err, errTooMuch) {
			kind = Form
		}
		a.problem(kind, name, "%v", err)
		return false
	}
	return true
}

var errTooMuch = errors.New("there is more in it than is read")

// meter fails when more was read than may be.
type meter struct {
	r    io.Reader
	left int64
}

func (m *meter) Read(b []byte) (int, error) {
	if m.left < 0 {
		return 0, errTooMuch
	}
	if int64(len(b)) > m.left+1 {
		b = b[:m.left+1]
	}
	n, err := m.r.Read(b)
	if m.left -= int64(n); m.left < 0 {
		return 0, errTooMuch
	}
	return n, err
}

// conclude says what was shown.
func (a *archive) conclude() {
	a.Proven = []string{
		fmt.Sprintf("every file in it has the SHA-256 that %s says", fileManifest),
		fmt.Sprintf("the log is one chain of %d entries, from the first to the head", a.log.at.Seq),
		fmt.Sprintf("%d ideas and %d comments were posted at times at which the log has them posted; stage, title and settings are set there", a.Ideas, a.Comments),
		fmt.Sprintf("every total and every figure by group is that of the %d rows of %s, and the log has %d choices", a.Ballots, fileBallots, a.Choices),
	}
	a.Unproven = []string{
		"that the ballots are those of the log: choices are not published. The operator shows it with `kiem verify --data`, whose last line must be the same",
		"that the head is the one that everybody was shown: compare it with one that you noted",
	}
}
