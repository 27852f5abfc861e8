package sinks

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// lockName is the file whose lock a process has while it writes into the folder. The file stays,
// because a lock on a file that was removed excludes nobody.
const lockName = ".ksef-lock"

// lockEvery is how often a process that waits for the lock tries again.
const lockEvery = 20 * time.Millisecond

// errLocked says that the lock was not free in the time that a batch may take.
var errLocked = errors.New("another process writes into this folder, and has the lock of its file " + lockName)

// lock waits until no other process writes into the folder. The lease of a [Runner] excludes only
// the other workers of the same pool, and only for the same receiver. The lock also excludes a
// worker of another pool, and another receiver, when their path leads to the same folder.
//
// Where the file system has no locks, lock returns at once, and only the lease counts.
func (f *Folder) lock(ctx context.Context) (unlock func(), err error) {
	path := filepath.Join(f.Dir, lockName)
	for {
		file, err := openLock(path)
		if err != nil {
			return nil, err
		}
		free, err := tryLock(file)
		if err != nil || free && inPlace(file, path) {
			return func() { _ = file.Close() }, nil
		}
		_ = file.Close()
		select {
		case <-ctx.Done():
			return nil, errLocked
		case <-time.After(lockEvery):
		}
	}
}

// openLock opens the lock's file, even when another user made it and lets others only read it. It
// never follows a symbolic link. Others may write into the folder, and with a link they could make
// this process create a file elsewhere.
func openLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noLink, lockMode)
	if errors.Is(err, fs.ErrPermission) {
		if shared, read := os.OpenFile(path, os.O_RDONLY|noLink, 0); read == nil {
			return shared, nil
		}
	}
	return file, err
}

// inPlace reports whether a file still has its name. A program that tidies the folder may have
// removed it, and another process then locks a new one.
func inPlace(file *os.File, path string) bool {
	held, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(held, there)
}
