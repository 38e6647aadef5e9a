package docker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// alone runs a program as the image does: with that folder as its whole world, and as nobody. Only root can; somebody else runs it where it is, as themselves.
func alone(t *testing.T, cmd *exec.Cmd, root string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("not root: the image's content runs without a root of its own")
		for i, v := range cmd.Env {
			if rest, ok := strings.CutPrefix(v, "KIEM_DATA="); ok {
				cmd.Env[i] = "KIEM_DATA=" + filepath.Join(root, rest)
			}
		}
		return
	}
	const nobody = 65532
	for _, name := range []string{"data", "tmp"} {
		if err := os.Chown(filepath.Join(root, name), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Path, cmd.Dir = "/kiem", "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
