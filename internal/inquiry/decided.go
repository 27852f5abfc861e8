package inquiry

import (
	"context"
	"fmt"
	"iter"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Decision is an invoice that is decided, and what is told of it: also what it waits for, while its
// receipt is to come.
type Decision struct {
	Invoice ledger.Invoice
	Result  results.Result
}

// Decided yields what is decided and has changed since from, in the order of the last change. An
// error ends it. Memory is bounded: a page of each state is read ahead.
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
		told := map[string]bool{} // one that was receipted between two of the lists is in both
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
			if told[d.Invoice.ID] || !d.Invoice.State.Final() {
				continue
			}
			told[d.Invoice.ID] = true
			if !yield(d, nil) {
				return
			}
		}
	}
}

// list is one state's ids, oldest change first, and the entries that were read ahead.
type list struct {
	ids   []string
	ahead []Decision
}

// earliest returns the list whose next entry changed longest ago; nil when all are at their end.
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
		told, err := r.Results(ctx, invs)
		if err != nil {
			return err
		}
		li.ids = li.ids[n:]
		for i := range invs {
			li.ahead = append(li.ahead, Decision{invs[i], told[i]})
		}
	}
	return nil
}
