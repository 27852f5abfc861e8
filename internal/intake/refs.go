package intake

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// maxRef is the maximum length of a ref in characters. A ref is the sender's own key of an invoice.
const maxRef = 128

// CheckRef returns why a text cannot be a ref, as an [*invoice.FieldError] of the field "ref", and
// nil when it can. "" means that there is no ref, and is accepted.
func CheckRef(ref string) error {
	fault := func(rule, hint string) error {
		shown, cut := []rune(ref), 80
		return &invoice.FieldError{Field: "ref", Rule: rule, Value: string(shown[:min(len(shown), cut)]), Hint: hint}
	}
	switch {
	case ref == "":
		return nil
	case !utf8.ValidString(ref):
		return fault("must be UTF-8", "")
	case utf8.RuneCountInString(ref) > maxRef:
		return fault(fmt.Sprintf("is longer than a ref may be, %d characters", maxRef), "give the key of the invoice, not its content")
	case strings.TrimSpace(ref) != ref:
		return fault("must not begin or end with a blank", "")
	case strings.ContainsFunc(ref, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fault("must have printable characters only", "")
	}
	return nil
}

// refUsed refuses a document whose ref names another invoice. If the entry of the other invoice
// cannot be read, that invoice may have ended and left the ref free. So the document is to be
// handed in again later.
func refUsed(ref string, r *answer) error {
	if r.RefState == "" {
		return &RefusedError{ofRef: true,
			Rule:   fmt.Sprintf("ref %q belongs to %s already, and the entry of that invoice cannot be read", ref, r.RefOf),
			Hint:   "whoever operates the program has to look, see ksef_unreadable_entries; hand it in again after that",
			Remedy: ledger.RemedyWait, Unread: true,
		}
	}
	return &RefusedError{ofRef: true,
		Rule: fmt.Sprintf("ref %q is already that of %s, another invoice of this tenant, which is %s", ref, r.RefOf, r.RefState),
		Hint: "give each invoice a ref of its own; another document takes a ref only after the first was rejected, parked or dismissed",
	}
}

// keepRefs tells the sender when an invoice is here already with another ref or with none. The
// given ref is not applied, because the ledger keeps the ref with which an invoice was first handed
// in.
func keepRefs(out []Admission) {
	for i := range out {
		o := &out[i]
		if o.Taken != ledger.Present || o.Ref == "" || o.Ref == o.Invoice.Ref {
			continue
		}
		kept := "the ref given now was not applied: the invoice has none, because a ref is given when an invoice is first handed in"
		if o.Invoice.Ref != "" {
			kept = fmt.Sprintf("the ref given now was not applied: the invoice has ref %s", o.Invoice.Ref)
		}
		if o.Terms.Text != "" {
			kept = o.Terms.Text + "; " + kept
		}
		o.Terms.Text = kept
	}
}
