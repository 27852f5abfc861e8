package intake

import (
	"io"
	"io/fs"

	"ksefworker/internal/invoice"
)

// fileItem puts off everything: in an export of ten thousand files, looking at each by name before opening it is a tenth of the work of taking it in.
func fileItem(path string, most int64) Item {
	return Item{File: path, most: most, load: func(r *room) ([]byte, error) { return readFile(path, r, most) }}
}

// readFile judges kind and size by the open file, before it reads: a file of gigabytes in an export folder is never read.
func readFile(path string, r *room, most int64) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.close()
	mode, size, err := f.stat()
	switch {
	case err != nil:
		return nil, unreadable(err)
	case !mode.IsRegular():
		return nil, irregular(mode, false)
	case size > most:
		return nil, invoice.TooLarge(size, most)
	case size == 0: // some file systems tell no size
		data, err := readCapped(f, 0, most)
		return data, explained(err)
	}
	// No more than was promised: what is written to it meanwhile shows in the document, which is then cut off.
	data := r.take(size)
	n, err := io.ReadFull(f, data)
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil
	}
	return data[:n], explained(err)
}

func explained(err error) error {
	if err == nil {
		return nil
	}
	return unreadable(err)
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
