package dockertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Instruction is one of the Dockerfile.
type Instruction struct{ Name, Rest string }

// Stages reads the Dockerfile: a list of instructions for each FROM, the first of each.
func Stages(t testing.TB) (stages [][]Instruction) {
	t.Helper()
	for line := range strings.Lines(Read(t, "Dockerfile")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if strings.HasSuffix(rest, `\`) {
			t.Fatalf("Dockerfile: instructions on several lines are not read here: %s", line)
		}
		if name == "FROM" {
			stages = append(stages, nil)
		}
		if len(stages) == 0 {
			t.Fatalf("Dockerfile: %s before FROM", name)
		}
		stages[len(stages)-1] = append(stages[len(stages)-1], Instruction{name, strings.TrimSpace(rest)})
	}
	return stages
}

// All gives the values of an instruction in a stage.
func All(stage []Instruction, name string) (list []string) {
	for _, i := range stage {
		if i.Name == name {
			list = append(list, i.Rest)
		}
	}
	return list
}

// Words reads the list of a CMD, ENTRYPOINT or HEALTHCHECK.
func Words(t testing.TB, list string) (words []string) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(list), &words); err != nil || len(words) == 0 {
		t.Fatalf("Dockerfile: %s is no list of words: %v", list, err)
	}
	return words
}

// Image runs the commands of the Dockerfile that make the image's content, in this repository instead of a container, and gives the folder that has it.
func Image(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	stage := Stages(t)[0]
	for _, run := range All(stage, "RUN") {
		if !strings.Contains(run, "/image/") {
			continue // fetches modules, which are here
		}
		cmd := exec.Command("sh", "-ec", strings.ReplaceAll(run, "/image/", dir+"/"))
		cmd.Dir = filepath.Dir(Dir())
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CGO_ENABLED=") })
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", run, err, out)
		}
	}
	return dir
}
