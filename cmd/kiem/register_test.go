package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// registerRows is the number of rows of the seed register, R01 to R98.
const registerRows = 98

// TestSeedRegister holds docs/seed-register.md to its word: it has every row in order, and a row that names a test names one that exists
// and that says which row it shows.
func TestSeedRegister(t *testing.T) {
	root := moduleRoot(t)
	rows := readRegister(t, filepath.Join(root, "docs", "seed-register.md"))
	if len(rows) != registerRows {
		t.Fatalf("the register has %d rows, want %d", len(rows), registerRows)
	}
	tests := goTests(t, root)
	open := 0
	for i, row := range rows {
		if want := fmt.Sprintf("R%02d", i+1); row.id != want {
			t.Errorf("row %d has id %s, want %s", i+1, row.id, want)
		}
		if !strings.Contains("KDR", row.kind) || len(row.kind) != 1 {
			t.Errorf("%s: kind %q, want K, D or R", row.id, row.kind)
		}
		if row.test == "open" {
			open++
			continue
		}
		for _, name := range splitTests(row.test) {
			if err := shows(root, tests, row.id, name); err != nil {
				t.Errorf("%s: %v", row.id, err)
			}
		}
	}
	t.Logf("%d of %d rows are shown by a test, %d are open", len(rows)-open, len(rows), open)
}

// TestSeedRegisterRefuses shows that the check above can fail: for a test that is not there, for one that does not mention its row, and for a
// reference that is neither form.
func TestSeedRegisterRefuses(t *testing.T) {
	root := moduleRoot(t)
	tests := map[string]string{"ideas.TestNeed": "TestNeed: an idea without a need (R02) is not shortlisted."}
	for name, want := range map[string]string{
		"ideas.TestNeed":                     "",
		"ideas.TestNeedy":                    "no such test",
		"voting.TestNeed":                    "no such test",
		`e2e/absent.spec.ts: "posts"`:        "no such file",
		"TestNeed":                           "not a test",
		"see ideas":                          "not a test",
		`docs/seed-register.md: "something"`: "not a test",
	} {
		err := shows(root, tests, "R02", name)
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && !strings.Contains(got, want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := shows(root, tests, "R03", "ideas.TestNeed"); err == nil {
		t.Error("a test that does not mention R03 was taken as its proof")
	}
}

type registerRow struct{ id, kind, test string }

// readRegister reads the table rows. A row has seven cells; cells hold no "|".
func readRegister(t *testing.T, file string) []registerRow {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []registerRow
	for n, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| R") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		if len(cells) != 7 {
			t.Errorf("line %d has %d cells, want 7", n+1, len(cells))
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			if cells[i] == "" {
				t.Errorf("line %d: cell %d is empty", n+1, i+1)
			}
		}
		rows = append(rows, registerRow{id: cells[0], kind: cells[4], test: cells[6]})
	}
	return rows
}

// testFunction is the name of a test, a fuzz target or a benchmark.
var testFunction = regexp.MustCompile("^(Test|Fuzz|Benchmark)[A-Z]")

var testRef = regexp.MustCompile("^`?([a-z0-9/]+)\\.(Test[A-Za-z0-9_]+|Fuzz[A-Za-z0-9_]+)`?$")
var e2eRef = regexp.MustCompile("^`?(e2e/[A-Za-z0-9_./-]+\\.spec\\.ts): \"([^\"]+)\"`?$")

// splitTests cuts a cell at its commas, but not inside a quoted title.
func splitTests(cell string) []string {
	var out []string
	quoted, from := false, 0
	for i, r := range cell {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			out = append(out, strings.TrimSpace(cell[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(cell[from:]))
}

// shows checks that the named test exists and mentions the row. tests maps "folder.TestName" to the test's name and comments.
func shows(root string, tests map[string]string, row, name string) error {
	if m := testRef.FindStringSubmatch(name); m != nil {
		said, ok := tests[m[1]+"."+m[2]]
		if !ok {
			return fmt.Errorf("no such test: %s", name)
		}
		if !strings.Contains(said, row) {
			return fmt.Errorf("%s does not mention the row in its name or comments", name)
		}
		return nil
	}
	m := e2eRef.FindStringSubmatch(name)
	if m == nil {
		return fmt.Errorf(`not a test: %q; want folder.TestName or e2e/file.spec.ts: "title"`, name)
	}
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m[1])))
	if err != nil {
		return fmt.Errorf("no such file: %s", m[1])
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if !strings.Contains(line, m[2]) {
			continue
		}
		if strings.Contains(line, row) || i > 0 && strings.Contains(lines[i-1], row) {
			return nil
		}
		return fmt.Errorf("%s: %q does not mention the row in its title or on the line above", m[1], m[2])
	}
	return fmt.Errorf("no such test: %s has no %q", m[1], m[2])
}

// goTests maps every test, fuzz target and benchmark of the module, as "folder.TestName", to its name and comments, inside and above.
func goTests(t *testing.T, root string) map[string]string {
	t.Helper()
	tests := map[string]string{}
	walkGo(t, root, func(file string) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !testFunction.MatchString(fn.Name.Name) {
				continue
			}
			said := fn.Name.Name + "\n" + fn.Doc.Text()
			for _, c := range f.Comments {
				if c.Pos() > fn.Pos() && c.End() < fn.End() {
					said += c.Text()
				}
			}
			tests[path.Dir(filepath.ToSlash(file))+"."+fn.Name.Name] = said
		}
	})
	return tests
}

// moduleRoot is the folder of go.mod above this package.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("the module is not where this test expects it: %v", err)
	}
	return dir
}

// walkGo calls f with each Go file of this module, relative to root. Folders with their own go.mod are other modules.
func walkGo(t *testing.T, root string, f func(file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(p, ".go") {
			f(rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
