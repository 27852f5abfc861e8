package intake

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// Admitter is what Run needs of [tasks.Admitter].
type Admitter interface {
	Admit(ctx context.Context, docs []tasks.Document, terms tasks.Terms) ([]tasks.Admission, error)
}

// A chunk is what is admitted in one call and reported in one piece: long enough that a round trip does not count, short
// enough that Redis serves others in between and that few documents are in memory: large documents go in several calls. Two chunks for each worker at
// most are in flight, and files are read by the workers.
const (
	chunkItems = 100
	chunkBytes = 8 << 20
	// documentBytes is the most of documents that one Run has in memory, however many cores it runs on: what is sealed of them comes on top,
	// and is as much at the worst.
	documentBytes = 48 << 20
)

// Run admits items and reports what became of each, in the order of items: report is called for some at a time, by the goroutine that called Run; the slice is
// its own. An item with Err is reported as refused with it.
//
// The error is of Redis, or ctx's. What is under way then is brought to its end and reported; nothing new is begun. What was not reported was
// perhaps taken, and may safely be handed in again.
func Run(ctx context.Context, a Admitter, items iter.Seq[Item], terms tasks.Terms, report func([]tasks.Admission)) error {
	// More workers than cores: some wait for Redis while others parse.
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
		if failed == nil && c.err != nil && !errors.Is(c.err, errNotBegun) {
			failed = c.err
		}
	}
	if failed != nil {
		return failed
	}
	return ctx.Err()
}

// errNotBegun marks a chunk that was left alone because another had failed.
var errNotBegun = errors.New("not begun")

type chunk struct {
	items []Item
	bytes int  // of documents that came with their items
	files bool // has items that are read later
	out   []tasks.Admission
	err   error
	done  chan struct{}
}

type pipeline struct {
	admitter Admitter
	terms    tasks.Terms
	work     chan *chunk
	ordered  chan *chunk // the same chunks, in the order of their items
	broken   chan struct{}
	memory   *semaphore.Weighted // of documents, in bytes
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
		// No chunk has both: while a worker holds what came with its items, it must not wait for memory to read others.
		mixed := it.load != nil && c.bytes > 0 || len(it.Data) > 0 && c.files
		if len(c.items) == chunkItems || c.bytes >= chunkBytes || mixed {
			if !p.hand(ctx, c) {
				return
			}
			c = newChunk()
		}
		// Nothing yet for a file. Whoever waits here holds no more than this one chunk, and the workers go on.
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

// hand gives a chunk to the reporting loop first, then to a worker: what is in ordered MUST have its done closed.
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
	c.err = errNotBegun
	p.memory.Release(int64(c.bytes))
	close(c.done)
	return false
}

func (p *pipeline) admit(ctx context.Context) {
	var r room
	for c := range p.work {
		if p.stopped() {
			c.err = errNotBegun
		} else if c.out, c.err = p.admitChunk(ctx, c.items, &r); c.err != nil {
			p.stop()
		}
		c.items = nil
		p.memory.Release(int64(c.bytes))
		close(c.done)
	}
}

// admitChunk reads what is to be read and admits it, in several calls when it is much, or when others have the memory: it waits for more only
// while it has none, so that no two workers wait for each other.
func (p *pipeline) admitChunk(ctx context.Context, items []Item, r *room) ([]tasks.Admission, error) {
	var out []tasks.Admission
	for len(items) > 0 {
		n, held, err := p.load(ctx, items, r)
		if err != nil {
			return out, err
		}
		some, err := admitLoaded(ctx, p.admitter, items[:n], p.terms)
		if out == nil {
			out = some // nearly always all
		} else {
			out = append(out, some...)
		}
		if err != nil {
			p.memory.Release(held)
			return out, err
		}
		clear(items[:n]) // the documents
		r.clear()
		p.memory.Release(held)
		items = items[n:]
	}
	return out, nil
}

// load reads the first of some items, and tells how many they are and what it took of the memory for them.
func (p *pipeline) load(ctx context.Context, items []Item, r *room) (n int, held int64, err error) {
	for n < len(items) && held < chunkBytes {
		it := &items[n]
		perFile := it.most + 1 // readCapped reads one byte more
		if it.load != nil && !p.memory.TryAcquire(perFile) {
			if n > 0 {
				break
			}
			if p.memory.Acquire(ctx, perFile) != nil {
				return 0, 0, context.Cause(ctx)
			}
		}
		if it.load != nil {
			it.loadInto(r)
			// A file's size is known only when it is open: the most that one can have was taken, and what it has not is given back.
			p.memory.Release(perFile - int64(len(it.Data)))
			held += int64(len(it.Data))
		}
		n++
	}
	return n, held, nil
}

func admitLoaded(ctx context.Context, a Admitter, items []Item, terms tasks.Terms) ([]tasks.Admission, error) {
	docs := make([]tasks.Document, 0, len(items))
	for i := range items {
		if it := &items[i]; it.Err == nil {
			docs = append(docs, tasks.Document{File: it.File, Data: it.Data})
		}
	}
	var admitted []tasks.Admission
	var err error // when all are answered, it is of the queue: what was taken is taken
	if len(docs) > 0 {
		admitted, err = a.Admit(ctx, docs, terms)
	}
	answered := len(admitted) == len(docs)
	if answered && len(docs) == len(items) {
		return admitted, err
	}
	var out []tasks.Admission
	for i := range items {
		switch it := &items[i]; {
		case it.Err != nil:
			out = append(out, tasks.Admission{File: it.File, Taken: ledger.Refused, Err: it.Err})
		case answered:
			out, admitted = append(out, admitted[0]), admitted[1:]
		}
	}
	return out, err
}
