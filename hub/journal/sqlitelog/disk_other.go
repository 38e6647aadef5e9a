//go:build !linux

package sqlitelog

import "os"

// fdatasync is nil where SQLite's own way is taken.
var fdatasync func(*os.File) error

func reserveBytes(f *os.File, size int64) error { return fillZero(f, size) }

func inRAM(string) bool { return false }

func checkFileSystem(string) error { return nil }
