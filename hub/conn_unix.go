//go:build unix

package hub

import "syscall"

// try writes without blocking and says how much was taken.
func (c *Conn) try(b []byte) (taken int) {
	if c.raw == nil {
		return 0
	}
	// The error would be that the connection is closed, which the next write finds too.
	_ = c.raw.Write(func(fd uintptr) bool {
		for taken < len(b) {
			n, err := syscall.Write(int(fd), b[taken:])
			if err == syscall.EINTR {
				continue
			}
			if n <= 0 {
				break // full, or broken: drain finds out which
			}
			taken += n
		}
		return true
	})
	return taken
}
