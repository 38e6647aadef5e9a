package dockertest

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends the program when the test is killed and cannot.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
