package actions

import (
	"context"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Selection says which documents are meant: those that are named, or, without names, all that pass
// the filters. A filter that is zero lets everything pass.
type Selection struct {
	Names []string // ids, or numbers (P_2)

	State      ledger.State // or results.Refused; "": the states of Scope.Default
	Code       int          // KSeF's
	Tenant     string       // its name or NIP
	ReasonLike string       // a part of the reason, in capitals or not
}

// Scope says what an action is for.
type Scope struct {
	States   []ledger.State // an invoice that is named must be in one of these
	Default  []ledger.State // without names and State: those in these
	Refusals bool           // refused documents can be meant
}

// Found is one document that is meant: an invoice, a refusal, or a name about which nothing can be
// done, with the reason in Stays.
type Found struct {
	Invoice *ledger.Invoice
	Refusal *ledger.Refusal
	Name    string // as it was named; the id where it was not
	Stays   *StaysError
}

// Select yields what is meant, one by one. An error of yield ends it.
func (d *Desk) Select(ctx context.Context, s Selection, scope Scope, yield func(Found) error) error {
	for _, name := range s.Names {
		f, err := d.named(ctx, name, scope)
		if err != nil {
			return err
		}
		if err := yield(f); err != nil {
			return err
		}
	}
	if len(s.Names) > 0 {
		return nil
	}
	if s.State == results.Refused {
		return d.refusals(ctx, s, scope, yield)
	}
	states := scope.Default
	if s.State != "" {
		states = []ledger.State{s.State}
	}
	for _, state := range states {
		err := d.Inquiry.InState(ctx, state, func(invs []ledger.Invoice) error {
			for i := range invs {
				inv := &invs[i]
				if !s.passes(inv.Tenant, inv.NIP, inv.Code, inv.Reason) {
					continue
				}
				if err := yield(Found{Invoice: inv, Name: inv.ID}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) refusals(ctx context.Context, s Selection, scope Scope, yield func(Found) error) error {
	if !scope.Refusals {
		return nil
	}
	refusals, err := d.Ledger.Refusals(ctx, time.Time{}, "")
	if err != nil {
		return err
	}
	for i := range refusals {
		r := &refusals[i]
		if !s.passes(r.Tenant, r.NIP, 0, results.RefusalReason(r)) {
			continue
		}
		if err := yield(Found{Refusal: r, Name: r.ID}); err != nil {
			return err
		}
	}
	return nil
}

func (s Selection) passes(tenant, nip string, code int, reason string) bool {
	return (s.Code == 0 || s.Code == code) && (s.Tenant == "" || s.Tenant == tenant || s.Tenant == nip) &&
		strings.Contains(strings.ToLower(reason), strings.ToLower(s.ReasonLike))
}

// named finds what a name means. A number can be that of several invoices: of these one alone may be
// in a state that the action is for.
func (d *Desk) named(ctx context.Context, name string, scope Scope) (Found, error) {
	invs, err := d.Inquiry.Find(ctx, name)
	unread, err := ledger.Skip(err)
	switch {
	case err != nil:
		return Found{}, err
	case unread != nil:
		return Found{Name: name, Stays: &StaysError{Cause: Unreadable, Err: unread[0].Err}}, nil
	}
	fit := slices.DeleteFunc(slices.Clone(invs), func(inv ledger.Invoice) bool {
		return !slices.Contains(scope.States, inv.State)
	})
	switch {
	case len(fit) == 1:
		return Found{Invoice: &fit[0], Name: name}, nil
	case len(fit) > 1:
		ids := make([]string, len(fit))
		for i := range fit {
			ids[i] = fit[i].ID
		}
		return Found{Name: name, Stays: &StaysError{Cause: Ambiguous, IDs: ids}}, nil
	case len(invs) > 0:
		last := &invs[len(invs)-1]
		return Found{Invoice: last, Name: name, Stays: &StaysError{Cause: WrongState, State: last.State}}, nil
	}
	ref, err := d.Inquiry.Refusal(ctx, name)
	switch {
	case err != nil:
		return Found{}, err
	case ref == nil:
		return Found{Name: name, Stays: &StaysError{Cause: Unknown}}, nil
	case !scope.Refusals:
		return Found{Name: name, Stays: &StaysError{Cause: NotTaken, Refusal: ref}}, nil
	}
	return Found{Refusal: ref, Name: name}, nil
}
