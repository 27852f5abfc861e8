//go:build unix && !solaris && !illumos && !aix

package main

import (
	"errors"
	"os"
	"syscall"
)

// lockFolder locks a folder, for this process alone or together with others, and reports whether it
// did. It never waits, because another program may hold the folder for as long as it likes. Some
// network file systems lock no folders.
func lockFolder(folder *os.File, alone bool) bool {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	for {
		err := syscall.Flock(int(folder.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err == nil
		}
	}
}
