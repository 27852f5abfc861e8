package intake

import (
	"context"
	"fmt"

	"ksefworker/internal/ledger"
)

// withoutDrained refuses new invoices of tenants that a person drains. Invoices that are here
// already pass, because Admit only reports their state. The place of sound[i] in out is at[i]. The
// function read returns the holds of tenants, which it reads from the ledger once in each call of
// Admit. The results are the invoices that pass, and their places.
func (a *Admitter) withoutDrained(
	ctx context.Context, read func() (ledger.Intake, error), sound []ledger.NewInvoice, at []int, out []Admission,
) ([]ledger.NewInvoice, []int, error) {
	if len(sound) == 0 {
		return sound, at, nil
	}
	in, err := read()
	if err != nil {
		return nil, nil, err
	}
	held := in.Holds
	drained := func(i int) bool { return held[sound[i].Tenant].Kind == ledger.Draining }
	var ids []string
	for i := range sound {
		if drained(i) {
			ids = append(ids, sound[i].ID)
		}
	}
	if len(ids) == 0 {
		return sound, at, nil
	}
	known, err := a.Ledger.Known(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	here := make(map[string]bool, len(ids))
	for i, id := range ids {
		here[id] = known[i]
	}
	kept, places := sound[:0:0], at[:0:0]
	for i := range sound {
		if !drained(i) || here[sound[i].ID] {
			kept, places = append(kept, sound[i]), append(places, at[i])
			continue
		}
		h, o := held[sound[i].Tenant], &out[at[i]]
		o.Taken = ledger.Refused
		if a.confined {
			// Another program hands the document in. It can only wait and try again. The name of
			// the person, and the command that resumes the tenant, do not concern it.
			o.Err = &UnsureError{
				What: fmt.Sprintf("nothing new is taken in for tenant %s at present: its intake is stopped", sound[i].Tenant)}
			continue
		}
		o.Err = &RefusedError{
			Rule:   fmt.Sprintf("nothing new is taken in for tenant %s: %s stopped its intake", sound[i].Tenant, h.By),
			Hint:   fmt.Sprintf("ask %s, or resume it with: %s", h.By, a.Enqueue.Call("resume", sound[i].Tenant)),
			Remedy: ledger.RemedyResume,
		}
	}
	return kept, places, nil
}
