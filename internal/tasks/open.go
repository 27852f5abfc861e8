package tasks

import (
	"context"
	"slices"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// confirmOpen looks into an online session that is still open, so that a person who sent one
// invoice need not wait for the close. If the owner of the session is gone, or should have closed
// the session by now, confirmOpen closes it. The session's list has the answers about all its
// invoices. The list costs one request at the gateway, and one for every thousand invoices at KSeF
// itself. It is requested while something is undecided, and less often as time passes.
func (c *confirmer) confirmOpen(ctx context.Context, p *ledger.Package) error {
	if alive, err := c.Ledger.Alive(ctx, p.Owner); err != nil {
		return err
	} else if !alive || c.o.Now().Sub(p.OpenedAt.Time()) > c.o.ExpressMaxAge+time.Minute {
		if err := c.online.closeOrphan(ctx, p); err != nil {
			return err
		}
		// closeOrphan cannot queue the package's confirm task, because that task is running now: it
		// is this task. So this task comes back later.
		return later(c.o.ConfirmFirst, retry.ReasonProcessing, "a session that its owner did not close is being closed")
	}
	held, err := c.readHeld(ctx, p)
	if err != nil {
		return err
	}
	// An invoice that is known to be a duplicate has its answer. Its original is looked for when
	// the session is over.
	undecided := slices.DeleteFunc(held.Undecided(p.ID), func(inv *ledger.Invoice) bool { return inv.OriginalBy == settlement.ByAnswer })
	if len(undecided) == 0 {
		return later(c.o.ConfirmFirst, retry.ReasonProcessing, "online session is open; nothing in it is undecided")
	}
	t, err := c.transport(p.Tenant)
	if err != nil {
		return err
	}
	infos, err := t.SessionInvoices(ctx, p.Session)
	if err != nil {
		return notYet(err)
	}
	// Read the invoices again, because the session still takes sends. The answers may be about
	// invoices that were sent since the first read.
	if held, err = c.readHeld(ctx, p); err != nil {
		return err
	}
	moves, letIn := settlement.DecideOpen(*p, held, infos)
	if _, err := c.writer.write(ctx, p, moves, letIn); err != nil {
		return err
	}
	oldest := c.o.Now()
	for _, inv := range undecided {
		if at := inv.UpdatedAt.Time(); at.Before(oldest) {
			oldest = at
		}
	}
	wait := retry.PollPause(c.o.Now().Sub(oldest), c.o.ConfirmFirst, time.Minute)
	wait = max(wait, c.polls.share(p.Tenant).list)
	return later(wait, retry.ReasonProcessing,
		"online session is open, "+plural.Of(len(undecided), "sent invoice was", "sent invoices were")+" undecided")
}
