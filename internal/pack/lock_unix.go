//go:build unix && !solaris && !illumos && !aix

package pack

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// LeftBehind is the age from which a folder in the spool that nobody has locked was left behind.
// Nearly always its owner is dead however young it is. It may also be about to lock the folder.
const LeftBehind = 10 * time.Minute

// tryLock takes the lock, or returns false when another holder is alive. It uses flock instead of
// fcntl, because flock belongs to the open file. So it also refuses a sweep in the owner's own
// process.
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
