package export

import (
	"strconv"
	"strings"
)

// about is what a file says about itself, in the reader's language: pairs of what and how.
func (s *selection) about() [][2]string {
	w := s.words
	small := w.say("small.no")
	if n := s.Campaign.Settings.SmallCell; n > 0 {
		small = w.say("small.yes", "n", strconv.Itoa(n))
	}
	names := w.say("names.no")
	if s.Names {
		names = w.say("names.yes")
	}
	return [][2]string{
		{w.say("campaign"), clean(s.Campaign.Title)},
		{w.say("challenge"), clean(s.Campaign.Challenge.Title)},
		{w.say("measure"), s.measure()},
		{w.say("rule"), s.rule()},
		{w.say("made_at"), moment(s.MadeAt)},
		{w.say("log"), w.say("state", "seq", strconv.FormatUint(s.Seq, 10), "head", s.Head.String())},
		{w.say("durability"), w.say("durability." + string(s.Durability))},
		{w.say("small"), small},
		{w.say("names"), names},
	}
}

// countedNames are the groups that Bridging counts, for a sentence.
func (s *selection) countedNames() string {
	list := make([]string, len(s.counted))
	for i, g := range s.counted {
		list[i] = clean(s.words.group(g))
	}
	return strings.Join(list, ", ")
}

func (s *selection) measure() string {
	switch {
	case s.Measure == Support:
		return s.words.say("measure.support")
	case len(s.counted) == 0:
		return s.words.say("measure.bridging.none")
	}
	return s.words.say("measure.bridging", "groups", s.countedNames())
}

// rule is Rule in the reader's language.
func (s *selection) rule() string {
	text := s.words.say("rule." + string(s.Measure))
	if s.GroupMin > 0 {
		text += "; " + s.words.say("rule.group_min", "n", strconv.Itoa(s.GroupMin), "groups", s.countedNames())
	}
	if s.Top > 0 {
		text += "; " + s.words.say("rule.top", "n", strconv.Itoa(s.Top))
	}
	return text
}
