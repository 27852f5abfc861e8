// Package inquiry answers what people and programs ask about invoices. They ask in which state an
// invoice is and what it waits for, which invoices were decided since a time, and which documents
// need a person. The package only reads. It is for the command line, the business page and the HTTP
// interface.
package inquiry

import (
	"cmp"
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

// Reader answers questions. It is safe for concurrent use if its Waits, Unexplained and Unread are.
type Reader struct {
	Ledger      *ledger.Ledger
	Environment string // for verification links, as [results.Of] takes it

	// Waits finds out why invoices wait; nil leaves that out of results.
	Waits Explainer
	// Unexplained is called with the error when Waits fails. The results are returned all the same,
	// unless the context has ended. Unexplained may be nil.
	Unexplained func(error)
	// Unread is called with each entry that an answer leaves out because it cannot be read. It may
	// be nil.
	Unread func(ledger.Unreadable)
}

// Explainer is the part of [waiting.Reader] that a [Reader] needs.
type Explainer interface {
	Explain(ctx context.Context, invs []ledger.Invoice) (map[string]waiting.Wait, error)
}

// skip reports to r.Unread the unreadable entries that err names, and then returns nil. It returns
// any other error as it is.
func (r *Reader) skip(err error) error {
	unread, err := ledger.Skip(err)
	if r.Unread != nil {
		for _, u := range unread {
			r.Unread(u)
		}
	}
	return err
}

// Find returns the invoice whose id is name, or all invoices whose number (P_2) is name, as
// [SameNumber] compares numbers. The oldest comes first. Only invoices of the named tenants are
// returned, or of all tenants when none is named. When no invoice is found, the error is nil. When
// some entries cannot be read, Find returns the others together with an error that names the
// unreadable entries, see [ledger.Skip]. The error includes entries of other tenants, and entries
// that are gone although an index of the ledger names them. If it names a shared key
// ([ledger.Unreadable.Shared]), invoices of this number may be missing.
func (r *Reader) Find(ctx context.Context, name string, tenants ...string) ([]ledger.Invoice, error) {
	// Every id begins with inv-, so such a name is looked up as an id first. A number may begin
	// with inv- too. If there is no such id, the name is looked up as a number.
	if strings.HasPrefix(name, "inv-") {
		invs, err := r.Ledger.AllNamed(ctx, []string{name})
		if err != nil || len(invs) > 0 {
			return ofTenants(invs, tenants), err
		}
	}
	invs, err := r.FindNumber(ctx, name)
	if invs = ofTenants(invs, tenants); err == nil && len(invs) == 0 {
		invs, err = r.scanNumber(ctx, name, tenants)
	}
	slices.SortFunc(invs, func(a, b ledger.Invoice) int { return int(a.CreatedAt - b.CreatedAt) })
	return invs, err
}

// ofTenants removes the invoices of other tenants.
func ofTenants(invs []ledger.Invoice, tenants []string) []ledger.Invoice {
	return slices.DeleteFunc(invs, func(inv ledger.Invoice) bool { return !of(&inv, tenants) })
}

// of reports whether an invoice belongs to one of these tenants. Without tenants it returns true.
func of(inv *ledger.Invoice, tenants []string) bool {
	return len(tenants) == 0 || slices.Contains(tenants, inv.Tenant)
}

// FindRef returns the invoices with this ref, at most one of each of the named tenants. Without
// tenants it finds nothing. Its errors are those of Find.
func (r *Reader) FindRef(ctx context.Context, ref string, tenants ...string) ([]ledger.Invoice, error) {
	ids, err := r.Ledger.ByRef(ctx, ref, tenants...)
	sick, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	found, err := r.Ledger.AllNamed(ctx, ids)
	unread, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	if err := r.ownersByRef(ctx, ref, tenants, unread); err != nil {
		return nil, err
	}
	return found, unreadable(append(sick, unread...))
}

// ownersByRef sets the tenants of entries whose fields do not say them. Each entry was found under
// a ref of its tenant.
func (r *Reader) ownersByRef(ctx context.Context, ref string, tenants []string, unread []ledger.Unreadable) error {
	for i := range unread {
		for _, tenant := range tenants {
			if unread[i].Tenant != "" {
				break
			}
			ids, err := r.Ledger.ByRef(ctx, ref, tenant)
			if _, err := ledger.Skip(err); err != nil {
				return err
			}
			if slices.Contains(ids, unread[i].ID) {
				unread[i].Tenant = tenant
			}
		}
	}
	return nil
}

// Refusal returns an open refusal with this id or number; nil when it finds none. In that case the
// error names the lists that cannot be read, see [ledger.Skip].
func (r *Reader) Refusal(ctx context.Context, name string) (*ledger.Refusal, error) {
	refusals, err := r.Ledger.Refusals(ctx, time.Time{}, "")
	for i := range refusals {
		if refusals[i].ID == name || SameNumber(refusals[i].Number, name) {
			return &refusals[i], nil
		}
	}
	return nil, err
}

// Refusals returns refusals as [ledger.RefusalStore.Refusals] does. It leaves out the lists that
// cannot be read, and reports them to r.Unread.
func (r *Reader) Refusals(ctx context.Context, from time.Time, ended string, tenants ...string) ([]ledger.Refusal, error) {
	refusals, err := r.Ledger.Refusals(ctx, from, ended, tenants...)
	return refusals, r.skip(err)
}

// Refused returns the refusals on record with this id or number, ended ones included, the oldest
// first. Only the lists of the named tenants are read, or all lists when none is named. The tenant
// "" stands for the list of the refusals that have no tenant. Every refusal in these lists is read,
// which costs about 20 µs each. When some lists cannot be read, Refused returns what it finds in
// the others together with an error that names them, see [ledger.Skip].
func (r *Reader) Refused(ctx context.Context, name string, tenants ...string) ([]ledger.Refusal, error) {
	number := ordinary(name)
	return r.refused(ctx, name, tenants, func(of *ledger.Refusal) bool { return of.ID == name || ordinary(of.Number) == number })
}

// RefusedRef returns, as Refused does, the refusals of documents that were handed in with this ref.
func (r *Reader) RefusedRef(ctx context.Context, ref string, tenants ...string) ([]ledger.Refusal, error) {
	return r.refused(ctx, ref, tenants, func(of *ledger.Refusal) bool { return of.Ref == ref })
}

func (r *Reader) refused(ctx context.Context, name string, tenants []string, is func(*ledger.Refusal) bool) ([]ledger.Refusal, error) {
	if name == "" { // the number of a document that could not be read is empty
		return nil, nil
	}
	var unread []ledger.Unreadable
	if len(tenants) == 0 {
		var err error
		tenants, err = r.Ledger.Refusers(ctx)
		if unread, err = ledger.Skip(err); err != nil {
			return nil, err
		}
	}
	var found []ledger.Refusal
	err := r.Ledger.EachRefusal(ctx, tenants, func(of *ledger.Refusal) {
		if is(of) {
			found = append(found, *of)
		}
	})
	more, err := ledger.Skip(err)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b ledger.Refusal) int { return cmp.Compare(a.At, b.At) })
	return found, unreadable(append(unread, more...))
}

// Results returns the results of invoices, in the same order. The result of an invoice that is not
// done says what it waits for.
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
		if !w.Since.IsZero() {
			out[i].WaitingSince = w.Since.UTC().Format(time.RFC3339)
		}
	}
	return out, nil
}

// InState yields the invoices in one state, some at a time, the oldest change first. It leaves out
// invoices that change after InState has begun, so that a caller that changes the yielded invoices
// does not meet them again. An error of yield ends it and is returned.
func (r *Reader) InState(ctx context.Context, state ledger.State, yield func([]ledger.Invoice) error) error {
	began, err := r.Ledger.Clock(ctx)
	if err != nil {
		return err
	}
	for place := (ledger.Place{}); ; {
		some, next, err := r.Changed(ctx, []ledger.State{state}, place, chunk)
		if err := r.skip(err); err != nil {
			return fmt.Errorf("list %s invoices: %w", state, err)
		}
		if next == place {
			return nil
		}
		place = next
		var invs []ledger.Invoice
		for i := range some {
			// An invoice may have changed its state since the list was read.
			if some[i].Place.At <= ledger.At(began) && some[i].State == state {
				invs = append(invs, some[i].Invoice)
			}
		}
		if err := yield(invs); err != nil || place.At > ledger.At(began) {
			return err
		}
	}
}
