package docker_test

import (
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kiem/docker/dockertest"
	"kiem/hub/web"
)

// TestCompose: what the files say of each other is true: names, ports, paths, networks and volumes fit.
func TestCompose(t *testing.T) {
	c := dockertest.Load(t)
	proxy, prometheus, redisConf := dockertest.Read(t, "haproxy.cfg"), dockertest.Read(t, "prometheus.yml"), dockertest.Read(t, "redis.conf")
	for _, name := range dockertest.Nodes {
		n, ok := c.Services[name]
		if !ok {
			t.Fatalf("there is no service %s", name)
		}
		flags := flagsOf(n.Command)
		if !n.ReadOnly || !slices.Contains(n.CapDrop, "ALL") || !slices.Contains(n.Tmpfs, "/tmp") || n.Restart == "" {
			t.Errorf("%s: %+v", name, n)
		}
		if most := web.MaxConnections + web.MaxRequests; n.Ulimits["nofile"].Soft < most || n.Ulimits["nofile"].Hard < most {
			t.Errorf("%s may open %+v files, and takes %d connections", name, n.Ulimits["nofile"], most)
		}
		if !slices.Contains(n.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s may gain privileges: %v", name, n.SecurityOpt)
		}
		if !slices.Contains(n.Volumes, name+":/data") {
			t.Errorf("%s has no data of its own: %v", name, n.Volumes)
		}
		if n.EnvFile != "secrets/kiem.env" || n.Build.Dockerfile != "docker/Dockerfile" || n.Build.Context != ".." {
			t.Errorf("%s: %q %+v", name, n.EnvFile, n.Build)
		}
		if got := addressIn(c.Services["proxy"], "web"); got == "" || flags["proxy"] != got || !contains(t, c.Networks["web"].IPAM.Config[0].Subnet, got) {
			t.Errorf("%s believes %q, the proxy is %q", name, flags["proxy"], got)
		}
		if !strings.Contains(proxy, fmt.Sprintf("server %s %s:8080", name, name)) || !strings.Contains(prometheus, name+flags["metrics-addr"]) {
			t.Errorf("the proxy or Prometheus does not know %s", name)
		}
		if grace, err := time.ParseDuration(n.StopGracePeriod); err != nil || grace <= 10*time.Second {
			t.Errorf("%s is killed after %s, and may drain for 10 s", name, n.StopGracePeriod)
		}
		if strings.Count(proxy, name+":8080") != 2 {
			t.Errorf("%s is not in both backends", name)
		}
	}
	if redisNet := c.Networks["store"]; !redisNet.Internal {
		t.Error("Redis is not on a network of its own")
	}
	if got := networksOf(c.Services["redis"]); !slices.Equal(got, []string{"store"}) {
		t.Errorf("Redis is on %v", got)
	}
	if check := strings.Join(c.Services["redis"].Healthcheck.Test, " "); !strings.Contains(check, "--user health") || !strings.Contains(dockertest.Read(t, "users.acl"), "user health on nopass") {
		t.Errorf("the health check of Redis has no account: %s", check)
	}
	if ports := c.Services["redis"].Ports; len(ports) > 0 {
		t.Errorf("Redis is reached from outside: %v", ports)
	}
	secrets := dockertest.NewSetup(t)
	for name, s := range c.Services {
		if s.Build.Dockerfile == "" && !regexp.MustCompile(`^[a-z/-]+:v?\d+\.\d+`).MatchString(s.Image) {
			t.Errorf("%s: image %q has no version", name, s.Image)
		}
		for _, network := range networksOf(s) {
			if _, ok := c.Networks[network]; !ok {
				t.Errorf("%s is on network %q, which there is not", name, network)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if !strings.HasPrefix(from, ".") {
				if _, ok := c.Volumes[from]; !ok {
					t.Errorf("%s has volume %q, which there is not", name, from)
				}
				continue
			}
			there(t, secrets, from)
		}
		if s.EnvFile != "" {
			there(t, secrets, s.EnvFile)
		}
		for _, p := range s.Ports {
			if name != "proxy" && !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s is reached from outside: %s", name, p)
			}
			_, inside, _ := strings.Cut(strings.TrimPrefix(p, "127.0.0.1:"), ":")
			if name == "proxy" && !strings.Contains(proxy, "bind :"+inside) {
				t.Errorf("nothing listens on the proxy's port %s", inside)
			}
		}
	}
	for _, mount := range []struct{ service, where, file string }{
		{"proxy", mountOf(proxy, `crt (\S+)/kiem.pem`), "./secrets/tls"},
		{"redis", mountOf(redisConf, `(?m)^aclfile (\S+)`), "./secrets/users.acl"},
		{"redis", mountOf(redisConf, `(?m)^dir (\S+)`), "redis"},
		{"redis", c.Services["redis"].Command[1], "./redis.conf"},
		{"prometheus", path.Join("/etc/prometheus", mountOf(prometheus, `rule_files: \[(\S+)\]`)), "./alerts.yml"},
		{"grafana", mountOf(dockertest.Read(t, "grafana/dashboards.yml"), `path: (\S+) `) + "/kiem.json", "./grafana/kiem.json"},
	} {
		if !slices.ContainsFunc(c.Services[mount.service].Volumes, func(v string) bool { return strings.TrimSuffix(v, ":ro") == mount.file+":"+mount.where }) {
			t.Errorf("%s expects %s at %q; it has %v", mount.service, mount.file, mount.where, c.Services[mount.service].Volumes)
		}
	}
	if !strings.Contains(dockertest.Read(t, "grafana/datasource.yml"), "http://prometheus:9090") {
		t.Error("Grafana does not know Prometheus")
	}
	for _, name := range []string{"KIEM_REDIS", "KIEM_PUBLIC_URL", "KIEM_ADMIN_TOKEN"} {
		if secrets.Env[name] == "" {
			t.Errorf("setup.sh does not set %s", name)
		}
	}
}

// there checks that a file of compose.yaml is in docker, or is made by setup.sh.
func there(t *testing.T, s *dockertest.Setup, name string) {
	t.Helper()
	name = strings.TrimPrefix(name, "./")
	at := filepath.Join(dockertest.Dir(), filepath.FromSlash(name))
	if made, ok := strings.CutPrefix(name, "secrets/"); ok {
		at = filepath.Join(s.Dir, filepath.FromSlash(made))
	}
	if _, err := os.Stat(at); err != nil {
		t.Errorf("compose.yaml: %v", err)
	}
}

// mountOf is the first group of a pattern, which has to be there.
func mountOf(text, pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return "nothing matches " + pattern
	}
	return m[1]
}

// flagsOf reads flags with their values.
func flagsOf(command []string) map[string]string {
	flags := map[string]string{}
	for i, word := range command {
		if name, ok := strings.CutPrefix(word, "--"); ok {
			flags[name] = ""
			if i+1 < len(command) && !strings.HasPrefix(command[i+1], "--") {
				flags[name] = command[i+1]
			}
		}
	}
	return flags
}

func networksOf(s dockertest.Service) (names []string) {
	switch n := s.Networks.(type) {
	case []any:
		for _, name := range n {
			names = append(names, fmt.Sprint(name))
		}
	case map[string]any:
		for name := range n {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func addressIn(s dockertest.Service, network string) string {
	all, _ := s.Networks.(map[string]any)
	one, _ := all[network].(map[string]any)
	return fmt.Sprint(one["ipv4_address"])
}

func contains(t *testing.T, subnet, address string) bool {
	t.Helper()
	p, err := netip.ParsePrefix(subnet)
	if err != nil {
		t.Fatal(err)
	}
	a, err := netip.ParseAddr(address)
	return err == nil && p.Contains(a)
}
