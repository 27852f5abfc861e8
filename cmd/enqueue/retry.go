package main

import (
	"context"
	"errors"

	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

type retryCmd struct{ selection }

func (c *retryCmd) check() error {
	return c.selection.check([]string{string(ledger.Rejected), string(ledger.Parked)})
}

func (c *retryCmd) run(ctx context.Context, p *program) error {
	states := []ledger.State{ledger.Rejected, ledger.Parked}
	return c.apply(ctx, p, deed{
		states: states, all: states, can: "only rejected and parked invoices can be retried",
		not: "not retried", would: "would be queued", done: string(ledger.Queued),
		invoice: func(ctx context.Context, inv *ledger.Invoice) error { return retry(ctx, p, inv) },
	})
}

func retry(ctx context.Context, p *program, inv *ledger.Invoice) error {
	kept, err := p.base.Ledger.HasBody(ctx, inv)
	if err != nil {
		return err
	}
	if !kept {
		return &undone{"its document is not kept any more (storage.keep_rejected): hand the file in again, then retry it"}
	}
	err = p.base.Ledger.Retry(ctx, inv)
	var conflict *ledger.ConflictError
	if errors.As(err, &conflict) {
		return &undone{"another document of the same number is alive or accepted, or it moved just now: see " +
			p.command("status "+quoted(inv.Number))}
	}
	if err != nil {
		return err
	}
	// Its revision is the task's, so a task of its first attempt does not stand in the way.
	now, err := p.base.Ledger.Invoice(ctx, inv.ID)
	if err != nil {
		return err
	}
	return p.base.Queue.Put(ctx, tasks.KindSubmit, now.ID, now.Rev, tasks.When{Overflow: now.Overflow})
}
