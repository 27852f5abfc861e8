package actions

import (
	"context"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Selection selects the documents that have one of the names. Without names, it selects the
// documents that pass every filter. A filter with its zero value lets everything pass.
type Selection struct {
	Names []string // ids, or numbers (P_2)

	State      ledger.State // or results.Refused; "" stands for the states of Scope.Default
	Code       int          // KSeF's code
	Tenant     string       // its name, or [NoTenant]
	ReasonLike string       // a part of the reason; upper and lower case are the same
}

// NoTenant selects the documents that belong to no tenant of the configuration.
const NoTenant = "-"

// Scope says which documents an action is for.
type Scope struct {
	States  []ledger.State // an invoice that is selected by name must be in one of these
	Default []ledger.State // the states when the selection has neither names nor State
	// LastResort are more states that an invoice selected by name may be in, when no invoice with
	// that name is in one of States.
	LastResort []ledger.State
	Refusals   bool // the action is for refused documents too
}

// Match is one selected document, which is an invoice or a refusal. When nothing can be done about
// the document, NotDone says why; then Invoice and Refusal may be nil.
type Match struct {
	Invoice *ledger.Invoice
	Refusal *ledger.Refusal
	Name    string // the name by which it was selected; its id when it was selected by filters
	NotDone *NotDoneError
}

// Select yields the selected documents one by one. An error of yield ends Select and is returned.
func (x *Executor) Select(ctx context.Context, s Selection, scope Scope, yield func(Match) error) error {
	for _, name := range s.Names {
		f, err := x.named(ctx, name, scope)
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
		return x.refusals(ctx, s, scope, yield)
	}
	states := scope.Default
	if s.State != "" {
		states = []ledger.State{s.State}
	}
	for _, state := range states {
		err := x.Inquiry.InState(ctx, state, func(invs []ledger.Invoice) error {
			for i := range invs {
				inv := &invs[i]
				if !s.passes(inv.Tenant, inv.Code, inv.Reason) {
					continue
				}
				if err := yield(Match{Invoice: inv, Name: inv.ID}); err != nil {
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

func (x *Executor) refusals(ctx context.Context, s Selection, scope Scope, yield func(Match) error) error {
	if !scope.Refusals {
		return nil
	}
	var tenants []string
	switch s.Tenant {
	case "":
	case NoTenant:
		tenants = []string{""}
	default:
		tenants = []string{s.Tenant}
	}
	refusals, lacking := x.Ledger.Refusals(ctx, time.Time{}, "", tenants...)
	if _, err := ledger.Skip(lacking); err != nil {
		return err
	}
	for i := range refusals {
		r := &refusals[i]
		if !s.passes(r.Tenant, 0, results.RefusalReason(r)) {
			continue
		}
		if err := yield(Match{Refusal: r, Name: r.ID}); err != nil {
			return err
		}
	}
	return lacking // all others were yielded
}

func (s Selection) passes(tenant string, code int, reason string) bool {
	return (s.Code == 0 || s.Code == code) && (s.Tenant == "" || s.Tenant == tenant || s.Tenant == NoTenant && tenant == "") &&
		strings.Contains(strings.ToLower(reason), strings.ToLower(s.ReasonLike))
}

// named finds the document with a name. If several invoices have the same number, it returns the
// one that is in a state that the action is for. If several invoices are in such a state, the name
// is ambiguous.
func (x *Executor) named(ctx context.Context, name string, scope Scope) (Match, error) {
	invs, err := x.Inquiry.Find(ctx, name)
	unread, err := ledger.Skip(err)
	switch {
	case err != nil:
		return Match{}, err
	case unread != nil:
		return Match{Name: name, NotDone: notReadable(unread)}, nil
	}
	fit := inStates(invs, scope.States)
	if len(fit) == 0 {
		fit = inStates(invs, scope.LastResort)
	}
	switch {
	case len(fit) == 1:
		return Match{Invoice: &fit[0], Name: name}, nil
	case len(fit) > 1:
		ids := make([]string, len(fit))
		for i := range fit {
			ids[i] = fit[i].ID
		}
		return Match{Name: name, NotDone: &NotDoneError{Cause: Ambiguous, IDs: ids}}, nil
	case len(invs) > 0:
		last := &invs[len(invs)-1]
		return Match{Invoice: last, Name: name, NotDone: &NotDoneError{Cause: WrongState, State: last.State}}, nil
	}
	ref, err := x.Inquiry.Refusal(ctx, name)
	unread, err = ledger.Skip(err)
	switch {
	case err != nil:
		return Match{}, err
	case unread != nil:
		return Match{Name: name, NotDone: notReadable(unread)}, nil
	case ref == nil:
		return x.endedRefusal(ctx, name, scope)
	case !scope.Refusals:
		return Match{Name: name, NotDone: &NotDoneError{Cause: NotTaken, Refusal: ref}}, nil
	}
	return Match{Refusal: ref, Name: name}, nil
}

// endedRefusal returns the match for a name that neither an invoice nor an open refusal has.
// Nothing can be done about a refusal that has ended, but its document can be handed in again.
func (x *Executor) endedRefusal(ctx context.Context, name string, scope Scope) (Match, error) {
	all, err := x.Inquiry.Refused(ctx, name)
	unread, err := ledger.Skip(err)
	if err != nil {
		return Match{}, err
	}
	if len(all) == 0 && unread != nil {
		return Match{Name: name, NotDone: notReadable(unread)}, nil
	}
	if len(all) == 0 {
		return Match{Name: name, NotDone: &NotDoneError{Cause: Unknown}}, nil
	}
	why := &NotDoneError{Cause: NotTaken, Refusal: &all[len(all)-1]}
	if scope.Refusals {
		why.Cause = Ended
	}
	return Match{Name: name, NotDone: why}, nil
}

// notReadable returns why nothing is done about a document when these entries or keys cannot be
// read.
func notReadable(unread []ledger.Unreadable) *NotDoneError {
	if i := slices.IndexFunc(unread, ledger.Unreadable.Shared); i >= 0 {
		return &NotDoneError{Cause: Unsearched, Err: unread[i].Err}
	}
	return &NotDoneError{Cause: Unreadable, Err: unread[0].Err}
}

func inStates(invs []ledger.Invoice, states []ledger.State) []ledger.Invoice {
	return slices.DeleteFunc(slices.Clone(invs), func(inv ledger.Invoice) bool { return !slices.Contains(states, inv.State) })
}
