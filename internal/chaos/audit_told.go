//go:build unix

package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/testbed"
)

// checkTold checks the receiver against the ledger. The receiver must have been told the final
// outcome of every invoice, in order, and only about invoices that were handed in.
func (au *auditor) checkTold(ctx context.Context) (errs []error) {
	all, wrong := au.receiver.received()
	for _, fault := range wrong {
		errs = append(errs, fmt.Errorf("the receiver was called wrongly: %s", fault))
	}
	about := map[testbed.Invoice][]told{} // without the kind, which is not always known of a refused document
	for _, t := range all {
		key := testbed.InvoiceOf(t.NIP, "", t.Number)
		about[key] = append(about[key], t)
	}
	torn := map[string]bool{}
	for _, d := range au.inbox.drops {
		torn[au.inbox.path(d.torn)], torn[au.inbox.path(d.path)] = d.torn != "", true
	}
	entries, err := au.entries(ctx, all)
	if err != nil {
		return []error{err}
	}
	failovers := au.failoverTimes()
	for _, it := range au.export.items {
		key := testbed.InvoiceOf(it.nip, "", it.number)
		if err := checkToldOf(it, about[key], failovers, entries); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", it.nip, it.number, err))
		}
		delete(about, key)
	}
	for _, some := range about {
		for _, t := range some {
			if !t.refusal() || !torn[t.File] {
				errs = append(errs, fmt.Errorf("the receiver was told of an invoice that nobody handed in: %+v", t))
			}
		}
	}
	return errs
}

// entries reads the ledger's entries of the invoices that the receiver was told of.
func (au *auditor) entries(ctx context.Context, all []told) (map[string]ledger.Invoice, error) {
	out := map[string]ledger.Invoice{}
	var ids []string
	for _, t := range all {
		if _, known := out[t.ID]; !known && !t.refusal() {
			out[t.ID] = ledger.Invoice{}
			ids = append(ids, t.ID)
		}
	}
	clear(out)
	for some := range slices.Chunk(ids, 500) {
		invs, err := au.controller.Ledger.Invoices(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, inv := range invs {
			out[inv.ID] = inv
		}
	}
	return out, nil
}

func (au *auditor) failoverTimes() []time.Time {
	au.mu.Lock()
	defer au.mu.Unlock()
	return slices.Clone(au.failovers)
}

// checkToldOf checks what was told about one invoice, in the order in which it was stored.
func checkToldOf(it *item, all []told, failovers []time.Time, entries map[string]ledger.Invoice) error {
	refusals, invoices := map[string][]told{}, map[string][]told{}
	id := ""
	for _, t := range all {
		if t.refusal() {
			refusals[t.ID] = append(refusals[t.ID], t)
			continue
		}
		invoices[t.ID], id = append(invoices[t.ID], t), t.ID
	}
	for _, some := range refusals {
		if err := inOrder(some, failovers); err != nil {
			return err
		}
	}
	if it.refused {
		for _, some := range refusals {
			if last := newest(some); last.State == "refused" && last.Reason != "" && len(invoices) == 0 {
				return nil
			}
		}
		return fmt.Errorf("the folder refused it, and the receiver was told %+v", all)
	}
	if len(invoices) != 1 {
		return fmt.Errorf("the receiver was told of %d invoices for it: %+v", len(invoices), all)
	}
	if err := inOrder(invoices[id], failovers); err != nil {
		return err
	}
	inv, known := entries[id]
	if !known {
		return fmt.Errorf("the receiver was told of %s, which is not in the ledger", id)
	}
	last := newest(invoices[id])
	if !ended(inv.State) || last.State != string(inv.State) || last.KsefNumber != inv.KsefNumber || last.Code != inv.Code {
		return fmt.Errorf("the receiver was told %s %s %d at last, the ledger says %s %s %d",
			last.State, last.KsefNumber, last.Code, inv.State, inv.KsefNumber, inv.Code)
	}
	accepted := func(t told) bool { return t.State == string(ledger.Accepted) && t.KsefNumber == inv.KsefNumber }
	if inv.State == ledger.Receipted && !slices.ContainsFunc(invoices[id], accepted) {
		return fmt.Errorf("the receiver was never told that it is accepted: %+v", invoices[id])
	}
	return nil
}

// inOrder checks that no revision came for the first time after a greater one. A failover may lose
// the last moves of an entry. So after a failover, the entry's revisions may go on from a lower
// number.
func inOrder(all []told, failovers []time.Time) error {
	var greatest told
	seen := map[int64]bool{}
	for _, t := range all {
		if seen[t.Revision] {
			continue
		}
		seen[t.Revision] = true
		if t.Revision < greatest.Revision && !between(failovers, greatest.at, t.at) {
			return fmt.Errorf("the receiver was told revision %d (%s) after revision %d (%s)",
				t.Revision, t.State, greatest.Revision, greatest.State)
		}
		greatest = t
	}
	return nil
}

// newest returns the result with the greatest revision. A receiver that follows docs/results.md
// keeps that result.
func newest(all []told) told {
	var kept told
	for _, t := range all {
		if t.Revision >= kept.Revision {
			kept = t
		}
	}
	return kept
}

func between(moments []time.Time, from, to time.Time) bool {
	return slices.ContainsFunc(moments, func(m time.Time) bool { return m.After(from) && m.Before(to) })
}
