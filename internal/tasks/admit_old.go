package tasks

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

// lookUpOld answers the documents that the ledger may have forgotten: it forgets what ended more than
// Retention ago, and nothing ends before its P_1. Their results are in the archive under names that
// follow from the documents. What was accepted is present, and nothing is sent. It returns which
// documents are left to be taken, in their order.
//
// What was not accepted is taken again, although its result says that it was decided. Rejected means
// that KSeF does not have it: while the ledger remembers the entry, the very same document is "already
// here" because that entry can be retried; once it is forgotten nothing is left to retry, and a
// document that KSeF refused for a reason that is gone (a permission, a customer's number that was not
// valid yet) would never get in. Parked means that nobody knows. Neither makes a second invoice of one
// sale: should KSeF have it after all, then it answers 440 and the number is recovered.
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
	_ = g.Wait() // each has its own answer
	for _, i := range old {
		if out[i].Taken == "" {
			todo = append(todo, i)
		}
	}
	slices.Sort(todo) // the caller goes by their order
	return todo, nil
}

// lookUp is empty for a document of which the archive has no result that decides.
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
		// Put there a moment ago, and no entry will ever name it. When it stays, it is in nobody's way.
		_ = a.Store.Remove(ctx, archive.BodyName(n.ID))
	}
	return answer{TakeResult: ledger.TakeResult{Taken: ledger.Present, ID: n.ID, State: state}, past: &r}
}
