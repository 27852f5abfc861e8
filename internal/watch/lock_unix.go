//go:build unix

package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// lock takes the folder for this process. The system releases the lock when the process ends, even
// by a kill -9. On a network share the server keeps the lock, so it holds between machines too.
func lock(root *os.Root) (unlock func(), err error) {
	f, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o660)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the folder: %w", err)
	}
	for range 3 {
		if err = flock(f, syscall.LOCK_EX); err != syscall.EWOULDBLOCK {
			break
		}
		time.Sleep(20 * time.Millisecond) // another process may have the lock for a moment, because of insideAnother
	}
	if err != nil {
		who := holder(f)
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrBusy, who)
		}
		return nil, fmt.Errorf("lock the folder: %w; the file system must support locks (flock)", err)
	}
	host, _ := os.Hostname() // only for the message of another watch
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), 0)
	}
	return func() { _ = f.Close() }, nil
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != syscall.EINTR {
			return err
		}
	}
}

// holder returns what the lock file says of the process that has the lock. It is only for messages.
func holder(f *os.File) string {
	said := make([]byte, 200)
	n, _ := f.ReadAt(said, 0)
	return strings.TrimSpace(string(said[:n]))
}

// insideAnother returns an error when dir is inside a folder that is watched now. It also returns
// an error when dir is inside a place, such as taken/, of a folder that was watched at any time.
// Otherwise the watch of the outer folder would take what this watch puts into dir, or this watch
// would take what the other one has put there.
func insideAnother(dir string) error {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return fmt.Errorf("find the folder to watch: %w", err)
	}
	for below, outer := dir, filepath.Dir(dir); outer != below; below, outer = outer, filepath.Dir(outer) {
		f, err := os.OpenFile(filepath.Join(outer, lockName), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue // outer is not watched, or its lock may not be read by this user
		}
		held, who := flock(f, syscall.LOCK_SH) == syscall.EWOULDBLOCK, holder(f)
		_ = f.Close()
		if held {
			return fmt.Errorf("%w: it is inside %s, which %s watches; watch only folders that are not inside one another",
				ErrBusy, outer, who)
		}
		if slices.Contains(places, filepath.Base(below)) {
			return fmt.Errorf("it is inside %s, where the watch of %s puts what it has taken; watch another folder", below, outer)
		}
	}
	return nil
}
