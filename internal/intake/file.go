package intake

import (
	"io"
	"io/fs"

	"ksefworker/internal/invoice"
)

// fileItem returns the item of a file, and does nothing with the file yet. In an export of ten
// thousand files, calling stat for each file before it is opened would be a tenth of all the work.
func fileItem(path string, maxBytes int64) Item {
	load := func(b *buffer) ([]byte, error) { return readFile(path, b, maxBytes) }
	return Item{File: path, maxBytes: maxBytes, load: load}
}

// readFile checks kind and size on the open file before it reads. So a file of gigabytes in an
// export folder is never read.
func readFile(path string, b *buffer, maxBytes int64) ([]byte, error) {
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
	case size > maxBytes:
		return nil, invoice.TooLarge(size, maxBytes)
	case size == 0: // some file systems report no size
		data, err := readCapped(f, 0, maxBytes)
		return data, orUnreadable(err)
	}
	// Read no more than the reported size. If somebody writes to the file meanwhile, the document
	// is cut off, and the check of the document notices that.
	data := b.take(size)
	n, err := io.ReadFull(f, data)
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil
	}
	return data[:n], orUnreadable(err)
}

// orUnreadable returns the result of [unreadable], or nil when err is nil.
func orUnreadable(err error) error {
	if err == nil {
		return nil
	}
	return unreadable(err)
}

// irregular refuses pipes, sockets and devices, because opening one may block for ever, and reading
// one may never end. A folder comes here when a manifest names it.
func irregular(mode fs.FileMode, path bool) *Problem {
	if mode.IsDir() {
		return &Problem{What: "is a folder, not a file", Hint: "give each invoice in it a line of its own", Path: path}
	}
	kind := "a device"
	switch {
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	}
	return &Problem{What: "is " + kind + ", not a file",
		Hint: "to hand in the output of a program, pipe it into standard input and name -", Path: path}
}
