package verify

import (
	"fmt"
	"io"
)

// File is what was found of a published file.
type File struct {
	Path     string    `json:"path"`
	Campaign string    `json:"campaign"`
	Proven   []string  `json:"proven"`   // what follows from the file alone
	Unproven []string  `json:"unproven"` // what it cannot show
	Problems []Problem `json:"problems"`
}

// Print says what was found, for people.
func (f *File) Print(w io.Writer) {
	fmt.Fprintf(w, "%s, campaign %s\n", f.Path, f.Campaign)
	for _, p := range f.Proven {
		fmt.Fprintf(w, "  checked: %s\n", p)
	}
	for _, p := range f.Unproven {
		fmt.Fprintf(w, "  cannot be told from this file: %s\n", p)
	}
}
