package similar

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"golang.org/x/text/unicode/norm"
)

// Limits of what is looked at.
const (
	// MaxWords of a text are looked at: what an idea is about stands at its beginning.
	MaxWords = 400
	// maxWord is the length of a word in letters; longer ones are cut.
	maxWord = 40
)

// language is what is known of one.
type language struct {
	stem func(*snowballstem.Env) bool
	stop map[string]bool
}

// languages in the order in which they win a tie.
var languages = []*language{
	{dutch.Stem, set(stopDutch)},
	{english.Stem, set(stopEnglish)},
	{french.Stem, set(stopFrench)},
	{german.Stem, set(stopGerman)},
}

func set(list string) map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		words[w] = true
	}
	return words
}

// words splits a text into lower-case words of letters and digits. An apostrophe ends a word: "l'idée" is "l" and "idée".
func words(text string) []string {
	list := strings.FieldsFunc(strings.ToLower(norm.NFC.String(text)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	list = list[:min(len(list), MaxWords)]
	for i, w := range list {
		if utf8.RuneCountInString(w) > maxWord {
			list[i] = string([]rune(w)[:maxWord])
		}
	}
	return list
}

// speak guesses the language of a text by the little words that every language has its own of.
func speak(list []string) *language {
	best, most := languages[0], 0
	for _, l := range languages {
		n := 0
		for _, w := range list {
			if l.stop[w] {
				n++
			}
		}
		if n > most {
			best, most = l, n
		}
	}
	return best
}

// stems gives the words of a text that say something, each as its stem without accents.
func (l *language) stems(list []string) []string {
	stems := make([]string, 0, len(list))
	for _, w := range list {
		if l.stop[w] || len(w) < 2 {
			continue
		}
		env := snowballstem.NewEnv(w)
		l.stem(env)
		if s := fold(env.Current()); s != "" {
			stems = append(stems, s)
		}
	}
	return stems
}

// trigrams gives the runs of three letters of the words that say something, with a space for either end of a word.
func (l *language) trigrams(list []string) []string {
	var grams []string
	for _, w := range list {
		if l.stop[w] || len(w) < 2 {
			continue
		}
		letters := []rune(" " + fold(w) + " ")
		for i := 0; i+3 <= len(letters); i++ {
			grams = append(grams, string(letters[i:i+3]))
		}
	}
	return grams
}

// fold drops accents.
func fold(word string) string {
	plain := true
	for i := range len(word) {
		plain = plain && word[i] < utf8.RuneSelf
	}
	if plain {
		return word
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(word) {
		switch {
		case r == 'ß':
			b.WriteString("ss")
		case r == 'ø':
			b.WriteByte('o')
		case r == 'ł':
			b.WriteByte('l')
		case !unicode.Is(unicode.Mn, r):
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
