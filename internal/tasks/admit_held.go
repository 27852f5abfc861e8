package tasks

import (
	"context"

	"ksefworker/internal/ledger"
)

// findHeld sets Held for the documents that are refused now and that the ledger has, whatever their
// state. It reads nothing when no document of the call is refused.
func (a *Admitter) findHeld(ctx context.Context, out []Admission) error {
	var ids []string
	refused := map[string][]int{}
	for i := range out {
		inv := &out[i].Invoice
		if out[i].Taken != ledger.Refused || inv.NIP == "" || inv.Kind == "" || inv.Number == "" {
			continue
		}
		if id := contentID(inv, inv.Hash); id != "" {
			ids, refused[id] = append(ids, id), append(refused[id], i)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	held, err := a.Ledger.Invoices(ctx, ids)
	if _, err = ledger.Skip(err); err != nil {
		return err
	}
	for _, inv := range held {
		for _, i := range refused[inv.ID] {
			out[i].Held = inv
		}
	}
	return nil
}
