package settlement

import "ksefworker/internal/ksef"

// Outcome is what KSeF's status of an invoice asks for.
type Outcome string

// The outcomes.
const (
	ToWait      Outcome = "wait"      // below 200
	ToAccept    Outcome = "accept"    // 200
	ToReject    Outcome = "reject"    // the document is at fault; only its sender can fix it
	ToPark      Outcome = "park"      // a person has to do something, then retry
	ToDuplicate Outcome = "duplicate" // KSeF has one of this identity: find out whether it is ours
	ToResend    Outcome = "resend"    // KSeF's fault: send again, a bounded number of times
)

// decided reports outcomes that do not depend on how the session ended.
func (o Outcome) decided() bool {
	return o == ToAccept || o == ToReject || o == ToPark || o == ToDuplicate
}

// OutcomeOf is the table of KSeF's invoice codes. An unknown code is parked: it is never polled for
// ever, and never sent again on a guess.
func OutcomeOf(s ksef.StatusInfo) Outcome {
	switch s.Code {
	case ksef.InvoiceAccepted:
		return ToAccept
	case ksef.InvoiceFileRefused, ksef.InvoiceSemanticsRefused:
		return ToReject
	case ksef.InvoiceDuplicate:
		return ToDuplicate
	case ksef.InvoiceCancelledWithSession, ksef.InvoiceNotDecrypted, ksef.InvoiceUnknownError, ksef.InvoiceCancelledBySystem:
		return ToResend
	}
	if s.Processing() {
		return ToWait
	}
	return ToPark // 410, 415, and every other one
}

// letsIn reports an answer that shows that KSeF lets the tenant in.
func letsIn(code int) bool { return code == ksef.InvoiceAccepted || code == ksef.InvoiceDuplicate }
