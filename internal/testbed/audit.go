package testbed

import (
	"fmt"
	"strings"

	"ksefworker/internal/simulator"
)

// Invoice identifies an invoice by the values by which KSeF identifies it. Build it with InvoiceOf.
type Invoice struct{ NIP, Kind, Number string }

// InvoiceOf returns the invoice with this NIP of the seller, this kind (RodzajFaktury) and this
// number (P_2). White space in the number is normalised in the same way as by KSeF.
func InvoiceOf(nip, kind, number string) Invoice {
	return Invoice{nip, kind, NormalNumber(number)}
}

// NormalNumber returns a number with its white space normalised in the same way as by KSeF.
func NormalNumber(number string) string { return strings.Join(strings.Fields(number), " ") }

// Audit is the simulator's books by invoice.
type Audit struct {
	Books    simulator.Books
	Accepted map[Invoice][]simulator.Accepted
	Rejected map[Invoice][]simulator.Rejected
}

// AuditBooks reads the books. A rejection of a document that KSeF could not read stands under the
// zero Invoice.
func AuditBooks(b simulator.Books) Audit {
	a := Audit{Books: b, Accepted: map[Invoice][]simulator.Accepted{}, Rejected: map[Invoice][]simulator.Rejected{}}
	for _, x := range b.Accepted {
		invoice := InvoiceOf(x.NIP, x.Kind, x.Number)
		a.Accepted[invoice] = append(a.Accepted[invoice], x)
	}
	for _, x := range b.Rejected {
		invoice := InvoiceOf(x.NIP, x.Kind, x.Number)
		a.Rejected[invoice] = append(a.Rejected[invoice], x)
	}
	return a
}

// Balance checks that the books hold n invoices, each accepted exactly once, and that no limit was
// overrun. It returns what is wrong. The test itself may order a block (fault 429) while other
// requests are under way. Nobody can call these requests back, so they do not count as an overrun.
func (a Audit) Balance(n int) []error {
	var errs []error
	for _, v := range a.Books.Violations {
		if v.Window != "block" || a.Books.Faults[simulator.TooMany] == 0 {
			errs = append(errs, fmt.Errorf("limit overrun: %+v", v))
		}
	}
	for invoice, times := range a.Accepted {
		if len(times) > 1 {
			errs = append(errs, fmt.Errorf("KSeF accepted %s of %s %d times: %+v", invoice.Number, invoice.NIP, len(times), times))
		}
	}
	if len(a.Accepted) != n {
		errs = append(errs, fmt.Errorf("KSeF accepted %d invoices, want %d", len(a.Accepted), n))
	}
	return errs
}
