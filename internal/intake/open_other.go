//go:build !unix

package intake

import (
	"io/fs"
	"os"
)

type file struct{ *os.File }

func openFile(path string) (file, error) {
	f, err := os.Open(path)
	return file{f}, err
}

func (f file) close() { _ = f.File.Close() } // nothing was written

func (f file) stat() (fs.FileMode, int64, error) {
	info, err := f.File.Stat()
	if err != nil {
		return 0, 0, err
	}
	return info.Mode(), info.Size(), nil
}
