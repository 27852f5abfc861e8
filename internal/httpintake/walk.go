package httpintake

import (
	"cmp"
	"slices"
	"time"

	"ksefworker/internal/ledger"
)

// walk goes through the invoices of some states in the order of their last change, behind a cursor.
type walk struct {
	core   *core
	call   *call
	states []ledger.State
	at     cursor
}

// maxListed bounds how many ids of one state are read at once. A script gives a package of invoices,
// at most some ten thousand, the same millisecond.
const maxListed = 200_000

// next returns up to n invoices behind the cursor, in order; none at the end. An invoice that changes
// while the walk goes on comes again, at its new place.
func (w *walk) next(n int) ([]ledger.Invoice, error) {
	ctx, l := w.call.ctx(), w.core.o.Ledger
	// An invoice that changes between the two reads below would move the cursor past all those that
	// were changed before it. It has its turn later.
	now, err := l.Clock(ctx)
	if err != nil {
		return nil, err
	}
	for size := n; ; size *= 4 {
		var ids []string
		for _, state := range w.states {
			some, err := w.idsOf(state, size)
			if err != nil {
				return nil, err
			}
			ids = append(ids, some...)
		}
		invs, err := l.Invoices(ctx, ids)
		if _, err = ledger.Skip(err); err != nil {
			return nil, err
		}
		invs = slices.DeleteFunc(invs, func(inv ledger.Invoice) bool {
			return !w.at.behind(&inv) || inv.UpdatedAt.Time().After(now)
		})
		if len(invs) == 0 && len(ids) >= size && size < maxListed {
			continue // none of these could be read, others can
		}
		slices.SortFunc(invs, func(a, b ledger.Invoice) int {
			return cmp.Or(cmp.Compare(a.UpdatedAt, b.UpdatedAt), cmp.Compare(a.ID, b.ID))
		})
		// Behind the first n of all states, some may be missing.
		return invs[:min(n, len(invs))], nil
	}
}

// idsOf lists up to n ids of a state behind the cursor. Redis lists those of one millisecond in the
// order of their ids.
func (w *walk) idsOf(state ledger.State, n int) ([]string, error) {
	ctx, l := w.call.ctx(), w.core.o.Ledger
	at := w.at.at.Time()
	if at.IsZero() {
		return l.InState(ctx, state, at, time.Time{}, n)
	}
	for limit := n; ; limit *= 4 {
		same, err := l.InState(ctx, state, at, at, limit)
		if err != nil {
			return nil, err
		}
		whole := len(same) < limit
		same = slices.DeleteFunc(same, func(id string) bool { return id <= w.at.id })
		if len(same) >= n {
			return same[:n], nil
		}
		if !whole && limit < maxListed {
			continue
		}
		later, err := l.InState(ctx, state, at.Add(time.Millisecond), time.Time{}, n-len(same))
		return append(same, later...), err
	}
}
