package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// sessionUPO is a session's receipt; the zero value is none. url is "" when it is not kept: then part
// is the name under which what it attests can be kept all the same.
type sessionUPO struct {
	url     string
	receipt ksef.Receipt
	raw     []byte
	part    string
	damage  string // what a person is told of an archived one that is damaged; "" is none
}

// only keeps the lines of some invoices: in a package of duplicates each may need the receipt of another session, of ten thousand lines.
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
		covers := func(r ksef.Receipt) string { return a.covers(held, session, r) }
		upo, why, err := w.attestation(ctx, t, inv.ContextNIP(), session, day, covers)
		// The session of a duplicate's original is another one: that it cannot be asked for now keeps
		// nobody else from a receipt.
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
	// The session that KSeF called the original's may be the wrong one: when its receipt is there and
	// has not contained the invoice for days, the session is as good as unknown.
	for i := range held {
		inv := &held[i]
		upo := a.bySession[a.session(inv)]
		if inv.State == ledger.Accepted && inv.Recovered && inv.UPO == "" && upo.receipt.Lines != nil && !attests(upo.receipt, inv) &&
			w.o.Now().Sub(p.SettledAt.Time()) > wrongSessionAfter {
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

// wrongSessionAfter is how long after the settling the receipt of an original's session is asked again
// for an invoice that is not in it. A receipt may be short for a while.
const wrongSessionAfter = 3 * 24 * time.Hour

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
	case !attests(upo.receipt, inv):
		return ""
	}
	return upo.url
}

// attests reports that a receipt has an invoice under its number, with its content.
func attests(r ksef.Receipt, inv *ledger.Invoice) bool {
	line, ok := r.Line(inv.KsefNumber)
	return ok && line.Hash == inv.Hash
}

// covers says what a session's receipt lacks of the accepted invoices that need it, "" for nothing.
// One that is there with another content is no lack: asking again will not change it.
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
	return fmt.Sprintf("its receipt does not have %d of %d accepted invoices yet", missing, needed)
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

// attestation finds the receipt of a session, in the archive or at KSeF, and archives it. why says
// that it is not to be had, or what it lacks: lacks tells that of a receipt, "" for nothing. Only one
// that lacks nothing is kept under the session's own name, because what is archived is never
// replaced.
//
// Its place is under the day that the session's reference begins with, or else under day: so one that
// is met again years later, as that of a duplicate's original, has the same place. One that is there
// already in other bytes (KSeF may sign anew each time it is asked) is as good.
func (w *Worker) attestation(
	ctx context.Context, t Transport, nip, session, day string, lacks func(ksef.Receipt) string,
) (upo sessionUPO, why string, err error) {
	if len(session) > 8 {
		if d, err := time.Parse("20060102", session[:8]); err == nil {
			day = d.Format(time.DateOnly)
		}
	}
	base, bad := archive.ReceiptName(nip, day, session), []string(nil)
	for n := 1; ; n++ {
		name := archive.CopyName(base, n)
		raw, err := w.Store.Get(ctx, name)
		fresh := errors.Is(err, archive.ErrNotFound)
		if fresh {
			raw, err = t.SessionUPO(ctx, session)
			if api, kind := kindOf(err); kind == ksef.KindRefused {
				return sessionUPO{}, api.Error(), nil
			}
		}
		var r ksef.Receipt
		if err == nil {
			if r, err = ksef.ParseReceipt(raw); err != nil && fresh {
				return sessionUPO{}, err.Error(), nil // before it is kept: what is archived is never replaced
			}
			if err != nil {
				err = errors.Join(archive.ErrCorrupt, err)
			}
		}
		if !fresh && damaged(err) && n < maxCopies {
			bad = append(bad, name)
			continue
		}
		if err != nil {
			return sessionUPO{}, "", err
		}
		if why = lacks(r); why != "" && !fresh && n < maxCopies {
			continue // an older build kept receipts that lack something: KSeF is asked again
		}
		if why != "" {
			return sessionUPO{receipt: r, raw: raw, part: archive.ReceiptCopyName(nip, day, session, fingerprint(raw))}, why, nil
		}
		upo, err = w.keepReceipt(ctx, name, raw, r)
		if bad != nil && err == nil {
			upo.damage = w.besideDamaged(bad, name)
			if fresh {
				w.o.Log.Error().Str("session", session).Strs("damaged", bad).Str("copy", name).
					Msg("the archived receipt is damaged and was left as it is; the sound one lies beside it")
			}
		}
		return upo, "", err
	}
}

// keepParts archives receipts that lack something: after an hour of asking, what they attest must not
// wait any longer for what they do not.
func (w *Worker) keepParts(ctx context.Context, a attestations) error {
	for session, upo := range a.bySession {
		if upo.part == "" {
			continue
		}
		kept, err := w.keepReceipt(ctx, upo.part, upo.raw, upo.receipt)
		if err != nil {
			return err
		}
		a.bySession[session] = kept
	}
	return nil
}

// keepReceipt makes sure that a receipt is on disk; also when it was there: what another process wrote
// is durable only after a flush.
func (w *Worker) keepReceipt(ctx context.Context, name string, raw []byte, r ksef.Receipt) (sessionUPO, error) {
	err := w.Store.Put(ctx, name, raw, "application/xml")
	if err == nil {
		err = w.Store.Flush(ctx, name)
	}
	if err != nil && !errors.Is(err, archive.ErrConflict) {
		return sessionUPO{}, err
	}
	return sessionUPO{url: w.Store.URL(name), receipt: r}, nil
}

func fingerprint(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:6])
}

// contradiction compares the UPO with what was sent: it is KSeF's signed word on the content.
func (a attestations) contradiction(inv *ledger.Invoice) string {
	line, ok := a.bySession[a.session(inv)].receipt.Line(inv.KsefNumber)
	if inv.Recovered || !ok || line.Hash == inv.Hash {
		return ""
	}
	return fmt.Sprintf("accepted as %s, but the UPO of session %s attests another content (hash %s, ours %s); ask the Ministry", inv.KsefNumber, inv.Session, line.Hash, inv.Hash)
}
