package chaos

import "syscall"

// apart gives a child a process group of its own and ends it with its parent.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
