package static

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// Languages are the languages that there are sentences in, the usual one first.
var Languages = []string{"nl", "en"}

// catalogues hold the sentences by language and key. Only init writes them.
var catalogues = map[string]map[string]string{}

func init() {
	for _, lang := range Languages {
		raw, err := files.ReadFile(path.Join("src/i18n", lang+".json"))
		if err != nil {
			panic(fmt.Sprintf("static: catalogue %s: %v", lang, err))
		}
		var c map[string]string
		if err := json.Unmarshal(raw, &c); err != nil {
			panic(fmt.Sprintf("static: catalogue %s: %v", lang, err))
		}
		catalogues[lang] = c
	}
}

// Language gives the first of the wishes that there are sentences in, else the usual one. A wish is a language tag or an Accept-Language
// header, which lists the best first in practice.
func Language(wishes ...string) string {
	for _, wish := range wishes {
		for tag := range strings.SplitSeq(wish, ",") {
			tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
			tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
			if _, ok := catalogues[tag]; ok {
				return tag
			}
		}
	}
	return Languages[0]
}

// Has says whether there is a sentence with that key.
func Has(key string) bool {
	_, ok := catalogues[Languages[0]][key]
	return ok
}

// Sentence is the sentence of a key in a language, with {name} replaced. args are pairs of a name and its value. With an argument n, the key
// may have plural forms. A key that there is no sentence for is given back as it is, so that a gap is seen and harms nothing.
func Sentence(lang, key string, args ...string) string {
	c, ok := catalogues[lang]
	if !ok {
		c = catalogues[Language(lang)]
	}
	text, ok := c[key]
	if !ok {
		if text, ok = c[key+"_"+plural(args)]; !ok {
			return key
		}
	}
	if len(args) < 2 {
		return text
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		pairs = append(pairs, "{"+args[i]+"}", args[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// plural is the form that the argument n takes. Dutch and English share the rule for whole numbers.
func plural(args []string) string {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "n" && args[i+1] == "1" {
			return "one"
		}
	}
	return "other"
}
