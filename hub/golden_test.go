package hub

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/journal"
	"kiem/hub/machine"
)

// Logs of every released version stay as golden test data: testdata/journal-v<n>/<name>.log has an entry in hexadecimal on each line, <name>.json what a
// replay has to come to. What the code does with an old entry may never change, so these files are never made anew once a version was released with them; a version
// that writes something new adds a directory, with -update.
var update = flag.Bool("update", false, "write golden logs that are not there yet")

const goldenVersion = "journal-v2"

// goldenSeeds are simulations whose logs are kept: with every type of command, void ones, stale votes, checkpoints, entries of another history, new epochs, repairs.
var goldenSeeds = []uint64{234, 339, 484}

// golden is what a replay of a log comes to.
type golden struct {
	Log     string            `json:"log"`
	Every   uint64            `json:"checkpoint_every"`
	Lag     int               `json:"lag"`
	Seq     uint64            `json:"seq"`
	Epoch   uint64            `json:"epoch"`
	Head    string            `json:"head"`
	Digests map[uint64]string `json:"digests"` // after every tenth entry, and the last
	Types   map[string]int    `json:"types"`   // commands of each type
	Done    int               `json:"done"`    // commands that had an effect
	Foreign int               `json:"foreign"` // entries that rest on another history
	Repair  int               `json:"repair"`  // entries that were appended again
}

// counting counts what a machine does.
type counting struct {
	machine.Machine
	done int
}

func (c *counting) Apply(cmd *machine.Command, s machine.Stamp) machine.Outcome {
	o := c.Machine.Apply(cmd, s)
	if o.Refusal == nil && o.Seq == s.Seq {
		c.done++
	}
	return o
}

// replayGolden replays a log without any key.
func replayGolden(t *testing.T, g golden, list []journal.Stored) golden {
	t.Helper()
	got := golden{Log: g.Log, Every: g.Every, Lag: g.Lag, Digests: map[uint64]string{}, Types: map[string]int{}}
	m := &counting{Machine: campaign.New()}
	s := newSequencer(g.Log, m, &codec{newData: campaign.NewData})
	s.every, s.window.keep = g.Every, g.Lag
	s.emit = func(a applied) {
		if a.foreign {
			got.Foreign++
		}
		if a.seq%10 == 0 || a.seq == uint64(len(list)) {
			got.Digests[a.seq] = fmt.Sprintf("%x", m.Digest())
		}
	}
	for _, stored := range list {
		e, err := journal.Decode(stored.Body)
		if err != nil {
			t.Fatal(err)
		}
		if e.Flags&journal.FlagRepair != 0 {
			got.Repair++
		}
		for i := range e.Records {
			got.Types[e.Records[i].Type]++
		}
	}
	if err := s.follow(list); err != nil {
		t.Fatal(err)
	}
	got.Seq, got.Epoch, got.Head, got.Done = s.pos.Seq, s.epoch, s.pos.Hash.String(), m.done
	return got
}

func TestGoldenLogs(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	files, err := filepath.Glob("testdata/journal-v*/*.json")
	if err != nil || len(files) < len(goldenSeeds) {
		t.Fatal(files, err)
	}
	for _, f := range files {
		t.Run(strings.TrimPrefix(f, "testdata/"), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var want golden
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(replayGolden(t, want, readGolden(t, strings.TrimSuffix(f, ".json")+".log")), "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			if string(got)+"\n" != string(b) {
				t.Errorf("a log that was written once means something else now:\n%s", got)
			}
			// What is called whole when it is written has to be called whole by later versions.
			v := newVerifier(want.Log, true)
			v.seq.every, v.seq.window.keep = want.Every, want.Lag
			if err := v.seq.follow(readGolden(t, strings.TrimSuffix(f, ".json")+".log")); err != nil {
				v.stopped(err)
			}
			if v.compare(); len(v.report().Problems) > 0 {
				t.Errorf("verify: %v", v.report().Problems)
			}
		})
	}
}

func readGolden(t *testing.T, name string) (list []journal.Stored) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 2*journal.MaxEntry+2)
	for lines.Scan() {
		body, err := hex.DecodeString(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, journal.Stored{Seq: uint64(len(list) + 1), Body: body})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func writeGolden(t *testing.T) {
	dir := filepath.Join("testdata", goldenVersion)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, seed := range goldenSeeds {
		name := filepath.Join(dir, fmt.Sprint("seed", seed))
		if _, err := os.Stat(name + ".log"); err == nil {
			t.Errorf("%s.log is there: a log that was released is never written anew; raise goldenVersion", name)
			continue
		}
		s := simulate(t, seed, false)
		list := s.stored()
		var log strings.Builder
		for _, stored := range list {
			log.WriteString(hex.EncodeToString(stored.Body) + "\n")
		}
		want, err := json.MarshalIndent(replayGolden(t, golden{Log: s.logName, Every: simCheckpointEvery, Lag: simLag}, list), "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		for suffix, b := range map[string]string{".log": log.String(), ".json": string(want) + "\n"} {
			if err := os.WriteFile(name+suffix, []byte(b), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
