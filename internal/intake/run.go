package intake

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Admits is the part of an [Admitter] that Run needs.
type Admits interface {
	Admit(ctx context.Context, docs []Document, terms Terms) ([]Admission, error)
}

// A chunk is up to chunkItems items that are admitted and reported together. It is large enough
// that the time of a round trip does not matter. It is small enough that Redis serves others in
// between and that few documents are in memory. Large documents of a chunk are admitted in several
// calls. About two chunks for each worker are in flight, and the workers read the files.
const (
	chunkItems = 100
	chunkBytes = 8 << 20
	// documentBytes is the maximum size of all documents that one Run has in memory, however many
	// cores it uses. The sealed documents come on top; at worst they are as large again.
	documentBytes = 48 << 20
)

// Run admits items and reports the outcome of each, in the order of items. It calls report for some
// items at a time, in the goroutine that called Run. report may keep the slice. An item with Err is
// reported as refused with that error.
//
// The error is that of Admit or of ctx. After an error, Run finishes and reports what it has begun,
// and begins nothing new. Items that were not reported may have been taken. It is safe to hand them
// in again.
func Run(ctx context.Context, a Admits, items iter.Seq[Item], terms Terms, report func([]Admission)) error {
	// There are more workers than cores, because some wait for Redis while others parse.
	workers := runtime.GOMAXPROCS(0) + 4
	p := &pipeline{
		admitter: a, terms: terms,
		work:    make(chan *chunk),
		ordered: make(chan *chunk, 2*workers),
		broken:  make(chan struct{}),
		memory:  semaphore.NewWeighted(documentBytes),
	}
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { p.produce(ctx, items) })
	for range workers {
		running.Go(func() { p.admit(ctx) })
	}
	var failed error
	for c := range p.ordered {
		<-c.done
		if len(c.out) > 0 {
			report(c.out)
		}
		if failed == nil && c.err != nil && !errors.Is(c.err, errNotStarted) {
			failed = c.err
		}
	}
	if failed != nil {
		return failed
	}
	return ctx.Err()
}

// errNotStarted marks a chunk that was not admitted because another chunk had failed or ctx was
// done.
var errNotStarted = errors.New("not started")

type chunk struct {
	items []Item
	bytes int  // size of the documents that are in memory already
	files bool // it has items that are read later
	out   []Admission
	err   error
	done  chan struct{}
}

type pipeline struct {
	admitter Admits
	terms    Terms
	work     chan *chunk
	ordered  chan *chunk // the same chunks, in the order of their items
	broken   chan struct{}
	memory   *semaphore.Weighted // bytes of documents in memory
	once     sync.Once
}

func (p *pipeline) stop() { p.once.Do(func() { close(p.broken) }) }

func (p *pipeline) stopped() bool {
	select {
	case <-p.broken:
		return true
	default:
		return false
	}
}

func (p *pipeline) produce(ctx context.Context, items iter.Seq[Item]) {
	defer close(p.ordered)
	defer close(p.work)
	c := newChunk()
	for it := range items {
		// A chunk never has both documents in memory and files to read, because a worker that holds
		// documents in memory must not wait for memory to read files into.
		mixed := it.load != nil && c.bytes > 0 || len(it.Data) > 0 && c.files
		if len(c.items) == chunkItems || c.bytes >= chunkBytes || mixed {
			if !p.hand(ctx, c) {
				return
			}
			c = newChunk()
		}
		// A file needs no memory yet. While produce waits here, it holds only this one chunk, and
		// the workers go on.
		if p.memory.Acquire(ctx, int64(len(it.Data))) != nil {
			return
		}
		c.items = append(c.items, it)
		c.bytes += len(it.Data)
		c.files = c.files || it.load != nil
	}
	if len(c.items) > 0 {
		p.hand(ctx, c)
	}
}

func newChunk() *chunk { return &chunk{done: make(chan struct{}), items: make([]Item, 0, chunkItems)} }

// hand gives a chunk to the reporting loop first, then to a worker. The done channel of every chunk
// in ordered MUST be closed eventually. hand returns false when nothing more is to be begun,
// because another chunk has failed or ctx is done.
func (p *pipeline) hand(ctx context.Context, c *chunk) bool {
	select {
	case p.ordered <- c:
	case <-ctx.Done():
		return false
	case <-p.broken:
		return false
	}
	select {
	case p.work <- c:
		return true
	case <-ctx.Done():
	case <-p.broken:
	}
	c.err = errNotStarted
	p.memory.Release(int64(c.bytes))
	close(c.done)
	return false
}

func (p *pipeline) admit(ctx context.Context) {
	var b buffer
	for c := range p.work {
		if p.stopped() {
			c.err = errNotStarted
		} else if c.out, c.err = p.admitChunk(ctx, c.items, &b); c.err != nil {
			p.stop()
		}
		c.items = nil
		p.memory.Release(int64(c.bytes))
		close(c.done)
	}
}

// admitChunk loads and admits items, in several calls when they are large or when other workers
// have the memory. It waits for memory only while it holds no memory, so that two workers never
// wait for each other.
func (p *pipeline) admitChunk(ctx context.Context, items []Item, b *buffer) ([]Admission, error) {
	var out []Admission
	for len(items) > 0 {
		n, held, err := p.load(ctx, items, b)
		if err != nil {
			return out, err
		}
		some, err := admitLoaded(ctx, p.admitter, items[:n], p.terms)
		if out == nil {
			out = some // usually the first call admits all of them
		} else {
			out = append(out, some...)
		}
		if err != nil {
			p.memory.Release(held)
			return out, err
		}
		clear(items[:n]) // so that the documents can be freed
		b.clear()
		p.memory.Release(held)
		items = items[n:]
	}
	return out, nil
}

// load reads the first n of some items. held is the memory that it took for them, in bytes.
func (p *pipeline) load(ctx context.Context, items []Item, b *buffer) (n int, held int64, err error) {
	for n < len(items) && held < chunkBytes {
		it := &items[n]
		perFile := it.maxBytes + 1 // readCapped reads one byte more
		if it.load != nil && !p.memory.TryAcquire(perFile) {
			if n > 0 {
				break
			}
			if p.memory.Acquire(ctx, perFile) != nil {
				return 0, 0, context.Cause(ctx)
			}
		}
		if it.load != nil {
			it.loadInto(b)
			// The size of a file is known only when it is open. So memory for the largest file was
			// taken, and the part that this file does not need is released.
			p.memory.Release(perFile - int64(len(it.Data)))
			held += int64(len(it.Data))
		}
		n++
	}
	return n, held, nil
}

func admitLoaded(ctx context.Context, a Admits, items []Item, terms Terms) ([]Admission, error) {
	docs := make([]Document, 0, len(items))
	for i := range items {
		if it := &items[i]; it.Err == nil {
			docs = append(docs, Document{File: it.File, Unnamed: it.Unnamed, Data: it.Data, Ref: it.Ref, Terms: it.Terms,
				Made: it.Made})
		}
	}
	var admitted []Admission
	// An error with a complete answer means that the ledger has the documents, but their terms
	// could not be applied or their tasks could not be queued.
	var err error
	if len(docs) > 0 {
		admitted, err = a.Admit(ctx, docs, terms)
	}
	answered := len(admitted) == len(docs)
	if answered && len(docs) == len(items) {
		return admitted, err
	}
	var out []Admission
	for i := range items {
		switch it := &items[i]; {
		case it.Err != nil:
			out = append(out, it.refused())
		case answered:
			out, admitted = append(out, admitted[0]), admitted[1:]
		}
	}
	return out, err
}
