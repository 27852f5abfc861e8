package settlement

import "ksefworker/internal/ksef"

// outcome is what KSeF's status of an invoice asks for.
type outcome string

// The outcomes.
const (
	toWait      outcome = "wait"      // 1 to 199
	toAccept    outcome = "accept"    // 200
	toReject    outcome = "reject"    // the document is at fault; only its sender can fix it
	toPark      outcome = "park"      // a person has to do something, then retry
	toDuplicate outcome = "duplicate" // KSeF has an invoice of this identity, perhaps ours
	toResend    outcome = "resend"    // the document is faultless; send it again, a few times at most
)

// decided reports whether the outcome holds no matter how the session ended.
func (o outcome) decided() bool {
	return o == toAccept || o == toReject || o == toPark || o == toDuplicate
}

// outcomeOf returns what KSeF's status of an invoice asks for. It is the table of KSeF's invoice
// codes. An unknown code from 1 to 199 means that KSeF is still processing the invoice. With any
// other unknown code the invoice is parked. Otherwise the worker would ask KSeF about it for ever,
// or send it again on a guess.
func outcomeOf(s ksef.StatusInfo) outcome {
	switch s.Code {
	case ksef.InvoiceAccepted:
		return toAccept
	case ksef.InvoiceFileRefused, ksef.InvoiceSemanticsRefused:
		return toReject
	case ksef.InvoiceDuplicate:
		return toDuplicate
	case ksef.InvoiceCancelledWithSession, ksef.InvoiceNotDecrypted, ksef.InvoiceUnknownError, ksef.InvoiceCancelledBySystem:
		return toResend
	}
	if s.Processing() {
		return toWait
	}
	return toPark // 410, 415, and every other code
}

// letsIn reports whether an answer with this code shows that KSeF lets the tenant in.
func letsIn(code int) bool { return code == ksef.InvoiceAccepted || code == ksef.InvoiceDuplicate }
