//go:build unix && !solaris && !illumos && !aix

package pack

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// LeftBehind is the age from which a folder in the spool counts as left behind if nobody has locked
// it. The owner of an unlocked folder is nearly always dead, even if the folder is young. But the
// owner may also have just made the folder and be about to lock it, so a young folder is kept.
const LeftBehind = 10 * time.Minute

// tryLock takes the lock, or returns false when another holder is alive. It uses flock instead of
// fcntl. A lock of fcntl belongs to the process, but a lock of flock belongs to the open file. So
// tryLock also returns false to a sweep in the owner's own process.
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
