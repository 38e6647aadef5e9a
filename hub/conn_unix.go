//go:build unix

package hub

import "syscall"

// try writes without blocking and says how much was taken. The caller holds mu, and the connection is not dead.
func (c *Conn) try(b []byte) (taken int) {
	if c.fd < 0 {
		return 0
	}
	for taken < len(b) {
		n, err := syscall.Write(c.fd, b[taken:])
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			break // full, or broken: drain finds out which
		}
		taken += n
	}
	return taken
}
