package tasks

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// receiptPatience is how long the receipt of a recovered invoice is asked for. Its original's session may still be open (KSeF closes an online one by itself after 12 hours) and then
// takes its time; after two days the gateway does not give it, and the invoice stays accepted without.
const receiptPatience = 48 * time.Hour

// lateReceipts fetches what was not to be had when duplicates were recovered: the receipt of a session that was not over then.
func (w *Worker) lateReceipts(ctx context.Context, p *ledger.Package) error {
	held, err := w.Ledger.Held(ctx, p.ID)
	if err != nil {
		return err
	}
	bySession := map[string][]ledger.Invoice{}
	for _, inv := range held {
		if inv.State == ledger.Accepted && inv.Recovered && inv.UPO == "" && inv.OriginalSession != "" {
			bySession[inv.OriginalSession] = append(bySession[inv.OriginalSession], inv)
		}
	}
	if len(bySession) == 0 || w.o.Now().Sub(p.UpdatedAt.Time()) > receiptPatience {
		return nil
	}
	t, err := w.transport(p.Tenant)
	if err != nil {
		return err
	}
	missing := 0
	for session, invs := range bySession {
		lines, url, err := w.originals(ctx, t, session, &invs[0])
		if err != nil {
			return notYet(err)
		}
		found := invs[:0]
		for _, inv := range invs {
			if lines[inv.KsefNumber].Hash == inv.Hash {
				inv.UPO = url
				found = append(found, inv)
			}
		}
		if url == "" || len(found) < len(invs) {
			missing++
		}
		if err := w.archiveSome(ctx, found, sessionUPO{}); err != nil {
			return err
		}
	}
	if missing > 0 {
		age := w.o.Now().Sub(p.UpdatedAt.Time())
		return later(retry.Age(age, w.o.ConfirmFirst, w.o.ConfirmMax), retry.ReasonProcessing, fmt.Sprintf("receipts of %d earlier sessions are not there yet", missing))
	}
	return nil
}
