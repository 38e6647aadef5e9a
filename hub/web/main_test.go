package web

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain ends with nothing left running: every socket, room and server of every test.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
