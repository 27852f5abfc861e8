package main

import (
	"cmp"
	"context"

	"ksefworker/internal/actions"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

type seenCmd struct {
	selection
	Undo bool   `help:"Take the mark away."`
	By   string `help:"Who has seen them; by default the user of the operating system." placeholder:"NAME"`
}

func (c *seenCmd) check() error {
	return c.selection.check([]string{string(ledger.Rejected), string(ledger.Parked), results.Refused})
}

func (c *seenCmd) run(ctx context.Context, p *program) error {
	by, states := cmp.Or(oneLine(c.By), osUser(p.environ)), []ledger.State{ledger.Rejected, ledger.Parked}
	a := action{
		scope:   actions.Scope{States: states, Default: states, Refusals: true},
		allowed: "only open items can be marked as seen", notDone: "not marked", would: "would be marked as seen", done: "seen",
		invoice: func(ctx context.Context, inv *ledger.Invoice) error {
			return p.executor().MarkSeen(ctx, inv.NameOfOpen(), inv.Tenant, by, !c.Undo)
		},
		refusal: func(ctx context.Context, r *ledger.Refusal) error {
			return p.executor().MarkSeen(ctx, r.NameOfOpen(), r.Tenant, by, !c.Undo)
		},
	}
	if c.Undo {
		a.would, a.done = "would be marked as not seen", "not seen"
	}
	return c.apply(ctx, p, a)
}
