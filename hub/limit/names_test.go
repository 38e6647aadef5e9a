package limit

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestNames: the list has every limit of limits.go, so that whoever counts refusals by name misses none.
func TestNames(t *testing.T) {
	text, err := os.ReadFile("limits.go")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile(`(?:Name: |return join\()"([a-z-]+)"`).FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	if names := slices.Sorted(slices.Values(Names)); !slices.Equal(found, names) {
		t.Errorf("Names has %v, limits.go %v", names, found)
	}
}
