package settlement

import (
	"cmp"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// A cache between KSeF and this program, or a gateway that answers two requests at a time, may mix
// answers up. So an answer does not count for the invoice that was asked about if the answer's own
// hash or number is that of another invoice. Invoices that are still open after that are decided by
// the session's receipt, which lists the hashes of documents.

// ofAnother reports whether an answer is about another invoice, by its hash or, where the answer or
// the invoice has no hash, by its number.
func ofAnother(inv *ledger.Invoice, info ksef.InvoiceInfo) bool {
	if info.Hash != "" && inv.Hash != "" {
		return info.Hash != inv.Hash
	}
	return info.InvoiceNumber != "" && NormalName(info.InvoiceNumber) != NormalName(inv.Number)
}

// sharedNumbers returns the KSeF numbers that occur in the acceptances of more than one invoice, in
// the canonical form. KSeF gives each number once, so at most one of these acceptances is right. An
// answer that appears twice counts as one.
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
