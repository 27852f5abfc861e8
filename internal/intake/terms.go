package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/results"
)

// TermsAnswer says what became of the given terms and ref when the invoice is here already with
// other terms or another ref. Applied concerns only the terms, because a ref never changes. The
// zero value says that there was nothing to change.
type TermsAnswer struct {
	Applied bool
	Text    string
}

// termsTries is how often applyTo tries to apply terms while workers keep changing the invoice.
const termsTries = 5

// newTerms returns the terms that differ from the defaults. Defaults never change the terms that an
// invoice has.
func (t Terms) newTerms() ledger.NewTerms {
	return ledger.NewTerms{Lane: t.Lane, Offline: t.Offline, Deadline: ledger.At(t.Deadline)}
}

// applyTerms gives the terms of this call to invoices that are here already and still queued. For a
// technical correction, and for an invoice that has left the queue, the answer says that the terms
// were not applied.
func (a *Admitter) applyTerms(ctx context.Context, out []Admission, terms func(i int) Terms) error {
	at := map[string][]int{}
	var ids []string
	for i := range out {
		if out[i].Taken == ledger.Present && !out[i].Archived && terms(i).newTerms() != (ledger.NewTerms{}) {
			id := out[i].Invoice.ID
			if at[id] == nil {
				ids = append(ids, id)
			}
			at[id] = append(at[id], i)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	invs, err := a.Ledger.Invoices(ctx, ids)
	if _, err = ledger.Skip(err); err != nil { // an entry that cannot be read is reported as such
		return err
	}
	for k := range invs {
		if !a.mayChange(invs[k].Tenant) {
			continue // it belongs to a tenant of another sender
		}
		for _, i := range at[invs[k].ID] {
			answer, err := a.applyTo(ctx, &invs[k], terms(i).newTerms())
			if err != nil {
				return err
			}
			out[i].Terms = answer
			out[i].Invoice.State, out[i].Invoice.Rev = invs[k].State, invs[k].Rev
		}
	}
	return nil
}

func (a *Admitter) applyTo(ctx context.Context, inv *ledger.Invoice, want ledger.NewTerms) (TermsAnswer, error) {
	for range termsTries {
		if !want.Differ(inv) {
			return TermsAnswer{}, nil
		}
		if inv.State != ledger.Queued {
			break
		}
		if inv.Corrects != "" {
			return TermsAnswer{Text: "the terms given now were not applied: it is a technical correction, which goes by the express lane"},
				nil
		}
		err := a.Ledger.ChangeTerms(ctx, inv, want)
		var moved *ledger.ConflictError
		if errors.As(err, &moved) {
			now, err := a.Ledger.Invoice(ctx, inv.ID)
			if err != nil {
				return TermsAnswer{}, err
			}
			*inv = now
			continue
		}
		if err == nil && inv.Group == "" {
			err = a.Queue.Put(ctx, queue.KindSubmit, inv.ID, inv.Rev, queue.When{Overflow: inv.Overflow})
		}
		return TermsAnswer{Applied: true, Text: "its terms are now " + termsText(inv)}, err
	}
	kept := fmt.Sprintf("the terms given now were not applied: the invoice has %s", termsText(inv))
	switch {
	case inv.State == ledger.Accepted || inv.State == ledger.Receipted:
		kept += ": KSeF has it already"
	case inv.State.Open():
		kept += ": to change them, run " + a.Enqueue.Call("retry", inv.ID) + ", then hand it in again with the new ones"
	case inv.State.Ended():
		kept += ": it is " + string(inv.State) + ", and it is not sent"
	default:
		kept += ": it is on its way (" + string(inv.State) + "), and terms can be changed only while it is queued"
	}
	return TermsAnswer{Text: kept}, nil
}

// termsText describes the terms of an entry as they were asked for.
func termsText(inv *ledger.Invoice) string {
	lane := inv.Lane
	if inv.Chosen {
		lane = ledger.Auto
	}
	parts := []string{"lane " + string(lane)}
	switch {
	case inv.Offline && lane == ledger.Express:
		parts = append(parts, "offline (only a package can be offline, so it goes in a package)")
	case inv.Offline:
		parts = append(parts, "offline")
	}
	if d := inv.Deadline.Time(); !d.IsZero() {
		parts = append(parts, "deadline "+results.LastMoment(d).In(invoice.Warsaw()).Format("2006-01-02 15:04"))
	}
	return strings.Join(parts, ", ")
}
