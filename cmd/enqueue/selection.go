package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ksefworker/internal/actions"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/shell"
)

// selection holds the flags that select the documents of a command, by name or by filters.
type selection struct {
	State      string   `help:"${selection_state}" placeholder:"S"`
	Code       int      `help:"All with this KSeF code." placeholder:"N"`
	Tenant     string   `help:"${selection_tenant}" placeholder:"NAME"`
	ReasonLike string   `help:"All whose reason contains TEXT; upper and lower case are the same." placeholder:"TEXT"`
	DryRun     bool     `help:"Show what would be done, and do nothing."`
	Names      []string `arg:"" optional:"" name:"ID|P_2" help:"Ids, or invoice numbers."`
}

func (s *selection) filtered() bool {
	return s.State != "" || s.Code != 0 || s.Tenant != "" || s.ReasonLike != ""
}

func (s *selection) check(states []string) error {
	switch {
	case len(s.Names) == 0 && !s.filtered():
		return &usageError{what: "no document is named",
			hint: "name ids or numbers, or select with --state, --code, --tenant or --reason-like; enqueue open lists them"}
	case len(s.Names) > 0 && s.filtered():
		return &usageError{what: "ids and numbers cannot be combined with --state, --code, --tenant or --reason-like",
			hint: "leave one of them out"}
	case s.State != "" && !slices.Contains(states, s.State):
		return &usageError{what: fmt.Sprintf("--state %q cannot be used with this command", s.State),
			hint: "use one of " + strings.Join(states, ", ")}
	case slices.Contains(s.Names, ""):
		return &usageError{what: "an id or number is empty", hint: unsetVariable}
	}
	return nil
}

// unsetVariable is the hint about an empty argument.
const unsetVariable = "check for a variable that is not set"

// unknownName is what a person is told about an id or number that no invoice has.
const unknownName = "no invoice has this id or number (P_2)"

// unknownInvoice is unknownName for a command that also takes KSeF numbers.
const unknownInvoice = "no invoice has this id, number (P_2) or KSeF number"

// action is what a command does to the selected documents, and how it says so.
type action struct {
	scope   actions.Scope
	allowed string                                       // "only rejected and parked invoices can be retried"
	notDone string                                       // "not retried"
	would   string                                       // "would be queued"
	done    string                                       // the state afterwards: "queued"
	check   func(context.Context, *ledger.Invoice) error // for --dry-run: the error of invoice, if it is known in advance
	onlyOne bool                                         // of several documents of an identity, only one can be acted on
	invoice func(context.Context, *ledger.Invoice) error
	refusal func(context.Context, *ledger.Refusal) error // nil unless the scope has refusals
}

// apply acts on each selected document, prints a line for each, and then the counts. It returns
// errSome when nothing could be done about some of the documents.
func (s *selection) apply(ctx context.Context, p *program, a action) error {
	rows, done, notDone, promised := &columns{s: p.out}, 0, 0, promises{}
	tenant, unknown := s.Tenant, error(nil)
	if tenant != "" && tenant != actions.NoTenant {
		found := p.cfg.TenantsNamed(tenant)
		// A tenant that was removed from the configuration may still have documents.
		if _, unknown = p.tenant("--tenant ", tenant); len(found) > 1 {
			return unknown
		}
		if len(found) == 1 {
			tenant = found[0].Title()
		}
	}
	selected := actions.Selection{
		Names: s.Names, State: ledger.State(s.State), Code: s.Code, Tenant: tenant, ReasonLike: s.ReasonLike,
	}
	err := p.executor().Select(ctx, selected, a.scope, func(m actions.Match) error {
		id, number := m.Name, ""
		switch {
		case m.Invoice != nil:
			id, number = m.Invoice.ID, m.Invoice.Number
		case m.Refusal != nil:
			id, number = m.Refusal.ID, m.Refusal.Number
		}
		err := s.act(ctx, a, m)
		if err == nil && s.DryRun && a.onlyOne && !promised.first(m.Invoice) {
			err = &actions.NotDoneError{Cause: actions.NumberInUse}
		}
		why, ok := errors.AsType[*actions.NotDoneError](err)
		switch {
		case ok:
			notDone++
			rows.row(id, number, a.notDone+": "+p.whyNotDone(why, m, a.allowed))
		case err != nil:
			return err
		case s.DryRun:
			done++
			rows.row(id, number, a.would)
		default:
			done++
			rows.row(id, number, a.done)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if done+notDone == 0 && unknown != nil {
		return unknown
	}
	counts := fmt.Sprintf("%d %s", done, a.done)
	if s.DryRun {
		counts = fmt.Sprintf("%d %s", done, a.would)
	}
	if notDone > 0 {
		counts += fmt.Sprintf(", %d %s", notDone, a.notDone)
	}
	if s.DryRun {
		counts += "; --dry-run: nothing was done"
	}
	p.say("%s", counts)
	if notDone > 0 {
		return errSome
	}
	return nil
}

// promises are the identities for which --dry-run has already shown a document as queued. Later
// documents of the same identity are shown as not done, because a real run would queue only the
// first.
type promises map[ledger.Identity]bool

func (p promises) first(inv *ledger.Invoice) bool {
	id := ledger.Identity{NIP: inv.NIP, Kind: inv.Kind, Number: inv.Number}
	before := p[id]
	p[id] = true
	return !before
}

func (s *selection) act(ctx context.Context, a action, m actions.Match) error {
	switch {
	case m.NotDone != nil:
		return m.NotDone
	case s.DryRun && m.Invoice != nil && a.check != nil:
		return a.check(ctx, m.Invoice)
	case s.DryRun:
		return nil
	case m.Refusal != nil:
		return a.refusal(ctx, m.Refusal)
	}
	return a.invoice(ctx, m.Invoice)
}

// whyNotDone returns why nothing was done about a document, and what to do instead.
func (a *advice) whyNotDone(e *actions.NotDoneError, m actions.Match, allowed string) string {
	switch e.Cause {
	case actions.Unknown:
		return unknownName
	case actions.Ambiguous:
		return "several invoices have this number (P_2); name the id: " + strings.Join(e.IDs, " ")
	case actions.WrongState:
		return fmt.Sprintf("it is %s; %s", e.State, allowed)
	case actions.NotTaken, actions.Ended:
		return a.whyNoInvoice(e.Refusal)
	case actions.Unreadable:
		return fmt.Sprintf("its entry cannot be read: %v", e.Err) + aboutDamage(e.Err)
	case actions.Unsearched:
		return fmt.Sprintf("it is not known whether a document has this id or number (P_2): %v", e.Err)
	case actions.NotKept:
		return "its document was deleted (storage.keep_rejected): hand the file in again, then retry it"
	case actions.NumberInUse:
		return "another document with the same number or ref is alive or accepted, or its own state just changed: see " +
			a.command("status", shell.Operand(m.Invoice.Number)...)
	case actions.Has:
		return fmt.Sprintf("KSeF has it as %s, as the archive says, although the ledger does not (Redis may have been restored); "+
			"a queued invoice becomes accepted again by itself, any other one when it is retried", e.KsefNumber)
	case actions.Unchecked:
		return fmt.Sprintf("the archive does not say whether KSeF has it: %v", e.Err)
	case actions.Moved:
		return fmt.Sprintf("its state just changed to %s; %s", e.State, allowed)
	}
	return e.Error()
}

// whyNoInvoice returns why there is no invoice of a refused document, and what to do. A refusal
// that has ended cannot be taken back. The document can be handed in again.
func (a *advice) whyNoInvoice(r *ledger.Refusal) string {
	switch {
	case r == nil:
		return "it was just ended"
	case r.Ended == "":
		return "it was refused and not taken in; " +
			a.whatToDo(inquiry.OpenItem{Tenant: r.Tenant, Result: results.OfRefusal(r), Remedy: r.Remedy})
	case r.Ended == ledger.RefusalDismissed:
		return "it was refused and not taken in, and " + r.Note + "; if it is to be sent, hand it in again: " +
			a.submitAgain(r.File, r.Tenant)
	}
	return "it was refused and not taken in, and the refusal is " + r.Ended + " " + r.Note
}
