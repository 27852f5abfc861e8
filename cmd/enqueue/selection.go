package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ksefworker/internal/actions"
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

// deed is what a command does to what is selected.
type deed struct {
	scope   actions.Scope
	can     string // "only rejected and parked invoices can be retried"
	not     string // "not retried"
	would   string // "would be retried"
	done    string // what it is then
	invoice func(context.Context, *ledger.Invoice) error
	refusal func(context.Context, *ledger.Refusal) error // nil unless the scope has refusals
}

// apply does it, prints a line for each and the sum, and returns errSome when anything stays as it is.
func (s *selection) apply(ctx context.Context, p *program, d deed) error {
	rows, done, not := &columns{s: p.out}, 0, 0
	chosen := actions.Selection{Names: s.Names, State: ledger.State(s.State), Code: s.Code, Tenant: s.Tenant, ReasonLike: s.ReasonLike}
	err := p.desk().Select(ctx, chosen, d.scope, func(f actions.Match) error {
		id, number := f.Name, ""
		switch {
		case f.Invoice != nil:
			id, number = f.Invoice.ID, f.Invoice.Number
		case f.Refusal != nil:
			id, number = f.Refusal.ID, f.Refusal.Number
		}
		err := s.act(ctx, d, f)
		stays, ok := errors.AsType[*actions.NotDoneError](err)
		switch {
		case ok:
			not++
			rows.row(id, number, d.not+": "+p.whyItStays(stays, f, d.can))
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

func (s *selection) act(ctx context.Context, d deed, f actions.Match) error {
	switch {
	case f.NotDone != nil:
		return f.NotDone
	case s.DryRun:
		return nil
	case f.Refusal != nil:
		return d.refusal(ctx, f.Refusal)
	}
	return d.invoice(ctx, f.Invoice)
}

// whyItStays tells why nothing was done, and what to do instead.
func (p *program) whyItStays(e *actions.NotDoneError, f actions.Match, can string) string {
	switch e.Cause {
	case actions.Unknown:
		return "neither an id nor a number (P_2) that is known"
	case actions.Ambiguous:
		return "this number (P_2) is that of several invoices; name the id: " + strings.Join(e.IDs, " ")
	case actions.WrongState:
		return fmt.Sprintf("it is %s; %s", e.State, can)
	case actions.NotTaken:
		return "it was refused and is not here; fix it, then: " + p.submitAgain(e.Refusal.File, e.Refusal.Tenant)
	case actions.Unreadable:
		return fmt.Sprintf("its entry cannot be read: %v", e.Err)
	case actions.NotKept:
		return "its document is not kept any more (storage.keep_rejected): hand the file in again, then retry it"
	case actions.NumberInUse:
		return "another document of the same number is alive or accepted, or it moved just now: see " +
			p.command("status "+quoted(f.Invoice.Number))
	case actions.Moved:
		return fmt.Sprintf("it moved just now and is %s; %s", e.State, can)
	case actions.Ended:
		return "it was ended just now"
	}
	return e.Error()
}
