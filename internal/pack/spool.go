package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	packagePrefix = "package-"
	lockName      = "owner.lock"
)

// spool is the folder of one package. The owner holds a lock on a file in this folder as long as
// the package exists. The system drops the lock when the process ends in any way. So a sweep can
// distinguish a folder that was left behind from a package that has been uploading for hours. Age
// alone could not tell the two apart, because a large package may take 20 minutes for each of 50
// parts.
type spool struct {
	dir string

	mu   sync.Mutex
	lock *os.File // nil once removed
}

func newSpool(parent string) (*spool, error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("make spool folder: %w", err)
	}
	dir, err := os.MkdirTemp(parent, packagePrefix)
	if err != nil {
		return nil, fmt.Errorf("make spool folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make spool folder: %w", err), removeAll(dir))
	}
	if _, err := tryLock(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("lock spool folder: %w", err), lock.Close(), removeAll(dir))
	}
	return &spool{dir: dir, lock: lock}, nil
}

func (s *spool) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil
	}
	if err := removeAll(s.dir); err != nil {
		return err
	}
	_ = s.lock.Close() // its file is gone
	s.lock = nil
	return nil
}

// SweepSpool removes the package folders in dir that killed processes left behind. It keeps folders
// whose owner is alive, whatever their age. It also keeps folders younger than olderThan, which is
// [LeftBehind] outside of tests. olderThan must exceed the time between making a folder and locking
// it. On systems where files cannot be locked here (Windows, Solaris, AIX), age alone decides. A
// missing dir counts as empty. SweepSpool goes on after an error and returns all errors joined.
// Several processes may run it at once.
func SweepSpool(dir string, olderThan time.Duration) error {
	found, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sweep spool: %w", err)
	}
	cutoff := time.Now().Add(-olderThan) // compared with file times, which no injected clock sets
	var errs []error
	for _, e := range found {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), packagePrefix) {
			continue
		}
		if err := sweepOne(filepath.Join(dir, e.Name()), cutoff); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("sweep spool: %w", err)) // ErrNotExist: the owner or another sweep removed the folder
		}
	}
	return errors.Join(errs...)
}

func sweepOne(dir string, cutoff time.Time) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.ModTime().After(cutoff) {
		return nil
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) { // the owner was killed before it made the lock file
		return removeAll(dir)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	free, err := tryLock(lock)
	if err != nil || !free {
		return err
	}
	return removeAll(dir)
}
