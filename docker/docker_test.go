package docker_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/redis/go-redis/v9"

	"kiem/docker/dockertest"
	"kiem/hub"
	"kiem/hub/journal"
	"kiem/hub/journal/journaltest"
	"kiem/hub/journal/redislog"
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

// TestImage makes what the Dockerfile puts into the image, with its own commands, and runs it as the image would be: alone in its root, without rights, by the image's command; and its health
// check says so. Compose's flags and the environment of setup.sh are flags and variables of this program.
func TestImage(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	stages := dockertest.Stages(t)
	final := stages[len(stages)-1]
	if len(stages) != 2 || All(final, "FROM") != "scratch" || All(final, "USER") != "65532:65532" || All(final, "STOPSIGNAL") != "SIGTERM" || !strings.Contains(All(final, "COPY"), "--chown=65532:65532 /image/ /") {
		t.Errorf("the image: %v", final)
	}
	if want := "golang:" + goVersion(t); !strings.HasPrefix(All(stages[0], "FROM"), want) {
		t.Errorf("built with %s, go.mod wants %s", All(stages[0], "FROM"), want)
	}
	root := dockertest.Image(t)
	names := map[string]bool{}
	for _, e := range must(os.ReadDir(root)) {
		names[e.Name()] = true
	}
	if len(names) != 3 || !names["kiem"] || !names["data"] || !names["tmp"] {
		t.Errorf("the image has %v", names)
	}
	env := dockertest.Env(strings.ReplaceAll(All(final, "ENV"), " ", "\n"))
	if All(final, "EXPOSE") != strings.TrimPrefix(env["KIEM_ADDR"], ":") || All(final, "VOLUME") != env["KIEM_DATA"] {
		t.Errorf("ports or volumes: %v", env)
	}
	program := filepath.Join(root, "kiem")
	help, err := exec.Command(program, "serve", "--help").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, help)
	}
	for _, name := range dockertest.Nodes {
		for flag := range flagsOf(dockertest.Load(t).Services[name].Command) {
			if !strings.Contains(string(help), "--"+flag) {
				t.Errorf("%s has flag --%s, which `kiem serve` has not", name, flag)
			}
		}
	}
	for name := range env {
		inHelp(t, string(help), name)
	}
	for name := range dockertest.NewSetup(t).Env {
		inHelp(t, string(help), name)
	}

	addr := net.JoinHostPort("127.0.0.1", dockertest.FreePort(t))
	run := func(words []string, more ...string) *exec.Cmd {
		cmd := exec.Command(program, words[1:]...)
		cmd.Env = []string{"KIEM_ADMIN_TOKEN=" + strings.Repeat("t", 40)}
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.Env = append(cmd.Env, more...)
		alone(t, cmd, root)
		return cmd
	}
	server := dockertest.Start(t, run(append(dockertest.Words(t, All(final, "ENTRYPOINT")), dockertest.Words(t, All(final, "CMD"))...), "KIEM_ADDR="+addr))
	_, check, _ := strings.Cut(All(final, "HEALTHCHECK"), "CMD ")
	server.Await(t, "the health check to be content", func() bool { return run(dockertest.Words(t, check)).Run() == nil })
	metrics := series(scrape(t, addr))
	if err := server.Cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-server.Ended
	if code := server.Cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d: %s", code, server.Output())
	}
	if err := run(dockertest.Words(t, check)).Run(); err == nil {
		t.Error("the health check is content without a server")
	}
	setup := dockertest.NewSetup(t)
	_, url := setup.Redis()
	node := setup.Nodes(url)[0]
	second := exec.Command(program, node.Args...)
	second.Env = append(node.Env, "KIEM_ADDR="+node.Addr, "KIEM_DATA="+t.TempDir())
	dockertest.Start(t, second).Await(t, "a node of compose.yaml", func() bool { return len(scrape(t, node.Metrics)) > 0 })
	for name, labels := range series(scrape(t, node.Metrics)) {
		metrics[name] = labels
	}
	dashboards(t, metrics)
}

func inHelp(t *testing.T, help, variable string) {
	t.Helper()
	if !strings.Contains(help, "$"+variable) {
		t.Errorf("%s is no variable of `kiem serve`", variable)
	}
}

// All is dockertest.All for an instruction that stands once; several are joined.
func All(stage []dockertest.Instruction, name string) string {
	return strings.Join(dockertest.All(stage, name), "\n")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func goVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dockertest.Dir(), "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	return mountOf(string(text), `(?m)^go (\d+\.\d+)`)
}

// TestRedisConf: Redis with redis.conf and the accounts of setup.sh is durable in the eyes of the journal, takes entries, and refuses everybody else and everything else.
func TestRedisConf(t *testing.T) {
	setup := dockertest.NewSetup(t)
	addr, url := setup.Redis()
	j, err := redislog.Open(t.Context(), redislog.Options{Address: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	if err := j.Ready(t.Context()); err != nil || j.Durability() != journal.Durable {
		t.Errorf("%v, %s", err, j.Durability())
	}
	journaltest.Append(t, journaltest.Open(t, j, "c:x"), journaltest.Make(t, 1, journal.Chain{}, 0), 1)
	s := j.State()
	if !s.Reached || s.Err != nil || time.Since(s.Checked) > time.Minute || len(s.Servers) != 1 || s.Servers[0].AppendFsync != "always" || s.Servers[0].Role != "master" || !s.Servers[0].WriteOK {
		t.Errorf("%+v", s)
	}
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	kiem, nobody := redis.NewClient(o), redis.NewClient(&redis.Options{Addr: addr})
	health := redis.NewClient(&redis.Options{Addr: addr, Username: "health", Password: "any"})
	defer kiem.Close()
	defer nobody.Close()
	defer health.Close()
	for _, no := range [][]any{
		{"flushall"}, {"config", "set", "appendfsync", "no"}, {"keys", "*"}, {"set", "elsewhere", "1"}, {"del", "{other}:log"}, {"replicaof", "no", "one"},
		{"acl", "setuser", "kiem", "+@all"}, {"module", "list"}, {"script", "flush"}, {"shutdown"}, {"publish", "elsewhere", "x"}, {"eval", "return redis.call('FLUSHALL')", "0"},
	} {
		if err := kiem.Do(t.Context(), no...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "can't run this command") {
			t.Errorf("the nodes' account may %v: %v", no, err)
		}
	}
	if err := nobody.Ping(t.Context()).Err(); err == nil {
		t.Error("somebody without a name is let in")
	}
	if err := health.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the health check: %v", err)
	}
	if err := health.Get(t.Context(), "kiem:names").Err(); err == nil {
		t.Error("the health check's account may read")
	}
}

// TestProxyConf: HAProxy takes its file, and its times fit those of the nodes: sockets outlive the pings, requests the nodes' own limit.
func TestProxyConf(t *testing.T) {
	program := dockertest.Program(t, "haproxy")
	setup := dockertest.NewSetup(t)
	text := strings.ReplaceAll(dockertest.Read(t, "haproxy.cfg"), "/usr/local/etc/haproxy/tls", filepath.Join(setup.Dir, "tls"))
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-c", "-f", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "WARNING") && !strings.Contains(line, "could not resolve address") || strings.Contains(line, "ALERT") {
			t.Error(line)
		}
	}
	timeout := func(what string) time.Duration {
		d, err := time.ParseDuration(mountOf(text, `(?m)^\s+timeout `+what+` (\S+)$`))
		if err != nil {
			t.Fatalf("timeout %s: %v", what, err)
		}
		return d
	}
	if got := timeout("tunnel"); got <= hub.SilentTime || got <= 2*hub.PingEvery {
		t.Errorf("the proxy ends silent sockets after %v; a node pings every %v and waits %v", got, hub.PingEvery, hub.SilentTime)
	}
	const nodeGivesUp = 60 * time.Second // WriteTimeout of hub/web
	for _, what := range []string{"client", "server"} {
		if got := timeout(what); got <= nodeGivesUp {
			t.Errorf("timeout %s is %v, a node may need %v", what, got, nodeGivesUp)
		}
	}
}

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
	if len(rules.Groups[0].Rules) < 10 || len(dashboard.Panels) < 15 || len(asked) < 30 {
		t.Errorf("%d alerts, %d panels, %d metrics", len(rules.Groups[0].Rules), len(dashboard.Panels), len(asked))
	}
}
