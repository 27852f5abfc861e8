package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// receipt archives a settled package: the session's UPO, and for each invoice its document and result. Only when all of it is durable are the
// invoices receipted and their documents dropped from Redis. A full disk or an unreachable bucket makes receipts wait; nothing else depends on them.
func (w *Worker) receipt(ctx context.Context, p *ledger.Package) error {
	if p.State != ledger.PackageSettled {
		return nil
	}
	held, err := w.Ledger.Held(ctx, p.ID)
	if err != nil {
		return err
	}
	upo, err := w.sessionReceipt(ctx, p, held)
	if err != nil {
		return notYet(err)
	}
	for len(held) > 0 {
		n := min(len(held), archiveAtOnce)
		if err := w.archiveSome(ctx, held[:n], upo); err != nil {
			return err
		}
		held = held[n:]
	}
	if err := w.lateReceipts(ctx, p); err != nil {
		return err
	}
	return w.Ledger.MovePackage(ctx, p, ledger.PackageMove{To: ledger.PackageReceipted, Set: []ledger.Set{{Field: "upo", Value: upo.url}}})
}

const (
	archiveAtOnce   = 256 // invoices between two flushes: bounds memory, and what is repeated after a crash
	archiveParallel = 8
)

// sessionUPO is a session's archived receipt; the zero value is none.
type sessionUPO struct {
	url   string
	lines map[string]ReceiptLine
}

func (w *Worker) sessionReceipt(ctx context.Context, p *ledger.Package, held []ledger.Invoice) (sessionUPO, error) {
	var first *ledger.Invoice
	for i := range held {
		if held[i].State == ledger.Accepted && !held[i].Recovered {
			first = &held[i]
			break
		}
	}
	if first == nil {
		return sessionUPO{}, nil // nothing of this session was accepted: it has no UPO
	}
	t, err := w.transport(p.Tenant)
	if err != nil {
		return sessionUPO{}, err
	}
	raw, err := t.SessionUPO(ctx, p.Session)
	if err != nil {
		if _, kind := kindOf(err); kind == ksef.KindRefused {
			return sessionUPO{}, w.lookLater(p, "UPO is not there yet: "+err.Error())
		}
		return sessionUPO{}, err
	}
	return w.keepReceipt(ctx, first.NIP, p.Session, p.OpenedAt.Time().In(invoice.Warsaw()).Format(time.DateOnly), raw)
}

// keepReceipt archives an UPO under the day that its session's reference begins with, or else under day: so a receipt that is met again years later, as that of
// a duplicate's original, has the same place. One that is there already in other bytes (KSeF may sign anew each time it is asked) is as good, and is never overwritten.
func (w *Worker) keepReceipt(ctx context.Context, nip, session, day string, raw []byte) (sessionUPO, error) {
	if len(session) > 8 {
		if d, err := time.Parse("20060102", session[:8]); err == nil {
			day = d.Format(time.DateOnly)
		}
	}
	name := archive.ReceiptName(nip, day, session)
	err := w.Store.Put(ctx, name, raw, "application/xml")
	if errors.Is(err, archive.ErrConflict) {
		raw, err = w.Store.Get(ctx, name)
	}
	if err != nil {
		return sessionUPO{}, err
	}
	r, err := ParseReceipt(raw)
	if err != nil {
		return sessionUPO{}, fmt.Errorf("receipt of session %s: %w", session, err)
	}
	return sessionUPO{url: w.Store.URL(name), lines: r.Lines}, nil
}

// archiveSome writes document and result of some invoices, makes them durable, and only then moves the entries.
func (w *Worker) archiveSome(ctx context.Context, invs []ledger.Invoice, upo sessionUPO) error {
	docs, docErrs, err := w.documents(ctx, invs)
	if err != nil {
		return err
	}
	receipted, ended := map[string][]string{}, map[string]bool{} // by the URL of the UPO, and by id
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(archiveParallel)
	for i := range invs {
		inv := invs[i] // a copy: the result shows the state that is about to be written
		switch inv.State {
		case ledger.Accepted:
			if why := contradiction(&inv, upo); why != "" {
				if err := w.park(ctx, &inv, inv.Code, why); err != nil {
					return err
				}
				break
			}
			if docErrs[i] != nil {
				if docs[i], err = w.fetchAgain(ctx, &inv); err != nil {
					return notYet(err)
				}
			}
			if inv.UPO == "" {
				inv.UPO = upo.url
			}
			if inv.Recovered && invs[i].UPO == "" {
				inv.UPO = "" // this session's receipt is not that of its original
			}
			if inv.UPO != "" {
				inv.State = ledger.Receipted
				receipted[inv.UPO] = append(receipted[inv.UPO], inv.ID)
			}
		case ledger.Rejected, ledger.Parked, ledger.Receipted:
		default:
			continue // on its way again, in another package
		}
		doc := docs[i]
		g.Go(func() error { return w.archiveOne(gctx, inv, doc) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := w.Store.Flush(ctx); err != nil {
		return err
	}
	for url, ids := range receipted {
		errs, err := w.Ledger.Receipt(ctx, ids, url)
		if err != nil {
			return err
		}
		w.reached(KindReceipt, ledger.Receipted, moved(errs))
		for _, id := range ids {
			ended[id] = true
		}
	}
	for i := range invs {
		if invs[i].BodyArchived && ended[invs[i].ID] {
			if err := w.Store.Remove(ctx, archive.BodyName(invs[i].ID)); err != nil {
				w.o.Log.Warn().Str("id", invs[i].ID).Err(err).Msg("stored document not removed")
			}
		}
	}
	return nil
}

// fetchAgain asks KSeF for the document of an accepted invoice that our own storage has lost. Without it the archive has the receipt and the
// result, which name the hash; that is told, and nothing else waits for it.
func (w *Worker) fetchAgain(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	t, err := w.transport(inv.Tenant)
	if err != nil {
		return nil, err
	}
	doc, err := t.Invoice(ctx, inv.KsefNumber)
	if _, kind := kindOf(err); err != nil && kind != ksef.KindRefused {
		return nil, err
	}
	if err != nil || HashText(sha256.Sum256(doc)) != inv.Hash {
		w.o.Log.Error().Str("id", inv.ID).Str("ksef_number", inv.KsefNumber).Msg("accepted, but its document is lost here and KSeF does not give the same bytes")
		return nil, nil
	}
	return doc, nil
}

func (w *Worker) archiveOne(ctx context.Context, inv ledger.Invoice, doc []byte) error {
	if doc != nil {
		if err := w.Store.Put(ctx, archive.InvoiceName(inv.NIP, inv.IssueDate, inv.ID), doc, "application/xml"); err != nil {
			return err
		}
	}
	result, err := json.MarshalIndent(ResultOf(inv, w.o.Environment), "", "  ")
	if err != nil {
		return err
	}
	return w.Store.Replace(ctx, archive.ResultName(inv.NIP, inv.IssueDate, inv.ID), append(result, '\n'), "application/json")
}

// contradiction compares the UPO with what was sent: it is KSeF's signed word on the content.
func contradiction(inv *ledger.Invoice, upo sessionUPO) string {
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
