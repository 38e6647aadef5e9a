//go:build !linux

package bench

import (
	"context"
	"errors"
	"io"
)

// errLinux: clients are kept cheap by epoll, and processes are looked at in /proc.
var errLinux = errors.New("bench: measuring needs Linux")

// shared is what measurements share.
type shared struct{}

// Run needs Linux.
func (b *Bench) Run(context.Context) error { return errLinux }

// Floor needs Linux.
func Floor(FloorOptions, io.Reader, io.Writer) error { return errLinux }

// RaiseLimit does nothing here.
func RaiseLimit() int { return 0 }
