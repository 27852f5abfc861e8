package archive

import (
	"errors"
	"fmt"
	"io"
)

// readAll reads an object of the given size into a buffer of exactly that size, and never more than
// maxObjectSize. A negative size means unknown.
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
		err = io.ErrUnexpectedEOF // the connection broke; the object is not damaged
	}
	return data, err
}
