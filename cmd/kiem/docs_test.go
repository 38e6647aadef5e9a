package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	makeTarget   = regexp.MustCompile("`make ([a-z-]+)")
	testName     = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]+|Fuzz[A-Z][A-Za-z0-9]+|Benchmark[A-Z][A-Za-z0-9]+)`")
)

// TestDocs looks after what rots in documentation: links to files that moved, make targets and tests that were renamed.
func TestDocs(t *testing.T) {
	root := moduleRoot(t)
	files, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		more, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	if len(files) < 10 {
		t.Fatalf("only %d documents found", len(files))
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	tests := strings.Builder{}
	for name := range goTests(t, root) {
		tests.WriteString(name + "\n")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range markdownLink.FindAllStringSubmatch(string(text), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), filepath.FromSlash(target))); err != nil {
				t.Errorf("%s links to %s, which is not there", name, target)
			}
		}
		for _, m := range makeTarget.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s names `make %s`, which is no target", name, m[1])
			}
		}
		for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(tests.String(), "."+m[1]+"\n") {
				t.Errorf("%s names %s, which is no test", name, m[1])
			}
		}
	}
}

// TestOperationsNamesEveryFlag compares docs/operations.md with what the program says of itself.
func TestOperationsNamesEveryFlag(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	help, err := exec.Command(kiemBinary(t), "serve", "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("kiem serve --help: %v\n%s", err, help)
	}
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	flag := regexp.MustCompile(`--[a-z][a-z-]+`)
	known := map[string]bool{}
	for _, f := range flag.FindAllString(string(help), -1) {
		known[f] = true
		if f != "--help" && !strings.Contains(string(text), "`"+f) {
			t.Errorf("docs/operations.md does not name %s", f)
		}
	}
	if len(known) < 10 {
		t.Fatalf("found only %d flags in the help", len(known))
	}
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| `--") {
			continue
		}
		cell, _, _ := strings.Cut(line[2:], "|")
		for _, f := range flag.FindAllString(cell, -1) {
			if !known[f] {
				t.Errorf("docs/operations.md names %s, which `kiem serve` does not have", f)
			}
		}
	}
}
