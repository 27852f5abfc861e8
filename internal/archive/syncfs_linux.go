package archive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem writes all data of the file system of f to disk. From Linux 5.8 on, it also
// reports writes to that file system that have failed since f was opened.
func syncFileSystem(f *os.File) error {
	err := unix.Syncfs(int(f.Fd()))
	if errors.Is(err, unix.ENOSYS) {
		return errors.ErrUnsupported
	}
	if err != nil {
		return os.NewSyscallError("syncfs", err)
	}
	return nil
}
