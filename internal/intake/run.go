package intake

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

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
)

// Run admits items and reports what became of each, in the order of items: report is called for some at a time, by the goroutine that called Run; the slice is
// its own. An item with Err is reported as refused with it.
//
// The error is of Redis or the archive store, or ctx's. What is under way then is brought to its end and reported; nothing new is begun. What was not reported was
// perhaps taken, and may safely be handed in again.
func Run(ctx context.Context, a Admitter, items iter.Seq[Item], terms tasks.Terms, report func([]tasks.Admission)) error {
	// More workers than cores: some wait for Redis while others parse.
	workers := runtime.GOMAXPROCS(0) + 4
	p := &pipeline{
		admitter: a, terms: terms,
		work:    make(chan *chunk),
		ordered: make(chan *chunk, 2*workers),
		broken:  make(chan struct{}),
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
	bytes int
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
		if len(c.items) == chunkItems || c.bytes >= chunkBytes {
			if !p.hand(ctx, c) {
				return
			}
			c = newChunk()
		}
		c.items = append(c.items, it)
		c.bytes += len(it.Data) // nothing yet for a file
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
	close(c.done)
	return false
}

func (p *pipeline) admit(ctx context.Context) {
	var r room
	for c := range p.work {
		if p.stopped() {
			c.err = errNotBegun
		} else if c.out, c.err = admitChunk(ctx, p.admitter, c.items, p.terms, &r); c.err != nil {
			p.stop()
		}
		c.items = nil
		close(c.done)
	}
}

// admitChunk reads what is to be read and admits it, in several calls when it is much.
func admitChunk(ctx context.Context, a Admitter, items []Item, terms tasks.Terms, r *room) ([]tasks.Admission, error) {
	var out []tasks.Admission
	for len(items) > 0 {
		n, bytes := 0, 0
		for n < len(items) && bytes < chunkBytes {
			items[n].loadInto(r)
			bytes += len(items[n].Data)
			n++
		}
		some, err := admitLoaded(ctx, a, items[:n], terms)
		if out == nil {
			out = some // nearly always all
		} else {
			out = append(out, some...)
		}
		if err != nil {
			return out, err
		}
		clear(items[:n]) // the documents
		r.clear()
		items = items[n:]
	}
	return out, nil
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
