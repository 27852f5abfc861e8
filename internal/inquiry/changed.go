package inquiry

import (
	"context"
	"fmt"
	"slices"

	"ksefworker/internal/ledger"
)

// Placed is an invoice and its place in the order of last changes.
type Placed struct {
	ledger.Invoice
	Place ledger.Place
}

// Changed reads the next invoices of some states behind a place, at most n, and returns the place
// of the last that was listed, or the given place when there are no more. An invoice that has
// changed since it was listed is left out, because its place is now behind all others. With an
// error that [ledger.Skip] empties, the others are returned.
func (r *Reader) Changed(ctx context.Context, states []ledger.State, from ledger.Place, n int) ([]Placed, ledger.Place, error) {
	places, err := r.Ledger.Changed(ctx, states, from, n)
	sick, err := ledger.Skip(err)
	if err != nil {
		return nil, from, err
	}
	if len(places) == 0 {
		return nil, from, unreadable(sick)
	}
	out, err := r.at(ctx, states, places)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, from, err
	}
	return out, places[len(places)-1], unreadable(append(sick, unread...))
}

// unreadable returns an error that [ledger.Skip] empties; nil when there is nothing to name.
func unreadable(entries []ledger.Unreadable) error {
	if len(entries) == 0 {
		return nil
	}
	return &ledger.UnreadableError{Entries: entries}
}

// at reads the invoices at some places of lists of these states, without those that have changed
// since.
func (r *Reader) at(ctx context.Context, states []ledger.State, places []ledger.Place) ([]Placed, error) {
	invs, err := r.read(ctx, states, places)
	out := make([]Placed, 0, len(invs))
	for i, k := 0, 0; i < len(invs); i, k = i+1, k+1 {
		for places[k].ID != invs[i].ID { // entries are in the order of the places, some are missing
			k++
		}
		if invs[i].UpdatedAt <= places[k].At {
			out = append(out, Placed{invs[i], places[k]})
		}
	}
	if err != nil {
		err = fmt.Errorf("read invoices: %w", err)
	}
	return out, err
}

// read reads the entries at places of lists of these states. Of what is kept, nearly all is
// receipted.
func (r *Reader) read(ctx context.Context, states []ledger.State, places []ledger.Place) ([]ledger.Invoice, error) {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	if slices.Contains(states, ledger.Receipted) {
		return r.Ledger.Listed(ctx, ids)
	}
	return r.Ledger.Invoices(ctx, ids)
}
