package connect

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// refusals are the system's final answers to an attempt to write.
var refusals = []error{syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT}

// kernelTrees are file systems that show the kernel and keep no files. Root may still have the
// right to write there.
var kernelTrees = []int64{unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
	unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC}

// mayWrite returns why this process cannot make a file in a folder. It makes only a file without a
// name. With O_TMPFILE the system checks all that it checks for a new file, and the file is gone
// when it is closed. If the file system does not support O_TMPFILE, mayWrite checks the access
// rights, which prove nothing for root.
func mayWrite(dir string) (proven bool, err error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return true, unix.Close(fd)
	}
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) == nil && slices.Contains(kernelTrees, int64(fs.Type)) {
		return false, errors.New("it is a view of the kernel, and holds no files")
	}
	if slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) }) {
		return false, err
	}
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return false, fmt.Errorf("access: %w", err)
	}
	return os.Geteuid() != 0, nil
}
