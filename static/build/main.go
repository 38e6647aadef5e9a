// Build bundles the page: static/src becomes static/dist.
//
// The output is committed and embedded, so that a fresh clone runs with Go alone. It must therefore be the same bytes whoever builds it and
// wherever: no source maps, no times, no absolute paths, file names that carry the hash of their content. Continuous integration builds
// again and fails when dist differs.
//
// Four entries share chunks. esbuild puts all the style that an entry can reach into that entry's one style sheet, so the split is by entry
// and never by lazy route. The catalogues of sentences are loaded by language, without the keys that only the server speaks (error.*,
// refusal.* and name.*): new sentences of the server do not change the page.
//
//	npm --prefix static ci --ignore-scripts
//	go -C static/build run .
//	go -C static/build run . -watch
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// entries are the pages, each with its own start file and style sheet.
var entries = []string{"citizen", "facilitator", "organiser", "projector"}

// copied are packages whose files are in the output although esbuild does not see them as such: icons copied into a component file.
var copied = []string{"lucide-static"}

// Page is what the shell of one page has to name.
type Page struct {
	Script  string   `json:"script"`
	Style   string   `json:"style,omitempty"`
	Preload []string `json:"preload,omitempty"` // chunks that the script imports
}

// Manifest is dist/manifest.json.
type Manifest struct {
	Pages     map[string]Page   `json:"pages"`
	Languages map[string]string `json:"languages"` // the chunk of each catalogue
	Fonts     []string          `json:"fonts"`     // the ones to load before the style sheet asks for them
	Icon      string            `json:"icon"`
}

func main() {
	watch := flag.Bool("watch", false, "build again on every change, until interrupted")
	flag.Parse()
	if err := run(*watch); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(watch bool) error {
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	options := buildOptions(root)
	if !watch {
		return write(root, api.Build(options))
	}
	options.Plugins = append(options.Plugins, api.Plugin{Name: "write", Setup: func(b api.PluginBuild) {
		b.OnEnd(func(r *api.BuildResult) (api.OnEndResult, error) {
			if err := write(root, *r); err != nil {
				fmt.Fprintln(os.Stderr, "build:", err)
			} else {
				fmt.Println("built")
			}
			return api.OnEndResult{}, nil
		})
	}})
	c, ctxErr := api.Context(options)
	if ctxErr != nil {
		return ctxErr
	}
	if err := c.Watch(api.WatchOptions{}); err != nil {
		return err
	}
	select {}
}

func buildOptions(root string) api.BuildOptions {
	points := make([]api.EntryPoint, len(entries))
	for i, e := range entries {
		points[i] = api.EntryPoint{InputPath: "./src/" + e + "/main.tsx", OutputPath: e}
	}
	return api.BuildOptions{
		AbsWorkingDir:       root,
		EntryPointsAdvanced: points,
		Outdir:              "dist",
		EntryNames:          "[name]-[hash]",
		ChunkNames:          "[name]-[hash]",
		AssetNames:          "[name]-[hash]",
		PublicPath:          "/static",
		Bundle:              true,
		Splitting:           true,
		Format:              api.FormatESModule,
		MinifySyntax:        true,
		MinifyWhitespace:    true,
		MinifyIdentifiers:   true,
		LegalComments:       api.LegalCommentsNone, // THIRD-PARTY.txt has the licences in full
		Charset:             api.CharsetUTF8,
		Target:              api.ES2022,
		Engines: []api.Engine{
			{Name: api.EngineChrome, Version: "111"}, {Name: api.EngineFirefox, Version: "115"}, {Name: api.EngineSafari, Version: "16.4"},
		},
		JSX:             api.JSXAutomatic,
		JSXImportSource: "preact",
		Loader:          map[string]api.Loader{".woff2": api.LoaderFile},
		Metafile:        true,
		Write:           false,
		LogLevel:        api.LogLevelInfo,
		Plugins:         []api.Plugin{catalogues},
	}
}

// catalogues loads the sentences of one language as a module, without what only the server says.
var catalogues = api.Plugin{Name: "catalogues", Setup: func(b api.PluginBuild) {
	b.OnLoad(api.OnLoadOptions{Filter: `[/\\]i18n[/\\][a-z]{2}\.json$`}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		raw, err := os.ReadFile(a.Path)
		if err != nil {
			return api.OnLoadResult{}, err
		}
		var all map[string]string
		if err := json.Unmarshal(raw, &all); err != nil {
			return api.OnLoadResult{}, fmt.Errorf("%s: %w", filepath.Base(a.Path), err)
		}
		for k := range all {
			switch family, _, _ := strings.Cut(k, "."); family {
			case "error", "refusal", "name":
				delete(all, k)
			}
		}
		var out bytes.Buffer
		out.WriteString("export default ")
		e := json.NewEncoder(&out)
		e.SetEscapeHTML(false)
		if err := e.Encode(all); err != nil { // maps are written in the order of their keys
			return api.OnLoadResult{}, err
		}
		text := out.String()
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
	})
}}

// metafile is the part of esbuild's metafile that is read here.
type metafile struct {
	Inputs  map[string]struct{} `json:"inputs"`
	Outputs map[string]struct {
		EntryPoint string `json:"entryPoint"`
		CSSBundle  string `json:"cssBundle"`
		Imports    []struct {
			Path     string `json:"path"`
			Kind     string `json:"kind"`
			External bool   `json:"external"`
		} `json:"imports"`
	} `json:"outputs"`
}

// write puts a good build into dist, and takes away what an earlier one left there.
func write(root string, r api.BuildResult) error {
	if len(r.Errors) > 0 {
		return errors.New("not built")
	}
	var meta metafile
	if err := json.Unmarshal([]byte(r.Metafile), &meta); err != nil {
		return err
	}
	dist := filepath.Join(root, "dist")
	files := map[string][]byte{}
	for _, f := range r.OutputFiles {
		files[filepath.Base(f.Path)] = f.Contents
	}
	m := manifestOf(meta)
	icon, err := os.ReadFile(filepath.Join(root, "src", "icon.svg"))
	if err != nil {
		return err
	}
	m.Icon = fmt.Sprintf("icon-%x.svg", sha256.Sum256(icon))[:len("icon-")+8] + ".svg"
	files[m.Icon] = icon
	manifest, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	files["manifest.json"] = append(manifest, '\n')
	if files["THIRD-PARTY.txt"], err = licences(root, meta); err != nil {
		return err
	}
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return err
	}
	old, err := os.ReadDir(dist)
	if err != nil {
		return err
	}
	for name, content := range files {
		if was, err := os.ReadFile(filepath.Join(dist, name)); err == nil && bytes.Equal(was, content) {
			continue
		}
		if err := os.WriteFile(filepath.Join(dist, name), content, 0o644); err != nil {
			return err
		}
	}
	for _, f := range old {
		if _, ok := files[f.Name()]; !ok {
			if err := os.Remove(filepath.Join(dist, f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

func manifestOf(meta metafile) Manifest {
	m := Manifest{Pages: map[string]Page{}, Languages: map[string]string{}}
	for out, o := range meta.Outputs {
		name := path.Base(out)
		switch {
		case strings.HasPrefix(o.EntryPoint, "src/i18n/"):
			m.Languages[strings.TrimSuffix(path.Base(o.EntryPoint), ".json")] = name
		case strings.HasPrefix(o.EntryPoint, "src/") && strings.HasSuffix(o.EntryPoint, "/main.tsx"):
			p := Page{Script: name, Preload: preloads(meta, out)}
			if o.CSSBundle != "" {
				p.Style = path.Base(o.CSSBundle)
			}
			m.Pages[path.Base(path.Dir(o.EntryPoint))] = p
		case strings.HasSuffix(name, ".woff2") && strings.Contains(name, "-latin-wght-"):
			m.Fonts = append(m.Fonts, name)
		}
	}
	sort.Strings(m.Fonts)
	return m
}

// preloads lists the chunks that an output imports at once, also through others.
func preloads(meta metafile, out string) []string {
	seen := map[string]bool{}
	var walk func(string)
	walk = func(o string) {
		for _, i := range meta.Outputs[o].Imports {
			p := strings.TrimPrefix(i.Path, "/static/")
			if i.Kind != "import-statement" || i.External || seen[p] {
				continue
			}
			seen[p] = true
			walk(i.Path)
		}
	}
	walk(out)
	var list []string
	for p := range seen {
		list = append(list, path.Base(p))
	}
	sort.Strings(list)
	return list
}

// licences collects the licence of every package of which something is in the output.
func licences(root string, meta metafile) ([]byte, error) {
	packages := slices.Clone(copied)
	for in := range meta.Inputs {
		_, rest, ok := strings.Cut(in, "node_modules/")
		if !ok {
			continue
		}
		parts := strings.SplitN(rest, "/", 3)
		name := parts[0]
		if strings.HasPrefix(name, "@") && len(parts) > 1 {
			name += "/" + parts[1]
		}
		packages = append(packages, name)
	}
	sort.Strings(packages)
	packages = slices.Compact(packages)
	var out bytes.Buffer
	out.WriteString("The page contains parts of the packages below, each under the licence that follows its name.\n")
	for _, p := range packages {
		dir := filepath.Join(root, "node_modules", filepath.FromSlash(p))
		raw, err := os.ReadFile(filepath.Join(dir, "package.json"))
		if err != nil {
			return nil, err
		}
		var about struct{ Version, License string }
		if err := json.Unmarshal(raw, &about); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		text, err := licenceText(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		fmt.Fprintf(&out, "\n%s\n%s %s (%s)\n\n%s\n", strings.Repeat("-", 100), p, about.Version, about.License, bytes.TrimSpace(text))
	}
	return out.Bytes(), nil
}

func licenceText(dir string) ([]byte, error) {
	for _, name := range []string{"LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), nil
		}
	}
	return nil, errors.New("no licence file")
}
