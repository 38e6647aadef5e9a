// Package static is the page that people see, in the binary: the built scripts, styles and fonts, the HTML shells they start in, and the
// sentences of every language.
//
// # What is where
//
// src holds the sources (TypeScript with Preact), build the bundler, dist what it made. dist is committed, so that Go alone builds the
// whole program; continuous integration builds it again and fails when it differs. Every file in dist but manifest.json and THIRD-PARTY.txt has the
// hash of its content in its name, so it may be cached for ever.
//
// # Rules
//
// The shells work under a policy without unsafe-inline: script and style come from /static/ only, and what the server gives the page at the start is
// a JSON block that no browser runs. See Policy. Nothing is fetched from another host.
//
// A shell has no content of its own but a sentence for a browser without script; the page draws itself from the API.
//
// The catalogues (src/i18n/<language>.json) are flat: a key, a sentence, {name} for what is filled in. A key that ends in _one or _other is a
// plural form. The server says its errors with them too: error.<code> is the sentence of a code, refusal.<reason> a closer one.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed dist src/i18n/*.json shell.html
var files embed.FS

// Policy is the Content-Security-Policy that every page works under. A header of the server may only add to it.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types kiem"

// Asset is one file under /static/.
type Asset struct {
	Name string
	Type string // Content-Type
	Body []byte
	Gzip []byte // Body compressed; nil where that gains nothing
	ETag string // with the quotes
	Kept bool   // the name changes with the content: a browser may keep it for ever
}

// manifest is dist/manifest.json; static/build documents it.
type manifest struct {
	Pages     map[string]page   `json:"pages"`
	Languages map[string]string `json:"languages"`
	Fonts     []string          `json:"fonts"`
	Icon      string            `json:"icon"`
}

type page struct {
	Script  string   `json:"script"`
	Style   string   `json:"style"`
	Preload []string `json:"preload"`
}

// What was embedded, read once at start. Only init writes these.
var (
	assets   = map[string]Asset{}
	built    manifest
	assetsFS fs.FS
)

func init() {
	dist, err := fs.Sub(files, "dist")
	if err != nil {
		panic(fmt.Sprintf("static: %v", err))
	}
	assetsFS = dist
	if err := readAssets(dist); err != nil {
		panic(fmt.Sprintf("static: %v", err)) // the binary was built from a broken dist
	}
}

func readAssets(dist fs.FS) error {
	return fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		if name == "manifest.json" {
			if err := json.Unmarshal(body, &built); err != nil {
				return fmt.Errorf("manifest: %w", err)
			}
		}
		sum := sha256.Sum256(body)
		a := Asset{Name: name, Type: typeOf(name), Body: body, ETag: `"` + hex.EncodeToString(sum[:12]) + `"`}
		a.Kept = name != "manifest.json" && name != "THIRD-PARTY.txt"
		if a.Gzip, err = compress(body); err != nil {
			return err
		}
		assets[name] = a
		return nil
	})
}

func typeOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".woff2":
		return "font/woff2"
	case ".js":
		return "text/javascript; charset=utf-8"
	default:
		return mime.TypeByExtension(ext)
	}
}

// compress gives body as gzip, or nil when that would save less than a tenth.
func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if out.Len() > len(body)*9/10 {
		return nil, nil
	}
	return out.Bytes(), nil
}

// Assets is what is under /static/, without compression. Handler serves it better.
func Assets() fs.FS { return assetsFS }

// Find gives the asset of that name, as in the path after /static/.
func Find(name string) (Asset, bool) {
	a, ok := assets[name]
	return a, ok
}

// Handler serves the assets; the path of a request is the name of an asset after a slash (strip /static before).
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := Find(strings.TrimPrefix(r.URL.Path, "/"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		a.serve(w, r)
	})
}

func (a Asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.Type)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", a.ETag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if a.Kept {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == a.ETag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.Body
	if a.Gzip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.Gzip
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the other side went away; there is nobody to tell
}
