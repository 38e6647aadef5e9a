package bench

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

func thisMachine() Machine {
	m := Machine{Processors: runtime.NumCPU(), Go: runtime.Version(), CPU: runtime.GOARCH}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, name, found := strings.Cut(string(b), "model name\t: "); found {
			m.CPU, _, _ = strings.Cut(name, "\n")
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.LoadBefore, _, _ = strings.Cut(string(b), " ")
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	return m
}
