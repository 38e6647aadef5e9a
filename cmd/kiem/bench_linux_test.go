package main_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// bench runs the bench, small, and reads its JSON.
func bench(t *testing.T, args, env []string) (result map[string]any, progress string) {
	t.Helper()
	dir := t.TempDir()
	plot := filepath.Join(dir, "plot.svg")
	cmd := exec.Command(kiemBinary(t), append([]string{
		"bench", "--json", "--repeats", "1", "--time", "200ms", "--idle-time", "1s", "--clients", "50", "--connections", "50", "--watchers", "20", "--votes", "1000", "--dir", dir, "--svg", plot,
	}, args...)...)
	cmd.Env = append(append(cleanEnv(), "GORACE=halt_on_error=1 atexit_sleep_ms=0"), env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, said.String(), out)
	}
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	drawn, err := os.ReadFile(plot)
	if err == nil {
		err = xml.Unmarshal(drawn, new(struct{ XMLName xml.Name }))
	}
	if err != nil {
		t.Errorf("plot: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "kiem-bench*")); err != nil || len(left) > 0 {
		t.Errorf("the bench left %v behind", left)
	}
	return result, said.String()
}

// measured wants members of a result to be numbers above 0.
func measured(t *testing.T, result map[string]any, names ...string) {
	t.Helper()
	for _, name := range names {
		if v, ok := result[name].(float64); !ok || v <= 0 {
			t.Errorf("%s is %v", name, result[name])
		}
	}
}

// TestBench measures everything, small: the counts are verified on the way, and every promised figure is there. Figures of so short a run mean nothing.
func TestBench(t *testing.T) {
	promise(t)
	result, progress := bench(t, nil, nil)
	measured(t, result, "fanout_cpu_ratio", "intake_per_s", "join_storm_ratio", "command_p99_ms", "replay_s")
	if _, ok := result["rss_per_conn_bytes"].(float64); !ok { // of 50 it may be anything
		t.Errorf("rss_per_conn_bytes is %v", result["rss_per_conn_bytes"])
	}
	fanout, _ := result["fanout"].([]any)
	if len(fanout) != 1 {
		t.Fatalf("fan-out: %v\n%s", fanout, progress)
	}
	measured(t, fanout[0].(map[string]any), "connections", "frame_bytes", "deliveries", "tick_ms")
	if intake, _ := result["intake"].([]any); len(intake) != 3 {
		t.Errorf("intake: %v", result["intake"])
	}
}

// TestBenchRunningServer measures a server that runs already: its process is found by its port.
func TestBenchRunningServer(t *testing.T) {
	promise(t)
	server := serveKiem(t, kiemBinary(t), t.TempDir())
	server.start()
	result, progress := bench(t, []string{"--url", "http://" + server.addr, "--only", "fanout", "--only", "intake", "--only", "idle"}, []string{"KIEM_ADMIN_TOKEN=" + adminToken})
	measured(t, result, "fanout_cpu_ratio", "intake_per_s")
	if result["rss_per_conn_bytes"] == nil || result["join_storm_ratio"] != nil {
		t.Errorf("%v\n%s", result, progress)
	}
}

// TestBenchRefuses: what cannot be measured is said, not guessed.
func TestBenchRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"KIEM_ADMIN_TOKEN": {"--url", "http://127.0.0.1:1"},
		"http://host:port": {"--url", "https://example.org"},
		"--repeats":        {"--repeats", "0"},
		"--only":           {"--only", "everything"},
	} {
		cmd := exec.Command(kiemBinary(t), append([]string{"bench"}, args...)...)
		cmd.Env = cleanEnv()
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
}
