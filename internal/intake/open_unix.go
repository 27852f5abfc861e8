//go:build unix

package intake

import (
	"io"
	"io/fs"
	"syscall"
)

// file is a bare descriptor. An os.File is registered with the runtime's poller, which costs
// further system calls, and the poller is of no use for a regular file.
type file int

// openFile never blocks. Without O_NONBLOCK, a pipe in the place of a file would block until
// somebody opens it for writing.
func openFile(path string) (file, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
		if err != syscall.EINTR {
			return file(fd), err
		}
	}
}

func (f file) close() { _ = syscall.Close(int(f)) } // nothing was written

func (f file) stat() (fs.FileMode, int64, error) {
	var st syscall.Stat_t
	for {
		err := syscall.Fstat(int(f), &st)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		break
	}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		return 0, st.Size, nil
	case syscall.S_IFDIR:
		return fs.ModeDir, 0, nil
	case syscall.S_IFIFO:
		return fs.ModeNamedPipe, 0, nil
	case syscall.S_IFSOCK:
		return fs.ModeSocket, 0, nil
	}
	return fs.ModeDevice, 0, nil
}

// Read implements io.Reader.
func (f file) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(f), p)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
