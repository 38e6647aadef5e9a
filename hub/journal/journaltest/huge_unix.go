//go:build unix

package journaltest

import (
	"syscall"
	"testing"
)

// huge gives a slice of that size which costs nothing as long as nobody touches it.
func huge(t *testing.T, size int) []byte {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(b) })
	return b
}
