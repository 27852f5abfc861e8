package redisd

import "syscall"

// dieWithParent cannot ask for a parent-death signal on this system: the child outlives a parent
// that is killed.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
