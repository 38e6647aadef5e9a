package journaltest

import (
	"iter"
	"os"
	"testing"
	"time"
)

// Soak is the environment variable that makes the tests with random faults go on: a duration, of which each of them takes an eighth.
const Soak = "KIEM_SOAK"

// Rounds counts 0, 1, 2, … as often as a test with random faults is to try: short times with -short, normal times without, and until the time is over when
// Soak is set.
func Rounds(t testing.TB, short, normal int) iter.Seq[int] {
	var until time.Time
	if s := os.Getenv(Soak); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatalf("%s: %v", Soak, err)
		}
		until = time.Now().Add(d / 8)
	}
	n := normal
	if testing.Short() {
		n = short
	}
	return func(yield func(int) bool) {
		for i := 0; i < n || time.Now().Before(until); i++ {
			if !yield(i) {
				return
			}
		}
	}
}
