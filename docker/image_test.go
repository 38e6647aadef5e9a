package docker_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kiem/docker/dockertest"
)

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
