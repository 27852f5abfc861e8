package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/ledger"
)

// selection says which invoices a command is about: those that are named, or all that the filters let
// through.
type selection struct {
	State      string   `help:"All in this state: rejected or parked, for dismiss also queued or refused." placeholder:"S"`
	Code       int      `help:"All with this code of KSeF's." placeholder:"N"`
	Tenant     string   `help:"All of this tenant, by its name or NIP." placeholder:"NAME"`
	ReasonLike string   `help:"All whose reason contains TEXT, in capitals or not." placeholder:"TEXT"`
	DryRun     bool     `help:"Show what would be done, and do nothing."`
	Names      []string `arg:"" optional:"" name:"ID|P_2" help:"Ids, or invoice numbers."`
}

func (s *selection) filtered() bool {
	return s.State != "" || s.Code != 0 || s.Tenant != "" || s.ReasonLike != ""
}

func (s *selection) check(states []string) error {
	switch {
	case len(s.Names) == 0 && !s.filtered():
		return &usageError{what: "nothing is named",
			hint: "name ids or numbers, or say which with --state, --code, --tenant or --reason-like; enqueue open lists them"}
	case len(s.Names) > 0 && s.filtered():
		return &usageError{what: "ids and numbers do not go with --state, --code, --tenant or --reason-like", hint: "leave one of them out"}
	case s.State != "" && !slices.Contains(states, s.State):
		return &usageError{what: fmt.Sprintf("--state %q does not go with this command", s.State),
			hint: "say one of " + strings.Join(states, ", ")}
	case slices.Contains(s.Names, ""):
		return &usageError{what: "an id or number is empty", hint: "look for a variable that is not set"}
	}
	return nil
}

func (s *selection) lets(tenant, nip string, code int, reason string) bool {
	return (s.Code == 0 || s.Code == code) && (s.Tenant == "" || s.Tenant == tenant || s.Tenant == nip) &&
		strings.Contains(strings.ToLower(reason), strings.ToLower(s.ReasonLike))
}

// undone says why something stays as it is.
type undone struct{ why string }

func (e *undone) Error() string { return e.why }

// deed is what a command does to what is selected.
type deed struct {
	states  []ledger.State // an invoice must be in one of these
	all     []ledger.State // without --state: of these
	can     string         // "only rejected and parked invoices can be retried"
	not     string         // "not retried"
	would   string         // "would be retried"
	done    string         // what it is then
	invoice func(context.Context, *ledger.Invoice) error
	refusal func(context.Context, *ledger.Refusal) error // nil: refused documents cannot be meant
}

// apply does it, prints a line for each and the sum, and returns errSome when anything stays as it is.
func (s *selection) apply(ctx context.Context, p *program, d deed) error {
	rows, done, not := &columns{s: p.out}, 0, 0
	line := func(id, number string, err error) error {
		var left *undone
		switch {
		case errors.As(err, &left):
			not++
			rows.row(id, number, d.not+": "+left.why)
		case err != nil:
			return err
		case s.DryRun:
			done++
			rows.row(id, number, d.would)
		default:
			done++
			rows.row(id, number, d.done)
		}
		return nil
	}
	err := s.each(ctx, p, d, func(inv *ledger.Invoice, ref *ledger.Refusal, name string, err error) error {
		switch {
		case err != nil:
			id, number := name, ""
			if inv != nil {
				id, number = inv.ID, inv.Number
			}
			return line(id, number, err)
		case ref != nil:
			if !s.DryRun {
				err = d.refusal(ctx, ref)
			}
			return line(ref.ID, ref.Number, err)
		}
		if !s.DryRun {
			err = d.invoice(ctx, inv)
		}
		return line(inv.ID, inv.Number, err)
	})
	if err != nil {
		return err
	}
	sum := fmt.Sprintf("%d %s", done, d.done)
	if s.DryRun {
		sum = fmt.Sprintf("%d %s; --dry-run: nothing was done", done, d.would)
	}
	if not > 0 {
		sum += fmt.Sprintf(", %d %s", not, d.not)
	}
	p.say("%s", sum)
	if not > 0 {
		return errSome
	}
	return nil
}

// found is called for each that is selected: an invoice or a refusal, or with an error for a name of
// which nothing can be done.
type found func(inv *ledger.Invoice, ref *ledger.Refusal, name string, err error) error

func (s *selection) each(ctx context.Context, p *program, d deed, yield found) error {
	for _, name := range s.Names {
		if err := s.named(ctx, p, d, name, yield); err != nil {
			return err
		}
	}
	if len(s.Names) > 0 {
		return nil
	}
	states := d.all
	if s.State != "" {
		states = []ledger.State{ledger.State(s.State)}
	}
	for _, state := range states {
		if state == stateRefused {
			continue
		}
		ids, err := p.base.Ledger.InState(ctx, state, time.Time{}, time.Time{}, 0)
		if err != nil {
			return fmt.Errorf("list %s invoices: %w", state, err)
		}
		for chunk := range slices.Chunk(ids, listChunk) {
			invs, err := p.base.Ledger.Invoices(ctx, chunk)
			if err := p.skip(err); err != nil {
				return err
			}
			for i := range invs {
				if invs[i].State == state && s.lets(invs[i].Tenant, invs[i].NIP, invs[i].Code, invs[i].Reason) {
					if err := yield(&invs[i], nil, invs[i].ID, nil); err != nil {
						return err
					}
				}
			}
		}
	}
	if d.refusal == nil || s.State != stateRefused {
		return nil
	}
	refusals, err := p.base.Ledger.Refusals(ctx, time.Time{}, "")
	for i := range refusals {
		if r := &refusals[i]; err == nil && s.lets(r.Tenant, r.NIP, 0, refusalReason(r)) {
			err = yield(nil, r, r.ID, nil)
		}
	}
	return err
}

// named finds what a name means. A number can be that of several: of these one alone may be in a
// state in which something can be done.
func (s *selection) named(ctx context.Context, p *program, d deed, name string, yield found) error {
	invs, err := find(ctx, p.base.Ledger, name)
	unread, err := ledger.Skip(err)
	switch {
	case err != nil:
		return err
	case unread != nil:
		return yield(nil, nil, name, &undone{fmt.Sprintf("its entry cannot be read: %v", unread[0].Err)})
	}
	fit := slices.DeleteFunc(slices.Clone(invs), func(inv ledger.Invoice) bool { return !slices.Contains(d.states, inv.State) })
	switch {
	case len(fit) == 1:
		return yield(&fit[0], nil, name, nil)
	case len(fit) > 1:
		ids := make([]string, len(fit))
		for i := range fit {
			ids[i] = fit[i].ID
		}
		return yield(nil, nil, name, &undone{"this number (P_2) is that of several invoices; name the id: " + strings.Join(ids, " ")})
	case len(invs) > 0:
		last := &invs[len(invs)-1]
		return yield(last, nil, name, &undone{fmt.Sprintf("it is %s; %s", last.State, d.can)})
	}
	ref, err := refusalNamed(ctx, p, name)
	switch {
	case err != nil:
		return err
	case ref == nil:
		return yield(nil, nil, name, &undone{"neither an id nor a number (P_2) that is known"})
	case d.refusal == nil:
		return yield(nil, nil, name, &undone{"it was refused and is not here; fix it, then: " + p.submitAgain(ref.File, ref.Tenant)})
	}
	return yield(nil, ref, name, nil)
}

// refusalNamed finds an open refusal by its id or number; nil when there is none.
func refusalNamed(ctx context.Context, p *program, name string) (*ledger.Refusal, error) {
	refusals, err := p.base.Ledger.Refusals(ctx, time.Time{}, "")
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
