package settlement

import (
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// The reasons that are kept with an invoice. A person reads them, so most of them say what to do or
// what the worker does next. Some are only KSeF's own words.

// explain returns KSeF's own words with KSeF's details. Without a description, it begins with what
// the code means.
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

// NotCorrectable parks a technical correction that KSeF does not take.
func NotCorrectable(inv *ledger.Invoice, code int, words string) Move {
	return parked(inv, code, "KSeF takes no technical correction of the rejected invoice",
		fmt.Sprintf("KSeF takes no technical correction of the rejected invoice: %s; look up the rejected invoice in KSeF, then dismiss this correction",
			words))
}

// parkReason returns why an answer parks an invoice.
func parkReason(inv *ledger.Invoice, s ksef.StatusInfo) string {
	switch s.Code {
	case ksef.InvoicePermissionScope:
		if SubjectOf(inv) == ksef.Subject2 {
			return fmt.Sprintf("%s; seller NIP %s has not granted buyer NIP %s the permission to issue its invoices (SelfInvoicing): "+
				"ask the seller to grant it, then retry", explain(s), inv.NIP, inv.ContextNIP())
		}
		if SubjectOf(inv) == ksef.SubjectAuthorized {
			return fmt.Sprintf("%s; seller NIP %s has not granted NIP %s, its PodmiotUpowazniony, the permission to issue its invoices: "+
				"ask the seller to grant it, then retry", explain(s), inv.NIP, inv.ContextNIP())
		}
		return explain(s) + "; give the account the permission, then retry"
	case ksef.InvoiceAttachmentsNotAllowed:
		return explain(s) + "; ask the Ministry for permission to send attachments, then retry"
	}
	if _, known := ksef.InvoiceMeaning(s.Code); !known {
		return fmt.Sprintf("KSeF answered a code that is not documented (%d %s); retry: that is safe, "+
			"because KSeF answers 440 if it has the invoice, and its content decides",
			s.Code, explain(s))
	}
	return explain(s)
}

// unclearReason returns why an answer about an invoice is not clear.
func unclearReason(p pairing) string {
	if why := p.info.Unreadable; why != "" {
		return "KSeF's answer about it cannot be read: " + why
	}
	if p.info.Status.Processing() {
		return fmt.Sprintf("its session is over, but KSeF still answers %d %s about it", p.info.Status.Code, p.info.Status.Description)
	}
	return wrongNumber(p.inv, p.info.KSeFNumber)
}

// unprovenReason returns why an invoice waits when its session does not account for it.
func unprovenReason(a account) string {
	if !a.listed {
		return "KSeF does not give the session's list, and its receipt (UPO) does not have this invoice: KSeF is asked again"
	}
	if a.unansweredSends() > 0 {
		return "KSeF has confirmed that it was sent, and does not say yet what became of it: KSeF is asked again"
	}
	if a.foreign() {
		return "KSeF's list of the session has a document that was not sent from here, " +
			"so the list proves nothing about this invoice: KSeF is asked again; if that goes on, find out who else sends with these " +
			"credentials"
	}
	if a.session.Counted && !a.complete() {
		return fmt.Sprintf("KSeF's list of the session's invoices is not complete (%d of %d): an invoice that is not in the list may be accepted, "+
			"so KSeF is asked again",
			a.entries, a.session.InvoiceCount)
	}
	return "KSeF's list has no clear answer about it: it may be accepted, so KSeF is asked again"
}

// notFoundReason returns why an invoice that the register does not list is parked.
func notFoundReason(inv *ledger.Invoice) string {
	switch {
	case inv.Code == 0:
		return fmt.Sprintf("session %s is over and does not account for it, and KSeF's register does not list number %s: "+
			"look whether it is there; if it is not, retry", inv.Session, inv.Number)
	case inv.Code != ksef.InvoiceDuplicate:
		return fmt.Sprintf("the gateway no longer knows session %s, and KSeF's register does not list number %s: "+
			"look whether it is there; if it is not, retry", inv.Session, inv.Number)
	case inv.OriginalNumber == "":
		return fmt.Sprintf("KSeF has an invoice of number %s but does not say which, and its register does not list it: "+
			"look it up in KSeF; if it is this document, nothing is left to do", inv.Number)
	}
	return fmt.Sprintf("KSeF calls it a duplicate of %s, but KSeF does not give out that invoice, or it has another seller, kind or number; "+
		"KSeF's register does not list number %s: compare by hand, then retry or leave it", inv.OriginalNumber, inv.Number)
}

const conflict = "conflict: KSeF has another document of this number"

// conflictReason returns why an invoice is parked when KSeF has another document with its number.
// The two may be of one sale, and a new number would make a second invoice of that sale. So a new
// number is advised only for another sale.
func conflictReason(o OtherBytes, note string) string {
	return fmt.Sprintf(conflict+" as %s (hash %s, ours %s; %s); "+
		"look that one up in KSeF and compare the two: if both are the same sale, KSeF's document counts: "+
		"hand that document in, or dismiss this invoice, and put right what is wrong in it by a correction invoice; "+
		"only another sale needs another number",
		o.Invoice.OriginalNumber, o.Hash, o.Invoice.Hash, note)
}
