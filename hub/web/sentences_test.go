package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/static"
)

// refusals finds every refusal that the source names by a literal reason, with the details that it is given.
func refusals(t *testing.T) map[string][][]string {
	t.Helper()
	found := map[string][][]string{}
	for _, dir := range []string{"..", "../../ideas", "../../voting", "../../calls", "../../cmd"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return nil // a folder may not be there yet
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			inner := map[ast.Node]bool{}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || inner[call] {
					return true
				}
				var details []string
				for {
					s, ok := call.Fun.(*ast.SelectorExpr)
					if !ok || s.Sel.Name != "With" {
						break
					}
					below, ok := s.X.(*ast.CallExpr)
					if !ok {
						break
					}
					details = append(details, literal(call.Args[0]))
					call = below
					inner[below] = true
				}
				name := ""
				switch f := call.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				if strings.EqualFold(name, "refuse") && len(call.Args) == 3 {
					if reason := literal(call.Args[2]); reason != "" {
						found[reason] = append(found[reason], details)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func literal(e ast.Expr) string {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(l.Value)
	if err != nil {
		return ""
	}
	return s
}

// TestSentencesHaveTheirDetails: every reason that the source names has a sentence in each language, and what its sentence leaves to be filled in is given where
// it is named.
func TestSentencesHaveTheirDetails(t *testing.T) {
	found := refusals(t)
	if len(found) < 60 {
		t.Fatalf("only %d reasons found", len(found))
	}
	for reason, places := range found {
		key := "refusal." + reason
		if !static.Has(key) {
			if reason != "missing" { // error.bad_request says it
				t.Errorf("no sentence %s", key)
			}
			continue
		}
		for _, details := range places {
			r := machine.Refuse(wire.BadRequest, "", reason)
			for _, name := range details {
				r.With(name, "7")
			}
			for _, lang := range static.Languages {
				args := []string{}
				for _, name := range details {
					args = append(args, name, "7")
				}
				if text := static.Sentence(lang, key, args...); strings.Contains(text, "{") {
					t.Errorf("%s is given %v, its sentence is %q", reason, details, text)
				}
			}
		}
	}
}

// TestSentence: without its details a refusal gets the general sentence, never one with a gap.
func TestSentence(t *testing.T) {
	for _, c := range []struct {
		r    *machine.Refusal
		want string
	}{
		{machine.Refuse(wire.TooLarge, "text", "too_long").With("max", "12"), static.Sentence("nl", "refusal.too_long", "max", "12")},
		{machine.Refuse(wire.TooLarge, "text", "too_long"), static.Sentence("nl", "error.too_large")},
		{machine.Refuse(wire.BadRequest, "text", "no such reason"), static.Sentence("nl", "error.bad_request")},
	} {
		if got := Sentence("nl", c.r); got != c.want || strings.Contains(got, "{") {
			t.Errorf("%v: %q, want %q", c.r, got, c.want)
		}
	}
}
