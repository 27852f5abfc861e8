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

// maxPiped bounds an archive that comes through standard input; it has to lie on disk while it is read, because the list of a ZIP's entries is at its end.
const maxPiped = 2 << 30

// stdin takes one document or one archive, told apart by their first bytes.
func (r *reader) stdin() bool {
	const file = "-"
	if r.o.Stdin == nil {
		return r.fail(file, emptyInput())
	}
	in := bufio.NewReader(&leaving{ctx: r.ctx, r: r.o.Stdin})
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
	f, err := os.CreateTemp(r.o.TempDir, "enqueue-*.zip") // readable by this user alone
	if err != nil {
		return r.fail(file, unkept(err))
	}
	defer func() {
		// Its invoices have no business on this disk once they are read.
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	n, err := io.Copy(f, io.LimitReader(in, maxPiped+1))
	if err != nil {
		return r.fail(file, unkept(err))
	}
	if n > maxPiped {
		return r.fail(file, &Problem{What: fmt.Sprintf("is larger than %d bytes", maxPiped), Hint: "save the archive and name its file"})
	}
	return r.archive(file, f, n)
}

func unkept(err error) *Problem {
	return &Problem{What: "could not be kept on disk while it is read", Err: err, Hint: "save the archive and name its file, or make room in the temporary folder"}
}

// leaving lets a person stop a program that waits for input: a read of a terminal or a pipe can't be cut off. The goroutine that is left behind ends with
// the read, and with the process at the latest.
type leaving struct {
	ctx context.Context
	r   io.Reader
	buf []byte
}

func (l *leaving) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if len(l.buf) < len(p) {
		l.buf = make([]byte, len(p)) // its own: after leaving, p is the caller's again
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
