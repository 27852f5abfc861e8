package main

import (
	"context"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
)

type retryCmd struct{ selection }

func (c *retryCmd) check() error {
	return c.selection.check([]string{string(ledger.Rejected), string(ledger.Parked)})
}

func (c *retryCmd) run(ctx context.Context, p *program) error {
	states := []ledger.State{ledger.Rejected, ledger.Parked}
	return c.apply(ctx, p, deed{
		scope: actions.Scope{States: states, Default: states}, can: "only rejected and parked invoices can be retried",
		not: "not retried", would: "would be queued", done: string(ledger.Queued),
		invoice: p.desk().Retry,
	})
}

// desk acts on invoices and refusals.
func (p *program) desk() *actions.Executor {
	return &actions.Executor{Ledger: p.base.Ledger, Queue: p.base.Queue, Inquiry: p.inquiry()}
}
