package intake

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxPiped is the maximum size of an archive from standard input, in bytes. The archive has to be
// on disk while it is read, because the list of a ZIP's entries is at its end.
const maxPiped = 2 << 30

// stdin takes one document or one archive. The first bytes say which it is.
func (r *reader) stdin() bool {
	const file = "-"
	if r.o.Stdin == nil {
		return r.fail(file, emptyInput())
	}
	in := bufio.NewReader(&cancelableReader{ctx: r.ctx, r: r.o.Stdin})
	head, err := in.Peek(4)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return r.fail(file, emptyInput())
	case err != nil && !errors.Is(err, io.EOF):
		return r.fail(file, unreadable(err))
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return r.pipedArchive(file, in)
	}
	data, err := readCapped(in, 64<<10, r.o.MaxDocument)
	if err != nil {
		return r.fail(file, unreadable(err))
	}
	return r.give(Item{File: file, Data: data})
}

func emptyInput() *Problem {
	return &Problem{What: "standard input is empty", Hint: "pipe one XML document or one ZIP archive into it", Path: true}
}

func (r *reader) pipedArchive(file string, in io.Reader) bool {
	f, err := os.CreateTemp(r.o.TempDir, "enqueue-*.zip") // readable by this user only
	if err != nil {
		return r.fail(file, notSaved(err))
	}
	defer func() {
		// Invoices must not stay on this disk after they are read.
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	n, err := io.Copy(f, io.LimitReader(in, maxPiped+1))
	if err != nil {
		return r.fail(file, notSaved(err))
	}
	if n > maxPiped {
		return r.fail(file, &Problem{What: fmt.Sprintf("is larger than %d bytes", maxPiped),
			Hint: "save the archive to a file and give its path"})
	}
	return r.archive(file, f, n)
}

func notSaved(err error) *Problem {
	return &Problem{What: "could not be copied to a temporary file", Err: err,
		Hint: "save the archive to a file and give its path, or free space in the temporary folder"}
}

// cancelableReader lets a person stop a program that waits for input, although a read of a terminal
// or a pipe cannot be interrupted. The goroutine that is left behind ends with its read, at the
// latest with the process.
type cancelableReader struct {
	ctx context.Context
	r   io.Reader
	buf []byte
}

func (l *cancelableReader) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if len(l.buf) < len(p) {
		l.buf = make([]byte, len(p)) // not p, because after a cancelled read p belongs to the caller again
	}
	type answer struct {
		n   int
		err error
	}
	ch := make(chan answer, 1)
	buf := l.buf[:len(p)]
	go func() {
		n, err := l.r.Read(buf)
		ch <- answer{n, err}
	}()
	select {
	case a := <-ch:
		return copy(p, buf[:a.n]), a.err
	case <-l.ctx.Done():
		return 0, l.ctx.Err()
	}
}
