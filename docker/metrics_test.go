package docker_test

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// scrape reads /metrics; "" while nobody answers.
func scrape(t *testing.T, addr string) string {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}

var sample = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{([^}]*)\})? `)

// series gives the names of all series with the names of their labels.
func series(text string) map[string][]string {
	names := map[string][]string{}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		labels := names[m[1]]
		for part := range strings.SplitSeq(m[2], ",") {
			if label, _, ok := strings.Cut(part, "="); ok && !slices.Contains(labels, label) {
				labels = append(labels, label)
			}
		}
		names[m[1]] = labels
	}
	return names
}
