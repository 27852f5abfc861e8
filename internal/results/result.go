package results

import (
	"encoding/base64"
	"time"

	"ksefworker/internal/explain"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// Result is what this program shows, stores and tells about an invoice. Listings, JSON output, the
// archive and receivers all have the form that docs/result.schema.json describes. Of the invoice's
// content it holds only the seller's NIP, the kind, the number and the issue date, and sometimes
// the gross amount and its currency. A reason may also quote a value that is wrong.
type Result struct {
	ID              string `json:"id"`
	File            string `json:"file"`
	NIP             string `json:"nip"`
	Number          string `json:"number"`
	Kind            string `json:"kind"`
	IssueDate       string `json:"issue_date"`
	Hash            string `json:"hash"`
	State           string `json:"state"`
	KsefNumber      string `json:"ksef_number"`
	Code            int    `json:"code"` // KSeF's, 0 when it gave none
	Reason          string `json:"reason"`
	Package         string `json:"package"`
	Session         string `json:"session"`
	UPO             string `json:"upo"` // URL of the archived receipt
	VerificationURL string `json:"verification_url"`
	Attempts        int    `json:"attempts"`   // number of sessions in which it was sent
	Deadline        string `json:"deadline"`   // legal, see [LastMoment]; RFC 3339 in Europe/Warsaw
	UpdatedAt       string `json:"updated_at"` // RFC 3339, UTC

	// These fields say what an unfinished invoice waits for: the reason as package waiting names
	// it, the reason in words, and until when (RFC 3339, UTC), if known. They describe the moment,
	// so the archive never has them.
	WaitingFor   string `json:"waiting_for,omitempty"`
	WaitingWhat  string `json:"waiting_what,omitempty"`
	WaitingUntil string `json:"waiting_until,omitempty"`

	Tenant       string `json:"tenant"`                  // its name; "" where none is known
	WaitingSince string `json:"waiting_since,omitempty"` // RFC 3339, UTC; never in the archive
	TakenBack    string `json:"taken_back,omitempty"`    // who dismissed it, who took that back, and when
	Ref          string `json:"ref,omitempty"`           // the key that the sender's program has for it

	// Revision grows with every change of the invoice. Of two results with the same id, the result
	// with the greater revision is newer. Revision is 0 in results that an earlier build archived.
	Revision int64 `json:"revision"`
	// Gross is P_15 as the document has it and Currency is KodWaluty. Both are left out in
	// listings and wherever else the result is made of the ledger's entry alone, for refused
	// documents, and when the document is no longer kept.
	Gross        string `json:"gross,omitempty"`
	Currency     string `json:"currency,omitempty"`
	SupersededBy string `json:"superseded_by,omitempty"` // id of the invoice that took its place
	Recovered    bool   `json:"recovered"`               // KSeF had accepted it earlier, and it was found again
	QRLink       string `json:"qr_link"`                 // what KOD I, the QR code, holds; the same as verification_url

	// Explanations are for other programs (see [Result.Explain]). The archive and the lists of the
	// command line have none.
	Explanations []explain.Entry `json:"explanations,omitempty"`
}

// AddDocument adds the gross amount and its currency from the document, because the ledger does not
// keep them. It ignores faults of the document.
func (r *Result) AddDocument(doc []byte) {
	if doc == nil {
		return
	}
	if gross, currency := invoice.Amount(doc); gross != "" {
		r.Gross, r.Currency = gross, currency
	}
}

// LastMoment returns a deadline as it is shown. A deadline at midnight in Warsaw is shown as the
// second before midnight, so that it has the date of the day that ends then. LastMoment returns
// every other deadline unchanged.
func LastMoment(deadline time.Time) time.Time {
	if d := deadline.In(invoice.Warsaw()); !d.IsZero() && d.Hour() == 0 && d.Minute() == 0 && d.Second() == 0 {
		return deadline.Add(-time.Second)
	}
	return deadline
}

// Of returns the result of an invoice from its entry in the ledger. environment chooses the host of
// the verification link, as in [invoice.VerificationURL]. When that function returns an error, or
// the invoice ended without a KSeF number, the result has no link.
func Of(inv ledger.Invoice, environment string) Result {
	r := Result{
		ID: inv.ID, File: inv.File, Ref: inv.Ref, NIP: inv.NIP, Number: inv.Number, Kind: inv.Kind,
		IssueDate: inv.IssueDate, Hash: inv.Hash, State: string(inv.State), KsefNumber: inv.KsefNumber,
		Code: inv.Code, Reason: inv.Reason, Package: inv.Package, Session: inv.Session,
		UPO: inv.UPO, Attempts: inv.Attempts, TakenBack: inv.TakenBack, Tenant: inv.Tenant,
		Revision: inv.Rev, Recovered: inv.Recovered,
	}
	if inv.State == ledger.Superseded {
		r.SupersededBy = inv.SupersededBy
	}
	if d := inv.Deadline.Time(); !d.IsZero() {
		r.Deadline = LastMoment(d).In(invoice.Warsaw()).Format(time.RFC3339)
	}
	if u := inv.UpdatedAt.Time(); !u.IsZero() {
		r.UpdatedAt = u.UTC().Format(time.RFC3339)
	}
	if inv.State.Ended() {
		return r // KSeF does not have the invoice, or may not have it (parked): the link could show an error
	}
	if sum, err := base64.StdEncoding.DecodeString(inv.Hash); err == nil && len(sum) == 32 {
		if link, err := invoice.VerificationURL(environment, inv.NIP, inv.IssueDate, [32]byte(sum)); err == nil {
			r.VerificationURL, r.QRLink = link, link
		}
	}
	return r
}

// Restore copies a result into an entry that was made from the same document.
func (r *Result) Restore(inv *ledger.Invoice) {
	inv.State, inv.KsefNumber, inv.Code, inv.Reason = ledger.State(r.State), r.KsefNumber, r.Code, r.Reason
	inv.Ref, inv.Recovered, inv.SupersededBy = r.Ref, r.Recovered, r.SupersededBy
	inv.Hash, inv.Package, inv.Session, inv.UPO, inv.Attempts = r.Hash, r.Package, r.Session, r.UPO, r.Attempts
	// The times are for display, so a time that cannot be parsed is left out.
	updated, _ := time.Parse(time.RFC3339, r.UpdatedAt)
	deadline, _ := time.Parse(time.RFC3339, r.Deadline)
	if after := deadline.Add(time.Second); !deadline.IsZero() && !LastMoment(after).Equal(after) {
		deadline = after
	}
	inv.UpdatedAt, inv.Deadline = ledger.At(updated), ledger.At(deadline)
}
