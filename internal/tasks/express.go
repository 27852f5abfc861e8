package tasks

import (
	"context"
	"errors"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
)

// leaveSends gives up the place of an invoice in the waitlist of single sends, because the invoice
// has moved on. So the invoices behind it need not wait until the place lapses.
func (c *core) leaveSends(ctx context.Context, inv *ledger.Invoice) {
	c.warn(ctx, "leave the waitlist of single sends", c.Budget.Leave(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)))
}

// onlineSessions sends single invoices into the open online sessions of this worker.
type onlineSessions struct {
	*core
	writer    *writer
	documents *documents
	lanes     *laneChooser
	express   *express
	closes    *closes

	sessionRefusals sessionRefusals
}

// send posts one invoice into an online session of this worker. If none is open, send opens one.
func (x *onlineSessions) send(ctx context.Context, inv *ledger.Invoice) error {
	if !singly(inv) {
		return x.lanes.submit(ctx, inv) // its lane, or whether it is offline, was changed since this task was queued
	}
	if err := x.lanes.holds.mayBegin(ctx, inv.Tenant); err != nil {
		return err
	}
	t, err := x.transport(inv.Tenant)
	if err != nil {
		return err
	}
	ctx = x.urgency(ctx, inv)
	// Join comes before the reading of the document, so that a send that would only wait costs
	// little. The invoice keeps its place in the waitlist, so Join tells when the turn of this very
	// invoice comes.
	if err := x.Budget.Join(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)); err != nil {
		return x.orPackage(ctx, inv, err)
	}
	end, err := x.turns.begin(inv.Tenant)
	if err != nil {
		return err
	}
	defer end()
	doc, err := x.documents.documentAlone(ctx, inv)
	var bad *errDocument
	if errors.As(err, &bad) && inv.Corrects != "" {
		return x.writer.park(ctx, stopped(inv, bad.Error())) // no package takes it; the sweep archives its result
	}
	if errors.As(err, &bad) {
		// The build of the package leaves the invoice out and parks it, and the package brings its
		// result to the archive.
		return x.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev,
			From: []ledger.State{ledger.Queued}, To: ledger.Queued, Group: inv.WaitingGroup().Name(),
			Edit: ledger.Because(0, bad.Error()).InLane(ledger.Bulk)})
	}
	if err != nil {
		return err
	}
	s, waited, err := x.acquire(ctx, t, inv.Tenant, inv.Form)
	if err != nil {
		// If no session may be opened now, this error says when the turn comes, like the error of
		// Join.
		return x.orPackage(ctx, inv, err)
	}
	defer x.release(s)
	// While the session was being opened, other sends may have come that are due sooner. After an
	// outage all of them come at once. So this send asks for its turn again. If it learned of the
	// others only after the ledger had recorded the invoice as sending, the invoice would lose an
	// attempt.
	if waited {
		if err := x.Budget.Join(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)); err != nil {
			return err
		}
	}
	return x.post(ctx, t, s, inv, doc)
}

// orPackage sends an invoice in a package when the invoice's turn is far away and a package is
// sooner. Otherwise it returns err, which says when the turn comes.
func (x *onlineSessions) orPackage(ctx context.Context, inv *ledger.Invoice, err error) error {
	turn, full := errors.AsType[*ratelimit.NotNow](err)
	if !full {
		return err
	}
	sooner, unknown := x.lanes.sooner(ctx, inv, turn)
	switch {
	case unknown != nil:
		return unknown
	case sooner:
		return x.lanes.toPackage(ctx, inv, turn)
	}
	return err
}
