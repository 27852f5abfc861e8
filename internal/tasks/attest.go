package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// sessionUPO is a session's archived receipt; the zero value is none.
type sessionUPO struct {
	url   string
	lines map[string]ReceiptLine
}

// attestations are the receipts that the accepted invoices of a package need.
type attestations struct {
	pkg       *ledger.Package
	bySession map[string]sessionUPO
	missing   map[string]string // sessions whose receipt is not to be had, and what KSeF says
	overdue   bool              // what is missing is shown to people
}

// attestations fetches them. What cannot be had is no error.
func (w *Worker) attestations(ctx context.Context, p *ledger.Package, held []ledger.Invoice) (attestations, error) {
	a := attestations{pkg: p, bySession: map[string]sessionUPO{}, missing: map[string]string{}}
	for i := range held {
		inv := &held[i]
		session := a.session(inv)
		if _, asked := a.bySession[session]; asked || inv.State != ledger.Accepted || inv.UPO != "" || session == "" {
			continue
		}
		t, err := w.transport(p.Tenant)
		if err != nil {
			return a, err
		}
		day := inv.IssueDate
		if !inv.Recovered {
			day = p.OpenedAt.Time().In(invoice.Warsaw()).Format(time.DateOnly)
		}
		upo, why, err := w.attestation(ctx, t, inv.NIP, session, day)
		if err != nil {
			return a, err
		}
		a.bySession[session] = upo
		if why != "" {
			a.missing[session] = why
		}
	}
	// The receipt of the session that KSeF called the original's may be there and not contain it: that session may be the wrong one, and is as good as unknown.
	for i := range held {
		if inv := &held[i]; inv.State == ledger.Accepted && inv.Recovered && a.url(inv) == "" && a.missing[a.session(inv)] == "" {
			inv.OriginalSession = ""
		}
	}
	return a, nil
}

// session is the one whose receipt attests an invoice; "" when it is not known.
func (a attestations) session(inv *ledger.Invoice) string {
	if inv.Recovered {
		return inv.OriginalSession
	}
	return a.pkg.Session
}

// url is where the receipt of an invoice lies, "" when it is not there.
func (a attestations) url(inv *ledger.Invoice) string {
	upo := a.bySession[a.session(inv)]
	switch {
	case inv.UPO != "":
		return inv.UPO
	case inv.Recovered && upo.lines[inv.KsefNumber].Hash != inv.Hash:
		return ""
	}
	return upo.url
}

// owed says why an accepted invoice has no receipt.
func (a attestations) owed(inv *ledger.Invoice) string {
	session := a.session(inv)
	if session == "" {
		return fmt.Sprintf("accepted earlier as %s, but KSeF does not tell in which session: its receipt (UPO) cannot be asked for; fetch it from KSeF by that number", inv.KsefNumber)
	}
	why := a.missing[session]
	if a.pkg.Reason != "" && !inv.Recovered {
		why = a.pkg.Reason + "; " + why
	}
	return fmt.Sprintf("accepted as %s, but the receipt (UPO) of session %s is not to be had: %s; it is asked for once a day, and can be fetched from KSeF by that number", inv.KsefNumber, session, why)
}

// news are the invoices of an archived package that there is something new to archive of.
func (a attestations) news(held []ledger.Invoice) []ledger.Invoice {
	var out []ledger.Invoice
	for i := range held {
		if inv := &held[i]; inv.State == ledger.Accepted && (a.url(inv) != "" || a.overdue && inv.Reason == "") {
			out = append(out, *inv)
		}
	}
	return out
}

// attestation finds the receipt of a session, in the archive or at KSeF, and archives it. why says that it is not to be had, and what the gateway answered. Its place is under the day that
// the session's reference begins with, or else under day: so one that is met again years later, as that of a duplicate's original, has the same place. One that is there already
// in other bytes (KSeF may sign anew each time it is asked) is as good, and is never overwritten.
func (w *Worker) attestation(ctx context.Context, t Transport, nip, session, day string) (upo sessionUPO, why string, err error) {
	if len(session) > 8 {
		if d, err := time.Parse("20060102", session[:8]); err == nil {
			day = d.Format(time.DateOnly)
		}
	}
	name := archive.ReceiptName(nip, day, session)
	raw, err := w.Store.Get(ctx, name)
	if errors.Is(err, archive.ErrNotFound) {
		raw, err = t.SessionUPO(ctx, session)
		if api, kind := kindOf(err); kind == ksef.KindRefused {
			return sessionUPO{}, api.Error(), nil
		}
	}
	if err != nil {
		return sessionUPO{}, "", err
	}
	r, err := ParseReceipt(raw)
	if err != nil {
		return sessionUPO{}, err.Error(), nil // before it is kept: what is archived is never replaced
	}
	err = w.Store.Put(ctx, name, raw, "application/xml") // also when it was there: what another process wrote is durable only after a flush
	if err != nil && !errors.Is(err, archive.ErrConflict) {
		return sessionUPO{}, "", err
	}
	return sessionUPO{url: w.Store.URL(name), lines: r.Lines}, "", nil
}

// contradiction compares the UPO with what was sent: it is KSeF's signed word on the content.
func (a attestations) contradiction(inv *ledger.Invoice) string {
	upo := a.bySession[a.session(inv)]
	if inv.Recovered || upo.lines == nil {
		return ""
	}
	line, ok := upo.lines[inv.KsefNumber]
	switch {
	case !ok:
		return fmt.Sprintf("KSeF says accepted as %s, but the UPO of session %s does not contain it; ask the Ministry", inv.KsefNumber, inv.Session)
	case line.Hash != inv.Hash:
		return fmt.Sprintf("the UPO attests another content for %s (hash %s, ours %s); ask the Ministry", inv.KsefNumber, line.Hash, inv.Hash)
	}
	return ""
}
