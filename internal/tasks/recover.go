package tasks

import (
	"context"
	"crypto/sha256"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// recover finds out about invoices that KSeF calls duplicates (440): is the original the very document that we sent before, its answer lost, or something
// else of the same number? Only content proves it. The receipt of the original's session holds the hash of every invoice in it, so one request can prove
// ten thousand; where it cannot be had, each original is fetched (64 an hour).
func (w *Worker) recover(ctx context.Context, t Transport, invs []ledger.Invoice) error {
	bySession := map[string][]*ledger.Invoice{}
	for i := range invs {
		inv := &invs[i]
		if inv.Code != ksef.InvoiceDuplicate {
			continue
		}
		if inv.OriginalNumber == "" {
			if err := w.park(ctx, inv, inv.Code, "KSeF has an invoice of this number but does not say which: look it up in KSeF; if it is this document, nothing is left to do"); err != nil {
				return err
			}
			continue
		}
		bySession[inv.OriginalSession] = append(bySession[inv.OriginalSession], inv)
	}
	for session, dups := range bySession {
		var upo sessionUPO
		if session != "" {
			var err error
			if upo, _, err = w.attestation(ctx, t, dups[0].NIP, session, dups[0].IssueDate); err != nil {
				return err
			}
		}
		for _, inv := range dups {
			if err := w.judgeDuplicate(ctx, t, inv, upo.lines, upo.url); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Worker) judgeDuplicate(ctx context.Context, t Transport, inv *ledger.Invoice, proof map[string]ReceiptLine, url string) error {
	number := inv.OriginalNumber
	if why := wrongNumber(inv, number); why != "" {
		return w.park(ctx, inv, inv.Code, "KSeF names an original that cannot be this invoice: "+why)
	}
	line, ok := proof[number]
	hash := line.Hash
	if !ok {
		url = ""
		doc, err := t.Invoice(ctx, number)
		if err != nil {
			if _, kind := kindOf(err); kind == ksef.KindRefused {
				return w.park(ctx, inv, inv.Code, fmt.Sprintf("KSeF has an original %s but does not give it: compare it by hand, then retry or leave it", number))
			}
			return err
		}
		hash = HashText(sha256.Sum256(doc))
	}
	if hash != inv.Hash {
		return w.park(ctx, inv, inv.Code, fmt.Sprintf("conflict: KSeF has another document of this number as %s (hash %s, ours %s); correct it by a new number or a correction invoice", number, hash, inv.Hash))
	}
	err := w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Accepted, Set: append(because(ksef.InvoiceAccepted, ""),
		ledger.Set{Field: "ksef_number", Value: number}, ledger.Set{Field: "recovered", Value: true}, ledger.Set{Field: "upo", Value: url},
		ledger.Set{Field: "accepted_at", Value: ledger.At(line.AssignedAt)})})
	if err == nil {
		w.reached(KindConfirm, ledger.Accepted, 1)
		w.o.Log.Info().Str("id", inv.ID).Str("ksef_number", number).Msg("accepted earlier, recovered")
	}
	return err
}
