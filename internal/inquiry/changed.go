package inquiry

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"ksefworker/internal/ledger"
)

// Placed is an invoice and its place in the order of last changes.
type Placed struct {
	ledger.Invoice
	Place ledger.Place
	// Unread is set when the invoice's entry cannot be read. In that case Invoice is empty.
	Unread *ledger.Unreadable
}

// Changed reads at most n invoices of some states behind a place. It returns the place of the last
// invoice that was listed, or the given place when there are no more. An invoice that has changed
// since it was listed is left out, because its place is now behind all others. An entry that cannot
// be read is returned at its place, with Unread set, and the error names it. When the error only
// names what cannot be read (see [ledger.Skip]), the invoices are returned with it.
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

// unreadable returns an error that only names entries that cannot be read (see [ledger.Skip]), and
// nil when there are none.
func unreadable(entries []ledger.Unreadable) error {
	if len(entries) == 0 {
		return nil
	}
	return &ledger.UnreadableError{Entries: entries}
}

// at reads the invoices at some places in the lists of these states. It leaves out invoices that
// have changed since they were listed.
func (r *Reader) at(ctx context.Context, states []ledger.State, places []ledger.Place) ([]Placed, error) {
	invs, err := r.read(ctx, states, places)
	out := make([]Placed, 0, len(invs))
	for i, at := range still(places, invs) {
		out = append(out, Placed{Invoice: invs[i], Place: at})
	}
	return out, err
}

// still yields the index and the place of each invoice that has not changed since it was listed.
// places and invs are in the same order.
func still(places []ledger.Place, invs []ledger.Invoice) iter.Seq2[int, ledger.Place] {
	return func(yield func(int, ledger.Place) bool) {
		k := 0
		for i := range invs {
			for places[k].ID != invs[i].ID { // an entry that is missing
				k++
			}
			if invs[i].UpdatedAt <= places[k].At && !yield(i, places[k]) {
				return
			}
			k++
		}
	}
}

// read reads the entries at some places in the lists of these states. Nearly all entries that are
// kept are receipted, and Listed is faster for receipted ones. So read uses Listed when Receipted
// is among the states.
func (r *Reader) read(ctx context.Context, states []ledger.State, places []ledger.Place) ([]ledger.Invoice, error) {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	list := r.Ledger.Invoices
	if slices.Contains(states, ledger.Receipted) {
		list = r.Ledger.Listed
	}
	invs, err := list(ctx, ids)
	unread, err := ledger.Skip(err)
	if err == nil {
		var lost []ledger.Unreadable
		lost, err = r.Ledger.Lost(ctx, states, ledger.Absent(ids, invs, unread))
		unread = append(unread, lost...)
	}
	if err == nil {
		err = unreadable(unread)
	}
	if err != nil {
		err = fmt.Errorf("read invoices: %w", err)
	}
	return invs, err
}
