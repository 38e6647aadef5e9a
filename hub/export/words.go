package export

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

// Languages are the languages of headings and explanations, the usual one first.
var Languages = []string{"nl", "en", "fr", "de"}

//go:embed texts/*.json
var texts embed.FS

// words are the sentences of one language, by key. Keys of fields are "head." (the column's heading) and "field." (what it means) with the column's code.
type words struct {
	lang string
	text map[string]string
}

// catalogues hold the sentences by language. Only init writes them.
var catalogues = map[string]words{}

func init() {
	for _, lang := range Languages {
		raw, err := texts.ReadFile("texts/" + lang + ".json")
		if err != nil {
			panic(fmt.Sprintf("export: texts of %s: %v", lang, err))
		}
		w := words{lang: lang}
		if err := json.Unmarshal(raw, &w.text); err != nil {
			panic(fmt.Sprintf("export: texts of %s: %v", lang, err))
		}
		catalogues[lang] = w
	}
}

// language is the one of Languages that a tag like "fr-BE" asks for, else the usual one.
func language(tag string) string {
	tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
	if _, ok := catalogues[tag]; ok {
		return tag
	}
	return Languages[0]
}

func catalogue(lang string) words { return catalogues[language(lang)] }

// say is the sentence of a key with {name} replaced; pairs are names and values. A key without a sentence is given back, so that a gap is seen.
func (w words) say(key string, pairs ...string) string {
	text, ok := w.text[key]
	if !ok {
		return key
	}
	if len(pairs) == 0 {
		return text
	}
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// group is what a group is called: the campaign's own groups are called what they are.
func (w words) group(code string) string {
	if text, ok := w.text["group."+code]; ok {
		return text
	}
	return code
}

// heading is the column's heading, as plain text.
func (w words) heading(column string) string {
	if group, ok := strings.CutPrefix(column, supportColumn("")); ok {
		return w.say("head.support_group", "group", clean(w.group(group)))
	}
	return w.say("head." + column)
}

// meaning says what the column means, in Markdown.
func (w words) meaning(column string) string {
	if group, ok := strings.CutPrefix(column, supportColumn("")); ok {
		return w.say("field.support_group", "group", markdown(w.group(group)))
	}
	return w.say("field." + column)
}
