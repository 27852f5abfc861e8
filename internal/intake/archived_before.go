package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// lookUpOld finds the answers for the documents that the ledger may have forgotten. The ledger
// forgets an invoice when it ended more than Retention ago, and no invoice ends before its P_1. So
// only documents whose P_1 is that old are looked up. The results of forgotten invoices are in the
// archive, under names that follow from the documents. A document that was accepted counts as
// present, and nothing is sent. lookUpOld returns the indexes of the documents that are left to be
// taken, in their order.
//
// A document that was not accepted is taken again, although its result says that it was decided.
// Rejected means that KSeF does not have it. While the ledger remembers the entry, the same
// document is "already here", because the entry can be retried. Once the entry is forgotten,
// nothing is left to retry. KSeF may have refused the document for a reason that is gone by now (a
// permission, a customer's number that was not valid yet). Without this rule the document would
// never get in. Parked means that nobody knows whether KSeF has it. Neither case leads to two
// invoices of one sale. If KSeF has the document after all, it answers 440 and the number is
// recovered.
func (a *Admitter) lookUpOld(ctx context.Context, sound []ledger.NewInvoice, out []answer) (todo []int, err error) {
	todo = make([]int, 0, len(sound))
	var old []int
	for i := range sound {
		if a.Retention > 0 && sound[i].IssueDate <= invoice.Today(a.Now().Add(-a.Retention)) {
			old = append(old, i)
		} else {
			todo = append(todo, i)
		}
	}
	if len(old) == 0 {
		return todo, nil
	}
	ids := make([]string, len(old))
	for k, i := range old {
		ids[k] = sound[i].ID
	}
	known, err := a.Ledger.Known(ctx, ids)
	if err != nil {
		return nil, err
	}
	bounded, cancel := a.bounded(ctx)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(compareParallel)
	for k, i := range old {
		if known[k] {
			continue
		}
		g.Go(func() error {
			out[i] = a.lookUp(bounded, &sound[i])
			return nil
		})
	}
	_ = g.Wait() // errors are in the answers
	for _, i := range old {
		if out[i].Taken == "" {
			todo = append(todo, i)
		}
	}
	slices.Sort(todo) // the caller relies on their order
	return todo, nil
}

// lookUp finds the answer for one document from its result in the archive. The answer is empty when
// the archive has no result of the document, or when the result does not say that the document was
// accepted.
func (a *Admitter) lookUp(ctx context.Context, n *ledger.NewInvoice) answer {
	name := archive.ResultName(n.NIP, n.IssueDate, n.ID)
	raw, err := a.Store.Get(ctx, name)
	if errors.Is(err, archive.ErrNotFound) {
		return answer{}
	}
	var r results.Result
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err == nil && (r.ID != n.ID || r.State == "") {
		err = fmt.Errorf("%s is not the result of %s", name, n.ID)
	}
	if err != nil {
		err = &UnsureError{What: "it is old, and could not be looked up in the archive", Err: err}
		return answer{TakeResult: ledger.TakeResult{Taken: ledger.Refused}, err: err}
	}
	state := ledger.State(r.State)
	if state != ledger.Accepted && state != ledger.Receipted {
		return answer{}
	}
	if n.BodyArchived {
		// This call has stored the document a moment ago, and no entry will ever name it. If the
		// document stays, it does no harm.
		_ = a.Store.Remove(ctx, archive.BodyName(n.ID))
	}
	return answer{TakeResult: ledger.TakeResult{Taken: ledger.Present, ID: n.ID, State: state}, past: &r}
}
