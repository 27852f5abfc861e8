//go:build unix && !linux

package redisd

import "syscall"

// dieWithParent asks for no parent-death signal on this system, so the child outlives a parent that
// is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
