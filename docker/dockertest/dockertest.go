// Package dockertest runs what docker/compose.yaml describes without Docker, which tests cannot have: the same files, with addresses, ports and paths of the test in
// place of those of the containers, and as plain processes. What only Docker itself can show (that images can be fetched, networks, limits) is not tried.
package dockertest

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Compose is what the tests read of compose.yaml.
type Compose struct {
	Services map[string]Service
	Networks map[string]struct {
		Internal bool
		IPAM     struct{ Config []struct{ Subnet string } }
	}
	Volumes map[string]any
}

// Service is one of its services.
type Service struct {
	Image   string
	Build   struct{ Context, Dockerfile string }
	Command []string
	EnvFile string `yaml:"env_file"`
	Ports   []string
	Volumes []string
	// Networks is a list of names, or a map from a name to the service's address in it.
	Networks        any
	DependsOn       any    `yaml:"depends_on"`
	StopGracePeriod string `yaml:"stop_grace_period"`
	ReadOnly        bool   `yaml:"read_only"`
	Tmpfs           []string
	Restart         string
	CapDrop         []string `yaml:"cap_drop"`
	Ulimits         map[string]struct{ Soft, Hard int }
	Healthcheck     struct{ Test []string }
	SecurityOpt     []string `yaml:"security_opt"`
}

// Nodes are the names of the services that run Kiem, sorted.
var Nodes = []string{"kiem1", "kiem2", "kiem3"}

// Dir is the folder docker of the repository.
func Dir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}

// Read gives the text of a file in docker.
func Read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Dir(), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Load reads compose.yaml.
func Load(t testing.TB) Compose {
	t.Helper()
	var c Compose
	if err := yaml.Unmarshal([]byte(Read(t, "compose.yaml")), &c); err != nil {
		t.Fatalf("compose.yaml: %v", err)
	}
	return c
}

// Env reads lines of NAME=value.
func Env(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			env[name] = value
		}
	}
	return env
}
