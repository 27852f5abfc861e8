package redisd

import "syscall"

// dieWithParent cannot ask for a parent-death signal on this system; the child ends by Stop only.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
