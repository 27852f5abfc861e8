//go:build unix && !linux

package chaos

import "syscall"

// ownGroup gives a child a process group of its own. This system has no parent-death signal, so the
// child survives a killed parent.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
