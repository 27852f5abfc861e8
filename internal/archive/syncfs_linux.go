package archive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFileSystem writes out everything on the file system that f lies on. Failures since f was opened are reported (Linux 5.8).
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
