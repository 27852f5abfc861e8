//go:build unix && !linux

package chaos

import "syscall"

// apart has no parent-death signal to ask for here.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
