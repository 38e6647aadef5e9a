package static

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
)

// The pages. Each has its own script and style.
const (
	Citizen     = "citizen"     // joining, and a campaign as its participants see it
	Facilitator = "facilitator" // the console
	Organiser   = "organiser"   // campaigns, signing in, invitations, and the operator's page
	Projector   = "projector"   // what the room sees
)

// Titled is what the data of a page may implement to name the page; without it the page is called after the program.
type Titled interface{ PageTitle() string }

var shell = template.Must(template.ParseFS(files, "shell.html"))

// PageOf says which page answers a path, and whether any does. The routes are those of docs/page.md.
func PageOf(urlPath string) (entry string, ok bool) {
	parts := strings.Split(strings.Trim(urlPath, "/"), "/")
	switch n := len(parts); {
	case parts[0] == "" || parts[0] == "j" && n <= 2:
		return Citizen, true
	case n == 1 && (parts[0] == "organise" || parts[0] == "admin" || parts[0] == "signin" || parts[0] == "invite"):
		return Organiser, true
	case parts[0] != "c" || n < 2:
		return "", false
	case n == 2, n == 3 && parts[2] == "mine", n == 4 && parts[2] == "idea":
		return Citizen, true
	case n == 3 && parts[2] == "console":
		return Facilitator, true
	case n == 3 && parts[2] == "screen":
		return Projector, true
	}
	return "", false
}

// Page is the HTML that starts a page. lang is one of Languages, else the first is taken. data becomes a JSON block that the page reads
// at its start; nil is fine.
func Page(entry, lang string, data any) ([]byte, error) {
	p, ok := built.Pages[entry]
	if !ok {
		return nil, fmt.Errorf("static: no page %q", entry)
	}
	lang = Language(lang)
	preload := p.Preload
	if chunk := built.Languages[lang]; chunk != "" {
		preload = append(preload[:len(preload):len(preload)], chunk)
	}
	title := Sentence(lang, "app.name")
	if t, ok := data.(Titled); ok && t.PageTitle() != "" {
		title = t.PageTitle() + " · " + title
	}
	var out bytes.Buffer
	err := shell.Execute(&out, map[string]any{
		"Language": lang, "Title": title, "NoScript": Sentence(lang, "app.noscript"), "Icon": built.Icon, "Fonts": built.Fonts,
		"Style": p.Style, "Preload": preload, "Script": p.Script, "Data": data,
	})
	if err != nil {
		return nil, fmt.Errorf("static: page %s: %w", entry, err)
	}
	return out.Bytes(), nil
}
