package intake

import (
	"context"
	"io"
	"iter"
	"os"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef/numbers"
)

// Options of [Read]. The zero value has the default limits, and no standard input.
type Options struct {
	// Stdin is what the path - stands for; nil reads as empty.
	Stdin io.Reader
	// TempDir is the folder that holds an archive from standard input while it is read. "" means
	// the system's folder for temporary files.
	TempDir string
	// MaxEntries is the maximum number of entries of one archive; 0 means 100,000. Folders, and the
	// files that operating systems add to an archive, do not count.
	MaxEntries int
	// MaxUnpacked is the maximum size that one archive may unpack to, in bytes. 0 means
	// 5,000,000,000, the size of KSeF's largest batch (KSeF limits, September 2026).
	MaxUnpacked int64
	// MaxDocument is the maximum size of one document, in bytes; 0 means [invoice.MaxSize]. It MUST
	// be less than documentBytes, the size of all documents that are in memory at a time.
	MaxDocument int64
	// Left is called after the last item of a folder from which files were not taken; nil when
	// nobody asks. It is called by the goroutine that iterates over the items.
	Left func(Left)
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

// Read yields what the paths hold, in their order. A path is a file, a folder, a .zip archive, or -
// for standard input (one document or one archive). A folder is read with everything below it
// (*.xml in upper or lower case, sorted by name, without names that begin with a dot). A path that
// is a file is read whatever its name.
//
// For something that cannot be read, Read yields an Item with Err, and goes on. When ctx is done,
// the sequence ends early, so the caller checks ctx.Err(). A sequence that reads standard input may
// be iterated only once.
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

// reader walks the paths. Its methods report whether to go on. It holds ctx because a reader exists
// for one iteration only.
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
