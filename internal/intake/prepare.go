package intake

import (
	"context"
	"slices"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// explainFull returns a [ledger.FullError], which says what to do, if Redis itself refused new
// entries because it is full. It returns any other error unchanged.
func explainFull(err error) error {
	if ledger.IsFull(err) {
		return &ledger.FullError{}
	}
	return err
}

// refusal marks an error that concerns one document only.
type refusal struct{ err error }

func (r refusal) Error() string { return r.err.Error() }

func (r refusal) Unwrap() error { return r.err }

// prepared is the entry of a sound document.
type prepared struct {
	ledger.NewInvoice
	warning error
}

// prepare makes an entry of a document. The sealed document is appended to buffer, which all
// documents of the call share.
func (a *Admitter) prepare(
	ctx context.Context, d Document, terms Terms, buffer *[]byte, large *largeDocuments, mayTake func() error,
) (prepared, error) {
	var n prepared
	// Discouraged characters do not end the reading here, even if they are refused below, because a
	// refusal that names the invoice's number is more useful.
	h, err := invoice.ParseWith(d.Data, invoice.ParseOptions{MaxSize: a.largest(), AllowDiscouraged: true})
	if err == nil && h.Discouraged != nil && !a.AllowDiscouraged {
		err = h.Discouraged
	}
	// When the document itself has a fault, this fault is reported, and not a missing or wrong
	// tenant.
	from, noSender := a.sender(h, terms.Tenant)
	if err == nil {
		check := a.Check
		check.MaxBytes, check.MaxBytesWithAttachment = from.MaxBytes, from.MaxBytesWithAttachment
		err = invoice.Check(h, a.Now(), check)
	}
	if err == nil {
		err = noSender
	}
	if err == nil {
		err = CheckRef(d.Ref)
	}
	if err != nil {
		// The answer has all that could be read. With the invoice's number, a person finds the
		// refused document in an export of thousands.
		n.Invoice = readOf(h, d, from.Name)
		return n, refusal{d.placed(err)}
	}
	corrects := ""
	if terms.Corrects != "" {
		if corrects, err = a.corrected(ctx, terms.Corrects, from, h); err != nil {
			n.Invoice = readOf(h, d, from.Name)
			return n, err
		}
		terms.Lane, terms.Offline = ledger.Express, false // a correction is declared offline in any case
	}
	soft, err := invoice.SoftDeadline(h.IssueDate)
	if err != nil {
		return n, refusal{err}
	}
	legal := terms.Deadline
	if legal.IsZero() {
		if legal, err = invoice.LegalDeadline(h.IssueDate); err != nil {
			return n, refusal{err}
		}
	}
	lane := terms.Lane
	if lane == "" {
		lane = ledger.Auto
	}
	n.Invoice = ledger.Invoice{
		Facts: ledger.Facts{
			ID:     ledger.InvoiceID(ledger.Identity{NIP: h.SellerNIP, Kind: h.Kind, Number: h.Number}, h.Hash),
			Tenant: from.Name, NIP: h.SellerNIP, Kind: h.Kind, IssueDate: h.IssueDate, File: d.File, Ref: d.Ref,
			Offline: terms.Offline, Corrects: corrects, Form: h.Form.Version(), Attachment: h.Attachment, SoftDeadline: ledger.At(soft),
		},
		Number: h.Number, Hash: ledger.HashText(h.Hash), Lane: lane, Size: h.Size, Deadline: ledger.At(legal),
	}
	if from.as != ksef.Subject1 {
		n.Context, n.Subject = from.NIP, string(from.as)
	}
	if h.Discouraged != nil {
		n.warning = d.placed(h.Discouraged)
	} else if lost := invoice.ReplacementChar(d.Data); lost != nil {
		n.warning = d.placed(lost)
	}
	at := len(*buffer)
	if *buffer, err = a.Bodies.AppendSeal(*buffer, n.ID, d.Data); err != nil {
		return n, err
	}
	sealed := slices.Clip((*buffer)[at:])
	if len(sealed) > ledger.MaxBodyInRedis {
		if err := mayTake(); err != nil {
			return n, err
		}
		sealed = slices.Clone(sealed) // the store may still read it after this call has ended
		*buffer = (*buffer)[:at]
		if sealed, err = large.put(ctx, n.ID, d.Data, sealed); err != nil {
			return n, err
		}
		n.BodyArchived, n.BodySeal = true, ledger.SealOf(sealed)
		return n, nil
	}
	n.Body = sealed
	return n, nil
}

// readOf returns what could be read of a document that is refused. It leaves out a P_1 that is not
// a day. The fault of the document shows that value.
func readOf(h invoice.Header, d Document, tenant string) ledger.Invoice {
	return ledger.Invoice{
		Facts: ledger.Facts{NIP: h.SellerNIP, Kind: h.Kind, IssueDate: invoice.Day(h.IssueDate), File: d.File, Ref: d.Ref,
			Tenant: tenant},
		Number: h.Number, Size: h.Size, Hash: ledger.HashText(h.Hash),
	}
}
