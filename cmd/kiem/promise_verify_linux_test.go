package main_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestSoakVerifyMillion measures the goal of P14 and P20: a campaign with 10,000 ideas and one million supports is verified in less than 30 s and 1 GiB. Without the race detector:
//
//	KIEM_SOAK=1m go test -run TestSoakVerifyMillion -v ./cmd/kiem
func TestSoakVerifyMillion(t *testing.T) {
	soak(t)
	dir := filepath.Join(t.TempDir(), "data")
	_, head := fillJournal(t, dir, 10_000, 10_000, 1_000_000)
	start := time.Now()
	out, errs, state := kiemState(t, "verify", "--data", dir)
	took, cpu, most := time.Since(start), state.UserTime()+state.SystemTime(), state.SysUsage().(*syscall.Rusage).Maxrss>>10
	t.Logf("%v, of the processor %v, at most %d MiB\n%s", took.Round(10*time.Millisecond), cpu.Round(10*time.Millisecond), most, out)
	if state.ExitCode() != 0 || lastLine(out) != headLine(head) {
		t.Fatalf("exit code %d, last line %q, want %q\n%s", state.ExitCode(), lastLine(out), headLine(head), errs)
	}
	if !raceEnabled && (cpu > 30*time.Second || most > 1024) { // what else runs on the machine is not held against it
		t.Errorf("%v and %d MiB; the goal is 30 s and 1024 MiB", cpu, most)
	}
}
