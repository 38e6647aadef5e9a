// Package similar finds ideas that say the same in other words: look-alikes while somebody types, and what a facilitator may want to merge.
//
// Two views of a text are compared. Words, reduced to their stems in the text's language, find "fietsen lenen" and "leende fiets". Trigrams, the runs of
// three letters inside words, find what stems do not: compounds ("bakfietsbibliotheek" and "bakfietsen lenen"), typing errors, and words of another language. Rare features
// count more than frequent ones (idf, see Spärck Jones 1972), and the score is the cosine of the two vectors (Salton, Wong and Yang 1975), for the title and for
// the whole.
//
// The package is pure: no clock, no disk, no service. An Index has one owner.
package similar
