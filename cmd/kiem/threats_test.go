package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// threatRows are the threats that docs/threats.md answers, in its order.
var threatRows = []string{
	"T1", "T2", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T13", "T15", "T16", "T17", "T19", "T20", "T21", "T22", "T23", "T24", "T25", "T26", "T28", "T29", "T30", "T31", "T32", "T34", "T35",
}

// TestThreats holds docs/threats.md to its word: every threat has a defence in one line and tests that exist, and each Go test among them says in its name or
// comments that it tries that threat.
func TestThreats(t *testing.T) {
	root := moduleRoot(t)
	rows := readThreats(t, filepath.Join(root, "docs", "threats.md"))
	var ids []string
	tests := goTests(t, root)
	for _, row := range rows {
		ids = append(ids, row[0])
		for _, cell := range row {
			if cell == "" {
				t.Errorf("%s: a cell is empty", row[0])
			}
		}
		for _, name := range splitTests(row[3]) {
			if err := tries(root, tests, row[0], name); err != nil {
				t.Errorf("%s: %v", row[0], err)
			}
		}
	}
	if !slices.Equal(ids, threatRows) {
		t.Errorf("the table has %v, want %v", ids, threatRows)
	}
}

// TestThreatsRefuses shows that the check above can fail.
func TestThreatsRefuses(t *testing.T) {
	root := moduleRoot(t)
	tests := map[string]string{"hub/web.TestOrigins": "TestOrigins is T5 and T26."}
	for _, c := range []struct{ threat, name, want string }{
		{"T5", "`hub/web.TestOrigins`", ""},
		{"T26", "hub/web.TestOrigins", ""},
		{"T2", "hub/web.TestOrigins", "does not mention"},
		{"T5", "hub/web.TestOrigin", "no such test"},
		{"T5", "open", "not a test"},
		{"T1", `e2e/absent.spec.ts: "texts"`, "no such file"},
		{"T1", `e2e/citizen.spec.ts: "no test is called like this"`, "no such test"},
	} {
		err := tries(root, tests, c.threat, c.name)
		if got := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && !strings.Contains(got, c.want) {
			t.Errorf("%s by %s: %v, want %q", c.threat, c.name, err, c.want)
		}
	}
}

// readThreats reads the rows of the table: threat, what it is, defence, tests.
func readThreats(t *testing.T, file string) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| T") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		if len(cells) != 4 {
			t.Errorf("line %d has %d cells, want 4", n+1, len(cells))
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// tries checks that the named test exists and, if it is one in Go, that it names the threat.
func tries(root string, tests map[string]string, threat, name string) error {
	if m := testRef.FindStringSubmatch(name); m != nil {
		said, ok := tests[m[1]+"."+m[2]]
		switch {
		case !ok:
			return fmt.Errorf("no such test: %s", name)
		case !regexp.MustCompile(`\b` + threat + `\b`).MatchString(said):
			return fmt.Errorf("%s does not mention %s in its name or comments", name, threat)
		}
		return nil
	}
	m := e2eRef.FindStringSubmatch(name)
	if m == nil {
		return fmt.Errorf(`not a test: %q; want folder.TestName or e2e/file.spec.ts: "title"`, name)
	}
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m[1])))
	switch {
	case err != nil:
		return fmt.Errorf("no such file: %s", m[1])
	case !strings.Contains(string(text), `"`+m[2]+`"`):
		return fmt.Errorf("no such test: %s has no %q", m[1], m[2])
	}
	return nil
}
