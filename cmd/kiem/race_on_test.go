//go:build race

package main_test

// raceEnabled says that this test binary has the race detector: then the servers that it starts get it as well.
const raceEnabled = true
