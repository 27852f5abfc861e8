package inquiry

import (
	"context"
	"fmt"

	"ksefworker/internal/ledger"
)

// Placed is an invoice and its place in the order of last changes.
type Placed struct {
	ledger.Invoice
	Place ledger.Place
}

// Changed reads the next invoices of some states behind a place, at most n, and returns the place
// of the last that was listed: the same place when there are no more. An invoice that has changed
// since it was listed is left out, because it has a place behind all others now. With an error that
// [ledger.Skip] empties, the others are returned.
func (r *Reader) Changed(ctx context.Context, states []ledger.State, from ledger.Place, n int) ([]Placed, ledger.Place, error) {
	places, err := r.Ledger.Changed(ctx, states, from, n)
	if err != nil || len(places) == 0 {
		return nil, from, err
	}
	out, err := r.at(ctx, places)
	return out, places[len(places)-1], err
}

// at reads the invoices at some places, without those that have changed since.
func (r *Reader) at(ctx context.Context, places []ledger.Place) ([]Placed, error) {
	ids, at := make([]string, len(places)), make(map[string]ledger.Millis, len(places))
	for i, p := range places {
		ids[i], at[p.ID] = p.ID, p.At
	}
	invs, err := r.Ledger.Invoices(ctx, ids)
	out := make([]Placed, 0, len(invs))
	for i := range invs {
		if p := (ledger.Place{At: at[invs[i].ID], ID: invs[i].ID}); invs[i].UpdatedAt <= p.At {
			out = append(out, Placed{invs[i], p})
		}
	}
	if err != nil {
		err = fmt.Errorf("read invoices: %w", err)
	}
	return out, err
}
