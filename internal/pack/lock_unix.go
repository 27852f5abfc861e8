//go:build unix && !solaris && !illumos && !aix

package pack

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock or says that another holder lives. flock rather than fcntl: it belongs to the open file, so a sweep in the owner's
// own process is refused as well.
func tryLock(f *os.File) (bool, error) {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}
