package tasks

import "ksefworker/internal/ksef"

// outcome is what an invoice's status asks for.
type outcome string

const (
	outcomeWait      outcome = "wait"      // below 200
	outcomeAccept    outcome = "accept"    // 200
	outcomeReject    outcome = "reject"    // the document is at fault; only its sender can mend it
	outcomePark      outcome = "park"      // a person has to do something, then retry
	outcomeDuplicate outcome = "duplicate" // KSeF has one of this identity: find out whether it is ours
	outcomeResend    outcome = "resend"    // KSeF's fault: send anew, a bounded number of times
)

// decided reports outcomes that do not depend on how the session ended.
func (o outcome) decided() bool {
	return o == outcomeAccept || o == outcomeReject || o == outcomePark || o == outcomeDuplicate
}

// judgeInvoice is the table of KSeF's invoice codes. A code that nobody knows is parked: it is never polled for ever, and never sent again on a guess.
func judgeInvoice(s ksef.StatusInfo) outcome {
	switch s.Code {
	case ksef.InvoiceAccepted:
		return outcomeAccept
	case ksef.InvoiceFileRefused, ksef.InvoiceSemanticsRefused:
		return outcomeReject
	case ksef.InvoiceDuplicate:
		return outcomeDuplicate
	case ksef.InvoiceCancelledWithSession, ksef.InvoiceNotDecrypted, ksef.InvoiceUnknownError, ksef.InvoiceCancelledBySystem:
		return outcomeResend
	}
	if s.Processing() {
		return outcomeWait
	}
	return outcomePark // 410, 415, and whatever comes
}

// explain is the reason kept with an outcome: KSeF's own words, with its details.
func explain(s ksef.StatusInfo) string {
	words := s.Description
	if words == "" {
		words, _ = ksef.InvoiceMeaning(s.Code)
	}
	if words == "" || s.Details == "" {
		return words + s.Details
	}
	return words + ": " + s.Details
}
