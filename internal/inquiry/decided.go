package inquiry

import (
	"context"
	"iter"
	"slices"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Decision is an invoice and its result. Until the invoice is decided and its receipt has arrived,
// the result says what the invoice waits for.
type Decision struct {
	Invoice ledger.Invoice
	Result  results.Result
}

// Decided yields the invoices that have changed since the time from and pass the filter, in the
// order of their last change. A filter without a state passes the decided ones. An error ends the
// sequence. An invoice that changes after it was yielded is yielded again in its new state. Decided
// does not remember which invoices it has yielded, because that would take memory for each. Only a
// few pages are held in memory, however many invoices there are.
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

// page is some of the invoices, or why they could not be read.
type page struct {
	invs   []ledger.Invoice
	unread error
	err    error
}

// ahead yields page after page of invoices. While the caller works on a page, the next page is
// read, and the places of the page after it are listed. So Redis and this process work at the same
// time.
func (r *Reader) ahead(ctx context.Context, from time.Time, f Filter) iter.Seq2[[]ledger.Invoice, error] {
	return func(yield func([]ledger.Invoice, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan chan page, 1)
		defer func() {
			cancel()
			for coming := range pages { // until r.pages has seen the cancel
				<-coming
			}
		}()
		go func() {
			defer close(pages)
			r.pages(ctx, from, f, pages)
		}()
		for coming := range pages {
			p := <-coming
			_ = r.skip(p.unread) // it returns nil, because every other error is in p.err
			if !yield(p.invs, p.err) || p.err != nil {
				return
			}
		}
	}
}

// pages sends one channel for each page, in order. The page comes through its channel when it has
// been read. pages returns at the end, after an error, or when ctx is done.
func (r *Reader) pages(ctx context.Context, from time.Time, f Filter, to chan<- chan page) {
	place, states := ledger.Place{At: ledger.At(from)}, f.states()
	for len(states) > 0 && ctx.Err() == nil {
		places, err := r.Ledger.Changed(ctx, states, place, chunk)
		unread, other := ledger.Skip(err)
		if other == nil && len(places) == 0 && len(unread) == 0 {
			return
		}
		coming := make(chan page, 1)
		to <- coming // ahead receives until pages returns, whatever happens
		if other != nil {
			coming <- page{err: other}
			return
		}
		well := slices.DeleteFunc(slices.Clone(states), func(s ledger.State) bool { return isSick(unread, s) })
		if len(well) < len(states) { // the sick indexes are named once; the other states are listed from the same place
			unread = slices.DeleteFunc(unread, func(u ledger.Unreadable) bool {
				return !slices.ContainsFunc(states, func(s ledger.State) bool { return u.Key == ledger.IndexOf(s) })
			})
			states = well
			coming <- page{unread: unreadable(unread)}
			continue
		}
		if len(places) == 0 { // the end
			coming <- page{unread: err}
			return
		}
		place = places[len(places)-1]
		go func() { coming <- r.page(ctx, states, places, unread, &f) }()
	}
}

// isSick reports whether the index of a state is among what cannot be read.
func isSick(unread []ledger.Unreadable, s ledger.State) bool {
	return slices.ContainsFunc(unread, func(u ledger.Unreadable) bool { return u.Key == ledger.IndexOf(s) })
}

// page reads a page of invoices. listed names the entries and indexes that could not be read when
// the places were listed.
func (r *Reader) page(ctx context.Context, states []ledger.State, places []ledger.Place, listed []ledger.Unreadable, f *Filter) (p page) {
	invs, err := r.read(ctx, states, places)
	unread, err := ledger.Skip(err)
	p.unread, p.err = unreadable(append(listed, unread...)), err
	p.invs = invs[:0] // in place: an invoice is about a kilobyte
	for i := range still(places, invs) {
		if f.Match(&invs[i]) {
			p.invs = append(p.invs, invs[i])
		}
	}
	return p
}
