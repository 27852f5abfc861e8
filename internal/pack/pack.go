package pack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
)

const zipBuffer = 256 << 10

// Entry is one invoice. Build reads Data before it asks for the next entry and keeps nothing of it,
// so the caller may reuse the memory. Build keeps the name until the package is built.
type Entry struct {
	Name string // a flat file name, such as "id.xml"; unique within the package, also when case is ignored
	Data []byte
}

// Package is a finished package in its spool folder. Reading it is safe for concurrent use. Remove
// must not be called while parts are open.
type Package struct {
	Size    int64    // of the plain archive, bytes
	Hash    [32]byte // SHA-256 of the plain archive
	Parts   []Part   // in order; never empty
	Entries int

	spool *spool
}

// Part is one encrypted piece. Its size and hash are those of the encrypted bytes, as they travel.
type Part struct {
	Ordinal int   // 1 for the first
	Size    int64 // bytes
	Hash    [32]byte

	path string
}

// Open opens the encrypted bytes. Any number of readers may do so until Remove.
func (p Part) Open() (*os.File, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, fmt.Errorf("open part %d: %w", p.Ordinal, err)
	}
	return f, nil
}

// Remove deletes the spool folder of the package. Idempotent. Call it when the session has ended or
// will not take place.
func (p *Package) Remove() error { return p.spool.remove() }

// Build makes a package of the entries, in the order given. It blocks until the last part is
// written. On any error it stops. When ctx ends, it stops at the next entry. In both cases it
// leaves nothing in the spool. Several builds may share one Options.Dir.
//
// The errors are:
//   - *FullError when an entry no longer fits
//   - *NameError and ErrEmpty
//   - the error that entries yielded, or an error of the encrypter
//   - the cause of ctx
//   - *SpoolError for a failed write, for example when the disk is full
//   - an error about the options
//
// After a *FullError nothing of the package is kept. KSeF has nothing of it either, because a
// session is opened only with the sizes of the finished package. The caller decides which entries
// go into another package.
func Build(ctx context.Context, entries iter.Seq2[Entry, error], o Options) (*Package, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	spool, err := newSpool(o.Dir)
	if err != nil {
		return nil, spoolError(err)
	}
	parts := newSplitter(spool.dir, o.PartSize, o.Encrypter)
	built := false
	defer func() { // deferred, because entries and the encrypter are foreign code that may panic
		if !built {
			parts.abort()
			_ = spool.remove()
		}
	}()
	count, err := write(ctx, entries, o, parts)
	if err != nil {
		return nil, fmt.Errorf("build package: %w", err)
	}
	p := &Package{Size: parts.total, Parts: parts.parts, Entries: count, spool: spool}
	parts.plain.Sum(p.Hash[:0])
	built = true
	return p, nil
}

// archiver writes entries into one archive and never lets it grow beyond a capacity.
type archiver interface {
	// add writes one entry. When the finished archive could have more than capacity bytes it writes
	// nothing and returns a *FullError.
	add(e Entry, capacity int64) error
	count() int
	// close writes what follows the last entry. The caller's writer stays open.
	close() error
	// size returns the size of the finished archive, which is known at the latest after close.
	size() int64
}

func write(ctx context.Context, entries iter.Seq2[Entry, error], o Options, parts *splitter) (int, error) {
	out := bufio.NewWriterSize(parts, zipBuffer) // the ZIP writer takes a large enough bufio.Writer as its own buffer
	a, err := o.archive(out)
	if err != nil {
		return 0, err
	}
	used, capacity := names{}, o.capacity()
	for e, err := range entries {
		if err != nil {
			return 0, fmt.Errorf("read entry %d: %w", a.count(), err)
		}
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if reason := used.add(e.Name); reason != "" {
			return 0, &NameError{Name: e.Name, Index: a.count(), Reason: reason}
		}
		if a.count() == o.MaxEntries {
			return 0, &FullError{Name: e.Name, Fits: a.count(), Unit: "entries", Limit: int64(o.MaxEntries)}
		}
		if err := a.add(e, capacity); err != nil {
			return 0, err
		}
	}
	if ctx.Err() != nil { // entries may have ended early, because ctx has ended
		return 0, context.Cause(ctx)
	}
	if a.count() == 0 {
		return 0, ErrEmpty
	}
	if err := errors.Join(a.close(), out.Flush(), parts.Close()); err != nil {
		return 0, err
	}
	if parts.total != a.size() { // the limits were checked against the predicted size
		return 0, fmt.Errorf("archive has %d bytes, want %d", parts.total, a.size())
	}
	return a.count(), nil
}

// removeAll removes a folder, which may not exist any more.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove spool folder: %w", err)
	}
	return nil
}
