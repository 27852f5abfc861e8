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
	return c.apply(ctx, p, action{
		scope:   actions.Scope{States: states, Default: states},
		allowed: "only rejected and parked invoices can be retried",
		notDone: "not retried", would: "would be queued", done: string(ledger.Queued),
		invoice: p.executor().Retry,
	})
}

func (p *program) executor() *actions.Executor {
	return &actions.Executor{Ledger: p.base.Ledger, Queue: p.base.Queue, Inquiry: p.inquiry()}
}
