package main

import (
	"cmp"
	"context"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
)

type retryCmd struct {
	selection
	By string `help:"Who does this, for the audit log, and for the invoice when a dismissal is taken back; by default the user of the operating system." placeholder:"NAME"`
}

func (c *retryCmd) check() error {
	return c.selection.check([]string{string(ledger.Rejected), string(ledger.Parked), string(ledger.Dismissed)})
}

func (c *retryCmd) run(ctx context.Context, p *program) error {
	states := []ledger.State{ledger.Rejected, ledger.Parked}
	ctx, end, err := p.traced(ctx, "enqueue retry")
	if err != nil {
		return err
	}
	defer end()
	by := cmp.Or(oneLine(c.By), osUser(p.environ))
	x := p.executor()
	return c.apply(ctx, p, action{
		scope:   actions.Scope{States: states, Default: states, LastResort: []ledger.State{ledger.Dismissed, ledger.Superseded}},
		allowed: "only rejected, parked, dismissed and superseded invoices can be retried",
		notDone: "not retried", would: "would be queued", done: string(ledger.Queued),
		check: x.CheckRetry, onlyOne: true,
		invoice: func(ctx context.Context, inv *ledger.Invoice) error { return x.Retry(ctx, inv, by) },
	})
}

func (rd *reader) executor() *actions.Executor {
	return &actions.Executor{Ledger: rd.base.Ledger, Queue: rd.base.Queue, Inquiry: rd.inquiry(), Audit: rd.base.Audit("enqueue"),
		Archive: &records.Reader{Store: rd.base.Store}, Trail: rd.base.Trail}
}
