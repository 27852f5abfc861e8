//go:build unix

package watch

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

const lockName = journalDir + "/lock"

// lock takes the folder for this process. The system releases the lock when the process ends, even
// by a kill -9. On a network share the server keeps the lock, so it holds between machines too.
func lock(root *os.Root) (unlock func(), err error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o660)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the folder: %w", err)
	}
	for err = syscall.EINTR; err == syscall.EINTR; {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		holder := make([]byte, 200)
		n, _ := f.ReadAt(holder, 0) // only for the message
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrBusy, strings.TrimSpace(string(holder[:n])))
		}
		return nil, fmt.Errorf("lock the folder: %w; the file system must support locks (flock)", err)
	}
	host, _ := os.Hostname() // only for the message of another watch
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), 0)
	}
	return func() { _ = f.Close() }, nil
}
