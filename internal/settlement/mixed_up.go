package settlement

import (
	"cmp"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// What stands between KSeF and this program may mix answers up: a cache, or a gateway that answers
// two requests at a time. An answer that says itself that it is about another invoice is no answer
// about this one, however it was asked for. Whatever is left open by that, the session's receipt
// decides by content.

// ofAnother reports that an answer is about another invoice: its hash says so or, where it has
// none, its number.
func ofAnother(inv *ledger.Invoice, info ksef.InvoiceInfo) bool {
	if info.Hash != "" && inv.Hash != "" {
		return info.Hash != inv.Hash
	}
	return info.InvoiceNumber != "" && NormalName(info.InvoiceNumber) != NormalName(inv.Number)
}

// sharedNumbers are the KSeF numbers, in the canonical form, that stand at the acceptances of more
// than one invoice: KSeF gives each number once, so at most one of these is right. An answer that
// stands twice is one answer.
func (a account) sharedNumbers() map[string]bool {
	owner, shared := map[string]string{}, map[string]bool{}
	note := func(info ksef.InvoiceInfo) {
		about := cmp.Or(info.Hash, NormalName(info.InvoiceNumber))
		if !info.Status.Done() || info.KSeFNumber == "" || about == "" {
			return
		}
		number := invoice.CanonicalKsefNumber(info.KSeFNumber)
		if other, known := owner[number]; known && other != about {
			shared[number] = true
		}
		owner[number] = about
	}
	for _, p := range a.pairs {
		note(p.info)
	}
	for _, info := range a.answers {
		note(info)
	}
	return shared
}

// doubtful reports whether an acceptance has a KSeF number that cannot be this invoice's, or may be
// another's.
func doubtful(p pairing, shared map[string]bool) bool {
	return wrongNumber(p.inv, p.info.KSeFNumber) != "" || shared[invoice.CanonicalKsefNumber(p.info.KSeFNumber)]
}
