package tasks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
)

// sessionUPO is a session's receipt. The zero value means that there is none. url is "" when the
// receipt lacks something and so is not archived under the session's name. In that case the field
// part is the name under which this receipt can be archived.
type sessionUPO struct {
	url     string
	receipt ksef.Receipt
	raw     []byte
	part    string
	damage  string // what a person is told about a damaged receipt in the archive; "" when it is sound
}

// only reduces a receipt to the lines of some invoices, to save memory. In a package of duplicates
// each invoice may need the receipt of another session, and each receipt may have ten thousand
// lines.
func (s sessionUPO) only(invs []ledger.Invoice) sessionUPO {
	if s.receipt.Lines != nil {
		s.receipt = onlyLines(s.receipt, invs)
	}
	return s
}

func onlyLines(r ksef.Receipt, invs []ledger.Invoice) ksef.Receipt {
	out := ksef.Receipt{Session: r.Session, Pages: r.Pages, Lines: map[string]ksef.ReceiptLine{}, ByHash: map[string]string{}}
	for i := range invs {
		for _, number := range []string{invs[i].KsefNumber, r.ByHash[invs[i].Hash]} {
			if l, ok := r.Line(number); ok {
				out.Lines[invoice.CanonicalKsefNumber(number)], out.ByHash[l.Hash] = l, r.ByHash[l.Hash]
			}
		}
	}
	return out
}

// attestations are the receipts that the accepted invoices of a package need.
type attestations struct {
	pkg       *ledger.Package
	bySession map[string]sessionUPO
	missing   map[string]string // sessions whose receipt is missing or lacks something, and why
	overdue   bool              // the missing receipts are so late that people are told about them
}

// attestations fetches the receipts. It is no error when KSeF gives no receipt.
func (ar *archivist) attestations(ctx context.Context, p *ledger.Package, held []ledger.Invoice) (attestations, error) {
	a := attestations{pkg: p, bySession: map[string]sessionUPO{}, missing: map[string]string{}}
	for i := range held {
		inv := &held[i]
		session := a.session(inv)
		if _, asked := a.bySession[session]; asked || inv.State != ledger.Accepted || inv.UPO != "" || session == "" {
			continue
		}
		t, err := ar.transport(p.Tenant)
		if err != nil {
			return a, err
		}
		day := inv.IssueDate
		if !inv.Recovered {
			day = p.OpenedAt.Time().In(invoice.Warsaw()).Format(time.DateOnly)
		}
		covers := func(r ksef.Receipt) string { return a.covers(held, session, r) }
		upo, why, err := ar.attestation(ctx, t, inv.ContextNIP(), session, day, covers)
		// The session of a duplicate's original is not the package's own. If KSeF cannot be asked
		// for the receipt of the original's session now, the other invoices still get their
		// receipts.
		if api, _ := kindOf(err); api != nil && session != p.Session && !endsRound(err) {
			upo, why, err = sessionUPO{}, api.Error(), nil
		}
		if err != nil {
			return a, err
		}
		a.bySession[session] = upo.only(held)
		if why != "" {
			a.missing[session] = why
		}
	}
	// KSeF may have named the wrong session for the original. When the receipt of that session is
	// there and has not contained the invoice for days, the session counts as unknown.
	for i := range held {
		inv := &held[i]
		upo := a.bySession[a.session(inv)]
		if inv.State == ledger.Accepted && inv.Recovered && inv.UPO == "" && upo.receipt.Lines != nil && !attests(upo.receipt, inv) &&
			ar.o.Now().Sub(p.SettledAt.Time()) > wrongSessionAfter {
			inv.OriginalSession = ""
		}
	}
	for session := range a.missing {
		needed := func(inv ledger.Invoice) bool {
			return inv.State == ledger.Accepted && inv.UPO == "" && a.session(&inv) == session
		}
		if !slices.ContainsFunc(held, needed) {
			delete(a.missing, session)
		}
	}
	return a, nil
}

// wrongSessionAfter is how long after settling the worker still looks for an invoice in the receipt
// of its original's session. A receipt may lack invoices for a while.
const wrongSessionAfter = 3 * 24 * time.Hour

// session returns the session whose receipt attests an invoice; "" when it is not known.
func (a attestations) session(inv *ledger.Invoice) string {
	if inv.Recovered {
		return inv.OriginalSession
	}
	return a.pkg.Session
}

// url returns where the receipt of an invoice lies; "" when it is not there.
func (a attestations) url(inv *ledger.Invoice) string {
	upo := a.bySession[a.session(inv)]
	switch {
	case inv.UPO != "":
		return inv.UPO
	case !attests(upo.receipt, inv):
		return ""
	}
	return upo.url
}

// attests reports whether a receipt has an invoice: its line for the KSeF number of inv has the
// hash of inv.
func attests(r ksef.Receipt, inv *ledger.Invoice) bool {
	line, ok := r.Line(inv.KsefNumber)
	return ok && line.Hash == inv.Hash
}

// covers says how many of the accepted invoices that need a session's receipt are missing from it.
// It returns "" when all are there. An invoice that is there with other content does not count as
// missing, because the next request would get the same content.
func (a attestations) covers(held []ledger.Invoice, session string, r ksef.Receipt) string {
	needed, missing := 0, 0
	for i := range held {
		inv := &held[i]
		if inv.State != ledger.Accepted || inv.UPO != "" || a.session(inv) != session {
			continue
		}
		needed++
		if _, ok := r.Line(inv.KsefNumber); !ok {
			missing++
		}
	}
	if missing == 0 {
		return ""
	}
	return fmt.Sprintf("its receipt does not have %d of %s yet", missing, plural.Of(needed, "accepted invoice", "accepted invoices"))
}

// noReceiptReason says why an accepted invoice has no receipt.
func (a attestations) noReceiptReason(inv *ledger.Invoice) string {
	session := a.session(inv)
	if session == "" {
		return fmt.Sprintf("accepted earlier as %s, but KSeF does not say in which session, "+
			"so the worker cannot ask for the receipt (UPO); fetch it from KSeF by that number", inv.KsefNumber)
	}
	why := a.missing[session]
	if a.pkg.Reason != "" && !inv.Recovered {
		why = a.pkg.Reason + "; " + why
	}
	return fmt.Sprintf("accepted as %s, but the receipt (UPO) of session %s is not available: %s; "+
		"the worker asks for it once a day, and you can fetch it from KSeF by that number", inv.KsefNumber, session, why)
}

// news returns the invoices of an archived package that have something new to archive.
func (a attestations) news(held []ledger.Invoice) []ledger.Invoice {
	var out []ledger.Invoice
	for i := range held {
		if inv := &held[i]; inv.State == ledger.Accepted && (a.url(inv) != "" || a.overdue && inv.Reason == "") {
			out = append(out, *inv)
		}
	}
	return out
}

// contradiction compares the UPO, which is KSeF's signed word on the content, with the invoice that
// was sent. It says how the two differ. It returns "" when they agree, when the receipt does not
// have the invoice, or when the invoice was recovered.
func (a attestations) contradiction(inv *ledger.Invoice) string {
	line, ok := a.bySession[a.session(inv)].receipt.Line(inv.KsefNumber)
	if inv.Recovered || !ok || line.Hash == inv.Hash {
		return ""
	}
	return fmt.Sprintf("accepted as %s, but the UPO of session %s attests another content (hash %s, ours %s); ask the Ministry",
		inv.KsefNumber, inv.Session, line.Hash, inv.Hash)
}
