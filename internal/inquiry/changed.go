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
	// Unread is set when its entry cannot be read; then the invoice is empty.
	Unread *ledger.Unreadable
}

// Changed reads the next invoices of some states behind a place, at most n, and returns the place
// of the last that was listed, or the given place when there are no more. An invoice that has
// changed since it was listed is left out, because its place is now behind all others. One that
// cannot be read is in its place, too. With an error that [ledger.Skip] empties, the others are
// returned.
func (r *Reader) Changed(ctx context.Context, states []ledger.State, from ledger.Place, n int) ([]Placed, ledger.Place, error) {
	places, err := r.Ledger.Changed(ctx, states, from, n)
	sick, err := ledger.Skip(err)
	if err != nil {
		return nil, from, err
	}
	if len(places) == 0 {
		return nil, from, unreadable(sick)
	}
	out, err := r.at(ctx, places)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, from, err
	}
	return inOrder(out, unread, places), places[len(places)-1], unreadable(append(sick, unread...))
}

// inOrder adds the entries that cannot be read to the others, each in its place.
func inOrder(read []Placed, unread []ledger.Unreadable, places []ledger.Place) []Placed {
	if len(unread) == 0 {
		return read
	}
	byID := make(map[string]Placed, len(places))
	for _, p := range read {
		byID[p.ID] = p
	}
	for i := range unread {
		byID[unread[i].ID] = Placed{Unread: &unread[i]}
	}
	out := make([]Placed, 0, len(byID))
	for _, at := range places {
		if p, there := byID[at.ID]; there {
			p.Place = at
			out = append(out, p)
		}
	}
	return out
}

// unreadable returns an error that [ledger.Skip] empties; nil when there is nothing to name.
func unreadable(entries []ledger.Unreadable) error {
	if len(entries) == 0 {
		return nil
	}
	return &ledger.UnreadableError{Entries: entries}
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
			out = append(out, Placed{Invoice: invs[i], Place: p})
		}
	}
	if err != nil {
		err = fmt.Errorf("read invoices: %w", err)
	}
	return out, err
}
