package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/json"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

const (
	archiveAtOnce   = 256 // invoices between two flushes: bounds memory, and what is repeated after a crash
	archiveParallel = 8
)

// archiveSome writes document and result of some invoices, makes them durable, and only then moves the entries.
func (w *Worker) archiveSome(ctx context.Context, invs []ledger.Invoice, upos attestations) error {
	docs, docErrs, err := w.documents(ctx, invs)
	if err != nil {
		return err
	}
	receipted, ended := map[string][]string{}, map[string]bool{} // by the URL of the UPO, and by id
	var owed []ledger.Move
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(archiveParallel)
	for i := range invs {
		inv := invs[i] // a copy: the result shows the state that is about to be written
		switch inv.State {
		case ledger.Accepted:
			if docErrs[i] != nil {
				if docs[i], err = w.fetchAgain(ctx, &inv); err != nil {
					return notYet(err)
				}
			}
			if inv.UPO = upos.url(&inv); inv.UPO != "" {
				inv.State, inv.Reason = ledger.Receipted, ""
				receipted[inv.UPO] = append(receipted[inv.UPO], inv.ID)
			} else if why := upos.contradiction(&inv); why != "" || upos.overdue || upos.session(&inv) == "" {
				// KSeF has it: it stays accepted, whatever its receipt says.
				if inv.Reason = why; why == "" {
					inv.Reason = upos.owed(&inv)
				}
				owed = append(owed, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{ledger.Accepted}, Set: []ledger.Set{{Field: "reason", Value: inv.Reason}}})
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
	errs, err := w.Ledger.Apply(ctx, owed)
	if err != nil {
		return err
	}
	for i, lost := range errs {
		if lost == nil {
			continue
		}
		// Somebody has archived its receipt meanwhile: the result that was just written is not true any more.
		inv, err := w.Ledger.Invoice(ctx, owed[i].ID)
		if err == nil {
			err = w.archiveOne(ctx, inv, nil)
		}
		if err != nil {
			return err
		}
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
	if len(owed) > 0 {
		w.o.Log.Warn().Str("package", upos.pkg.ID).Int("invoices", len(owed)).Msg("accepted, but KSeF gives no receipt")
	}
	return nil
}

// fetchAgain finds the document of an accepted invoice that our own storage has lost, or has in other bytes than KSeF. Without it the archive has the receipt and the
// result, which name the hash; that is told, and nothing else waits for it.
func (w *Worker) fetchAgain(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	if doc, err := w.archived(ctx, inv, inv.Hash); doc != nil || err != nil {
		return doc, err
	}
	t, err := w.transport(inv.Tenant)
	if err != nil {
		return nil, err
	}
	doc, err := t.Invoice(ctx, inv.KsefNumber)
	if err != nil && !withheld(err) {
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
		if err := w.keep(ctx, &inv, doc); err != nil {
			return err
		}
	}
	result, err := json.MarshalIndent(ResultOf(inv, w.o.Environment), "", "  ")
	if err != nil {
		return err
	}
	return w.Store.Replace(ctx, archive.ResultName(inv.NIP, inv.IssueDate, inv.ID), append(result, '\n'), "application/json")
}
