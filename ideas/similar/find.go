package similar

import (
	"cmp"
	"slices"
)

// Weights of the parts of a score, chosen on the pairs of TestFinds, which says what they reach.
const (
	titlePart = 0.45 // of the titles' cosine; the rest is the whole text's
	stemPart  = 0.55 // of the stems' cosine; the rest is the trigrams'
)

// tooCommon is the share of the ideas beyond which a feature is passed over when looking for candidates: it tells next to nothing, and nearly everybody has it.
const tooCommon = 0.4

// Likely is the score from which two ideas are worth showing side by side; see TestFinds.
const Likely = 0.14

// few ideas are all looked at.
const few = 50

// Find gives the at most k ideas that look most like a text, with at least that score, best first.
func (x *Index) Find(t Text, k int, least float64) []Match {
	if len(x.numbers) == 0 || k <= 0 {
		return nil
	}
	var lengths [parts]float32
	for i, list := range features(t) {
		terms := x.parts[i].terms(list, false)
		lengths[i] = x.length(i, terms)
		x.gather(i, terms)
	}
	var found []Match
	for _, n := range x.touched {
		e := &x.ideas[n]
		if s := score(&x.dots[n], &e.lengths, &lengths); s >= least {
			found = append(found, Match{e.idea, s})
		}
		x.dots[n] = [parts]float32{}
	}
	x.touched = x.touched[:0]
	slices.SortFunc(found, func(a, b Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), slices.Compare(a.Idea[:], b.Idea[:]))
	})
	return found[:min(k, len(found))]
}

// gather adds up the products of one part's vectors.
func (x *Index) gather(part int, terms []term) {
	most := len(x.numbers)
	if most > few {
		most = int(tooCommon * float64(most))
	}
	for _, t := range terms {
		if t.feature == unknown {
			continue
		}
		list := x.parts[part].postings[t.feature]
		if len(list) > most {
			continue
		}
		idf := x.scale.of(len(list))
		w := t.weight * idf * idf
		for _, p := range list {
			d := &x.dots[p.idea]
			if *d == [parts]float32{} {
				x.touched = append(x.touched, p.idea)
			}
			d[part] += w * p.weight
		}
	}
}

// score joins the cosines of the parts. What one of the two does not have (a title that is not written yet) counts for the others.
func score(dots, a, b *[parts]float32) float64 {
	sum, weights := 0.0, 0.0
	for i := range dots {
		w := 1 - titlePart
		if i == titleStems || i == titleTrigrams {
			w = titlePart
		}
		if i == titleStems || i == wholeStems {
			w *= stemPart
		} else {
			w *= 1 - stemPart
		}
		if a[i] == 0 || b[i] == 0 {
			continue
		}
		sum += w * float64(dots[i]) / (float64(a[i]) * float64(b[i]))
		weights += w
	}
	if weights == 0 {
		return 0
	}
	return min(sum/weights, 1)
}
