package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/results"
)

// show prints a line for each document. With --wait, the documents that were taken are printed
// later, when their outcome is known.
func (c *submitCmd) show(ctx context.Context, p *program, rows *columns, adms []intake.Admission) error {
	present, err := c.presentEntries(ctx, p, adms)
	if err != nil {
		return err
	}
	for _, a := range adms {
		switch {
		case a.Taken == ledger.Refused && c.JSON:
			err = printJSON(p.out, refusedResult(a, cmp.Or(c.terms.Tenant, a.Invoice.Tenant, p.owner(a.Invoice.NIP))))
		case a.Taken == ledger.Refused:
			rows.row("", a.File, a.Invoice.Number, results.Refused+": "+intake.OneLine(a.Err)+heldText(&a))
		case c.Wait != "":
			if a.Warning != nil {
				p.say("%s: %s%s", a.File, a.Invoice.Number, warningOf(&a))
			}
			if a.Terms.Text != "" {
				p.say("%s: %s: %s", a.File, a.Invoice.Number, a.Terms.Text)
			}
		case c.JSON:
			inv, ok := present[a.Invoice.ID]
			if !ok {
				inv = a.Invoice
			}
			r := p.resultOf(inv)
			r.File = a.File
			err = printJSON(p.out, handedResult{r, takenWord(a.Taken), c.noteOf(p, &a, present), warningText(a.Warning), termsOf(&a)})
		case a.Taken == ledger.Present:
			here := "already here"
			if note := c.noteOf(p, &a, present); note != "" {
				here += ": " + note
			}
			if a.Terms.Text != "" {
				here += "; " + a.Terms.Text
			}
			state := fmt.Sprintf("%s (%s)", a.Invoice.State, here)
			rows.row(a.Invoice.ID, a.File, a.Invoice.Number, state+warningOf(&a))
		default:
			rows.row(a.Invoice.ID, a.File, a.Invoice.Number, string(a.Invoice.State)+warningOf(&a))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// heldText returns the end of the line of a document that is refused now but was taken before. For
// all others it returns "".
func heldText(a *intake.Admission) string {
	if a.Held.ID == "" {
		return ""
	}
	return fmt.Sprintf("; this document was taken before as %s, which is %s and stays so", a.Held.ID, a.Held.State)
}

// handedResult is a result as submit prints it, with remarks about the document.
type handedResult struct {
	results.Result
	Taken   string       `json:"taken"` // new, or present: it was here already
	Note    string       `json:"note,omitempty"`
	Warning string       `json:"warning,omitempty"`
	Terms   *termsResult `json:"terms,omitempty"`
}

// takenWord returns a word that says whether a document that was taken is new. It is called only
// for documents that were taken in. The output of a refused document has the state "refused"
// instead.
func takenWord(t ledger.Taken) string {
	if t == ledger.Created {
		return "new"
	}
	return string(t)
}

// termsResult says whether terms that differ from those on record were applied. Text says the same
// in words.
type termsResult struct {
	Applied bool   `json:"applied"`
	Text    string `json:"text"`
}

func termsOf(a *intake.Admission) *termsResult {
	if a.Terms.Text == "" {
		return nil
	}
	return &termsResult{a.Terms.Applied, a.Terms.Text}
}

// warningOf returns the warning about a document that was taken, as the end of its line; "" when
// there is none.
func warningOf(a *intake.Admission) string {
	if a.Warning == nil {
		return ""
	}
	return "; warning: " + warningText(a.Warning)
}

// warningText returns a warning in one line. Its hint is for a document that was taken, not for one
// that has to be fixed.
func warningText(err error) string {
	if field, ok := errors.AsType[*invoice.FieldError](err); ok {
		taken := *field
		taken.Hint = "taken all the same; avoid such characters in the next export"
		err = &taken
	}
	return intake.OneLine(err)
}

// noteOf returns what a person should know about a document that is already here; "" for all
// others.
func (c *submitCmd) noteOf(p *program, a *intake.Admission, present map[string]ledger.Invoice) string {
	there := present[a.Invoice.ID].Tenant
	switch {
	case c.terms.Tenant != "" && there != "" && there != c.terms.Tenant:
		return "tenant " + there + " sends it, --tenant has no effect"
	case a.Archived:
		return "its result is in the archive"
	case a.Taken == ledger.Present && a.Invoice.State == ledger.Dismissed:
		return p.dismissedNote(present[a.Invoice.ID])
	case a.Differs != "":
		return a.Differs
	}
	return ""
}

// dismissedNote returns a note about a document that is not sent, with who decided this and what to
// do if it was a mistake.
func (a *advice) dismissedNote(inv ledger.Invoice) string {
	return cmp.Or(inv.Reason, "a person dismissed it") + "; it is not sent; if that was a mistake: " + a.command("retry", inv.ID) +
		"; a document with other content can take the number"
}

// presentEntries returns the entries, by id, of documents that were already here. Such an entry may
// have a KSeF number, or say who dismissed the document. presentEntries reads only the entries that
// the output needs.
func (c *submitCmd) presentEntries(ctx context.Context, p *program, adms []intake.Admission) (map[string]ledger.Invoice, error) {
	all := c.JSON && c.Wait == "" || c.terms.Tenant != ""
	var ids []string
	for _, a := range adms {
		if a.Taken == ledger.Present && (all || a.Invoice.State == ledger.Dismissed && c.Wait == "") {
			ids = append(ids, a.Invoice.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	invs, err := p.base.Ledger.Invoices(ctx, ids)
	if err := p.skip(err); err != nil {
		return nil, err
	}
	out := make(map[string]ledger.Invoice, len(invs))
	for _, inv := range invs {
		out[inv.ID] = inv
	}
	return out, nil
}

// sayLeft names the files that were not taken from folders. They may be invoices that nobody would
// hear of otherwise.
func (c *submitCmd) sayLeft(p *program) {
	for _, l := range c.left {
		names := strings.Join(l.Names, ", ")
		if more := l.Files - len(l.Names); more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		one, more, hint := "other file was", "other files were", ""
		if l.Hidden {
			one, more = "other file or folder was", "other files or folders were"
			hint += "; nothing is taken whose name begins with a dot"
		}
		if l.ZIP {
			hint += "; a .zip is a PATH of its own"
		}
		if l.JSON {
			hint += "; an invoice as JSON is taken over HTTP or by " + p.command("watch") + " only"
		}
		p.say("%s: %s left there, because only *.xml is taken from a folder: %s%s", l.Folder,
			plural.Of(l.Files, one, more), names, hint)
	}
}

// sayUnrecorded warns when refusals could not be recorded, because then only this run names them.
// It also warns when earlier refusals of documents that are taken now may still be listed, and when
// receivers of results are not told of some refusals.
func (p *program) sayUnrecorded(r *intake.Refusals) {
	switch {
	case r.Unrecorded > 0:
		p.say("%d of the refused documents %s not on record, so %s will not show %s: %v", r.Unrecorded,
			plural.Form(r.Unrecorded, "is", "are"), p.command("open"), plural.Form(r.Unrecorded, "it", "them"), r.Err)
	case r.Err != nil:
		p.say("%s may still list documents that were refused before and are taken now; a worker ends such a refusal within minutes, "+
			"once its cause is gone: %v", p.command("open"), r.Err)
	}
	if r.Untold > 0 {
		p.say("receivers of results are not told of %d of the refused documents: they are told of at most %d of one tenant in four hours",
			r.Untold, ledger.MaxToldRefusals)
	}
}
