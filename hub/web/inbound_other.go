//go:build !unix

package web

// canTry: every read may wait.
const canTry = false

func (in *inbound) tryRead(uintptr) bool { return true }
