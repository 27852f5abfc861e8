package intake

import (
	"context"
	"errors"

	"ksefworker/internal/ledger"
)

// findHeld sets Held for refused documents that the ledger has, in whatever state their entries
// are. It reads the ledger only when a document of the call is refused.
func (a *Admitter) findHeld(ctx context.Context, docs []Document, out []Admission) error {
	var ids []string
	refused := map[string][]int{}
	var foreign []int // sound documents that are refused because of their tenant
	for i := range out {
		inv := &out[i].Invoice
		if out[i].Taken != ledger.Refused || inv.NIP == "" || inv.Kind == "" || inv.Number == "" {
			continue
		}
		if id := inv.IDWith(inv.Hash); id != "" {
			ids, refused[id] = append(ids, id), append(refused[id], i)
		}
		if _, ok := errors.AsType[*RefusedError](out[i].Err); ok && inv.ID == "" {
			foreign = append(foreign, i)
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
	return a.findHeldExports(ctx, foreign, docs, out)
}

// findHeldExports sets Held for repeated exports. These are documents of an invoice that the ledger
// has in other bytes. A document that cannot be compared at present counts as another invoice.
func (a *Admitter) findHeldExports(ctx context.Context, foreign []int, docs []Document, out []Admission) error {
	var at []int
	var invs []ledger.Invoice
	for _, i := range foreign {
		if out[i].Held.ID == "" {
			inv := out[i].Invoice
			inv.ID = inv.IDWith(inv.Hash)
			at, invs = append(at, i), append(invs, inv)
		}
	}
	if len(at) == 0 {
		return nil
	}
	newest, err := a.Ledger.NewestOf(ctx, invs)
	if err != nil {
		return err
	}
	sound, answers := make([]ledger.NewInvoice, len(at)), make([]answer, len(at))
	var todo []int
	for k := range at {
		sound[k].Invoice = invs[k]
		if there, ok := newest[invs[k].ID]; ok {
			answers[k].ID, answers[k].State = there.ID, there.State
			todo = append(todo, k)
		}
	}
	a.compareAll(ctx, todo, sound, answers, func(k int) []byte { return docs[at[k]].Data })
	for _, k := range todo {
		if answers[k].Taken == ledger.Present {
			out[at[k]].Held = ledger.Invoice{Facts: ledger.Facts{ID: answers[k].ID}, State: answers[k].State}
		}
	}
	return nil
}
