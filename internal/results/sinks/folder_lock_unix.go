//go:build unix && !solaris && !illumos && !aix

package sinks

import (
	"errors"
	"os"
	"syscall"
)

// noLink makes opening fail when the name is a symbolic link.
const noLink = syscall.O_NOFOLLOW

// tryLock takes the lock of a file, or returns false when another holder has it. The lock ends when
// the file is closed or the process ends. Any error is taken to mean that the file system has no
// locks.
func tryLock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EACCES): // EACCES on SMB
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}
