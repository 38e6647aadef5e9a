package static

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The budgets of a first visit, in bytes after compression. Fonts are not in them: two files of 34 and 19 kB, by unicode-range.
var budgets = map[string]struct{ script, style int }{
	Citizen:     {60_000, 12_000},
	Projector:   {60_000, 12_000},
	Facilitator: {110_000, 20_000},
	Organiser:   {130_000, 20_000},
}

func TestBudgets(t *testing.T) {
	size := func(name string) int {
		a, ok := Find(name)
		if !ok {
			t.Fatalf("%s is in the manifest and not in dist", name)
		}
		if a.Gzip == nil {
			return len(a.Body)
		}
		return len(a.Gzip)
	}
	for entry, most := range budgets {
		p := built.Pages[entry]
		script, style := size(p.Script), 0
		for _, chunk := range p.Preload {
			script += size(chunk)
		}
		widest := 0
		for _, chunk := range built.Languages {
			widest = max(widest, size(chunk))
		}
		script += widest
		if p.Style != "" {
			style = size(p.Style)
		}
		t.Logf("%s: %d bytes of script, %d of style", entry, script, style)
		if script > most.script || style > most.style {
			t.Errorf("%s: %d bytes of script and %d of style, at most %d and %d", entry, script, style, most.script, most.style)
		}
	}
	for _, font := range built.Fonts {
		if n := size(font); n > 36_000 {
			t.Errorf("%s has %d bytes, at most 36000", font, n)
		}
	}
}

func TestPageHasNoInlineCode(t *testing.T) {
	hostile := map[string]string{"name": `</script><script>alert(1)</script><!--`}
	for entry := range budgets {
		html, err := Page(entry, "nl", hostile)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(html, []byte("<script")); n != 2 { // the module and the data
			t.Errorf("%s: %d script elements, want 2:\n%s", entry, n, html)
		}
		for _, no := range []string{"alert(1)</script>", " style=", "<style", " onclick", "http://", "https://"} {
			if bytes.Contains(html, []byte(no)) {
				t.Errorf("%s contains %q:\n%s", entry, no, html)
			}
		}
		_, data, _ := bytes.Cut(html, []byte(`id="data">`))
		data, _, _ = bytes.Cut(data, []byte("</script>"))
		var back map[string]string
		if err := json.Unmarshal(data, &back); err != nil || back["name"] != hostile["name"] {
			t.Errorf("%s: the data came back as %q (%v)", entry, data, err)
		}
		if !bytes.Contains(html, []byte(`<html lang="nl">`)) || !bytes.Contains(html, []byte("<noscript><p>")) {
			t.Errorf("%s: language or noscript sentence missing:\n%s", entry, html)
		}
	}
	if _, err := Page("nobody", "nl", nil); err == nil {
		t.Error("a page that does not exist was made")
	}
}

type titled struct{}

func (titled) PageTitle() string { return "Straten <b>zonder</b> auto" }

func TestPageTitle(t *testing.T) {
	html, err := Page(Citizen, "en-GB", titled{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(html, []byte("<title>Straten &lt;b&gt;zonder&lt;/b&gt; auto · Kiem</title>")) || !bytes.Contains(html, []byte(`<html lang="en">`)) {
		t.Errorf("title or language not as asked:\n%s", html)
	}
}

func TestPageOf(t *testing.T) {
	for path, want := range map[string]string{
		"/": Citizen, "/j": Citizen, "/j/KM37QP": Citizen, "/c/1": Citizen, "/c/1/mine": Citizen, "/c/1/idea/2": Citizen, "/c/1/console": Facilitator,
		"/c/1/screen": Projector, "/organise": Organiser, "/admin": Organiser, "/signin": Organiser, "/invite": Organiser,
		"/c": "", "/c/1/idea": "", "/c/1/other": "", "/x": "", "/api/v1/join": "", "/j/a/b": "",
	} {
		if got, ok := PageOf(path); got != want || ok != (want != "") {
			t.Errorf("PageOf(%q) = %q, %v; want %q", path, got, ok, want)
		}
	}
}

func TestHandler(t *testing.T) {
	name := built.Pages[Citizen].Script
	ask := func(method, path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		return w
	}
	plain := ask("GET", "/"+name)
	if plain.Code != 200 || !strings.HasPrefix(plain.Header().Get("Content-Type"), "text/javascript") || !strings.Contains(plain.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("plain: %d %v", plain.Code, plain.Header())
	}
	if z := ask("GET", "/"+name, "Accept-Encoding", "br, gzip"); z.Header().Get("Content-Encoding") != "gzip" && z.Body.Len() > 1000 {
		t.Errorf("not compressed: %v", z.Header())
	}
	if same := ask("GET", "/"+name, "If-None-Match", plain.Header().Get("ETag")); same.Code != http.StatusNotModified {
		t.Errorf("unchanged: %d", same.Code)
	}
	if head := ask("HEAD", "/"+name); head.Code != 200 || head.Body.Len() != 0 {
		t.Errorf("HEAD: %d, %d bytes", head.Code, head.Body.Len())
	}
	if m := ask("GET", "/manifest.json"); strings.Contains(m.Header().Get("Cache-Control"), "immutable") {
		t.Error("manifest.json is kept for ever")
	}
	for path, code := range map[string]int{"/": 404, "/../embed.go": 404, "/nothing.js": 404} {
		if w := ask("GET", path); w.Code != code {
			t.Errorf("GET %s: %d, want %d", path, w.Code, code)
		}
	}
	if w := ask("POST", "/"+name); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestDistHoldsNoTraces(t *testing.T) {
	err := fs.WalkDir(Assets(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasSuffix(name, ".map") {
			t.Errorf("%s: a source map", name)
		}
		a, _ := Find(name)
		for _, no := range []string{"sourceMappingURL", "/work/", "/home/", "/root/"} {
			if a.Kept && bytes.Contains(a.Body, []byte(no)) {
				t.Errorf("%s contains %q", name, no)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
