package docker_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"kiem/docker/dockertest"
)

// dashboards: every metric that an alert or a panel asks for is one that nodes give, with labels that they have.
func dashboards(t *testing.T, metrics map[string][]string) {
	t.Helper()
	asked := map[string]int{}
	expression := func(where, expr string) {
		for _, name := range regexp.MustCompile(`\b(?:kiem|go|process)_[a-z_]+`).FindAllString(expr, -1) {
			asked[name]++
			if _, ok := metrics[name]; !ok {
				t.Errorf("%s asks for %s, which is no metric", where, name)
			}
		}
		for _, m := range regexp.MustCompile(`\b((?:kiem|go|process)_[a-z_]+)\{([a-z_]+)`).FindAllStringSubmatch(expr, -1) {
			if !slices.Contains(metrics[m[1]], m[2]) {
				t.Errorf("%s asks for label %s of %s, which has %v", where, m[2], m[1], metrics[m[1]])
			}
		}
		if strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Count(expr, "{") != strings.Count(expr, "}") {
			t.Errorf("%s: unbalanced: %s", where, expr)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Labels      struct{ Severity string }
				Annotations struct{ Summary string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(dockertest.Read(t, "alerts.yml")), &rules); err != nil {
		t.Fatal(err)
	}
	operations, err := os.ReadFile(filepath.Join(dockertest.Dir(), "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.Groups[0].Rules {
		expression("alert "+r.Alert, r.Expr)
		if r.Alert == "" || r.Annotations.Summary == "" || r.Labels.Severity != "warning" && r.Labels.Severity != "critical" {
			t.Errorf("%+v", r)
		}
		if !strings.Contains(string(operations), "`"+r.Alert+"`") {
			t.Errorf("docs/operations.md does not say what to do about %s", r.Alert)
		}
	}
	var dashboard struct {
		Panels []struct {
			Title      string
			Datasource struct{ UID string }
			Targets    []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(dockertest.Read(t, "grafana/kiem.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Datasource.UID != "kiem-prometheus" || len(p.Targets) == 0 {
			t.Errorf("panel %q: %+v", p.Title, p)
		}
		for _, target := range p.Targets {
			expression("panel "+p.Title, target.Expr)
		}
	}
	if !strings.Contains(dockertest.Read(t, "grafana/datasource.yml"), "uid: kiem-prometheus") {
		t.Error("the dashboard's source is not the one that is provisioned")
	}
	if promtool, err := exec.LookPath("promtool"); err == nil { // not installed for the tests: it is large
		if out, err := exec.Command(promtool, "check", "config", filepath.Join(dockertest.Dir(), "prometheus.yml")).CombinedOutput(); err != nil {
			t.Errorf("promtool: %v: %s", err, out)
		}
	}
	if len(rules.Groups[0].Rules) < 10 || len(dashboard.Panels) < 15 || len(asked) < 30 {
		t.Errorf("%d alerts, %d panels, %d metrics", len(rules.Groups[0].Rules), len(dashboard.Panels), len(asked))
	}
}
