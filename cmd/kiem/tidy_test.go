package main

import "testing"

// TestTidier: memory is given back once after each surge, when it is over, and never for the coming and going of a few.
func TestTidier(t *testing.T) {
	var tidy tidier
	for n, step := range []struct {
		sockets int64
		due     bool
	}{
		{0, false}, {500, false}, {505, false}, {4000, false}, {9000, false}, {10_000, false}, {10_003, true}, {10_003, false}, {10_400, false}, {10_400, false},
		{300, false}, {800, false}, {802, false}, {1400, false}, {1400, true}, {1400, false},
	} {
		if got := tidy.due(step.sockets); got != step.due {
			t.Errorf("step %d, %d sockets: %v", n, step.sockets, got)
		}
	}
}
