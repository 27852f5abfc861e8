package archive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem writes all data of the file system of f to disk. It reports failures since f was
// opened (Linux 5.8).
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
