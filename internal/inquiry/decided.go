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

// Decided yields the invoices that are decided and have changed since from, in the order of their
// last change. An error ends the sequence. It reads one page of each state ahead, so its memory is
// bounded.
func (r *Reader) Decided(ctx context.Context, from time.Time) iter.Seq2[Decision, error] {
	return func(yield func(Decision, error) bool) {
		var lists []*list
		for _, s := range ledger.States() {
			if !s.Final() {
				continue
			}
			ids, err := r.Ledger.InState(ctx, s, from, time.Time{}, 0)
			if err != nil {
				yield(Decision{}, fmt.Errorf("list %s invoices: %w", s, err))
				return
			}
			lists = append(lists, &list{ids: ids})
		}
		seen := map[string]bool{} // an invoice whose state changed between two lists is in both
		for {
			next, err := r.earliest(ctx, lists)
			if err != nil {
				yield(Decision{}, err)
				return
			}
			if next == nil {
				return
			}
			d := next.ahead[0]
			next.ahead = next.ahead[1:]
			if seen[d.Invoice.ID] || !d.Invoice.State.Final() {
				continue
			}
			seen[d.Invoice.ID] = true
			if !yield(d, nil) {
				return
			}
		}
	}
}

// list holds the ids of one state, oldest change first, and the entries that were read ahead.
type list struct {
	ids   []string
	ahead []Decision
}

// earliest returns the list whose next entry has the oldest change; nil when all lists are at their
// end.
func (r *Reader) earliest(ctx context.Context, lists []*list) (*list, error) {
	var next *list
	for _, li := range lists {
		if err := r.fill(ctx, li); err != nil {
			return nil, err
		}
		if len(li.ahead) > 0 && (next == nil || li.ahead[0].Invoice.UpdatedAt < next.ahead[0].Invoice.UpdatedAt) {
			next = li
		}
	}
	return next, nil
}

func (r *Reader) fill(ctx context.Context, li *list) error {
	for len(li.ahead) == 0 && len(li.ids) > 0 {
		n := min(len(li.ids), chunk)
		invs, err := r.Ledger.Invoices(ctx, li.ids[:n])
		if err := r.skip(err); err != nil {
			return err
		}
		found, err := r.Results(ctx, invs)
		if err != nil {
			return err
		}
		li.ids = li.ids[n:]
		for i := range invs {
			li.ahead = append(li.ahead, Decision{invs[i], found[i]})
		}
	}
	return nil
}
