package intake

import (
	"context"
	"io"
	"iter"
	"os"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef/numbers"
)

// Options of [Read]. The zero value is what enqueue uses, but without standard input.
type Options struct {
	// Stdin is what the path - stands for; nil reads as empty.
	Stdin io.Reader
	// TempDir holds an archive that comes through standard input, for as long as it is read; "" is the system's.
	TempDir string
	// MaxEntries bounds one archive; 0 means 100,000.
	MaxEntries int
	// MaxUnpacked bounds what one archive may unpack to, in bytes; 0 means 5,000,000,000, the size of KSeF's largest batch (KSeF limits, September 2026).
	MaxUnpacked int64
	// MaxDocument bounds one document, in bytes; 0 means [invoice.MaxSize]. At most documentBytes
	// of them are in memory at a time, so it MUST stay below that.
	MaxDocument int64
}

func (o Options) withDefaults() Options {
	if o.MaxEntries <= 0 {
		o.MaxEntries = 100_000
	}
	if o.MaxUnpacked <= 0 {
		o.MaxUnpacked = numbers.MaxBatchSize
	}
	if o.MaxDocument <= 0 {
		o.MaxDocument = invoice.MaxSize
	}
	return o
}

// Read yields what the paths hold, in their order: a file, a folder with everything below it (*.xml in any case, sorted by name; what begins with a dot is left
// out), a .zip archive, or - for standard input (one document, or an archive). A file that is named is read whatever its name.
//
// Nothing stops it but the end, ctx, or the caller: what can't be read is an Item with Err. Once ctx is done it ends early, so the caller
// looks at ctx.Err(). The sequence may be iterated once when it reads standard input.
func Read(ctx context.Context, paths []string, o Options) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		r := &reader{ctx: ctx, o: o.withDefaults(), yield: yield}
		for _, p := range paths {
			if !r.path(p) {
				return
			}
		}
	}
}

// reader walks the paths. Its methods report whether to go on; ctx lives in it because one reader lives for one call of a sequence.
type reader struct {
	ctx   context.Context
	o     Options
	yield func(Item) bool
}

func (r *reader) give(it Item) bool {
	it.File = valid(it.File)
	return r.ctx.Err() == nil && r.yield(it)
}

func (r *reader) fail(file string, p *Problem) bool { return r.give(Item{File: file, Err: p}) }

func (r *reader) path(path string) bool {
	if path == "-" {
		return r.stdin()
	}
	info, err := os.Stat(path)
	if err != nil {
		p := unreadable(err)
		p.Path = true
		return r.fail(path, p)
	}
	switch {
	case info.IsDir():
		return r.folder(path)
	case !info.Mode().IsRegular():
		return r.fail(path, irregular(info.Mode(), true))
	case hasExtension(path, ".zip"):
		return r.archiveFile(path)
	}
	return r.give(fileItem(path, r.o.MaxDocument))
}
