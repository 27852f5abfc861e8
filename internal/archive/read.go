package archive

import (
	"errors"
	"fmt"
	"io"
)

// readAll reads an object of a known size into memory of just that size, and never more than
// maxObjectSize. A size below zero is not known.
func readAll(r io.Reader, size int64) ([]byte, error) {
	if size > maxObjectSize {
		return nil, fmt.Errorf("%w: it has over %d bytes", ErrCorrupt, maxObjectSize)
	}
	if size < 0 {
		data, err := io.ReadAll(io.LimitReader(r, maxObjectSize+1))
		if err == nil && len(data) > maxObjectSize {
			return nil, fmt.Errorf("%w: it has over %d bytes", ErrCorrupt, maxObjectSize)
		}
		return data, err
	}
	data := make([]byte, size)
	_, err := io.ReadFull(r, data)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // a broken connection is no damaged object
	}
	return data, err
}
