//go:build !linux

package docker_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// alone runs a program where it is: this system has no root for a single program as Linux has.
func alone(_ *testing.T, cmd *exec.Cmd, root string) {
	for i, v := range cmd.Env {
		if rest, ok := strings.CutPrefix(v, "KIEM_DATA="); ok {
			cmd.Env[i] = "KIEM_DATA=" + filepath.Join(root, rest)
		}
	}
}
