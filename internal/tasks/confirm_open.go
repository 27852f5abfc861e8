package tasks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// confirmOpen looks into an online session that is still open, so that a person who sent one invoice need not wait for the close. The list costs
// one request for the whole session; it is asked while something is out, less often with time.
func (w *Worker) confirmOpen(ctx context.Context, p *ledger.Package) error {
	if alive, err := w.Ledger.Alive(ctx, p.Owner); err != nil {
		return err
	} else if !alive || w.o.Now().Sub(p.OpenedAt.Time()) > w.o.ExpressMaxAge+time.Minute {
		if err := w.closeOrphan(ctx, p); err != nil {
			return err
		}
		// This very task looks on: it cannot be queued while it runs.
		return later(w.o.ConfirmFirst, retry.ReasonProcessing, "a session that no live worker holds was closed")
	}
	out, _, err := w.undecided(ctx, p)
	if err != nil {
		return err
	}
	// What is known to be a duplicate has its answer; it is looked into when the session is over.
	out = slices.DeleteFunc(out, func(inv ledger.Invoice) bool { return inv.OriginalBy == byAnswer })
	if len(out) == 0 {
		return later(w.o.ConfirmFirst, retry.ReasonProcessing, "online session is open, nothing in it is undecided")
	}
	t, err := w.transport(p.Tenant)
	if err != nil {
		return err
	}
	infos, err := t.SessionInvoices(ctx, p.Session)
	if err != nil {
		return notYet(err)
	}
	if err := w.settleOpen(ctx, p, infos); err != nil {
		return err
	}
	oldest := w.o.Now()
	for i := range out {
		if at := out[i].UpdatedAt.Time(); at.Before(oldest) {
			oldest = at
		}
	}
	wait := retry.Age(w.o.Now().Sub(oldest), w.o.ConfirmFirst, time.Minute)
	wait = max(wait, w.share(p.Tenant).list)
	return later(wait, retry.ReasonProcessing, fmt.Sprintf("online session is open, %d sent invoices were undecided", len(out)))
}

// settleOpen writes what the list of an open session says clearly. Everything else waits until the
// session is over: codes that ask for a new one, what is denied (410), what cannot be read.
func (w *Worker) settleOpen(ctx context.Context, p *ledger.Package, infos []ksef.InvoiceInfo) error {
	a, err := w.account(ctx, p, ksef.SessionInfo{}, infos)
	if err != nil {
		return err
	}
	b := w.newBatch(p)
	for _, pair := range a.pairs {
		if !holds(p, pair.inv) || pair.info.Unreadable != "" || pair.info.Status.Code == ksef.InvoicePermissionScope {
			continue
		}
		outcome := judgeInvoice(pair.info.Status)
		if outcome == outcomeAccept && wrongNumber(pair.inv, pair.info.KSeFNumber) != "" {
			continue
		}
		if outcome.decided() {
			b.add(pair.inv, pair.info)
		}
	}
	_, err = b.write(ctx)
	return err
}
