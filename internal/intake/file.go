package intake

import (
	"io"
	"io/fs"
	"os"

	"ksefworker/internal/invoice"
)

// fileItem puts off reading, but not the judgement of the size: a file of gigabytes in an export folder is never opened.
func fileItem(path string, info fs.FileInfo) Item {
	it := Item{File: path, size: info.Size()}
	if it.size > invoice.MaxSize {
		it.Err = tooLarge(it.size)
		return it
	}
	it.load = func() ([]byte, error) { return readFile(path, it.size) }
	return it
}

func readFile(path string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	// Its kind and size were looked at when it was found, and no more than that is read: asking again, and for the end, would be a
	// fifth of the cost of reading it. What is written to it meanwhile shows in the document, which is then cut off.
	data, err := readSized(f, size)
	if err != nil {
		return nil, unreadable(err)
	}
	return data, nil
}

func readSized(f *os.File, size int64) ([]byte, error) {
	if size == 0 {
		return readCapped(f, size) // some file systems tell no size
	}
	data := make([]byte, size)
	n, err := io.ReadFull(f, data)
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil
	}
	return data[:n], err
}

// irregular refuses pipes, sockets and devices: opening one may wait for ever, and reading one may never end.
func irregular(mode fs.FileMode, path bool) *Problem {
	kind := "a device"
	switch {
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	}
	return &Problem{What: "is " + kind + ", not a file", Hint: "to hand in what a program writes, let it write to standard input and name -", Path: path}
}
