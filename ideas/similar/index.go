package similar

import (
	"hash/fnv"
	"math"
	"slices"

	"kiem/id"
)

// Text is what an idea says. Empty parts are left out of the comparison.
type Text struct {
	Title string
	Body  string // the text, and the need
}

// Match is an idea that looks like the one that was asked for. Score is from 0 (nothing in common) to 1 (the same).
type Match struct {
	Idea  id.ID
	Score float64
}

// Index holds the ideas of one campaign. It has one owner.
type Index struct {
	numbers map[id.ID]uint32
	ideas   []entry  // by number; those that were removed are empty
	free    []uint32 // numbers of removed ones
	parts   [parts]space
	scale   scale

	// For Find, so that it needs no memory each time.
	dots    [][parts]float32 // by number
	touched []uint32
}

// The parts of a text that are compared, each in a space of its own.
const (
	titleStems = iota
	titleTrigrams
	wholeStems
	wholeTrigrams
	parts
)

type entry struct {
	idea    id.ID
	terms   [parts][]term
	lengths [parts]float32 // of the vectors, in the present scale
	alive   bool
}

// space holds which idea has which feature. Features go by a hash: no word of an idea that was removed stays behind.
type space struct {
	ids      map[uint64]uint32
	postings [][]posting
}

type posting struct {
	idea   uint32
	weight float32
}

// term is a feature of one text, with its weight there: 1 + ln(times).
type term struct {
	feature uint32
	weight  float32
}

// New is empty.
func New() *Index {
	x := &Index{numbers: map[id.ID]uint32{}}
	for i := range x.parts {
		x.parts[i].ids = map[uint64]uint32{}
	}
	return x
}

// Len is how many ideas there are.
func (x *Index) Len() int { return len(x.numbers) }

// Put adds an idea, or replaces what it said.
func (x *Index) Put(idea id.ID, t Text) {
	x.Remove(idea)
	var n uint32
	if last := len(x.free) - 1; last >= 0 {
		n, x.free = x.free[last], x.free[:last]
	} else {
		n = uint32(len(x.ideas))
		x.ideas = append(x.ideas, entry{})
		x.dots = append(x.dots, [parts]float32{})
	}
	x.numbers[idea] = n
	e := entry{idea: idea, alive: true}
	for i, list := range features(t) {
		e.terms[i] = x.parts[i].terms(list, true)
		x.parts[i].add(n, e.terms[i])
	}
	x.ideas[n] = e
	if x.scale.outgrown(len(x.numbers)) {
		x.rescale()
	} else {
		x.measure(&x.ideas[n])
	}
}

// Remove forgets an idea.
func (x *Index) Remove(idea id.ID) {
	n, ok := x.numbers[idea]
	if !ok {
		return
	}
	for i := range x.parts {
		x.parts[i].remove(n, x.ideas[n].terms[i])
	}
	x.ideas[n] = entry{}
	delete(x.numbers, idea)
	x.free = append(x.free, n)
}

// features gives those of each part.
func features(t Text) (list [parts][]string) {
	title, body := words(t.Title), words(t.Body)
	whole := append(title[:len(title):len(title)], body...)
	l := speak(whole)
	list[titleStems], list[titleTrigrams] = l.stems(title), l.trigrams(title)
	list[wholeStems], list[wholeTrigrams] = l.stems(whole), l.trigrams(whole)
	return list
}

func (s *space) add(idea uint32, terms []term) {
	for _, t := range terms {
		s.postings[t.feature] = append(s.postings[t.feature], posting{idea, t.weight})
	}
}

func (s *space) remove(idea uint32, terms []term) {
	for _, t := range terms {
		list := s.postings[t.feature]
		if i := slices.IndexFunc(list, func(p posting) bool { return p.idea == idea }); i >= 0 {
			list[i] = list[len(list)-1]
			s.postings[t.feature] = list[:len(list)-1]
		}
	}
}

// unknown stands for a feature that no idea has. It lengthens the vector of what is asked for.
const unknown = math.MaxUint32

// terms counts features. With grow, new ones get a number.
func (s *space) terms(list []string, grow bool) []term {
	slices.Sort(list)
	var terms []term
	for i := 0; i < len(list); {
		n := i + 1
		for n < len(list) && list[n] == list[i] {
			n++
		}
		key := hash(list[i])
		f, known := s.ids[key]
		switch {
		case known:
		case grow:
			f = uint32(len(s.postings))
			s.ids[key] = f
			s.postings = append(s.postings, nil)
		default:
			f = unknown
		}
		terms = append(terms, term{f, float32(1 + math.Log(float64(n-i)))})
		i = n
	}
	return terms
}

// hash is FNV-1a.
func hash(feature string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(feature)) // never fails
	return h.Sum64()
}

// scale is how much features tell, by how many ideas have them. It belongs to a number of ideas, and is made anew when there are a tenth more: the length of every
// vector depends on it.
type scale struct {
	ideas int
	idf   []float32 // ln(1 + (ideas+1)/(n+1)) for n ideas
}

func (s *scale) outgrown(ideas int) bool { return ideas > s.ideas+s.ideas/10 }

func (s *scale) of(n int) float32 { return s.idf[min(n, len(s.idf)-1)] }

func (x *Index) rescale() {
	n := len(x.numbers)
	x.scale = scale{n, make([]float32, n+n/10+2)}
	for i := range x.scale.idf {
		x.scale.idf[i] = float32(math.Log(1 + float64(n+1)/float64(i+1)))
	}
	for i := range x.ideas {
		if x.ideas[i].alive {
			x.measure(&x.ideas[i])
		}
	}
}

func (x *Index) measure(e *entry) {
	for i := range x.parts {
		e.lengths[i] = x.length(i, e.terms[i])
	}
}

// idf of a feature in the present scale.
func (x *Index) idf(part int, feature uint32) float32 {
	if feature == unknown {
		return x.scale.of(0)
	}
	return x.scale.of(len(x.parts[part].postings[feature]))
}

// length of a vector.
func (x *Index) length(part int, terms []term) float32 {
	sum := 0.0
	for _, t := range terms {
		w := float64(t.weight * x.idf(part, t.feature))
		sum += w * w
	}
	return float32(math.Sqrt(sum))
}
