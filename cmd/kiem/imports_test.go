package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// modulePath is the path of this module.
const modulePath = "kiem"

// purePackages hold what every node must compute alike from the same log. They get time, ids and randomness from outside.
// A name ending in "/..." is the package and all below it.
var purePackages = []string{"id", "ideas/...", "voting/...", "calls/...", "hub/campaign", "hub/directory", "hub/machine", "hub/recount", "hub/wire"}

// pureLibraries are third-party packages that compute and do nothing else.
var pureLibraries = []string{"golang.org/x/text/...", "github.com/blevesearch/snowballstem/..."}

// impureStandard are standard packages through which a pure package could see the world or depend on the order of goroutines.
var impureStandard = []string{
	"context", "crypto/rand", "log/...", "math/rand/...", "net/...", "os/...", "plugin", "runtime/...", "sync/...", "syscall", "testing/...",
	"unsafe", "io/ioutil", "database/...",
}

// clockNames are what package time offers beyond types, constants, parsing and arithmetic.
var clockNames = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"}

// importRule refuses an import of one package by another. Paths of this module are given without its name; test says that the import stands
// in a _test.go file.
type importRule struct {
	name    string
	reason  string
	refuses func(from, imported string, test bool) bool
}

// importRules are the directions of this repository:
//
//	cmd -> hub/web -> hub -> {hub/campaign -> {ideas, voting}, calls, hub/directory, hub/journal, hub/wire}
var importRules = []importRule{
	{
		name:   "pure packages see nothing of the world",
		reason: "a machine that reads a clock, a file or a lock gives another state at the next replay, and every node must have the same one",
		refuses: func(from, imported string, test bool) bool {
			if test || !matches(from, purePackages) {
				return false
			}
			switch {
			case ours(imported):
				return !matches(within(imported), purePackages)
			case standard(imported):
				return matches(imported, impureStandard)
			}
			return !matches(imported, pureLibraries)
		},
	},
	{
		name:   "the domain does not know the hub",
		reason: "ideas, voting and calls are read, tested and recounted on their own; the hub runs them, not the other way round",
		refuses: func(from, imported string, test bool) bool {
			return matches(from, []string{"id", "ideas/...", "voting/...", "calls/..."}) && ours(imported) &&
				matches(within(imported), []string{"hub/..."}) && !matches(within(imported), []string{"hub/machine", "hub/wire"})
		},
	},
	{
		name:   "the recount shares no counting",
		reason: "it is there to disagree with the machine if that counts wrongly; with the machine's code it would be wrong in the same way",
		refuses: func(from, imported string, test bool) bool {
			return !test && from == "hub/recount" && ours(imported) && within(imported) != "id"
		},
	},
	{
		name:   "who verifies a published file has the file",
		reason: "anybody must be able to check a result without a server: no journal backend, no machine, no vault, and not the code that wrote the file",
		refuses: func(from, imported string, test bool) bool {
			return !test && from == "hub/verify" && ours(imported) && !matches(within(imported), []string{"id", "hub/journal"})
		},
	},
	{
		name:   "the wire knows only ids",
		reason: "it is the protocol's specification: whoever reads it to write a client must not need the server",
		refuses: func(from, imported string, test bool) bool {
			return !test && from == "hub/wire" && ours(imported) && within(imported) != "id"
		},
	},
	{
		name:   "only hub/web knows gin and gorilla",
		reason: "rooms can then be tested without HTTP and the web layer replaced. Tests and the programs that act as clients are excepted: they dial the server from outside, as any client would",
		refuses: func(from, imported string, test bool) bool {
			client := test || matches(from, socketClients)
			switch {
			case strings.HasPrefix(imported, "github.com/gin-gonic/"), strings.HasPrefix(imported, "github.com/gin-contrib/"):
				return from != "hub/web"
			case strings.HasPrefix(imported, "github.com/gorilla/"):
				return from != "hub/web" && !client
			}
			return false
		},
	},
	{
		name:   "the hub does not know the web",
		reason: "HTTP is one way in; a room must not be able to tell which",
		refuses: func(from, imported string, test bool) bool {
			return ours(imported) && matches(within(imported), []string{"hub/web/..."}) && matches(from, []string{"hub/..."}) && !matches(from, []string{"hub/web/..."})
		},
	},
	{
		name:   "backends know the contract, never each other",
		reason: "one conformance suite for all proves something only if none leans on another",
		refuses: func(from, imported string, test bool) bool {
			contract := contractOf(from)
			return contract != "" && !test && ours(imported) && within(imported) != contract && backendContract(within(imported)) != ""
		},
	},
	{
		name:   "only the program picks a backend",
		reason: "whoever else imports one has decided for the operator. The test suites excepted: they run on each",
		refuses: func(from, imported string, test bool) bool {
			return !test && ours(imported) && backendContract(within(imported)) != "" && !matches(from, []string{"cmd/..."}) && contractOf(from) == ""
		},
	},
	{
		name:   "only hub/web knows Prometheus",
		reason: "what counts on the way of a command counts with hub/meter, which costs two atomic adds; how it is shown is a matter of the edge. Tests excepted",
		refuses: func(from, imported string, test bool) bool {
			return !test && strings.HasPrefix(imported, "github.com/prometheus/") && from != "hub/web"
		},
	},
	{
		name:   "the meter knows nothing of Kiem",
		reason: "every layer may count with it, so it must not lean on any",
		refuses: func(from, imported string, test bool) bool {
			return from == "hub/meter" && ours(imported)
		},
	},
	{
		name:   "the installation is tried from outside",
		reason: "docker/ describes how the program is run; the program must build and run without it",
		refuses: func(from, imported string, test bool) bool {
			return !test && ours(imported) && matches(within(imported), []string{"docker/..."}) && !matches(from, []string{"docker/..."})
		},
	},
	{
		name:   "nothing imports the program",
		reason: "it is the end of the chain: what others need of it belongs below",
		refuses: func(from, imported string, test bool) bool {
			return ours(imported) && matches(within(imported), []string{"cmd/..."}) && !matches(from, []string{"cmd/..."})
		},
	},
	{
		name:   "the page is files",
		reason: "static embeds what the builder made and at most writes the message types; it must build without the server",
		refuses: func(from, imported string, test bool) bool {
			return !test && matches(from, []string{"static/..."}) && ours(imported) && !matches(within(imported), []string{"hub/wire", "static/..."})
		},
	},
	{
		name:   "an export is made of its report and its log",
		reason: "the same state must give the same file, beside the server and in it; and words must not come to rest in a temporary file where no erasure finds them",
		refuses: func(from, imported string, test bool) bool {
			if test || from != "hub/export" {
				return false
			}
			if ours(imported) {
				return !matches(within(imported), []string{"hub/campaign", "hub/journal", "hub/wire", "id", "ideas"})
			}
			return !standard(imported) || imported != "context" && matches(imported, impureStandard)
		},
	},
	{
		name:   "test libraries stay in tests",
		reason: "they would ship with the binary; packages named ...test hold suites that only tests import",
		refuses: func(from, imported string, test bool) bool {
			return !test && !strings.HasSuffix(from, "test") && matches(imported, []string{
				"testing/...", "pgregory.net/rapid/...", "go.uber.org/goleak/...", "github.com/google/go-cmp/...", "github.com/rogpeppe/go-internal/...",
				"github.com/xuri/excelize/...", // workbooks are written without it; the tests read them with it
			})
		},
	},
}

// socketClients are the programs in this repository that open the socket from outside: the simulated participants of the demo and the load client.
var socketClients = []string{"cmd/..."}

// TestImports holds every import of the module to importRules.
func TestImports(t *testing.T) {
	for _, imp := range moduleImports(t) {
		for _, rule := range importRules {
			if rule.refuses(imp.from, imp.path, imp.test) {
				t.Errorf("%s imports %s: %s (%s)", imp.file, imp.path, rule.name, rule.reason)
			}
		}
	}
}

// TestImportRulesRefuse shows for each rule an import that it refuses and one near it that it allows.
func TestImportRulesRefuse(t *testing.T) {
	type imp struct {
		from, path string
		test       bool
	}
	cases := map[string]struct{ no, yes []imp }{
		"pure packages see nothing of the world": {
			no: []imp{{"ideas", "os", false}, {"hub/campaign", "math/rand/v2", false}, {"voting/stv", "sync/atomic", false}, {"id", "context", false},
				{"hub/wire", "net/http", false}, {"ideas", "kiem/hub/journal", false}, {"hub/machine", "github.com/redis/go-redis/v9", false}},
			yes: []imp{{"ideas", "time", false}, {"ideas", "golang.org/x/text/unicode/norm", false}, {"hub/campaign", "os", true}, {"hub", "os", false}},
		},
		"the domain does not know the hub": {
			no:  []imp{{"ideas", "kiem/hub", false}, {"voting", "kiem/hub/campaign", true}},
			yes: []imp{{"hub/campaign", "kiem/ideas", false}, {"ideas", "kiem/id", false}},
		},
		"the recount shares no counting": {
			no:  []imp{{"hub/recount", "kiem/voting", false}, {"hub/recount", "kiem/hub/campaign", false}},
			yes: []imp{{"hub/recount", "kiem/id", false}, {"hub/recount", "kiem/voting", true}, {"hub", "kiem/voting", false}},
		},
		"who verifies a published file has the file": {
			no:  []imp{{"hub/verify", "kiem/hub", false}, {"hub/verify", "kiem/hub/export", false}, {"hub/verify", "kiem/hub/journal/sqlitelog", false}},
			yes: []imp{{"hub/verify", "kiem/hub/journal", false}, {"hub", "kiem/hub/verify", false}},
		},
		"the wire knows only ids": {
			no: []imp{{"hub/wire", "kiem/ideas", false}}, yes: []imp{{"hub/wire", "kiem/id", false}},
		},
		"only hub/web knows gin and gorilla": {
			no:  []imp{{"hub", "github.com/gorilla/websocket", false}, {"cmd/kiem", "github.com/gin-gonic/gin", false}, {"hub", "github.com/gin-gonic/gin", true}},
			yes: []imp{{"hub/web", "github.com/gin-gonic/gin", false}, {"hub", "github.com/gorilla/websocket", true}, {"cmd/kiem", "github.com/gorilla/websocket", false}},
		},
		"the hub does not know the web": {
			no: []imp{{"hub", "kiem/hub/web", true}, {"hub/session", "kiem/hub/web", false}}, yes: []imp{{"cmd/kiem", "kiem/hub/web", false}},
		},
		"backends know the contract, never each other": {
			no:  []imp{{"hub/journal/redislog", "kiem/hub/journal/sqlitelog", false}},
			yes: []imp{{"hub/journal/redislog", "kiem/hub/journal", false}, {"hub/journal/redislog", "kiem/hub/journal/memlog", true}},
		},
		"only the program picks a backend": {
			no:  []imp{{"hub", "kiem/hub/journal/memlog", false}, {"hub/web", "kiem/hub/journal/redislog", false}},
			yes: []imp{{"cmd/kiem", "kiem/hub/journal/sqlitelog", false}, {"hub", "kiem/hub/journal/memlog", true}},
		},
		"only hub/web knows Prometheus": {
			no:  []imp{{"hub", "github.com/prometheus/client_golang/prometheus", false}, {"cmd/kiem", "github.com/prometheus/client_golang/prometheus", false}},
			yes: []imp{{"hub/web", "github.com/prometheus/client_golang/prometheus/promhttp", false}, {"hub", "kiem/hub/meter", false}},
		},
		"the meter knows nothing of Kiem": {
			no:  []imp{{"hub/meter", "kiem/hub", false}, {"hub/meter", "kiem/id", true}},
			yes: []imp{{"hub/meter", "sync/atomic", false}, {"hub/meter", "pgregory.net/rapid", true}},
		},
		"the installation is tried from outside": {
			no:  []imp{{"cmd/kiem", "kiem/docker/dockertest", false}, {"hub/web", "kiem/docker/dockertest", false}},
			yes: []imp{{"cmd/kiem", "kiem/docker/dockertest", true}, {"docker", "kiem/docker/dockertest", true}},
		},
		"nothing imports the program": {
			no: []imp{{"hub/web", "kiem/cmd/kiem/sample", true}}, yes: []imp{{"cmd/kiem", "kiem/cmd/kiem/sample", false}},
		},
		"the page is files": {
			no: []imp{{"static", "kiem/hub", false}}, yes: []imp{{"static", "kiem/hub/wire", false}},
		},
		"an export is made of its report and its log": {
			no:  []imp{{"hub/export", "os", false}, {"hub/export", "kiem/hub", false}, {"hub/export", "crypto/rand", false}, {"hub/export", "github.com/xuri/excelize/v2", false}},
			yes: []imp{{"hub/export", "archive/zip", false}, {"hub/export", "context", false}, {"hub/export", "kiem/hub/journal", false}, {"hub/export", "github.com/xuri/excelize/v2", true}},
		},
		"test libraries stay in tests": {
			no:  []imp{{"hub", "pgregory.net/rapid", false}, {"hub/journal", "testing", false}},
			yes: []imp{{"hub", "pgregory.net/rapid", true}, {"hub/journal/journaltest", "testing", false}},
		},
	}
	for _, rule := range importRules {
		c, ok := cases[rule.name]
		if !ok || rule.reason == "" {
			t.Errorf("rule %q has no case here, or no reason", rule.name)
		}
		for _, i := range c.no {
			if !rule.refuses(i.from, i.path, i.test) {
				t.Errorf("%q allows %+v", rule.name, i)
			}
		}
		for _, i := range c.yes {
			if rule.refuses(i.from, i.path, i.test) {
				t.Errorf("%q refuses %+v", rule.name, i)
			}
		}
	}
}

// TestPurePackagesReadNoClock refuses the clock of package time in pure packages and in exports: the types are welcome, the time of day comes in with the stamp
// or the report.
func TestPurePackagesReadNoClock(t *testing.T) {
	root := moduleRoot(t)
	walkGo(t, root, func(file string) {
		if strings.HasSuffix(file, "_test.go") || !matches(path.Dir(filepath.ToSlash(file)), append([]string{"hub/export"}, purePackages...)) {
			return
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		for _, use := range clockUses(f) {
			t.Errorf("%s:%d uses time.%s: a pure package gets the time from outside", file, set.Position(use.Pos()).Line, use.Sel.Name)
		}
	})
}

// TestClockUses shows what the test above sees: calls, values, and a renamed import.
func TestClockUses(t *testing.T) {
	const source = `package p
import clock "time"
var now = clock.Now
func f(at clock.Time) clock.Duration { clock.Sleep(1); return at.Sub(clock.Unix(0, 0)) }`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, use := range clockUses(f) {
		got = append(got, use.Sel.Name)
	}
	if want := []string{"Now", "Sleep"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// clockUses lists the selectors of package time that reach the clock.
func clockUses(f *ast.File) []*ast.SelectorExpr {
	name := ""
	for _, imp := range f.Imports {
		if imp.Path.Value == `"time"` {
			name = "time"
			if imp.Name != nil {
				name = imp.Name.Name
			}
		}
	}
	if name == "" {
		return nil
	}
	var found []*ast.SelectorExpr
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains(clockNames, sel.Sel.Name) {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name {
				found = append(found, sel)
			}
		}
		return true
	})
	return found
}

// TestPackageDocs asks every package for a doc comment that says what it is, in one of its files.
func TestPackageDocs(t *testing.T) {
	root := moduleRoot(t)
	docs := map[string]int{}
	walkGo(t, root, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		docs[path.Dir(filepath.ToSlash(file))] += len(strings.TrimSpace(f.Doc.Text()))
	})
	for _, dir := range slices.Sorted(maps.Keys(docs)) {
		if docs[dir] < 40 {
			t.Errorf("package %s has no doc comment worth the name (%d characters)", dir, docs[dir])
		}
	}
}

type moduleImport struct {
	from, path, file string
	test             bool
}

// moduleImports lists every import of the module's Go files.
func moduleImports(t *testing.T) []moduleImport {
	t.Helper()
	root := moduleRoot(t)
	var all []moduleImport
	walkGo(t, root, func(file string) {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			return
		}
		for _, imp := range f.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			all = append(all, moduleImport{
				from: path.Dir(filepath.ToSlash(file)), path: p, file: file, test: strings.HasSuffix(file, "_test.go"),
			})
		}
	})
	if len(all) == 0 {
		t.Fatal("no imports found: the walk is broken")
	}
	return all
}

// matches says whether p is one of the patterns: a path, or a path and everything below it ("a/...").
func matches(p string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		base, tree := strings.CutSuffix(pattern, "/...")
		return p == base || tree && strings.HasPrefix(p, base+"/")
	})
}

// ours says whether an import path is of this module; within cuts the module's name off.
func ours(imported string) bool {
	return imported == modulePath || strings.HasPrefix(imported, modulePath+"/")
}
func within(imported string) string {
	return strings.TrimPrefix(imported, modulePath+"/")
}

// standard says whether an import path is of the standard library.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && !ours(imported)
}

// contracts are the packages that define an interface with several forms below it.
var contracts = []string{"hub/journal", "hub/session", "hub/bus", "hub/limit", "hub/vault"}

// contractOf is the contract that a package below one implements or tests; backendContract the same without the suites that only tests import.
func contractOf(p string) string {
	if dir := path.Dir(p); slices.Contains(contracts, dir) {
		return dir
	}
	return ""
}

func backendContract(p string) string {
	if strings.HasSuffix(p, "test") {
		return ""
	}
	return contractOf(p)
}
