package main_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kiem/hub/redisconn/redistest"
)

// operations is docs/operations.md.
func operations(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	metricType = regexp.MustCompile(`(?m)^# TYPE (kiem_[a-z_]+) (\w+)$`)
	metricHelp = regexp.MustCompile(`(?m)^# HELP (kiem_[a-z_]+) \S.{10,}\.$`)
	metricLine = regexp.MustCompile(`(?m)^kiem_[a-z_]+(\{[^}]*\})? `)
	metricRow  = regexp.MustCompile("(?m)^\\| `(kiem_[a-z_]+)` \\| [^|]{8,} \\|[^|]*\\|$")
)

// TestOperationsNamesEveryMetric compares the table in docs/operations.md with what /metrics gives, embedded and with Redis: every metric is there with its meaning and no other; names
// follow Prometheus' conventions; and labels have few values.
func TestOperationsNamesEveryMetric(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	redis := redistest.Start(t)
	found, helped := map[string]string{}, map[string]bool{}
	for _, more := range [][]string{nil, {"--redis", redis.URL()}} {
		server := serveKiem(t, kiemBinary(t), filepath.Join(t.TempDir(), "data"), more...)
		server.start()
		_, _, text := server.get("/metrics")
		for _, m := range metricType.FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = m[2]
		}
		for _, m := range metricHelp.FindAllStringSubmatch(string(text), -1) {
			helped[m[1]] = true
		}
		if n := len(metricLine.FindAll(text, -1)); n < 100 || n > 600 {
			t.Errorf("%d series: labels have too many values, or none", n)
		}
		for _, name := range []string{"go_goroutines", "process_resident_memory_bytes"} {
			if !strings.Contains(string(text), name) {
				t.Errorf("/metrics has no %s", name)
			}
		}
	}
	told := map[string]bool{}
	for _, m := range metricRow.FindAllStringSubmatch(operations(t), -1) {
		told[m[1]] = true
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		kind := found[name]
		if !told[name] {
			t.Errorf("docs/operations.md does not tell of %s", name)
		}
		if !helped[name] {
			t.Errorf("%s has no sentence of help", name)
		}
		if total := strings.HasSuffix(name, "_total"); total != (kind == "counter") {
			t.Errorf("%s is a %s", name, kind)
		}
		if unit := regexp.MustCompile(`_(milliseconds|ms|minutes|kb|mb|percent)(_|$)`); unit.MatchString(name) {
			t.Errorf("%s is not in a base unit", name)
		}
	}
	for name := range told {
		if found[name] == "" {
			t.Errorf("docs/operations.md tells of %s, which there is not", name)
		}
	}
	if len(found) < 40 {
		t.Errorf("found only %d metrics", len(found))
	}
}

// TestOperationsUnit checks the unit file in docs/operations.md with systemd's own checker, and that its variables are the program's.
func TestOperationsUnit(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	_, rest, _ := strings.Cut(operations(t), "```ini\n")
	unit, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("there is no unit in docs/operations.md")
	}
	binary := kiemBinary(t)
	help, err := exec.Command(binary, "serve", "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, help)
	}
	for _, name := range regexp.MustCompile(`KIEM_[A-Z_]+`).FindAllString(unit, -1) {
		if !strings.Contains(string(help), "$"+name) {
			t.Errorf("the unit sets %s, which is no variable of the program", name)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd here, and none can be: its checker comes with it")
	}
	if !strings.Contains(unit, "ExecStart=/usr/local/bin/kiem serve") {
		t.Fatalf("the unit starts something else: %s", unit)
	}
	file := filepath.Join(t.TempDir(), "kiem.service")
	if err := os.WriteFile(file, []byte(strings.Replace(unit, "/usr/local/bin/kiem", binary, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), "kiem.service") {
		t.Errorf("%v: %s", err, out)
	}
}
