//go:build unix

package web

import "syscall"

// canTry: a read that would wait is known beforehand.
const canTry = true

// tryRead reads what is there. False: nothing; call again when there is.
func (in *inbound) tryRead(fd uintptr) bool {
	in.hold()
	for {
		n, err := syscall.Read(int(fd), in.buffer[:])
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			in.release()
			return false
		}
		in.taken, in.err = n, err
		return true
	}
}
