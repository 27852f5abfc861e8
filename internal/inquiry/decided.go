package inquiry

import (
	"context"
	"fmt"
	"iter"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Decision is an invoice that is decided, with its result. While its receipt has not arrived, the
// result says what it waits for.
type Decision struct {
	Invoice ledger.Invoice
	Result  results.Result
}

// Decided yields the invoices that are decided, have changed since from and pass the filter, in the
// order of their last change. An error ends the sequence. An invoice that changes after it was
// yielded comes again, as it is then: to know which were yielded would take memory for each. Otherwise
// two pages are held in memory, however many there are.
func (r *Reader) Decided(ctx context.Context, from time.Time, f Filter) iter.Seq2[Decision, error] {
	return func(yield func(Decision, error) bool) {
		for page, err := range r.ahead(ctx, from, f) {
			if err != nil {
				yield(Decision{}, err)
				return
			}
			found, err := r.Results(ctx, page)
			if err != nil {
				yield(Decision{}, err)
				return
			}
			for i := range page {
				if !yield(Decision{page[i], found[i]}, nil) {
					return
				}
			}
		}
	}
}

// read is a page that was read, or why it could not be.
type read struct {
	invs   []ledger.Invoice
	unread error
	err    error
}

// ahead yields page after page of invoices. While one is worked on, the next is read: Redis and this
// process then work at the same time.
func (r *Reader) ahead(ctx context.Context, from time.Time, f Filter) iter.Seq2[[]ledger.Invoice, error] {
	return func(yield func([]ledger.Invoice, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan read)
		defer func() {
			cancel()
			for range pages { // until the reader has seen it
			}
		}()
		go func() {
			defer close(pages)
			r.pages(ctx, from, f, pages)
		}()
		for p := range pages {
			_ = r.skip(p.unread) // what is left of it is p.err
			if !yield(p.invs, p.err) || p.err != nil {
				return
			}
		}
	}
}

// pages sends pages until the end, an error, or ctx is done.
func (r *Reader) pages(ctx context.Context, from time.Time, f Filter, to chan<- read) {
	place := ledger.Place{At: ledger.At(from)}
	states := f.states()
	for len(states) > 0 {
		some, next, err := r.Changed(ctx, states, place, chunk)
		if err == nil && next == place {
			return
		}
		place = next
		p := read{unread: err}
		if _, err := ledger.Skip(err); err != nil {
			p.err = fmt.Errorf("list decided invoices: %w", err)
		}
		for i := range some {
			if f.Match(&some[i].Invoice) {
				p.invs = append(p.invs, some[i].Invoice)
			}
		}
		select {
		case to <- p:
		case <-ctx.Done():
			return
		}
		if p.err != nil {
			return
		}
	}
}
