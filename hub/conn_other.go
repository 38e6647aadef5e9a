//go:build !unix

package hub

// try takes nothing: without a way to write to a socket that does not block, a goroutine of the connection's own writes.
func (c *Conn) try([]byte) int { return 0 }
