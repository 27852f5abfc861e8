package httpintake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// item is the answer about one document. Each document gets one, in the order of the documents.
type item struct {
	ID          string        `json:"id,omitempty"`
	Ref         string        `json:"ref,omitempty"`
	File        string        `json:"file"`
	State       string        `json:"state"` // of the invoice, or refused
	AlreadyHere bool          `json:"already_here"`
	Tenant      string        `json:"tenant,omitempty"`
	Number      string        `json:"number,omitempty"`
	KsefNumber  string        `json:"ksef_number,omitempty"`
	Note        string        `json:"note,omitempty"`    // what differs from what was handed in before
	Warning     string        `json:"warning,omitempty"` // it was taken although something is odd
	Terms       *itemTerms    `json:"terms,omitempty"`
	Refusal     *itemRefusal  `json:"refusal,omitempty"`
	Links       *invoiceLinks `json:"links,omitempty"`

	foreign bool // it concerns a tenant that is not the client's
}

// itemTerms says what became of terms or a ref that differ from those on record.
type itemTerms struct {
	Applied bool   `json:"applied"`
	Text    string `json:"text"`
}

// itemRefusal is why a document was not taken.
type itemRefusal struct {
	Detail   string  `json:"detail"`
	TryAgain bool    `json:"try_again"` // nothing is wrong with the document: hand it in again
	Faults   []fault `json:"faults"`
	// Explanations say in Polish and English what the rules mean, and what to do.
	Explanations []explain.Entry `json:"explanations,omitempty"`

	after  time.Duration // the shortest time until the document should be handed in again
	unread bool          // an entry cannot be read, so neither the document nor the caller is at fault
}

// fault is one thing that is wrong with a document. Field is "" when no field of the document is at
// fault.
type fault struct {
	Field  string `json:"field,omitempty"`
	Rule   string `json:"rule"`
	Value  string `json:"value,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

type invoiceLinks struct {
	Self string `json:"self"`
	XML  string `json:"xml"`
	UPO  string `json:"upo"`
	QR   string `json:"qr"`
	PDF  string `json:"pdf"`
}

func linksOf(id string) *invoiceLinks {
	self := "/v1/invoices/" + id
	return &invoiceLinks{Self: self, XML: self + "/xml", UPO: self + "/upo", QR: self + "/qr.png", PDF: self + "/pdf"}
}

// itemOf returns the answer about a document. entries has the ledger's entries that the document
// met, by id. They are its own entry when the document is here already, and the entry of another
// invoice that has its number or ref.
func (c *call) itemOf(a *intake.Admission, entries map[string]ledger.Invoice) item {
	inv := a.Invoice
	it := item{Ref: cut(a.Ref), File: a.File, Number: inv.Number, Tenant: inv.Tenant}
	met := []string{entries[a.Other].Tenant, entries[a.Held.ID].Tenant}
	var here ledger.Invoice
	if a.Taken == ledger.Present {
		here = entries[inv.ID]
		// When only the archive has the result, inv has the tenant.
		met = []string{here.Tenant, inv.Tenant}
	}
	for _, tenant := range met {
		if tenant != "" && !c.owns(tenant) {
			return c.foreign(it)
		}
	}
	if a.Taken == ledger.Refused {
		it.State, it.Refusal = results.Refused, c.refusalOf(a.Err)
		if a.Held.ID != "" {
			it.Note = c.translate("this document was taken before as " + a.Held.ID + ", which is " + string(a.Held.State) +
				" and stays so")
		}
		return it
	}
	it.ID, it.State, it.AlreadyHere = inv.ID, string(inv.State), a.Taken == ledger.Present
	it.KsefNumber, it.Note, it.Links = inv.KsefNumber, c.translate(a.Differs), linksOf(inv.ID)
	if here.ID != "" {
		it.State, it.KsefNumber, it.Tenant = string(here.State), here.KsefNumber, here.Tenant
	}
	if it.AlreadyHere && inv.Ref != "" {
		it.Ref = inv.Ref
	}
	if a.Terms.Text != "" {
		it.Terms = &itemTerms{a.Terms.Applied, c.translate(a.Terms.Text)}
	}
	if a.Warning != nil {
		it.Warning = c.warning(a.Warning)
	}
	return it
}

// foreign returns the answer when the document, or another one with its number, is already here for
// a tenant that is not the client's. It says only that the document cannot be taken. It tells
// neither the id, nor the state, nor what differs.
func (c *call) foreign(it item) item {
	it.State, it.Tenant, it.foreign = results.Refused, "", true
	rule, hint := c.lang.say(foreignRule(it.Number)), c.lang.say(foreignHint)
	it.Refusal = &itemRefusal{Detail: rule + "; " + hint, Faults: []fault{{Rule: rule, Hint: hint}}}
	return it
}

func foreignRule(number string) text {
	return text{
		en: "number " + number + " of this seller was handed in by another program, for a tenant that is not yours",
		pl: "numer " + number + " tego sprzedawcy przekazał inny program, dla podatnika, do którego nie masz dostępu"}
}

var foreignHint = text{
	en: "KSeF takes one invoice of each seller, kind and number: if KSeF rejects the other one, yours can be handed in again",
	pl: "KSeF przyjmuje jedną fakturę o danym sprzedawcy, rodzaju i numerze: jeśli odrzuci tamtą, swoją możesz przekazać ponownie"}

// warning returns a text that says what is odd about a document that was taken.
func (c *call) warning(err error) string {
	faults := invoice.FieldErrors(err)
	if c.lang != polish || len(faults) == 0 {
		return intake.OneLine(err)
	}
	var all []string
	for _, f := range faults {
		one := explain.Defect{Field: f.Field, Rule: f.Rule, Value: f.Value, Line: f.Line, Column: f.Column}.Polish()
		if f.Hint != "" {
			one += "; " + c.translate(f.Hint)
		}
		all = append(all, one)
	}
	return strings.Join(all, " | ")
}

// maxText bounds each text of a fault, in characters, because a text may quote what the caller
// sent.
const maxText = 1000

// unreadPause is how long a caller should wait before it hands in again a document that met an
// unreadable entry. Before that, somebody has to finish an update or repair the entry.
const unreadPause = time.Minute

func (c *call) refusalOf(err error) *itemRefusal {
	r := &itemRefusal{}
	var rules []string
	var problem *intake.Problem
	var outside *intake.RefusedError
	var unsure *intake.UnsureError
	switch fields := invoice.FieldErrors(err); {
	case len(fields) > 0:
		for _, f := range fields {
			f := *f
			for _, text := range []*string{&f.Field, &f.Rule, &f.Value, &f.Hint} {
				*text = invoice.Shorten(*text, maxText)
			}
			rules = append(rules, f.Rule)
			r.Faults = append(r.Faults, fault{
				Field: f.Field, Rule: c.translate(f.Rule), Value: explain.SayValue(explain.Language(c.lang), f.Rule, f.Value),
				Line: f.Line, Column: f.Column, Hint: c.translate(f.Hint),
			})
		}
	case errors.As(err, &unsure):
		r.TryAgain, r.unread, rules = true, unsure.Unread, []string{unsure.What}
		// The cause is left out, because it names places of this machine.
		hint := "nothing was taken, hand it in again"
		if r.after = unsure.After; r.after > 0 {
			hint = fmt.Sprintf("nothing was taken, hand it in again in %d s", seconds(r.after))
		}
		r.Faults = []fault{{Rule: c.translate(unsure.What), Hint: c.translate(hint)}}
	case errors.As(err, &outside):
		r.TryAgain = outside.Remedy == ledger.RemedyResume || outside.Remedy == ledger.RemedyWait
		r.unread, rules = outside.Unread, []string{outside.Rule}
		r.Faults = []fault{{Rule: c.translate(outside.Rule), Hint: c.translate(outside.Hint)}}
	case errors.As(err, &problem):
		rules = []string{problem.What}
		r.Faults = []fault{{Rule: invoice.Shorten(c.translate(problem.What), maxText), Hint: c.translate(problem.Hint)}}
	default:
		r.Faults = []fault{{Rule: invoice.Shorten(intake.OneLine(err), maxText)}}
	}
	var all []string
	for _, f := range r.Faults {
		s := f.Rule
		switch {
		case c.lang == polish:
			s = explain.Naming(f.Field, s)
		case f.Field != "":
			s = f.Field + " " + s
		}
		s += explain.Found(explain.Language(c.lang), f.Value, f.Line, f.Column)
		if f.Hint != "" {
			s += "; " + f.Hint
		}
		all = append(all, s)
	}
	if r.unread {
		r.after = max(r.after, unreadPause)
	}
	r.Detail = strings.Join(all, " | ")
	r.Explanations = explain.About(explain.Facts{State: results.Refused, Rules: rules})
	if r.TryAgain {
		// The explanation of the state says that the document has a fault. This document has none.
		r.Explanations = slices.DeleteFunc(r.Explanations, func(e explain.Entry) bool { return e.Space == explain.State })
	}
	return r
}
