package static

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

func placeholders(text string) []string {
	all := placeholder.FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

func TestCataloguesSayTheSame(t *testing.T) {
	base := catalogues[Languages[0]]
	for _, lang := range Languages {
		c := catalogues[lang]
		for key, text := range c {
			want, ok := base[key]
			if !ok {
				t.Errorf("%s: %q is not in %s", lang, key, Languages[0])
				continue
			}
			if got := placeholders(text); !slices.Equal(got, placeholders(want)) && !strings.HasSuffix(key, "_one") {
				t.Errorf("%s: %q fills in %v, in %s %v", lang, key, got, Languages[0], placeholders(want))
			}
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s: %q is empty or has space around it", lang, key)
			}
			if strings.Contains(text, "!") {
				t.Errorf("%s: %q shouts", lang, key)
			}
			if stem, ok := strings.CutSuffix(key, "_one"); ok && c[stem+"_other"] == "" {
				t.Errorf("%s: %q has no _other", lang, stem)
			}
			if stem, ok := strings.CutSuffix(key, "_other"); ok && c[stem+"_one"] == "" {
				t.Errorf("%s: %q has no _one", lang, stem)
			}
		}
		for key := range base {
			if _, ok := c[key]; !ok {
				t.Errorf("%s: %q is missing", lang, key)
			}
		}
	}
}

// Every code of the protocol has a sentence.
func TestCodesHaveSentences(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../hub/wire/codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := v.Type.(*ast.Ident); !ok || typ.Name != "Code" {
			return true
		}
		code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes++
		if !Has("error." + code) {
			t.Errorf("no sentence error.%s", code)
		}
		return true
	})
	if codes < 13 {
		t.Errorf("found %d codes only", codes)
	}
}

func TestSentence(t *testing.T) {
	catalogues["nl"] = maps.Clone(catalogues["nl"])
	catalogues["nl"]["test.ideas_one"] = "1 nieuw idee"
	catalogues["nl"]["test.ideas_other"] = "{n} nieuwe ideeën van {who}"
	t.Cleanup(func() {
		delete(catalogues["nl"], "test.ideas_one")
		delete(catalogues["nl"], "test.ideas_other")
	})
	for _, c := range []struct{ got, want string }{
		{Sentence("nl", "test.ideas", "n", "1"), "1 nieuw idee"},
		{Sentence("nl", "test.ideas", "n", "12", "who", "{n}"), "12 nieuwe ideeën van {n}"},
		{Sentence("xx", "error.forbidden"), Sentence("nl", "error.forbidden")},
		{Sentence("en", "no.such.key"), "no.such.key"},
		{Language("fr, en;q=0.8, nl;q=0.5"), "en"},
		{Language("", "nl-BE"), "nl"},
		{Language("EN-gb"), "en"},
		{Language("zz"), "nl"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// reasons finds the reasons in calls of Refuse and refuse: their last argument.
var reasons = regexp.MustCompile(`[Rr]efuse\(wire\.[A-Za-z]+, *[^,()]*(?:\([^()]*\))?, *"([a-z_0-9]+)"\)`)

// Every reason that the server gives for a refusal has a sentence, and no sentence is left of a reason that is gone. Reasons that are named by constants are
// listed here.
func TestReasonsHaveSentences(t *testing.T) {
	given := map[string]bool{
		"bad_utf8": true, "control": true, "bidi": true, "invisible": true, "empty": true, "several_lines": true, // ideas.Fault
		"too_large": true, "too_long": true, "too_many": true, // wire.Fault
	}
	for _, dir := range []string{"../hub", "../ideas", "../voting", "../cmd"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range reasons.FindAllSubmatch(source, -1) {
				given[string(m[1])] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for reason := range given {
		if !Has("refusal."+reason) && reason != "missing" {
			t.Errorf("no sentence refusal.%s", reason)
		}
	}
	for key := range catalogues[Languages[0]] {
		if reason, ok := strings.CutPrefix(key, "refusal."); ok && !given[reason] {
			t.Errorf("nobody gives the reason %s", reason)
		}
	}
}
