// Package inquiry answers what people and programs ask about invoices: how one stands, what was
// decided since a time, what a person still has to act on, and what an invoice waits for. It only
// reads. The command line and the HTTP intake both answer with it.
package inquiry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/waiting"
)

// chunk is how many entries are read at a time.
const chunk = 500

// Reader answers. It is as safe for concurrent use as its Ledger and Waits are.
type Reader struct {
	Ledger      *ledger.Ledger
	Environment string // for verification links, as [results.Of] takes it

	// Waits tells why invoices wait. Without it, results say nothing of that.
	Waits Explainer
	// Unexplained is told why the waits of some invoices could not be found out. Their results are
	// returned all the same. nil: nobody is told.
	Unexplained func(error)
	// Unread is told of each entry that cannot be read. Answers leave it out. nil: nobody is told.
	Unread func(ledger.Unreadable)
}

// Explainer is what the reader needs of [waiting.Reader].
type Explainer interface {
	Explain(ctx context.Context, invs []ledger.Invoice) (map[string]waiting.Wait, error)
}

// skip takes the entries that cannot be read out of an error, and tells of them.
func (r *Reader) skip(err error) error {
	unread, err := ledger.Skip(err)
	if r.Unread != nil {
		for _, u := range unread {
			r.Unread(u)
		}
	}
	return err
}

// Find returns what a name means: the invoice with that id, or all with that number (P_2), oldest
// first. An empty answer is no error. Entries that cannot be read are in the error, beside those
// that can: see [ledger.Skip].
func (r *Reader) Find(ctx context.Context, name string) ([]ledger.Invoice, error) {
	// Ids begin alike, and a number that looks like one is found all the same.
	if strings.HasPrefix(name, "inv-") {
		invs, err := r.Ledger.Invoices(ctx, []string{name})
		if err != nil || len(invs) > 0 {
			return invs, err
		}
	}
	ids, err := r.Ledger.ByNumber(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("look up number: %w", err)
	}
	invs, err := r.Ledger.Invoices(ctx, ids)
	slices.SortFunc(invs, func(a, b ledger.Invoice) int { return int(a.CreatedAt - b.CreatedAt) })
	return invs, err
}

// Refusal returns the open refusal with this id or number; nil when there is none.
func (r *Reader) Refusal(ctx context.Context, name string) (*ledger.Refusal, error) {
	refusals, err := r.Ledger.Refusals(ctx, time.Time{}, "")
	if err != nil {
		return nil, err
	}
	for i := range refusals {
		if refusals[i].ID == name || refusals[i].Number == name {
			return &refusals[i], nil
		}
	}
	return nil, nil
}

// Results tells how invoices stand, and what each waits for that is not done.
func (r *Reader) Results(ctx context.Context, invs []ledger.Invoice) ([]results.Result, error) {
	var waits map[string]waiting.Wait
	if r.Waits != nil {
		var err error
		if waits, err = r.Waits.Explain(ctx, invs); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			if r.Unexplained != nil {
				r.Unexplained(err)
			}
		}
	}
	out := make([]results.Result, len(invs))
	for i := range invs {
		out[i] = results.Of(invs[i], r.Environment)
		w := waits[invs[i].ID]
		out[i].WaitingFor, out[i].WaitingWhat = string(w.For), w.What
		if !w.Until.IsZero() {
			out[i].WaitingUntil = w.Until.UTC().Format(time.RFC3339)
		}
	}
	return out, nil
}

// InState lists the invoices in one state, those that changed longest ago first.
func (r *Reader) InState(ctx context.Context, state ledger.State, yield func([]ledger.Invoice) error) error {
	ids, err := r.Ledger.InState(ctx, state, time.Time{}, time.Time{}, 0)
	if err != nil {
		return fmt.Errorf("list %s invoices: %w", state, err)
	}
	for some := range slices.Chunk(ids, chunk) {
		invs, err := r.Ledger.Invoices(ctx, some)
		if err := r.skip(err); err != nil {
			return err
		}
		// What moved since the list was read is in it no more.
		invs = slices.DeleteFunc(invs, func(inv ledger.Invoice) bool { return inv.State != state })
		if err := yield(invs); err != nil {
			return err
		}
	}
	return nil
}
