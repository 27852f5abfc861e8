package settlement

import (
	"fmt"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// TidyNumber returns a KSeF number in the form in which it is kept. A number whose checksum is
// correct is kept in the form of 35 characters, however it was spelled. Every number of KSeF 2.0
// has a correct checksum. Any other number is kept as it was given.
func TidyNumber(number string) string {
	canonical := invoice.CanonicalKsefNumber(number)
	if _, err := invoice.ParseKsefNumber(canonical); err == nil {
		return canonical
	}
	return number
}

// wrongNumber says what is wrong with a KSeF number of an invoice. It returns "" when nothing is
// wrong.
func wrongNumber(inv *ledger.Invoice, number string) string {
	n, err := invoice.ParseKsefNumber(number)
	switch {
	case err != nil:
		return fmt.Sprintf("KSeF says accepted, but %q is not a KSeF number: %v", number, err)
	case n.SellerNIP != inv.NIP:
		return fmt.Sprintf("KSeF says accepted, but number %s belongs to seller %s, not %s", number, n.SellerNIP, inv.NIP)
	}
	return ""
}

// SubjectOf returns the role that the sender has in an invoice.
func SubjectOf(inv *ledger.Invoice) ksef.SubjectType {
	if inv.Subject == "" {
		return ksef.Subject1
	}
	return ksef.SubjectType(inv.Subject)
}
