package chaos

import "syscall"

// ownGroup gives a child a process group of its own. The system kills the child when its parent
// dies.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
