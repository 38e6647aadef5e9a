package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// promises is the number of rows of docs/promises.md, P1 to P22.
const promises = 22

var promiseTest = regexp.MustCompile("`([a-z0-9/]+)\\.(Test[A-Za-z0-9_]+|Fuzz[A-Za-z0-9_]+)`")

// TestPromises holds docs/promises.md to its word: every promise is there in order, and a test that it names exists. One of the program's own promise tests says in its comment which promise it
// tries; one that only `make soak` runs is named in that column, and in no other.
func TestPromises(t *testing.T) {
	root := moduleRoot(t)
	text, err := os.ReadFile(filepath.Join(root, "docs", "promises.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := goTests(t, root)
	named := map[string]bool{}
	rows, open := 0, 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| P") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 {
			t.Errorf("row %d has %d cells, want 5", rows, len(cells))
			continue
		}
		id := strings.TrimSpace(cells[0])
		if want := fmt.Sprintf("P%d", rows); id != want {
			t.Errorf("row %d is %s, want %s", rows, id, want)
		}
		if strings.TrimSpace(cells[3]) == "open" {
			open++
			continue
		}
		if err := promised(tests, id, cells[3], cells[4]); err != nil {
			t.Error(err)
		}
		for _, m := range promiseTest.FindAllStringSubmatch(cells[3]+cells[4], -1) {
			named[m[1]+"."+m[2]] = true
		}
	}
	if rows != promises {
		t.Errorf("%d rows, want %d", rows, promises)
	}
	for name := range tests {
		if (strings.HasPrefix(name, "cmd/kiem.TestPromise") || strings.HasPrefix(name, "cmd/kiem.TestSoak")) && !named[name] && name != "cmd/kiem.TestPromises" && name != "cmd/kiem.TestPromisesRefuses" {
			t.Errorf("no promise names %s", name)
		}
	}
	t.Logf("%d of %d promises have a test, %d are open", rows-open, rows, open)
}

// TestPromisesRefuses shows that the check above can fail.
func TestPromisesRefuses(t *testing.T) {
	tests := map[string]string{
		"cmd/kiem.TestPromiseKept": "TestPromiseKept is P3: kept.", "cmd/kiem.TestSoakKept": "TestSoakKept is P3.", "hub.TestIt": "TestIt says nothing of promises.",
	}
	for suite, want := range map[string]string{
		"`cmd/kiem.TestPromiseKept`, `hub.TestIt`": "",
		"`hub.TestThat`":          "no such test",
		"`cmd/kiem.TestSoakKept`": "in only `make soak`",
		"see the hub":             "names no test",
	} {
		if got := fmt.Sprint(promised(tests, "P3", suite, "")); want == "" && got != "<nil>" || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", suite, got, want)
		}
	}
	if err := promised(tests, "P4", "`cmd/kiem.TestPromiseKept`", ""); err == nil {
		t.Error("a test of another promise was taken for this one's")
	}
}

// promised checks the tests that a row names.
func promised(tests map[string]string, id, suite, soak string) error {
	says := regexp.MustCompile(`\b` + id + `\b`)
	found := promiseTest.FindAllStringSubmatch(suite, -1)
	if len(found) == 0 {
		return fmt.Errorf("%s names no test: %q", id, suite)
	}
	for n, m := range append(found, promiseTest.FindAllStringSubmatch(soak, -1)...) {
		name := m[1] + "." + m[2]
		said, ok := tests[name]
		switch {
		case !ok:
			return fmt.Errorf("%s: no such test: %s", id, name)
		case n < len(found) && strings.HasPrefix(m[2], "TestSoak"):
			return fmt.Errorf("%s: %s runs in only `make soak`", id, name)
		case n == 0 && strings.HasPrefix(m[2], "TestPromise") && !says.MatchString(said):
			return fmt.Errorf("%s: %s does not say that it tries it", id, name)
		}
	}
	return nil
}
