//go:build unix && !linux

package redisd

import "syscall"

// dieWithParent has no parent-death signal to ask for here; Stop is the only way out.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
