package results

import "ksefworker/internal/ledger"

// NoCode says why an invoice in the given state has no verification link, and so no QR code.
// Package explain has these sentences in Polish.
func NoCode(state string) string {
	switch ledger.State(state) {
	case ledger.Rejected:
		return "KSeF rejected this invoice, so it has no QR code"
	case ledger.Parked:
		return "this invoice is parked, and it may be unknown whether KSeF has it, so it has no QR code"
	case ledger.Dismissed:
		return "a person dismissed this invoice, so it has no QR code"
	case ledger.Superseded:
		return "another document of its number took the place of this invoice, so it has no QR code"
	}
	return "KSeF has no page that shows invoices of this environment, so this one has no QR code"
}
