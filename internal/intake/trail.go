package intake

import (
	"context"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tracing"
)

// tellTaken tells t which of the invoices invs the ledger has just taken in. results[i] is what
// became of invs[i].
func tellTaken(ctx context.Context, t tracing.Trail, invs []ledger.NewInvoice, results []ledger.TakeResult) {
	for i, r := range results {
		if r.Taken != ledger.Created {
			continue
		}
		t.Taken(ctx, tracing.Change{Invoice: r.ID, Tenant: invs[i].Tenant, State: string(ledger.Queued)},
			tracing.LaneKey.String(string(invs[i].Lane)))
	}
}
