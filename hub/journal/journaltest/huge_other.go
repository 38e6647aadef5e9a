//go:build !unix

package journaltest

import "testing"

// huge gives a slice of that size.
func huge(_ *testing.T, size int) []byte { return make([]byte, size) }
